//! Characters of fonts of signs (Symbol, Wingdings) and the code pages that fonts stand for.
//!
//! The fonts themselves are not at hand: what a reader sees is kept where it means something (boxes ticked or
//! not, bullets, smileys) and is a bullet otherwise.

/// What a reader sees where a font of signs has this byte.
pub(super) fn sign(byte: u8) -> char {
    match byte {
        0x6f | 0x70 | 0x71 | 0x72 | 0xa8 => '☐',
        0x78 | 0xfd => '☒',
        0xfe => '☑',
        0xfc => '✓',
        0xfb => '✗',
        // What Outlook makes of :-) and :-(.
        0x4a => '☺',
        0x4c => '☹',
        b'l' | b'n' | b'u' | b'v' | b'w' => '•',
        0x20..=0x7e => byte as char,
        _ => '•',
    }
}

/// The code page of a Windows font charset, and whether it is one of signs; `ansi` is that of the document.
pub(super) fn of_charset(charset: i32, ansi: u16) -> (u16, bool) {
    let code_page = match charset {
        2 => return (ansi, true),
        77 => 10_000,
        128 => 932,
        129 | 130 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        254 | 255 => 850,
        _ => ansi,
    };
    (code_page, false)
}
