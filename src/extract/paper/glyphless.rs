//! A font without shapes, for text that is there to be found and copied and not to be seen (ISO 32000-2, 9.3.6:
//! render mode 3).
//!
//! One empty glyph stands for every character; the code of a character is its UTF-16 unit (Identity-H), so the map
//! back to Unicode is the identity. The font program is a TrueType file (ISO/IEC 14496-22) written here.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

/// Width of every character, in thousandths of the font's size.
pub(super) const WIDTH: u16 = 500;

const NAME: &str = "Bode-Glyphless";

pub(super) fn add(document: &mut Document) -> ObjectId {
    let program = program();
    let length = program.len() as i64;
    let file = document.add_object(packed(dictionary! { "Length1" => length }, program));
    let descriptor = document.add_object(dictionary! {
        "Type" => "FontDescriptor", "FontName" => NAME, "Flags" => 5, "ItalicAngle" => 0,
        "FontBBox" => vec![0.into(), (-200).into(), i64::from(WIDTH).into(), 800.into()],
        "Ascent" => 800, "Descent" => -200, "CapHeight" => 800, "StemV" => 80, "FontFile2" => file,
    });
    // Every character is glyph 0.
    let to_glyph = document.add_object(packed(Dictionary::new(), vec![0; 2 * 65_536]));
    let described = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => NAME, "FontDescriptor" => descriptor,
        "CIDSystemInfo" => dictionary! {
            "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("Identity"), "Supplement" => 0,
        },
        "DW" => i64::from(WIDTH), "CIDToGIDMap" => to_glyph,
    });
    let to_unicode = document.add_object(packed(Dictionary::new(), to_unicode().into_bytes()));
    document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type0", "BaseFont" => NAME, "Encoding" => "Identity-H",
        "DescendantFonts" => vec![described.into()], "ToUnicode" => to_unicode,
    })
}

/// A stream, compressed where that makes it smaller.
pub(super) fn packed(dictionary: Dictionary, content: Vec<u8>) -> Stream {
    let mut stream = Stream::new(dictionary, content);
    // Left as it is, it is only longer.
    let _ = stream.compress();
    stream
}

/// A range may not pass from one first byte to the next (ISO 32000-2, 9.10.3), so there are 256.
fn to_unicode() -> String {
    let mut map = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n\
         /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
    );
    let rows: Vec<u32> = (0..=0xff).collect();
    for block in rows.chunks(100) {
        map += &format!("{} beginbfrange\n", block.len());
        for row in block {
            map += &format!("<{row:02X}00> <{row:02X}FF> <{row:02X}00>\n");
        }
        map += "endbfrange\n";
    }
    map + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
}

/// The font file: one glyph without an outline.
fn program() -> Vec<u8> {
    let words =
        |words: &[i32]| words.iter().flat_map(|&word| (word as u16).to_be_bytes()).collect::<Vec<u8>>();
    let width = i32::from(WIDTH);
    let mut head = words(&[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, 1000]);
    head.extend([0; 16]);
    head.extend(words(&[0, -200, width, 800, 0, 8, 2, 0, 0]));
    let mut hhea = words(&[1, 0, 800, -200, 0, width]);
    hhea.extend([0; 22]);
    hhea.extend(words(&[1]));
    let mut maxp = words(&[1, 0, 1]);
    maxp.extend([0; 26]);
    // Of old, a glyph's place in half bytes: two zeroes, one empty glyph.
    let tables: [(&[u8; 4], Vec<u8>); 6] = [
        (b"glyf", vec![0]),
        (b"head", head),
        (b"hhea", hhea),
        (b"hmtx", words(&[width, 0])),
        (b"loca", words(&[0, 0])),
        (b"maxp", maxp),
    ];
    let mut file = words(&[1, 0, tables.len() as i32, 64, 2, 32]);
    let mut at = file.len() + 16 * tables.len();
    let mut bodies = Vec::new();
    for (tag, body) in tables {
        let mut padded = body.clone();
        padded.resize(body.len().next_multiple_of(4), 0);
        let sum = padded.chunks_exact(4).fold(0_u32, |sum, four| {
            sum.wrapping_add(four.iter().fold(0, |word, &b| word << 8 | u32::from(b)))
        });
        file.extend(tag);
        for number in [sum, at as u32, body.len() as u32] {
            file.extend(number.to_be_bytes());
        }
        at += padded.len();
        bodies.extend(padded);
    }
    file.extend(bodies);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_one_that_readers_of_fonts_take() {
        let program = program();
        let face = ttf_parser::Face::parse(&program, 0).unwrap();
        assert_eq!((face.number_of_glyphs(), face.units_per_em()), (1, 1000));
        assert_eq!(face.glyph_hor_advance(ttf_parser::GlyphId(0)), Some(WIDTH));
        assert_eq!((face.ascender(), face.descender()), (800, -200));
    }

    #[test]
    fn every_character_has_its_way_back() {
        let map = to_unicode();
        assert_eq!(map.matches("> <").count(), 256 * 2 + 1);
        assert!(map.contains("<2000> <20FF> <2000>"), "the euro sign is among these");
    }
}
