//! Where a recognised page breaks its lines: a new line, or an empty line between paragraphs.
//!
//! Tesseract divides paragraphs by the words too (a sentence that ends, a capital), and so breaks off the last line of many;
//! a reader sees only the paper. So here the space between the lines decides, and an indented first line.
//! Judging reads paragraphs, and a scan must be judged like the same letter typed.

use super::ocr::Seen;

/// An empty line is at least this many times the usual distance from line to line; single-spaced letters with a
/// small space after each paragraph have 1.4.
const PARAGRAPH_PITCH: f64 = 1.3;
/// A first line stands at least so many line heights to the right of the line before and after it.
const INDENT: f64 = 1.2;

/// A line of words: its first word's place in the list, and its box.
struct Line {
    first: usize,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Line {
    fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Under `above`, in the same column.
    fn follows(&self, above: &Line) -> bool {
        self.top > above.top + above.height() / 2.0 && self.left < above.right && above.left < self.right
    }

    /// From line to line. The mean of upper and lower edges: a line without tall letters or tails shifts one of them.
    fn pitch(&self, above: &Line) -> f64 {
        ((self.top - above.top) + (self.bottom - above.bottom)) / 2.0
    }
}

/// Sets what stands before the first word of each line but the first.
pub(super) fn set(words: &mut [Seen]) {
    let lines = lines(words);
    let Some(usual) = usual_pitch(&lines) else { return };
    for (at, pair) in lines.windows(2).enumerate() {
        let [above, line] = pair else { continue };
        let apart = !line.follows(above)
            || line.pitch(above) > usual * PARAGRAPH_PITCH
            || indented(above, line, lines.get(at + 2));
        words[line.first].before = if apart { "\n\n" } else { "\n" };
    }
}

fn lines(words: &[Seen]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let (left, top) = (f64::from(word.left), f64::from(word.top));
        let (right, bottom) = (left + f64::from(word.width), top + f64::from(word.height));
        match lines.last_mut() {
            Some(line) if !word.before.contains('\n') => {
                line.left = line.left.min(left);
                line.right = line.right.max(right);
                line.top = line.top.min(top);
                line.bottom = line.bottom.max(bottom);
            }
            _ => lines.push(Line { first: at, left, right, top, bottom }),
        }
    }
    lines
}

/// The distance from line to line that most lines of running text have: the lower quartile, since what is wider has a
/// reason. A page whose lines all stand alone has none.
fn usual_pitch(lines: &[Line]) -> Option<f64> {
    let mut pitches: Vec<f64> = lines
        .windows(2)
        .filter(|pair| pair[1].follows(&pair[0]))
        .map(|pair| pair[1].pitch(&pair[0]))
        .collect();
    pitches.sort_by(f64::total_cmp);
    pitches.get(pitches.len() / 4).copied()
}

/// The first line of a paragraph that is set in: the line before stands more to the left, and so does the one after.
fn indented(above: &Line, line: &Line, below: Option<&Line>) -> bool {
    let in_by = |other: &Line| line.left - other.left > INDENT * line.height();
    in_by(above) && below.is_some_and(|below| below.follows(line) && in_by(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines at these tops and lefts, 20 high and 400 wide; Tesseract saw a paragraph at each.
    fn broken(places: &[(u32, u32)]) -> Vec<&'static str> {
        let mut words: Vec<Seen> = places
            .iter()
            .enumerate()
            .map(|(at, &(top, left))| Seen {
                left,
                top,
                width: 400,
                height: 20,
                confidence: 90.0,
                text: "woord".to_owned(),
                before: if at == 0 { "" } else { "\n\n" },
            })
            .collect();
        set(&mut words);
        words.iter().map(|word| word.before).collect()
    }

    #[test]
    fn the_space_between_lines_makes_a_paragraph() {
        assert_eq!(
            broken(&[(0, 10), (30, 10), (60, 10), (120, 10), (150, 10)]),
            ["", "\n", "\n", "\n\n", "\n"]
        );
    }

    #[test]
    fn a_first_line_that_is_set_in_makes_one_too() {
        assert_eq!(broken(&[(0, 10), (30, 10), (60, 50), (90, 10)]), ["", "\n", "\n\n", "\n"]);
        // An enumeration stays together: the lines after it stand under it.
        assert_eq!(broken(&[(0, 10), (30, 50), (60, 50), (90, 50)]), ["", "\n", "\n", "\n"]);
    }

    #[test]
    fn columns_come_apart() {
        assert_eq!(broken(&[(0, 10), (30, 10), (0, 500), (30, 500)]), ["", "\n", "\n\n", "\n"]);
    }

    #[test]
    fn one_line_and_none_stay_as_they_are() {
        assert_eq!(broken(&[(0, 10)]), [""]);
        assert_eq!(broken(&[]), [] as [&str; 0]);
    }
}
