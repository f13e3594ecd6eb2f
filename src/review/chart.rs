//! Pictures of figures, reckoned here and drawn by the template as SVG: bars beside each other over time, and one bar a row.
//!
//! Invariant: a picture never stands alone; the same numbers stand in a table, and every bar has its words.

use serde::Serialize;

/// Size of the picture over time, in its own units: it is scaled to the page.
const WIDTH: u64 = 960;
const HEIGHT: u64 = 220;
/// Room for the numbers at the left and the dates below.
const LEFT: u64 = 44;
const BELOW: u64 = 24;
const ABOVE: u64 = 8;
/// Width of a whole bar in a table, in units of its picture.
pub const BAR: u64 = 200;

/// Bars over time, two kinds on top of each other.
#[derive(Debug, Serialize)]
pub struct OverTime {
    width: u64,
    height: u64,
    left: u64,
    right: u64,
    /// Where the names of the steps stand.
    names_at: u64,
    lines: Vec<Line>,
    bars: Vec<Bar>,
    names: Vec<Name>,
}

/// A line across, with its number.
#[derive(Debug, Serialize)]
struct Line {
    y: u64,
    number: u64,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    /// 0: the lower kind.
    kind: usize,
    words: String,
}

#[derive(Debug, Serialize)]
struct Name {
    x: u64,
    text: String,
}

/// One step of time.
#[derive(Debug)]
pub struct Step {
    /// Under the bar, where there is room.
    pub short: String,
    pub long: String,
    pub counts: [u64; 2],
}

impl OverTime {
    /// `kinds`: what the two kinds are called. `None`: nothing to draw.
    pub fn of(steps: &[Step], kinds: [&str; 2]) -> Option<OverTime> {
        let most = steps.iter().map(|step| step.counts.iter().sum::<u64>()).max().filter(|most| *most > 0)?;
        let top = round_up(most);
        let room = HEIGHT - BELOW - ABOVE;
        let count = u64::try_from(steps.len()).unwrap_or(u64::MAX).max(1);
        let pitch = |index: usize| u64::try_from(index).unwrap_or(0) * (WIDTH - LEFT) / count + LEFT;
        let width = ((WIDTH - LEFT) / count).saturating_sub(3).clamp(2, 60);
        let high = |number: u64| number * room / top;
        let mut bars = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let mut below = 0;
            for (kind, number) in step.counts.into_iter().enumerate().filter(|(_, number)| *number > 0) {
                // What is there is seen.
                let height = high(number).max(1);
                let y = (HEIGHT - BELOW).saturating_sub(below + height);
                below += height;
                let words = format!("{}: {number} {}", step.long, kinds[kind]);
                bars.push(Bar { x: pitch(index), y, width, height, kind, words });
            }
        }
        let every = steps.len().div_ceil(13).max(1);
        let names = steps
            .iter()
            .enumerate()
            .step_by(every)
            .map(|(index, step)| Name { x: pitch(index) + width / 2, text: step.short.clone() });
        let lines = (0..=4)
            .map(|part| top * part / 4)
            .map(|number| Line { y: HEIGHT - BELOW - high(number), number });
        let mut lines: Vec<Line> = lines.collect();
        lines.dedup_by_key(|line| line.number);
        Some(OverTime {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: WIDTH,
            names_at: HEIGHT - 6,
            lines,
            bars,
            names: names.collect(),
        })
    }
}

/// The next number that people count by, and that four lines divide.
fn round_up(most: u64) -> u64 {
    let mut unit = 1;
    loop {
        for step in [4, 8, 12, 20, 40] {
            if step * unit >= most {
                return step * unit;
            }
        }
        unit *= 10;
    }
}

/// A row of a table with its bar.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub count: u64,
    /// `12 %` of all.
    pub share: String,
    /// Of [`BAR`].
    pub bar: u64,
}

/// `of`: what is the whole; the longest bar is that of the largest count.
pub fn rows(counts: impl IntoIterator<Item = (String, u64)>, of: u64) -> Vec<Row> {
    let counts: Vec<(String, u64)> = counts.into_iter().collect();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let row = |(name, count): (String, u64)| Row {
        name,
        count,
        share: percent(count, of),
        bar: if count == 0 { 0 } else { (count * BAR / most).max(1) },
    };
    counts.into_iter().map(row).collect()
}

/// `12 %`, `< 1 %`, `–` of nothing.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    match (part * 100 + whole / 2) / whole {
        0 if part > 0 => "< 1 %".to_owned(),
        100 if part < whole => "> 99 %".to_owned(),
        share => format!("{share} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_honest_at_both_ends() {
        let all: Vec<String> = [(0, 0), (0, 7), (1, 1000), (999, 1000), (1, 2), (7, 7)]
            .map(|(part, whole)| percent(part, whole))
            .into();
        assert_eq!(all, ["–", "0 %", "< 1 %", "> 99 %", "50 %", "100 %"]);
    }

    #[test]
    fn bars_stay_within_the_picture_and_stand_on_each_other() {
        let step = |counts| Step { short: "1".into(), long: "week 1".into(), counts };
        assert!(OverTime::of(&[], ["a", "b"]).is_none());
        assert!(OverTime::of(&[step([0, 0])], ["a", "b"]).is_none());
        for steps in [1, 12, 53, 400] {
            let steps: Vec<Step> = (0..steps).map(|number| step([number * 7 % 31, 1])).collect();
            let drawn = OverTime::of(&steps, ["mails", "brieven"]).unwrap();
            for bar in &drawn.bars {
                assert!(bar.x + bar.width <= WIDTH && bar.y + bar.height <= HEIGHT - BELOW, "{bar:?}");
                assert!(bar.height > 0);
            }
            assert!(drawn.names.len() <= 14);
            assert_eq!(drawn.lines.first().map(|line| line.number), Some(0));
        }
    }
}
