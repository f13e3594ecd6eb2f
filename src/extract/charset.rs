//! Bytes of text → characters, when the label is right, wrong or missing (RFC 2046 section 4.1.2).
//!
//! Order: a byte-order mark; UTF-8 when the bytes are valid UTF-8 (text in another charset hardly ever is by
//! chance); the declared charset; windows-1252, which is what Dutch mail without a label turns out to be.
//! Invariant: always gives text; a byte that means nothing becomes U+FFFD.

use mail_parser::decoders::charsets::map::charset_decoder;
use std::borrow::Cow;

/// Labels that are put on anything, so that the bytes are asked first.
const DOUBTED: &[&str] =
    &["us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252", "cp1252", "utf-8", "utf8", "cp65001"];

/// Starts of labels of charsets with a byte for each sign. What is written in one of them is not UTF-8 by chance.
const BYTE_FOR_SIGN: &[&str] = &[
    "windows-125",
    "windows-874",
    "cp125",
    "cp850",
    "cp866",
    "cp437",
    "iso-8859-",
    "iso8859",
    "iso_8859",
    "koi8",
    "macintosh",
    "x-mac",
    "tis-620",
    "latin",
    "ibm",
];

/// Labels that the decoder has under another name, or can only do nearly.
const OTHERWISE: &[(&str, &str)] = &[
    ("cp437", "cp850"), // the letters of western Europe stand in the same places
    ("ibm437", "cp850"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("cp932", "shift_jis"),
    ("cp950", "big5"),
    ("x-mac-roman", "macintosh"),
];

/// Escapes in seven bits: for these the decoder either gives nothing or loses signs.
const SEVEN_BIT: &[&str] = &["utf-7", "unicode-1-1-utf-7", "hz-gb-2312", "iso-2022-kr", "iso-2022-cn"];

/// The text of `bytes`, with the charset that its sender declared.
pub(super) fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    let declared = declared.map(|label| label.trim_matches(['"', '\'', ' ']).to_ascii_lowercase());
    for (mark, charset) in
        [(&b"\xef\xbb\xbf"[..], "utf-8"), (&b"\xff\xfe"[..], "utf-16le"), (&b"\xfe\xff"[..], "utf-16be")]
    {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return with(charset, rest).unwrap_or_else(|| String::from_utf8_lossy(rest).into_owned());
        }
    }
    if is_doubted(declared.as_deref()) {
        if let Some(charset) = utf16_without_mark(bytes)
            && let Some(text) = with(charset, bytes)
        {
            return text;
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            return text.to_owned();
        }
        return with("windows-1252", bytes).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
    }
    let label = declared.unwrap_or_default();
    if BYTE_FOR_SIGN.iter().any(|start| label.starts_with(start))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    // ISO 8859-15 has no signs where windows-1252 has its quotes and its euro.
    if matches!(label.as_str(), "iso-8859-15" | "latin9" | "iso8859-15")
        && bytes.iter().any(|byte| (0x80..0xa0).contains(byte))
    {
        return with("windows-1252", bytes).unwrap_or_default();
    }
    if label.ends_with("utf-7") {
        return utf7(bytes);
    }
    let known = !SEVEN_BIT.contains(&label.as_str());
    known
        .then(|| with(&label, bytes))
        .flatten()
        .unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Is it a charset of escapes in seven bits, so that plain ASCII is not yet the text?
pub(super) fn is_seven_bit(declared: Option<&str>) -> bool {
    declared.is_some_and(|label| SEVEN_BIT.iter().any(|known| label.trim().eq_ignore_ascii_case(known)))
}

/// UTF-7 (RFC 2152): `+`, UTF-16 in base64, and anything else or `-` to end it.
fn utf7(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'+' {
            text.push(if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER });
            continue;
        }
        let (mut units, mut bits, mut held, mut digits) = (Vec::new(), 0_u32, 0, 0);
        while let Some(six) = rest.peek().and_then(|&byte| match byte {
            b'A'..=b'Z' => Some(byte - b'A'),
            b'a'..=b'z' => Some(byte - b'a' + 26),
            b'0'..=b'9' => Some(byte - b'0' + 52),
            b'+' => Some(62),
            b'/' => Some(63),
            _ => None,
        }) {
            rest.next();
            digits += 1;
            bits = bits << 6 | u32::from(six);
            held += 6;
            if held >= 16 {
                held -= 16;
                units.push((bits >> held & 0xffff) as u16);
            }
        }
        let closed = rest.next_if_eq(&b'-').is_some();
        if digits == 0 && closed {
            text.push('+');
        }
        text.push_str(&String::from_utf16_lossy(&units));
    }
    text
}

/// Is the label missing, unknown, or one that says little?
pub(super) fn is_doubted(declared: Option<&str>) -> bool {
    declared.is_none_or(|label| {
        let label = label.to_ascii_lowercase();
        DOUBTED.contains(&label.as_str())
            || (charset_decoder(label.as_bytes()).is_none()
                && !OTHERWISE.iter().any(|(other, _)| *other == label))
    })
}

/// The charset that an HTML file declares for itself, in its first kilobyte.
pub(super) fn declared_in_html(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let label: String = rest
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c))
        .take(40)
        .collect();
    (!label.is_empty()).then_some(label)
}

/// Text in a Windows code page (65001 is UTF-8), as office files number them; windows-1252 for one that is not
/// known.
pub(super) fn decode_code_page(code_page: u16, bytes: &[u8]) -> String {
    let label = match code_page {
        437 | 850 => "cp850", // the letters of western Europe stand in the same places
        866 => "cp866",
        874 => "windows-874",
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        1250 => "windows-1250",
        1251 => "windows-1251",
        1253 => "windows-1253",
        1254 => "windows-1254",
        1255 => "windows-1255",
        1256 => "windows-1256",
        1257 => "windows-1257",
        1258 => "windows-1258",
        10000 => "macintosh",
        65001 => "utf-8",
        _ => "windows-1252",
    };
    with(label, bytes).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

fn with(charset: &str, bytes: &[u8]) -> Option<String> {
    let other = OTHERWISE.iter().find(|(label, _)| *label == charset);
    let charset = other.map_or(charset, |(_, known)| known);
    charset_decoder(charset.as_bytes()).map(|decode| decode(bytes))
}

/// Text in a European language in UTF-16 has a zero in nearly every second byte.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static str> {
    let sample: Cow<'_, [u8]> = Cow::Borrowed(&bytes[..bytes.len().min(400) & !1]);
    let pairs = sample.len() / 2;
    if pairs < 4 {
        return None;
    }
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|&&byte| byte == 0).count();
    match (zeros(0) * 10 > pairs * 7, zeros(1) * 10 > pairs * 7) {
        (true, false) => Some("utf-16be"),
        (false, true) => Some("utf-16le"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_pages_of_office_files() {
        let cases: &[(u16, &[u8], &str)] = &[
            (1252, b"\x80\xe9", "€é"),
            (0, b"\xe9", "é"),
            (1250, b"\xb3", "ł"),
            (1251, b"\xcf\xf0", "Пр"),
            (932, b"\x82\xa0", "あ"),
            (10000, b"\x8e", "é"),
            (65001, b"\xc3\xa9", "é"),
        ];
        for (code_page, bytes, text) in cases {
            assert_eq!(decode_code_page(*code_page, bytes), *text, "{code_page}");
        }
    }

    #[test]
    fn labels_right_wrong_and_missing() {
        let cases: &[(&[u8], Option<&str>, &str)] = &[
            ("coördinatie €".as_bytes(), Some("utf-8"), "coördinatie €"),
            ("coördinatie €".as_bytes(), None, "coördinatie €"),
            ("coördinatie €".as_bytes(), Some("us-ascii"), "coördinatie €"),
            ("coördinatie €".as_bytes(), Some("ISO-8859-1"), "coördinatie €"),
            (b"co\xf6rdinatie \x80", Some("utf-8"), "coördinatie €"),
            (b"co\xf6rdinatie \x80", None, "coördinatie €"),
            (b"co\xf6rdinatie \x80", Some("x-no-such"), "coördinatie €"),
            (b"co\xf6rdinatie \x80", Some("iso-8859-1"), "coördinatie €"),
            (b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("windows-1251"), "Привет"),
            (b"\xff\xfeh\0o\0i\0", None, "hoi"),
            (b"h\0o\0i\0 \0a\0l\0l\0e\0", Some("utf-8"), "hoi alle"),
            (b"co\xf6rdinatie \xa4", Some("iso-8859-15"), "coördinatie €"),
            (b"co\xf6rdinatie \x80", Some("ISO-8859-15"), "coördinatie €"),
            ("coördinatie €".as_bytes(), Some("windows-1250"), "coördinatie €"),
            ("coördinatie €".as_bytes(), Some("koi8-r"), "coördinatie €"),
            (b"co\x94rdinatie", Some("cp437"), "coördinatie"),
            (b"1 +- 1, Co+APY-rdinatie +IKw- 5, Zo+AOs.", Some("utf-7"), "1 + 1, Coördinatie € 5, Zoë."),
            (b"hoi ~{<:~}", Some("hz-gb-2312"), "hoi ~{<:~}"),
            (b"", None, ""),
        ];
        for (bytes, declared, text) in cases {
            assert_eq!(decode(bytes, *declared), *text, "{declared:?} {bytes:?}");
        }
    }
}
