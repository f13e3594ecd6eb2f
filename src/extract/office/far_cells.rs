//! Sheets of an xls file (MS-XLS 2.1.4) whose cells lie far apart: how much room they ask for, and the same sheets
//! with the empty rows and columns between their cells taken out.
//!
//! Invariant: cells keep their order, by row and within a row; only how far they lie apart changes, which text does
//! not show.

/// Records that place cells: formula, several numbers, rich text, text, shared text, number, truth, number in short.
const CELLS: [u16; 8] = [0x0006, 0x00bd, 0x00d6, 0x0204, 0x00fd, 0x0203, 0x0205, 0x027e];
/// Several numbers in one record.
const NUMBERS: u16 = 0x00bd;
/// Several empty cells in one record, and one.
const BLANKS: [u16; 2] = [0x00be, 0x0201];
/// The size of a sheet as it says itself.
const DIMENSIONS: u16 = 0x0200;
/// A sheet begins, or the workbook.
const BEGINNING: u16 = 0x0809;

/// Rows, and columns, that a record can name.
const PLACES: usize = 1 << 16;

/// One record: where its data begins, and how long they are.
struct Record {
    kind: u16,
    at: usize,
    length: usize,
}

/// The records of a workbook, as far as they hold together.
fn records(stream: &[u8]) -> impl Iterator<Item = Record> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let head = stream.get(at..at + 4)?;
        let (kind, length) =
            (u16::from_le_bytes([head[0], head[1]]), usize::from(u16::from_le_bytes([head[2], head[3]])));
        let record = Record { kind, at: at + 4, length: length.min(stream.len() - at - 4) };
        at = record.at + record.length;
        Some(record)
    })
}

fn number(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*data.get(at)?, *data.get(at + 1)?]))
}

/// Row, first and last column of what a record places.
fn place(kind: u16, data: &[u8]) -> Option<(u16, u16, u16)> {
    let (row, first) = (number(data, 0)?, number(data, 2)?);
    let last = if kind == NUMBERS { number(data, data.len().checked_sub(2)?)? } else { first };
    Some((row, first, last.max(first)))
}

/// How many cells, empty ones counted, lie between the first and the last of each sheet: calamine lays them all out.
pub(super) fn cells_spanned(stream: &[u8]) -> u64 {
    let mut spanned = 0_u64;
    let mut sheet: Option<[u64; 4]> = None;
    let area = |sheet: Option<[u64; 4]>| {
        sheet.map_or(0, |[top, left, bottom, right]| {
            (bottom.saturating_sub(top) + 1).saturating_mul(right.saturating_sub(left) + 1)
        })
    };
    for record in records(stream) {
        let data = &stream[record.at..record.at + record.length];
        match record.kind {
            BEGINNING => spanned = spanned.saturating_add(area(sheet.take())),
            // Room is made for it.
            DIMENSIONS if data.len() >= 14 => {
                let short = |at| number(data, at).map_or(0, u64::from);
                let wide = |at| short(at) | short(at + 2) << 16;
                let rows = wide(4).saturating_sub(wide(0));
                let columns = short(10).saturating_sub(short(8));
                spanned = spanned.saturating_add((rows + 1).saturating_mul(columns + 1) / 4);
            }
            kind if CELLS.contains(&kind) => {
                if let Some((row, first, last)) = place(kind, data) {
                    let (row, first, last) = (u64::from(row), u64::from(first), u64::from(last));
                    sheet = Some(match sheet {
                        Some([t, l, b, r]) => [t.min(row), l.min(first), b.max(row), r.max(last)],
                        None => [row, first, row, last],
                    });
                }
            }
            _ => {}
        }
    }
    spanned.saturating_add(area(sheet))
}

/// The workbook with the rows and columns without a cell taken out of each sheet.
pub(super) fn drawn_together(stream: &[u8]) -> Vec<u8> {
    let mut own = stream.to_vec();
    let all: Vec<Record> = records(stream).collect();
    for sheet in all.chunk_by(|_, next| next.kind != BEGINNING) {
        let (mut rows, mut columns) = (vec![false; PLACES], vec![false; PLACES]);
        for record in sheet.iter().filter(|record| CELLS.contains(&record.kind)) {
            if let Some((row, first, last)) =
                place(record.kind, &stream[record.at..record.at + record.length])
            {
                rows[usize::from(row)] = true;
                // Six bytes for each number: a record may claim more columns than it has.
                let held = record.length.saturating_sub(6) / 6;
                let first = usize::from(first);
                columns[first..=usize::from(last).min(first + held.saturating_sub(1)).max(first)].fill(true);
            }
        }
        // Each row and column by its place among those that are used.
        let ranks = |used: &[bool]| {
            let mut before = 0_u16;
            used.iter()
                .map(|&used| {
                    let rank = before;
                    before = before.saturating_add(u16::from(used));
                    rank
                })
                .collect::<Vec<u16>>()
        };
        let (row_ranks, column_ranks) = (ranks(&rows), ranks(&columns));
        for record in sheet {
            let data = &mut own[record.at..record.at + record.length];
            let mut move_to = |at: usize, ranks: &[u16]| {
                if let Some(from) = number(data, at) {
                    data[at..at + 2].copy_from_slice(&ranks[usize::from(from)].to_le_bytes());
                }
            };
            if CELLS.contains(&record.kind) {
                move_to(0, &row_ranks);
                move_to(2, &column_ranks);
                if record.kind == NUMBERS && record.length >= 6 {
                    move_to(record.length - 2, &column_ranks);
                }
            } else if record.kind == DIMENSIONS {
                data.fill(0);
            } else if BLANKS.contains(&record.kind) {
                // Nobody needs them: a record that every reader passes over.
                own[record.at - 4..record.at - 2].fill(0xff);
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
    }

    fn cell(kind: u16, row: u16, column: u16, rest: &[u8]) -> Vec<u8> {
        record(kind, &[&row.to_le_bytes()[..], &column.to_le_bytes(), rest].concat())
    }

    #[test]
    fn cells_in_the_corners_come_together_in_their_order() {
        let sheet = [
            record(BEGINNING, &[0; 16]),
            record(DIMENSIONS, &[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]),
            cell(0x0203, 0, 0, &[0; 10]),
            cell(0x0203, 0, 255, &[0; 10]),
            cell(BLANKS[1], 400, 7, &[0; 2]),
            // Three numbers from column 8 on.
            cell(NUMBERS, 65535, 8, &[&[0; 18][..], &10_u16.to_le_bytes()].concat()),
            record(0x000a, &[]),
        ];
        let stream = [sheet.concat(), sheet.concat()].concat();
        assert!(cells_spanned(&stream) > 2 * 65_536 * 256);
        let own = drawn_together(&stream);
        assert_eq!(own.len(), stream.len());
        assert_eq!(cells_spanned(&own), 2 * (2 * 5));
        let places: Vec<_> = records(&own)
            .filter(|record| CELLS.contains(&record.kind))
            .filter_map(|record| place(record.kind, &own[record.at..record.at + record.length]))
            .collect();
        assert_eq!(places[..3], [(0, 0, 0), (0, 4, 4), (1, 1, 3)]);
        for length in 0..stream.len() {
            drawn_together(&stream[..length]);
        }
    }

    #[test]
    fn cells_far_apart_are_counted() {
        let cell = |row: u16, column: u16| cell(0x0203, row, column, &[0; 10]);
        let sheet = [0x09, 0x08, 0, 0];
        let near = [&sheet[..], &cell(0, 0), &cell(9, 4), &sheet, &cell(7, 7)].concat();
        assert_eq!(cells_spanned(&near), 51);
        assert_eq!(cells_spanned(&[cell(0, 0), cell(65_535, 65_535)].concat()), 1 << 32);
        assert_eq!(cells_spanned(b"\x03\x02\xff\xff\0"), 0);
    }
}
