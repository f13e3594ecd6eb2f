//! One piece of a case as its page shows it: header, documents with their marks, files to download.

use super::dates;
use super::marking::{self, Block, one_line};
use super::words;
use crate::record::{Extract, Finding, Judgement, Record, RegistrationNumber};
use serde::Serialize;

/// One piece of a case as the store has it.
pub struct PieceGiven {
    pub record: Record,
    pub extract: Option<Extract>,
    pub judgement: Option<Judgement>,
}

#[derive(Serialize)]
pub struct PieceView {
    pub number: String,
    pub first: bool,
    pub channel: &'static str,
    pub received: String,
    pub bytes: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub subject: Option<String>,
    pub header_date: Option<String>,
    pub scope: Option<&'static str>,
    pub documents: Vec<DocumentView>,
    pub unread: bool,
    /// `None` when the virus scanner found something in it.
    pub original_url: Option<String>,
    /// Files that came along.
    pub attachments: bool,
}

#[derive(Serialize)]
pub struct DocumentView {
    /// Prefix of the anchors of this document's marks.
    pub anchor: String,
    pub name: Option<String>,
    pub reading: String,
    pub problem: Option<&'static str>,
    pub explanations: Vec<String>,
    pub blocks: Vec<Block>,
    pub cut: bool,
    pub text_url: String,
    /// Address of the attachment as it was sent.
    pub file_url: Option<String>,
}

/// One piece as the page shows it; `findings` are those that the page lists, and so marks.
pub fn piece_view(case: &str, at: usize, piece: &PieceGiven, findings: &[Finding], opens: bool) -> PieceView {
    let record = &piece.record;
    let message = piece.extract.as_ref().and_then(|extract| extract.message.as_ref());
    let address = |address: &crate::record::Address| match (&address.name, &address.address) {
        (Some(name), Some(at)) => one_line(&format!("{name} <{at}>")),
        (None, Some(one)) | (Some(one), None) => one_line(one),
        (None, None) => String::new(),
    };
    let documents = piece.extract.iter().flat_map(|extract| {
        extract.documents.iter().enumerate().map(|(index, document)| {
            let (blocks, cut) = marking::blocks(document, index, findings);
            DocumentView {
                anchor: format!("s{at}d{index}"),
                name: document.name.as_deref().map(one_line),
                reading: words::reading(document),
                problem: document.problem.map(words::problem),
                explanations: extract
                    .defects
                    .iter()
                    .filter(|defect| defect.document == Some(index))
                    .map(|defect| defect.explanation.clone())
                    .collect(),
                blocks,
                cut,
                text_url: text_url(case, record.number, index),
                file_url: (opens && message.is_some() && document.name.is_some() && !extract.locks(index))
                    .then(|| format!("{}/file", text_url(case, record.number, index))),
            }
        })
    });
    PieceView {
        number: record.number.to_string(),
        first: at == 0,
        channel: words::channel(record.channel),
        received: dates::moment(record.received_at),
        bytes: size(record.bytes),
        from: message.and_then(|message| message.author.as_ref()).map(address),
        to: message.and_then(|message| message.to.first()).map(address),
        subject: message.and_then(|message| message.subject.as_deref()).map(one_line),
        header_date: message.and_then(|message| message.header_date).map(dates::moment),
        scope: piece.judgement.as_ref().map(|judgement| words::scope(judgement.scope)),
        documents: documents.collect(),
        attachments: message.is_some()
            && piece.extract.iter().flat_map(|extract| &extract.documents).any(|one| one.name.is_some()),
        unread: piece.extract.is_none(),
        original_url: piece
            .extract
            .as_ref()
            .is_none_or(|extract| !extract.is_locked())
            .then(|| format!("/cases/{case}/pieces/{}/original", record.number)),
    }
}

fn text_url(case: &str, record: RegistrationNumber, index: usize) -> String {
    format!("/cases/{case}/pieces/{record}/documents/{index}")
}

/// A number of bytes as people say it.
#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6).replace('.', ","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_say_them() {
        assert_eq!(size(12), "12 bytes");
        assert_eq!(size(1_234), "2 kB");
        assert_eq!(size(12_345_678), "12,3 MB");
    }
}
