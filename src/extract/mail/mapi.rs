//! What Outlook keeps of a message: MAPI properties (MS-OXPROPS, MS-OXCMSG), as they stand in a `.msg` file
//! and in winmail.dat.
//!
//! Invariant: a property that is missing or of another type than expected is missing; nothing here fails.

use super::lzfu;
use super::{body, header, html};
use crate::extract::budget::Budget;
use crate::extract::charset;
use crate::extract::office::rtf;
use crate::extract::reading::tidy;
use crate::limits::{HEADER_FIELD_CHARS_MAX, NESTING_MAX};
use crate::record::{Address, Message, Method};
use jiff::Timestamp;
use mail_parser::MessageParser;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Properties kept of one object. Outlook writes about two hundred.
pub(super) const PROPERTIES_MAX: usize = 5_000;

/// Recipients kept of one message.
pub(super) const RECIPIENTS_MAX: usize = 2_000;

/// Messages within messages that are opened: the same bound as for all other forms.
pub(super) const DEPTH_MAX: usize = NESTING_MAX;

/// Property ids (MS-OXPROPS).
pub(super) mod id {
    pub const MESSAGE_CLASS: u16 = 0x001A;
    pub const SUBJECT: u16 = 0x0037;
    pub const CLIENT_SUBMIT_TIME: u16 = 0x0039;
    pub const SENT_REPRESENTING_NAME: u16 = 0x0042;
    pub const SENT_REPRESENTING_ADDRESS: u16 = 0x0065;
    pub const TRANSPORT_HEADERS: u16 = 0x007D;
    pub const RECIPIENT_TYPE: u16 = 0x0C15;
    pub const SENDER_NAME: u16 = 0x0C1A;
    pub const SENDER_ADDRESS: u16 = 0x0C1F;
    pub const DELIVERY_TIME: u16 = 0x0E06;
    pub const DISPLAY_TO: u16 = 0x0E04;
    pub const BODY: u16 = 0x1000;
    pub const RTF_COMPRESSED: u16 = 0x1009;
    pub const BODY_HTML: u16 = 0x1013;
    pub const INTERNET_MESSAGE_ID: u16 = 0x1035;
    pub const INTERNET_REFERENCES: u16 = 0x1039;
    pub const IN_REPLY_TO: u16 = 0x1042;
    pub const DISPLAY_NAME: u16 = 0x3001;
    pub const ADDRESS: u16 = 0x3003;
    pub const ATTACH_DATA: u16 = 0x3701;
    pub const ATTACH_FILENAME: u16 = 0x3704;
    pub const ATTACH_METHOD: u16 = 0x3705;
    pub const ATTACH_LONG_FILENAME: u16 = 0x3707;
    pub const ATTACH_LONG_PATHNAME: u16 = 0x370D;
    pub const ATTACH_MIME_TAG: u16 = 0x370E;
    pub const ATTACH_CONTENT_ID: u16 = 0x3712;
    pub const SMTP_ADDRESS: u16 = 0x39FE;
    pub const INTERNET_CODE_PAGE: u16 = 0x3FDE;
    pub const MESSAGE_CODE_PAGE: u16 = 0x3FFD;
    pub const SENDER_SMTP_ADDRESS: u16 = 0x5D01;
    pub const SENT_REPRESENTING_SMTP_ADDRESS: u16 = 0x5D02;
    pub const ATTACHMENT_HIDDEN: u16 = 0x7FFE;
}

/// Property types (MS-OXCDATA section 2.11.1).
pub(super) mod kind {
    pub const INTEGER_16: u16 = 0x0002;
    pub const INTEGER_32: u16 = 0x0003;
    pub const BOOLEAN: u16 = 0x000B;
    pub const OBJECT: u16 = 0x000D;
    pub const STRING_8: u16 = 0x001E;
    pub const STRING: u16 = 0x001F;
    pub const TIME: u16 = 0x0040;
    pub const BINARY: u16 = 0x0102;
}

/// One value, of the types that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u32),
    Time(Timestamp),
    Text(String),
    /// Text in the code page of its message.
    Narrow(Vec<u8>),
    Binary(Vec<u8>),
}

impl Value {
    /// A value of variable length; `None` for a type that is not looked at.
    pub fn of_bytes(kind: u16, bytes: Vec<u8>) -> Option<Self> {
        match kind {
            kind::STRING => Some(Self::Text(utf16(&bytes))),
            kind::STRING_8 => Some(Self::Narrow(bytes)),
            kind::BINARY | kind::OBJECT => Some(Self::Binary(bytes)),
            _ => None,
        }
    }

    /// A value of at most eight bytes, little end first.
    pub fn of_number(kind: u16, bytes: [u8; 8]) -> Option<Self> {
        let [a, b, c, d, ..] = bytes;
        match kind {
            kind::INTEGER_16 => Some(Self::Number(u32::from(u16::from_le_bytes([a, b])))),
            kind::BOOLEAN => Some(Self::Number(u32::from(a != 0 || b != 0))),
            kind::INTEGER_32 => Some(Self::Number(u32::from_le_bytes([a, b, c, d]))),
            kind::TIME => filetime(u64::from_le_bytes(bytes)).map(Self::Time),
            _ => None,
        }
    }
}

/// The instant of a FILETIME: 100 ns since 1601.
fn filetime(ticks: u64) -> Option<Timestamp> {
    const SECONDS_TO_1970: i64 = 11_644_473_600;
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - SECONDS_TO_1970;
    // Outlook writes the years 1601 and 4501 for "none".
    let known = 0..7_258_118_400;
    known.contains(&seconds).then(|| Timestamp::from_second(seconds).ok())?
}

/// Text in the code page that it is said to be in; what is said to be UTF-8 often is not.
fn in_code_page(code_page: u16, bytes: &[u8]) -> String {
    match code_page {
        65001 => charset::decode(bytes, None),
        50220..=50222 => charset::decode(bytes, Some("iso-2022-jp")),
        20866 => charset::decode(bytes, Some("koi8-r")),
        28591..=28605 => charset::decode(bytes, Some(&format!("iso-8859-{}", code_page - 28590))),
        51932 => charset::decode(bytes, Some("euc-jp")),
        54936 => charset::decode(bytes, Some("gb18030")),
        code_page => charset::decode_code_page(code_page, bytes),
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// The properties of a message, a recipient or an attachment.
#[derive(Debug, Default)]
pub(super) struct Properties(BTreeMap<u16, Value>);

impl Properties {
    /// Keeps a value. Text in Unicode beats text in a code page.
    pub fn keep(&mut self, id: u16, value: Value) {
        if matches!((&value, self.0.get(&id)), (Value::Narrow(_), Some(Value::Text(_)))) {
            return;
        }
        if self.0.len() < PROPERTIES_MAX {
            self.0.insert(id, value);
        }
    }

    pub fn has(&self, id: u16) -> bool {
        self.0.contains_key(&id)
    }

    pub fn number(&self, id: u16) -> Option<u32> {
        match self.0.get(&id)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn time(&self, id: u16) -> Option<Timestamp> {
        match self.0.get(&id)? {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    pub fn bytes(&self, id: u16) -> Option<&[u8]> {
        match self.0.get(&id)? {
            Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Takes the bytes out, so that large attachments are not copied.
    pub fn take_bytes(&mut self, id: u16) -> Option<Vec<u8>> {
        match self.0.remove(&id)? {
            Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Text without its closing zero; `None` when it is blank.
    pub fn text(&self, id: u16, code_page: u16) -> Option<String> {
        let text = match self.0.get(&id)? {
            Value::Text(text) => text.clone(),
            Value::Narrow(bytes) => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                in_code_page(code_page, &bytes[..end])
            }
            _ => return None,
        };
        let text = text.trim_end_matches('\0');
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// One line of text, bounded.
    pub fn line(&self, id: u16, code_page: u16) -> Option<String> {
        let text = self.text(id, code_page)?;
        let kept: String = text.chars().filter(|c| !c.is_control()).take(HEADER_FIELD_CHARS_MAX).collect();
        Some(kept.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// A message as Outlook keeps it.
#[derive(Debug, Default)]
pub(super) struct OutlookMessage {
    pub properties: Properties,
    pub recipients: Vec<Properties>,
    pub attachments: Vec<Attachment>,
    /// What its text, where it is packed, may draw on.
    pub budget: Budget,
    /// The text, once it was asked for.
    pub text: OnceCell<(Method, String)>,
}

/// What hangs on it.
#[derive(Debug)]
pub(super) struct Attachment {
    pub properties: Properties,
    pub held: Held,
}

#[derive(Debug)]
pub(super) enum Held {
    File(Vec<u8>),
    Message(Box<OutlookMessage>),
    /// A place where the file lies, or lay.
    Link,
    /// An object of another program that only this program could show.
    Object,
    /// Past a bound.
    TooMuch,
    Nothing,
}

impl OutlookMessage {
    /// The code page of text that is not in Unicode.
    pub fn code_page(&self) -> u16 {
        [id::MESSAGE_CODE_PAGE, id::INTERNET_CODE_PAGE]
            .iter()
            .filter_map(|&id| self.properties.number(id))
            .filter_map(|code_page| u16::try_from(code_page).ok())
            // UTF-16 and "whatever the machine has" say nothing of text in bytes.
            .find(|code_page| !matches!(code_page, 0 | 1 | 1200 | 1201))
            .unwrap_or(1252)
    }

    fn line(&self, id: u16) -> Option<String> {
        self.properties.line(id, self.code_page())
    }

    /// `IPM.Note` and the like, in lower case.
    pub fn class(&self) -> String {
        self.line(id::MESSAGE_CLASS).unwrap_or_default().to_lowercase()
    }

    /// The header: as it came over the internet where Outlook kept it, else from the properties.
    pub fn header(&self) -> Message {
        let mut message = self.transport_header();
        let author = || {
            self.address(
                id::SENT_REPRESENTING_NAME,
                &[id::SENT_REPRESENTING_SMTP_ADDRESS, id::SENT_REPRESENTING_ADDRESS],
            )
        };
        let sender = || self.address(id::SENDER_NAME, &[id::SENDER_SMTP_ADDRESS, id::SENDER_ADDRESS]);
        if message.author.is_none() {
            message.author =
                author().filter(|author| author.address.is_some()).or_else(sender).or_else(author);
        }
        message.subject = message.subject.or_else(|| self.line(id::SUBJECT));
        message.header_date = message
            .header_date
            .or_else(|| self.properties.time(id::CLIENT_SUBMIT_TIME))
            .or_else(|| self.properties.time(id::DELIVERY_TIME));
        message.received_date = message.received_date.or_else(|| self.properties.time(id::DELIVERY_TIME));
        if message.to.is_empty() && message.cc.is_empty() {
            (message.to, message.cc) = self.recipients();
        }
        if message.msg_id.is_none() {
            message.msg_id = self.ids(id::INTERNET_MESSAGE_ID).into_iter().next();
        }
        if message.in_reply_to.is_empty() {
            message.in_reply_to = self.ids(id::IN_REPLY_TO);
        }
        if message.references.is_empty() {
            message.references = self.ids(id::INTERNET_REFERENCES);
        }
        if self.class().starts_with("report.") && !message.media_type.starts_with("multipart/report") {
            message.media_type = "multipart/report".to_owned();
        }
        message.formatted = Some(self.html().is_some());
        message
    }

    fn transport_header(&self) -> Message {
        let Some(text) = self.properties.text(id::TRANSPORT_HEADERS, self.code_page()) else {
            return Message { media_type: "text/plain".to_owned(), ..Message::default() };
        };
        // Exchange begins it with a line of its own.
        let text = text.trim_start();
        let text = match text.strip_prefix("Microsoft Mail Internet Headers") {
            Some(rest) => rest.split_once('\n').map_or("", |(_, fields)| fields),
            None => text,
        };
        let bytes = text.as_bytes();
        match MessageParser::default().parse_headers(bytes) {
            Some(parsed) => header::read(&parsed, bytes),
            None => Message { media_type: "text/plain".to_owned(), ..Message::default() },
        }
    }

    fn address(&self, name: u16, addresses: &[u16]) -> Option<Address> {
        let address =
            addresses.iter().filter_map(|&id| self.line(id)).find(|text| header::is_addr_spec(text));
        let name = self.line(name).filter(|name| Some(name) != address.as_ref());
        (name.is_some() || address.is_some()).then_some(Address { name, address })
    }

    /// To and Cc.
    fn recipients(&self) -> (Vec<Address>, Vec<Address>) {
        let code_page = self.code_page();
        let (mut to, mut cc) = (Vec::new(), Vec::new());
        for recipient in self.recipients.iter().take(header::ADDRESSES_MAX) {
            let address = [id::SMTP_ADDRESS, id::ADDRESS]
                .iter()
                .filter_map(|&id| recipient.line(id, code_page))
                .find(|text| header::is_addr_spec(text));
            let name = recipient.line(id::DISPLAY_NAME, code_page);
            let name = name
                .map(|name| name.trim_matches('\'').to_owned())
                .filter(|name| Some(name) != address.as_ref());
            let list = match recipient.number(id::RECIPIENT_TYPE) {
                Some(2) => &mut cc,
                Some(3) => continue,
                _ => &mut to,
            };
            if name.is_some() || address.is_some() {
                list.push(Address { name, address });
            }
        }
        if to.is_empty() && cc.is_empty() {
            let shown = self.line(id::DISPLAY_TO).unwrap_or_default();
            to = shown
                .split(';')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .take(header::ADDRESSES_MAX)
                .map(|name| match header::is_addr_spec(name) {
                    true => Address { name: None, address: Some(name.to_owned()) },
                    false => Address { name: Some(name.to_owned()), address: None },
                })
                .collect();
        }
        (to, cc)
    }

    fn ids(&self, id: u16) -> Vec<String> {
        self.line(id).map(|text| header::msg_ids(&text)).unwrap_or_default()
    }

    /// The text, and how it was had: plain, else the HTML, else the RTF (which may have the HTML in it).
    pub fn body(&self) -> &(Method, String) {
        self.text.get_or_init(|| self.find_body())
    }

    fn find_body(&self) -> (Method, String) {
        let plain =
            self.properties.text(id::BODY, self.code_page()).map(|text| tidy(&text)).unwrap_or_default();
        if body::says_something(&plain) {
            return (Method::Body, plain);
        }
        let html = self.html().map(|html| html::to_text(&html)).unwrap_or_default();
        if body::says_something(&html) {
            return (Method::Html, html);
        }
        let packed = self.properties.bytes(id::RTF_COMPRESSED).unwrap_or_default();
        let text = rtf::text_of(&lzfu::unpack(packed, &self.budget));
        if body::says_something(&text) {
            return (Method::Body, text);
        }
        if plain.is_empty() { (Method::Html, html) } else { (Method::Body, plain) }
    }

    /// The HTML of its text.
    pub fn html(&self) -> Option<String> {
        if let Some(text) = self.properties.text(id::BODY_HTML, self.code_page()) {
            return Some(text);
        }
        let bytes = self.properties.bytes(id::BODY_HTML)?;
        match charset::declared_in_html(bytes) {
            Some(declared) => Some(charset::decode(bytes, Some(&declared))),
            None => {
                match self.properties.number(id::INTERNET_CODE_PAGE).and_then(|page| u16::try_from(page).ok())
                {
                    Some(code_page) if std::str::from_utf8(bytes).is_err() => {
                        Some(in_code_page(code_page, bytes))
                    }
                    _ => Some(charset::decode(bytes, None)),
                }
            }
        }
    }
}

impl Attachment {
    /// The longest name it has; `None` when it has none.
    pub fn name(&self, code_page: u16) -> Option<String> {
        [id::ATTACH_LONG_FILENAME, id::ATTACH_FILENAME, id::ATTACH_LONG_PATHNAME, id::DISPLAY_NAME]
            .iter()
            .find_map(|&id| self.properties.line(id, code_page))
    }

    /// Shown within the text rather than hung on.
    pub fn is_inline(&self) -> bool {
        self.properties.has(id::ATTACH_CONTENT_ID) || self.properties.number(id::ATTACHMENT_HIDDEN) == Some(1)
    }

    pub fn media_type(&self) -> String {
        self.properties.line(id::ATTACH_MIME_TAG, 1252).unwrap_or_default().to_lowercase()
    }
}
