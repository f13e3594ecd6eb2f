//! Writes what Outlook writes, since no free program does: `.msg` files (MS-OXMSG) and winmail.dat (MS-OXTNEF).

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Cursor, Write};
use std::path::Path;

/// A property: id, type and value.
#[derive(Clone)]
pub enum Property {
    Text(u16, &'static str),
    Narrow(u16, &'static [u8]),
    Binary(u16, Vec<u8>),
    Number(u16, u32),
    /// Seconds since 1970.
    Time(u16, u64),
}

use Property::{Binary, Narrow, Number, Text, Time};

impl Property {
    fn id(&self) -> u16 {
        match self {
            Text(id, _) | Narrow(id, _) | Binary(id, _) | Number(id, _) | Time(id, _) => *id,
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Text(..) => 0x001f,
            Narrow(..) => 0x001e,
            Binary(..) => 0x0102,
            Number(..) => 0x0003,
            Time(..) => 0x0040,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Text(_, text) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Narrow(_, bytes) => bytes.to_vec(),
            Binary(_, bytes) => bytes.clone(),
            Number(_, number) => number.to_le_bytes().to_vec(),
            Time(_, seconds) => ((seconds + 11_644_473_600) * 10_000_000).to_le_bytes().to_vec(),
        }
    }

    fn is_fixed(&self) -> bool {
        matches!(self, Number(..) | Time(..))
    }
}

pub enum Hung {
    File(Vec<u8>),
    Message(OutlookMessage),
    /// An object of another program.
    Object,
}

#[derive(Default)]
pub struct OutlookMessage {
    pub properties: Vec<Property>,
    pub recipients: Vec<Vec<Property>>,
    pub attachments: Vec<(Vec<Property>, Hung)>,
}

impl OutlookMessage {
    pub fn with(properties: &[Property]) -> Self {
        Self { properties: properties.to_vec(), ..Self::default() }
    }

    pub fn hang(mut self, name: &'static str, hung: Hung) -> Self {
        self.attachments.push((vec![Text(0x3707, name)], hung));
        self
    }

    /// The message as a `.msg` file.
    pub fn msg(&self) -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        self.write(&mut file, Path::new("/"), 32);
        file.flush().unwrap();
        file.into_inner().into_inner()
    }

    fn write(&self, file: &mut cfb::CompoundFile<Cursor<Vec<u8>>>, folder: &Path, lead: usize) {
        write_properties(file, folder, lead, &self.properties);
        for (n, recipient) in self.recipients.iter().enumerate() {
            let folder = folder.join(format!("__recip_version1.0_#{n:08X}"));
            file.create_storage(&folder).unwrap();
            write_properties(file, &folder, 8, recipient);
        }
        for (n, (properties, hung)) in self.attachments.iter().enumerate() {
            let folder = folder.join(format!("__attach_version1.0_#{n:08X}"));
            file.create_storage(&folder).unwrap();
            let mut properties = properties.clone();
            match hung {
                Hung::File(bytes) => properties.push(Binary(0x3701, bytes.clone())),
                Hung::Message(message) => {
                    properties.push(Number(0x3705, 5));
                    let inner = folder.join("__substg1.0_3701000D");
                    file.create_storage(&inner).unwrap();
                    message.write(file, &inner, 24);
                }
                Hung::Object => {
                    properties.push(Number(0x3705, 6));
                    file.create_storage(folder.join("__substg1.0_3701000D")).unwrap();
                }
            }
            write_properties(file, &folder, 8, &properties);
        }
    }

    /// The message as winmail.dat.
    pub fn winmail(&self) -> Vec<u8> {
        let mut bytes = b"\x78\x9f\x3e\x22\x01\x00".to_vec();
        attribute(&mut bytes, 1, 0x0006_9003, &property_list(&self.properties));
        for (properties, hung) in &self.attachments {
            attribute(&mut bytes, 2, 0x0006_9002, &[0; 14]);
            let mut list = properties.clone();
            match hung {
                Hung::File(data) => attribute(&mut bytes, 2, 0x0006_800f, data),
                Hung::Message(message) => {
                    let interface = b"\x07\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
                    list.push(Binary(0x3701, [interface.as_slice(), &message.winmail()].concat()));
                }
                Hung::Object => list.push(Binary(0x3701, vec![0; 20])),
            }
            attribute(&mut bytes, 2, 0x0006_9005, &property_list(&list));
        }
        bytes
    }
}

fn write_properties(
    file: &mut cfb::CompoundFile<Cursor<Vec<u8>>>,
    folder: &Path,
    lead: usize,
    properties: &[Property],
) {
    let mut fixed = vec![0; lead];
    for property in properties {
        fixed.extend(property.kind().to_le_bytes());
        fixed.extend(property.id().to_le_bytes());
        fixed.extend([6, 0, 0, 0]);
        let mut value = property.bytes();
        if !property.is_fixed() {
            let name = format!("__substg1.0_{:04X}{:04X}", property.id(), property.kind());
            file.create_stream(folder.join(name)).unwrap().write_all(&value).unwrap();
            value = u32::try_from(value.len()).unwrap().to_le_bytes().to_vec();
        }
        value.resize(8, 0);
        fixed.extend(value);
    }
    file.create_stream(folder.join("__properties_version1.0")).unwrap().write_all(&fixed).unwrap();
}

fn property_list(properties: &[Property]) -> Vec<u8> {
    let mut list = u32::try_from(properties.len()).unwrap().to_le_bytes().to_vec();
    for property in properties {
        // A message within is an object in this form.
        let kind = if property.id() == 0x3701 { 0x000d } else { property.kind() };
        list.extend(kind.to_le_bytes());
        list.extend(property.id().to_le_bytes());
        let value = property.bytes();
        if !property.is_fixed() {
            list.extend(1_u32.to_le_bytes());
            list.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        }
        list.extend(&value);
        list.resize(list.len().next_multiple_of(4), 0);
    }
    list
}

fn attribute(bytes: &mut Vec<u8>, level: u8, id: u32, data: &[u8]) {
    bytes.push(level);
    bytes.extend(id.to_le_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(data);
    let sum = data.iter().fold(0_u16, |sum, &byte| sum.wrapping_add(u16::from(byte)));
    bytes.extend(sum.to_le_bytes());
}
