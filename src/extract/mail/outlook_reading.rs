//! Messages that Outlook kept, as documents: `.msg` files, winmail.dat, and the messages within them.
//!
//! Invariant: as for other messages: the piece's own text is the writer's words, a message within it is somebody's
//! under its header lines; every attachment is a document, read or named as unread.

use super::hung::{Wanted, file_name};
use super::mapi::{Attachment, Held, OutlookMessage};
use super::message::{anothers_words, locked_file, own_words, too_deep};
use super::{body, outlook, tnef};
use crate::extract::paper::picture;
use crate::extract::reading::{Content, Reading, called};
use crate::extract::sniff;
use crate::limits::NESTING_MAX;
use crate::record::{Message, Method, Problem};

/// What staff call the two forms.
const MSG: &str = "een beschadigd Outlook-bericht (.msg)";
const WINMAIL: &str = "een beschadigde Outlook-bijlage (winmail.dat)";

/// Reads a `.msg` file that is the piece itself.
pub(super) fn read(reading: &mut Reading<'_>, bytes: &[u8]) {
    let budget = reading.budget.clone();
    let opened = reading.container(
        None,
        outlook::MEDIA_TYPE,
        || outlook::open(bytes, &budget),
        |reading, opened| {
            let Some(opened) = opened else { return damaged(None, MSG) };
            let message = opened.header();
            reading.header(&message);
            let (method, text) = opened.body().clone();
            own_words(method, text, &message, is_locked(opened), !opened.attachments.is_empty())
        },
    );
    if let Some(opened) = opened.flatten() {
        attachments(reading, &opened, 0);
    }
}

/// Reads a `.msg` file within a piece.
pub(in crate::extract) fn read_msg(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    bytes: &[u8],
    depth: usize,
) {
    let budget = reading.budget.clone();
    let opened = reading.container(
        name,
        outlook::MEDIA_TYPE,
        || outlook::open(bytes, &budget),
        |_, opened| opened.as_ref().map_or_else(|| damaged(name, MSG), |opened| nested_content(name, opened)),
    );
    if let Some(opened) = opened.flatten() {
        attachments(reading, &opened, depth + 1);
    }
}

/// Reads winmail.dat. `around`: the text of the message that it hangs on, and the header when that is the piece.
pub(in crate::extract) fn read_winmail(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    bytes: &[u8],
    around: Option<(&str, Option<&Message>)>,
    depth: usize,
) {
    let budget = reading.budget.clone();
    let opened = reading.container(
        name,
        tnef::MEDIA_TYPE,
        || tnef::open(bytes, &budget),
        |_, opened| {
            let Some(opened) = opened else { return damaged(name, WINMAIL) };
            let Some((known, piece)) = around else { return nested_content(name, opened) };
            let (method, text) = opened.body().clone();
            // Mostly it is the text of the message once more, or stands there because the message has none.
            if !body::says_something(known) || says_the_same(known, &text) {
                return Content::of(Method::Message, String::new());
            }
            match piece {
                Some(piece) => own_words(method, text, piece, false, true),
                None => anothers_words(name, &Message::default(), &text, false),
            }
        },
    );
    if let Some(opened) = opened.flatten() {
        attachments(reading, &opened, if around.is_some() { depth } else { depth + 1 });
    }
}

/// Does the second text say nothing that the first does not? Outlook lays out its own form in another way.
fn says_the_same(known: &str, text: &str) -> bool {
    let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    letters(known).contains(&letters(text))
}

fn damaged(name: Option<&str>, what: &str) -> Content {
    Content::unread(Problem::Damaged, format!("{} is {what} en kan niet worden gelezen.", called(name)))
}

fn nested_content(name: Option<&str>, opened: &OutlookMessage) -> Content {
    anothers_words(name, &opened.header(), &opened.body().1, is_locked(opened))
}

/// Messages that only their receiver's key opens have no text of their own (MS-OXOSMIME).
fn is_locked(message: &OutlookMessage) -> bool {
    message.class().starts_with("ipm.note.smime")
        && !body::says_something(&message.body().1)
        && message.attachments.iter().all(|attachment| match &attachment.held {
            Held::File(bytes) => super::cms::open(bytes) == Some(super::cms::Cms::Encrypted),
            _ => true,
        })
}

fn attachments(reading: &mut Reading<'_>, message: &OutlookMessage, depth: usize) {
    let code_page = message.code_page();
    for attachment in message.attachments.iter().filter(|attachment| is_wanted(attachment)) {
        let name = name_of(attachment, code_page);
        let name = Some(name.as_str());
        let unread = |problem, told: &str| Content::unread(problem, format!("{} {told}.", called(name)));
        match &attachment.held {
            Held::File(bytes) if attachment.media_type() == "multipart/signed" => {
                super::message::read_nested(reading, name, bytes, depth);
            }
            Held::File(bytes) => sniff::read_file(reading, name, bytes, depth),
            Held::Message(_) if depth >= NESTING_MAX => {
                reading.document(name, outlook::MEDIA_TYPE, |_| too_deep(name));
            }
            Held::Message(inner) => {
                reading.document(name, outlook::MEDIA_TYPE, |_| nested_content(name, inner));
                attachments(reading, inner, depth + 1);
            }
            Held::Link => reading.document(name, "application/octet-stream", |_| {
                unread(Problem::Unsupported, "is niet meegestuurd; het bericht verwijst er alleen naar")
            }),
            Held::Object => reading.document(name, "application/x-ole-storage", |_| {
                unread(
                    Problem::Unsupported,
                    "is een ingevoegd onderdeel van een ander programma: bekijk het zelf",
                )
            }),
            Held::TooMuch => reading.document(name, "application/octet-stream", |_| {
                unread(Problem::TooLarge, "is te groot of te diep ingepakt en is niet gelezen")
            }),
            Held::Nothing => reading
                .document(name, "application/octet-stream", |_| unread(Problem::Empty, "is leeg (0 bytes)")),
        }
    }
}

/// Decorations within the text are no attachments.
fn is_wanted(attachment: &Attachment) -> bool {
    match &attachment.held {
        Held::File(bytes) => !(attachment.is_inline() && picture::is_decoration(sniff::kind(bytes), bytes)),
        _ => true,
    }
}

fn name_of(attachment: &Attachment, code_page: u16) -> String {
    let name = attachment.name(code_page).map(|name| file_name(&name)).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| match attachment.held {
        Held::Message(_) => "bericht".to_owned(),
        _ => "bijlage".to_owned(),
    })
}

/// Finds an attachment, in the order in which they are read.
pub(super) fn find(message: &OutlookMessage, wanted: &mut Wanted<'_>) -> Option<Vec<u8>> {
    let code_page = message.code_page();
    for attachment in message.attachments.iter().filter(|attachment| is_wanted(attachment)) {
        let name = name_of(attachment, code_page);
        let found = match &attachment.held {
            Held::File(bytes) => wanted.file(&name, bytes, 0),
            Held::Message(inner) => {
                // It has no bytes of its own that another program would open.
                wanted.is(&name);
                find(inner, wanted)
            }
            _ => {
                wanted.is(&name);
                None
            }
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Names a message that is rights-managed or else locked by its kind.
pub(in crate::extract) fn read_locked(reading: &mut Reading<'_>, name: Option<&str>, media_type: &str) {
    reading.document(name, media_type, |_| Content::unread(Problem::Encrypted, locked_file(name)));
}
