//! What people and machines send in: invented complaints, replies, the same message twice, an answering machine, letters
//! on paper. Each is bytes and what must become of it.

use sha2::{Digest as _, Sha256};

/// Numbers by seed (SplitMix64): the same round after round.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6a09_e667_f3bc_c909)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// One time in so many.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// What must become of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Becomes {
    /// The first of a thread, or a letter: one case.
    Case,
    /// Of a thread that has its case.
    Part,
    Aside,
    /// A stack of so many letters, each a case.
    Run(usize),
}

/// A piece on its way to the office.
#[derive(Clone, Debug)]
pub struct Sent {
    pub bytes: Vec<u8>,
    pub becomes: Becomes,
    pub paper: bool,
    /// Its file name, where it needs one.
    pub name: String,
}

impl Sent {
    /// As the journal names it.
    pub fn digest(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// As IMAP gives it: lines end in CR LF.
    pub fn on_the_wire(&self) -> Self {
        let text = String::from_utf8(self.bytes.clone()).unwrap().replace("\r\n", "\n");
        Self { bytes: text.replace('\n', "\r\n").into_bytes(), ..self.clone() }
    }
}

pub fn writer(mark: &str) -> String {
    format!("schrijver-{mark}@example.org")
}

/// A message that opens a case; nobody else writes from this address.
pub fn complaint(office: &str, mark: &str) -> Sent {
    message(office, mark, &format!("klacht-{mark}"), "", "", Becomes::Case)
}

/// A reply to what this person wrote before.
pub fn reply(office: &str, mark: &str, to: &str) -> Sent {
    let refers = format!("In-Reply-To: <klacht-{to}@mail.example.org>\n");
    let words = format!("Ik wil er nog iets bij zeggen, het is de {mark} keer.\n");
    let mut sent = message(office, to, &format!("vervolg-{mark}"), &refers, &words, Becomes::Part);
    sent.name = format!("vervolg-{mark}");
    sent
}

/// The same message by another way: a field more at the top, the same Message-ID.
pub fn delivered_again(first: &Sent, mark: &str) -> Sent {
    let mut bytes = format!("X-Bezorgd: {mark}\n").into_bytes();
    bytes.extend_from_slice(&first.bytes);
    Sent { bytes, becomes: Becomes::Part, paper: false, name: format!("nogmaals-{mark}") }
}

/// An answering machine (RFC 3834).
pub fn machine(office: &str, mark: &str) -> Sent {
    let field = "Auto-Submitted: auto-replied\n";
    let words = "Ik ben afwezig tot en met vrijdag.\n";
    message(office, mark, &format!("afwezig-{mark}"), field, words, Becomes::Aside)
}

fn message(office: &str, from: &str, id: &str, fields: &str, words: &str, becomes: Becomes) -> Sent {
    let words = if words.is_empty() {
        "Ik kreeg bij de gemeente Den Haag geen antwoord op mijn klacht over de afdeling Burgerzaken. Ik heb al twee \
         keer gebeld en word van het kastje naar de muur gestuurd.\n"
    } else {
        words
    };
    let writer = writer(from);
    let text = format!(
        "Return-Path: <{writer}>\nFrom: Ruud de Wit <{writer}>\nTo: <{office}>\nSubject: Klacht {id}\n\
         Message-ID: <{id}@mail.example.org>\n{fields}\nGeachte ombudsman,\n\n{words}\nRuud de Wit\n"
    );
    Sent { bytes: text.into_bytes(), becomes, paper: false, name: id.to_owned() }
}

/// A letter as a scanner with recognition of its own lays it down: a PDF with text, and an address that can be read.
pub fn letter(mark: &str) -> Sent {
    let lines = [
        "J.W. Knoester",
        &format!("Hoefkade {}", 1 + mark.bytes().map(usize::from).sum::<usize>() % 900),
        "2525 XX Den Haag",
        "",
        "Gemeentelijke Ombudsman Den Haag",
        "",
        "Den Haag, 2 maart 2026",
        &format!("Kenmerk: {mark}"),
        "",
        "Geachte ombudsman,",
        "",
        "Ik kreeg bij de gemeente Den Haag geen antwoord op mijn klacht over de",
        "afdeling Burgerzaken. Ik heb al twee keer gebeld.",
        "",
        "Met vriendelijke groet,",
        "J.W. Knoester",
    ];
    let mut content = "BT /F 12 Tf 70 760 Td 16 TL\n".to_owned();
    for line in lines {
        content.push_str(&format!("({line}) Tj T*\n"));
    }
    content.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = pdf.len();
    pdf.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for offset in offsets {
        pdf.push_str(&format!("{offset:010} 00000 n \n"));
    }
    pdf.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    ));
    Sent { bytes: pdf.into_bytes(), becomes: Becomes::Case, paper: true, name: format!("brief-{mark}.pdf") }
}
