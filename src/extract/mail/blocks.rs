//! What stands within the plain text of a message and is no text: uuencoded files (POSIX uuencode), yEnc, and
//! OpenPGP armour (RFC 9580 chapters 6 and 7).
//!
//! Invariant: one pass over the lines; a block that is not what it seems stays text.

use std::borrow::Cow;

/// Files taken out of one text.
const FILES_MAX: usize = 50;

/// A text without its blocks.
#[derive(Debug, Default)]
pub(super) struct Taken<'a> {
    pub text: Cow<'a, str>,
    pub files: Vec<(String, Vec<u8>)>,
    /// Names of yEnc files: their bytes did not survive as characters.
    pub unread: Vec<String>,
    /// It holds an OpenPGP message that only its receiver can read.
    pub encrypted: bool,
}

pub(super) fn take_out(text: &str) -> Taken<'_> {
    if !["begin ", "=ybegin ", "-----BEGIN PGP "].iter().any(|start| text.contains(start)) {
        return Taken { text: text.into(), ..Taken::default() };
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<Cow<'_, str>> = Vec::new();
    let mut taken = Taken::default();
    let mut signed = false;
    let mut n = 0;
    // Where a search for an end came to nothing, the next one need not look again.
    let (mut no_uu_end, mut no_y_end, mut no_armour_end) = (false, false, false);
    while n < lines.len() {
        let line = lines[n];
        if !no_uu_end
            && taken.files.len() < FILES_MAX
            && let Some(name) = uu_begin(line)
        {
            match uu_file(&lines[n + 1..]) {
                Uu::File(bytes, end) => {
                    taken.files.push((name.to_owned(), bytes));
                    n += 1 + end;
                    continue;
                }
                Uu::NoEnd => no_uu_end = true,
                Uu::None => {}
            }
        }
        if line.starts_with("=ybegin ")
            && let Some((_, name)) = line.split_once(" name=")
            && !no_y_end
        {
            match lines[n..].iter().position(|line| line.starts_with("=yend")) {
                Some(end) => {
                    if taken.unread.len() < FILES_MAX {
                        taken.unread.push(name.trim().to_owned());
                    }
                    n += end + 1;
                    continue;
                }
                None => no_y_end = true,
            }
        }
        if line.starts_with("-----BEGIN PGP MESSAGE-----") && !no_armour_end {
            match armour_end(&lines[n..]) {
                Some(end) => {
                    taken.encrypted = true;
                    n += end;
                    continue;
                }
                None => no_armour_end = true,
            }
        }
        if line.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") {
            // Up to the empty line: which hash was used.
            signed = true;
            n += 1;
            while lines.get(n).is_some_and(|line| line.contains(": ")) {
                n += 1;
            }
            continue;
        }
        if ["SIGNATURE", "PUBLIC KEY BLOCK"]
            .iter()
            .any(|what| line.starts_with(&format!("-----BEGIN PGP {what}-----")))
            && !no_armour_end
        {
            match armour_end(&lines[n..]) {
                Some(end) => {
                    signed = false;
                    n += end;
                    continue;
                }
                None => no_armour_end = true,
            }
        }
        // A signed text has "- " before a line that starts with a dash (RFC 9580 section 7.1).
        kept.push(
            line.strip_prefix("- ").filter(|rest| signed && rest.starts_with('-')).unwrap_or(line).into(),
        );
        n += 1;
    }
    taken.text = kept.join("\n").into();
    taken
}

/// The number of lines up to and with the end of the armour.
fn armour_end(lines: &[&str]) -> Option<usize> {
    lines.iter().position(|line| line.starts_with("-----END PGP ")).map(|end| end + 1)
}

/// `begin 644 brief.doc` → the name.
fn uu_begin(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.split_once(' ')?;
    let octal = (3..=4).contains(&mode.len()) && mode.bytes().all(|byte| (b'0'..b'8').contains(&byte));
    Some(name.trim()).filter(|name| octal && !name.is_empty())
}

enum Uu {
    /// The bytes, and the number of lines up to and with `end`.
    File(Vec<u8>, usize),
    NoEnd,
    None,
}

fn uu_file(lines: &[&str]) -> Uu {
    let mut bytes = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        if line.trim_end() == "end" {
            return Uu::File(bytes, n + 1);
        }
        if line.trim().is_empty() {
            continue;
        }
        if !uu_line(line.as_bytes(), &mut bytes) {
            return Uu::None;
        }
    }
    Uu::NoEnd
}

/// One line: its length in bytes, then groups of four characters for three bytes. Blanks at its end may be lost.
fn uu_line(line: &[u8], bytes: &mut Vec<u8>) -> bool {
    let value = |byte: u8| (b' '..=b'`').contains(&byte).then(|| byte.wrapping_sub(b' ') & 0x3f);
    let Some((length, groups)) = line.split_first().and_then(|(&first, rest)| Some((value(first)?, rest)))
    else {
        return false;
    };
    let length = usize::from(length);
    // Some programs add a checksum character.
    if groups.len() > length.div_ceil(3) * 4 + 2 {
        return false;
    }
    let start = bytes.len();
    for group in groups.chunks(4) {
        let mut bits = 0_u32;
        for n in 0..4 {
            let Some(six) = value(group.get(n).copied().unwrap_or(b' ')) else { return false };
            bits = bits << 6 | u32::from(six);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    bytes.resize(start + length, 0);
    true
}

/// The bytes of base64 that was damaged on the way: blanks are passed over, and it ends at the first line that is none,
/// as when a mailing list wrote its footer under it (RFC 2045 section 6.8).
pub(super) fn base64(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for line in raw.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_= \t".contains(byte);
        if line.starts_with(b"--") || !line.iter().all(is_digit) {
            break;
        }
        for &byte in line {
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                // Some programs close each line.
                b'=' => {
                    (bits, held) = (0, 0);
                    continue;
                }
                _ => continue,
            };
            bits = bits << 6 | u32::from(six);
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_base64() {
        assert_eq!(base64(b"aG9p IGFs\r\nbGVt YWFs\r\n-- \r\nlijst"), b"hoi allemaal");
        assert_eq!(base64(b"aG9p\nIGE=\naG9p\nLijst: www.example.nl"), b"hoi ahoi");
        assert_eq!(base64(b""), b"");
    }

    #[test]
    fn a_uuencoded_file_is_taken_out() {
        let text = "Zie bijlage.\n\nbegin 644 brief.txt\n#0V%T\n`\nend\n\nGroet";
        let taken = take_out(text);
        assert_eq!(taken.text, "Zie bijlage.\n\n\nGroet");
        assert_eq!(taken.files, [("brief.txt".to_owned(), b"Cat".to_vec())]);
        // Blanks at the end of a line were lost on the way.
        assert_eq!(take_out("begin 644 x\n#\n \nend").files[0].1, [0, 0, 0]);
    }

    #[test]
    fn what_only_looks_like_a_block_stays() {
        for text in [
            "begin 2024 kreeg ik een brief\nvan u.\nend",
            "begin 644 x\n#0V%T\ngeen einde",
            "begin 644 x\nDit zijn gewone woorden: ééntje\nend",
            "-----BEGIN PGP MESSAGE-----\nzonder einde",
            "begin maar",
        ] {
            let taken = take_out(text);
            assert_eq!(taken.text, text);
            assert!(taken.files.is_empty() && !taken.encrypted);
        }
    }

    #[test]
    fn armour() {
        let taken =
            take_out("Hoi\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\nGroet");
        assert_eq!((taken.text.as_ref(), taken.encrypted), ("Hoi\nGroet", true));
        let taken = take_out(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nIk klaag.\n- -- \nPiet\n-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----\n",
        );
        assert_eq!((taken.text.as_ref(), taken.encrypted), ("\nIk klaag.\n-- \nPiet", false));
    }

    #[test]
    fn many_beginnings_cost_one_pass() {
        let text = "begin 644 x\n".repeat(100_000) + &"-----BEGIN PGP MESSAGE-----\n".repeat(100_000);
        assert_eq!(take_out(&text).text.len(), text.len() - 1);
    }
}
