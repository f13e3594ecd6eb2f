//! One piece of a case as its page shows it: header, documents with their marks, files to download.

use super::boxes::{BoxView, boxes};
use super::dates;
use super::marking::{self, Block, one_line};
use super::words;
use crate::limits::{PAGES_MAX, SHOWN_PAGES_MAX};
use crate::record::{Document, Extract, Finding, Judgement, Method, Record, RegistrationNumber, size};
use serde::Serialize;
use std::collections::BTreeSet;

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
    /// The message as its writer laid it out, when it is laid out.
    pub formatted: Option<FormattedView>,
}

#[derive(Serialize)]
pub struct FormattedView {
    /// Address of the frame.
    pub url: String,
    /// It is shown now.
    pub open: bool,
    /// The page with it, and without.
    pub with_url: String,
    pub without_url: String,
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
    /// The pages as they came, those that are shown.
    pub pages: Vec<PageView>,
    pub more_pages: u32,
    /// Evidence stands on one of them.
    pub pages_marked: bool,
    /// Address of the scan as a PDF to search in.
    pub searchable_url: Option<String>,
}

/// The picture of one page with boxes around the evidence's words.
#[derive(Serialize)]
pub struct PageView {
    pub number: u32,
    pub url: String,
    /// In the pixels of the boxes; `None` where no words are kept.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub boxes: Vec<BoxView>,
}

/// The pages of a document that are shown: those with evidence, filled up from the first.
fn pages(document: &Document, index: usize, findings: &[Finding], url: &str) -> Vec<PageView> {
    let count = document.pages.unwrap_or(0);
    let is_paper = document.media_type.starts_with("image/") || document.media_type == "application/pdf";
    if !is_paper || count == 0 {
        return Vec::new();
    }
    let boxes = boxes(document, index, findings);
    let marked: BTreeSet<u32> = boxes.iter().map(|one| one.page).collect();
    let room = SHOWN_PAGES_MAX as usize;
    let mut shown: BTreeSet<u32> = marked.into_iter().take(room).collect();
    for page in 1..=count.min(PAGES_MAX) {
        if shown.len() >= room {
            break;
        }
        shown.insert(page);
    }
    let view = |number: u32| {
        let size = document.page_sizes.iter().find(|size| size.page == number);
        PageView {
            number,
            url: format!("{url}/pages/{number}"),
            width: size.map(|size| size.width),
            height: size.map(|size| size.height),
            boxes: boxes.iter().filter(|one| one.page == number).cloned().collect(),
        }
    };
    shown.into_iter().map(view).collect()
}

/// One piece as the page shows it; `findings` are those that the page lists, and so marks.
pub fn piece_view(
    case: &str,
    at: usize,
    piece: &PieceGiven,
    findings: &[Finding],
    opens: bool,
    shows_pages: bool,
) -> PieceView {
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
            let url = text_url(case, record.number, index);
            let pages = if shows_pages && !extract.locks(index) {
                pages(document, index, findings, &url)
            } else {
                Vec::new()
            };
            let is_scan = document.method == Method::Ocr && !document.words.is_empty();
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
                more_pages: document.pages.unwrap_or(0).saturating_sub(pages.len() as u32),
                pages_marked: pages.iter().any(|page| !page.boxes.is_empty()),
                searchable_url: (is_scan && !pages.is_empty()).then(|| format!("{url}/searchable.pdf")),
                pages,
            }
        })
    });
    // Read before it was noted: the frame tells when there is none.
    let laid_out = message.is_some_and(|message| message.formatted != Some(false))
        && piece.extract.as_ref().is_some_and(|extract| !extract.is_locked());
    PieceView {
        formatted: (shows_pages && laid_out).then(|| FormattedView {
            url: format!("/cases/{case}/pieces/{}/formatted", record.number),
            open: false,
            with_url: format!("/cases/{case}?formatted={0}#stuk-{0}", record.number),
            without_url: format!("/cases/{case}#stuk-{}", record.number),
        }),
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
