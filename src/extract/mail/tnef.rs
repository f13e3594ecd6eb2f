//! winmail.dat: what Outlook hangs on a message that it sends in its own format (MS-OXTNEF).
//!
//! Invariants: checksums are not insisted on, what was read before the damage is kept; lengths are held against
//! the bytes that are there, so nothing is reserved on a promise; messages within it are opened to the bound of
//! nesting.

use super::mapi::{
    Attachment, DEPTH_MAX, Held, OutlookMessage, PROPERTIES_MAX, Properties, RECIPIENTS_MAX, Value, id, kind,
};
use crate::extract::budget::Budget;
use crate::limits::DOCUMENTS_MAX;

pub(in crate::extract) const MEDIA_TYPE: &str = "application/ms-tnef";

/// First bytes of every winmail.dat.
pub(in crate::extract) const SIGNATURE: &[u8] = b"\x78\x9f\x3e\x22";

/// Attributes looked at: a message has about twenty, an attachment six.
const ATTRIBUTES_MAX: usize = 20_000;

/// Attributes (MS-OXTNEF section 2.1.3.1), without their types.
mod attribute {
    pub const SUBJECT: u16 = 0x8004;
    pub const MESSAGE_CLASS: u16 = 0x8008;
    pub const BODY: u16 = 0x800C;
    pub const ATTACH_DATA: u16 = 0x800F;
    pub const ATTACH_TITLE: u16 = 0x8010;
    pub const ATTACH_BEGINS: u16 = 0x9002;
    pub const PROPERTIES: u16 = 0x9003;
    pub const RECIPIENTS: u16 = 0x9004;
    pub const ATTACH_PROPERTIES: u16 = 0x9005;
    pub const CODE_PAGE: u16 = 0x9007;
}

/// A message kept as an attachment begins with this interface id (IID_IMessage).
const MESSAGE_INTERFACE: &[u8] = b"\x07\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";

/// Opens winmail.dat; `None` when it is none.
pub(super) fn open(bytes: &[u8], budget: &Budget) -> Option<OutlookMessage> {
    open_within(bytes, budget, 0)
}

fn open_within(bytes: &[u8], budget: &Budget, depth: usize) -> Option<OutlookMessage> {
    let mut cursor = Cursor(bytes.strip_prefix(SIGNATURE)?);
    cursor.take(2)?;
    let mut message = OutlookMessage { budget: budget.clone(), ..OutlookMessage::default() };
    for _ in 0..ATTRIBUTES_MAX {
        let Some((attribute, data)) = cursor.attribute() else { break };
        let text = || Value::Narrow(data.to_vec());
        match attribute {
            attribute::SUBJECT => message.properties.keep(id::SUBJECT, text()),
            attribute::MESSAGE_CLASS => message.properties.keep(id::MESSAGE_CLASS, text()),
            attribute::BODY => message.properties.keep(id::BODY, text()),
            attribute::CODE_PAGE => {
                if let Some(code_page) = Cursor(data).number() {
                    message.properties.keep(id::MESSAGE_CODE_PAGE, Value::Number(code_page));
                }
            }
            attribute::PROPERTIES => {
                Cursor(data).properties(&mut message.properties);
            }
            attribute::RECIPIENTS => message.recipients = recipients(data),
            attribute::ATTACH_BEGINS => {
                if message.attachments.len() > DOCUMENTS_MAX {
                    break;
                }
                message
                    .attachments
                    .push(Attachment { properties: Properties::default(), held: Held::Nothing });
            }
            attribute => {
                if let Some(attachment) = message.attachments.last_mut() {
                    take(attachment, attribute, data, budget, depth);
                }
            }
        }
    }
    Some(message)
}

/// What an attribute tells of the attachment that was begun last.
fn take(attachment: &mut Attachment, attribute: u16, data: &[u8], budget: &Budget, depth: usize) {
    match attribute {
        attribute::ATTACH_TITLE => {
            attachment.properties.keep(id::ATTACH_FILENAME, Value::Narrow(data.to_vec()))
        }
        attribute::ATTACH_DATA if !matches!(attachment.held, Held::Message(_)) => {
            attachment.held = match budget.draw(data.len() as u64) {
                Ok(()) => Held::File(data.to_vec()),
                Err(_) => Held::TooMuch,
            };
        }
        attribute::ATTACH_PROPERTIES => {
            Cursor(data).properties(&mut attachment.properties);
            let Some(object) = attachment.properties.take_bytes(id::ATTACH_DATA) else { return };
            if let Some(inner) = object.strip_prefix(MESSAGE_INTERFACE) {
                attachment.held = match depth {
                    DEPTH_MAX.. => Held::TooMuch,
                    _ => open_within(inner, budget, depth + 1)
                        .map_or(Held::Object, |inner| Held::Message(Box::new(inner))),
                };
            } else if matches!(attachment.held, Held::Nothing) {
                // Behind its interface id stands an object of another program, mostly as an OLE file.
                let inner = object.get(16..).unwrap_or_default();
                attachment.held = match inner.starts_with(b"\xd0\xcf\x11\xe0") {
                    true => Held::File(inner.to_vec()),
                    false => Held::Object,
                };
            }
        }
        _ => {}
    }
}

fn recipients(data: &[u8]) -> Vec<Properties> {
    let mut cursor = Cursor(data);
    let count = cursor.number().unwrap_or(0) as usize;
    let mut recipients = Vec::new();
    for _ in 0..count.min(RECIPIENTS_MAX) {
        let mut properties = Properties::default();
        let whole = cursor.properties(&mut properties);
        recipients.push(properties);
        if whole.is_none() {
            break;
        }
    }
    recipients
}

/// Bytes that are still to be read; each step gives `None` at their end.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// The next attribute: its number without its type, and its data; of the last one what there is.
    fn attribute(&mut self) -> Option<(u16, &'a [u8])> {
        self.take(1)?;
        let attribute = (self.number()? & 0xffff) as u16;
        let length = self.number()? as usize;
        let data = match self.take(length) {
            Some(data) => data,
            None => std::mem::take(&mut self.0),
        };
        // The checksum.
        let _ = self.take(2);
        Some((attribute, data))
    }

    /// A list of properties (MS-OXTNEF section 2.1.3.4); what could be read is kept, `None` when that was not all.
    fn properties(&mut self, properties: &mut Properties) -> Option<()> {
        let count = self.number()? as usize;
        for _ in 0..count.min(PROPERTIES_MAX) {
            let (kind, id) = (self.short()?, self.short()?);
            let named = id >= 0x8000;
            if named {
                self.name()?;
            }
            let (several, kind) = (kind & 0x1000 != 0, kind & !0x1000);
            if several && kind <= 1 {
                // Values without a length: there could be any number.
                return None;
            }
            let values = match kind {
                kind::STRING | kind::STRING_8 | kind::BINARY | kind::OBJECT => self.number()? as usize,
                _ if several => self.number()? as usize,
                _ => 1,
            };
            for n in 0..values {
                let value = self.value(kind)?;
                if let Some(value) = value
                    && n == 0
                    && !named
                {
                    properties.keep(id, value);
                }
            }
        }
        Some(())
    }

    /// Passes over the name of a named property.
    fn name(&mut self) -> Option<()> {
        self.take(16)?;
        match self.number()? {
            0 => self.number().map(drop),
            _ => {
                let length = self.number()? as usize;
                self.padded(length).map(drop)
            }
        }
    }

    /// One value; within `Some` it is `None` for a type that is not looked at.
    fn value(&mut self, kind: u16) -> Option<Option<Value>> {
        let length = match kind {
            kind::STRING | kind::STRING_8 | kind::BINARY | kind::OBJECT => {
                let length = self.number()? as usize;
                return self.padded(length).map(|bytes| Value::of_bytes(kind, bytes.to_vec()));
            }
            0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => 4,
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
            0x0048 => 16,
            0x0000 | 0x0001 => 0,
            // How long it is nobody knows.
            _ => return None,
        };
        let bytes = self.take(length)?;
        let mut value = [0; 8];
        let short = bytes.len().min(8);
        value[..short].copy_from_slice(&bytes[..short]);
        Some(Value::of_number(kind, value))
    }

    /// Bytes that end at a multiple of four.
    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.take(length)?;
        let _ = self.take((4 - length % 4) % 4);
        Some(bytes)
    }
}
