//! The window envelope that a letter goes out in. "Cover" is paper; "envelope" in this house is SMTP.
//!
//! Lengths are millimetres. The letter is A4, folded in three at 105 and 210 mm (DIN 5008 form B), so what lies in
//! the cover is 210 × 105. A cover is larger than that, and the letter slides in it: [`Cover::always`] is what the
//! window shows however it lies (the address must be within), [`Cover::ever`] all that it can show (nothing else may
//! be within).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Width and height of the letter as it lies folded.
const FOLDED: (f32, f32) = (210.0, 105.0);
/// The room that an address of six lines of 40 characters needs.
const ROOM_MIN: (f32, f32) = (60.0, 25.0);

/// On which side of the cover the window is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WindowSide {
    #[default]
    Left,
    Right,
}

/// One kind of window envelope.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// Millimetres.
    pub width: f32,
    /// Millimetres.
    pub height: f32,
    /// From the nearer side edge, and from the bottom edge, to the window.
    pub window_edge: f32,
    /// From the bottom edge to the window.
    pub window_bottom: f32,
    /// Millimetres.
    pub window_width: f32,
    /// Millimetres.
    pub window_height: f32,
}

/// A rectangle on the page, from its left and top edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// DIN long (11 × 22 cm) and C6/5 with the window of DIN 680: what fits both fits the common Dutch ones.
pub const USUAL_COVERS: [Cover; 2] = [
    Cover {
        width: 220.0,
        height: 110.0,
        window_edge: 20.0,
        window_bottom: 15.0,
        window_width: 90.0,
        window_height: 35.0,
    },
    Cover {
        width: 229.0,
        height: 114.0,
        window_edge: 20.0,
        window_bottom: 15.0,
        window_width: 90.0,
        window_height: 45.0,
    },
];

impl Cover {
    /// Every measure is a number; a configuration can say `nan` and `inf`.
    fn is_measured(&self) -> bool {
        [self.width, self.height, self.window_edge, self.window_bottom, self.window_width, self.window_height]
            .iter()
            .all(|measure| measure.is_finite())
    }

    /// The window on the cover: its left, top, right and bottom from the cover's left and top edge.
    fn window(&self, side: WindowSide) -> Area {
        let left = match side {
            WindowSide::Left => self.window_edge,
            WindowSide::Right => self.width - self.window_edge - self.window_width,
        };
        let bottom = self.height - self.window_bottom;
        Area { left, top: bottom - self.window_height, right: left + self.window_width, bottom }
    }

    /// How far the letter can slide, to the right and down.
    fn play(&self) -> (f32, f32) {
        ((self.width - FOLDED.0).max(0.0), (self.height - FOLDED.1).max(0.0))
    }

    /// What the window shows of the page however the letter lies.
    fn always(&self, side: WindowSide) -> Area {
        let (window, (across, down)) = (self.window(side), self.play());
        Area { right: window.right - across, bottom: window.bottom - down, ..window }
    }

    /// All that the window can show of the page.
    fn ever(&self, side: WindowSide) -> Area {
        let (window, (across, down)) = (self.window(side), self.play());
        Area { left: window.left - across, top: window.top - down, ..window }
    }
}

/// Where the address stands on the page, and what must be empty around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub side: WindowSide,
    /// The address is within: the window of every kind of cover shows it.
    pub always: Area,
    /// Nothing else is within.
    pub ever: Area,
}

impl Default for Window {
    fn default() -> Self {
        Self::of(WindowSide::default(), &USUAL_COVERS)
    }
}

impl Window {
    /// The place that fits all of these covers.
    pub fn of(side: WindowSide, covers: &[Cover]) -> Self {
        let whole = Area { left: 0.0, top: 0.0, right: FOLDED.0, bottom: FOLDED.1 };
        // The smaller of a number and none would be the number.
        if !covers.iter().all(Cover::is_measured) {
            return Self { side, always: Area { left: 0.0, top: 0.0, right: 0.0, bottom: 0.0 }, ever: whole };
        }
        let (mut always, mut ever) = (whole, None::<Area>);
        for cover in covers {
            let (shown, may) = (cover.always(side), cover.ever(side));
            always = Area {
                left: always.left.max(shown.left),
                top: always.top.max(shown.top),
                right: always.right.min(shown.right),
                bottom: always.bottom.min(shown.bottom),
            };
            ever = Some(ever.map_or(may, |ever| Area {
                left: ever.left.min(may.left),
                top: ever.top.min(may.top),
                right: ever.right.max(may.right),
                bottom: ever.bottom.max(may.bottom),
            }));
        }
        Self { side, always, ever: ever.unwrap_or(whole) }
    }

    /// Why no address fits here, if none does; a sentence for who configures it.
    pub fn fault(&self) -> Option<String> {
        let Area { left, top, right, bottom } = self.always;
        let (width, height) = (right - left, bottom - top);
        let too_small = width < ROOM_MIN.0 || height < ROOM_MIN.1;
        let sound = left >= 0.0 && right <= FOLDED.0;
        // The letterhead is above the window, the subject below it.
        let collides = self.ever.top < 30.0 || self.ever.bottom > FOLDED.1;
        if too_small || !sound {
            return Some(format!(
                "the window shows {width:.0} x {height:.0} mm of the letter for sure; an address needs {} x {} mm",
                ROOM_MIN.0, ROOM_MIN.1
            ));
        }
        collides.then(|| {
            "the window can show what stands between 0 and 30 mm or below 105 mm of the letter".to_owned()
        })
    }
}

/// The Dutch postcode in a line, as `1234AB`: four digits and two letters that stand apart, with at most one blank between
/// them. `B-1000 Bruxelles` has none.
pub fn postcode(line: &str) -> Option<String> {
    let chars: Vec<char> = line.chars().collect();
    (0..chars.len()).find_map(|start| {
        let apart = start == 0 || !(chars[start - 1].is_alphanumeric() || chars[start - 1] == '-');
        let digits = chars.get(start..start + 4)?;
        let blank = usize::from(chars.get(start + 4) == Some(&' '));
        let letters = chars.get(start + 4 + blank..start + 6 + blank)?;
        let ends = !chars.get(start + 6 + blank).is_some_and(|c| c.is_alphanumeric());
        let fits = apart
            && ends
            && digits[0] != '0'
            && digits.iter().all(char::is_ascii_digit)
            && letters.iter().all(char::is_ascii_alphabetic);
        fits.then(|| digits.iter().chain(letters).collect::<String>().to_uppercase())
    })
}

/// By postcode, then street: how post is sorted. What has none comes last.
pub fn postal_order(lines: &[String]) -> (bool, String, Vec<String>) {
    let found = lines.iter().rev().find_map(|line| postcode(line));
    (found.is_none(), found.unwrap_or_default(), lines.iter().skip(1).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_is_sorted_by_postcode() {
        let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let mut all = [
            lines("A|Straat 9|9999 ZZ Ver"),
            lines("B|Rue 1|B-1000 Bruxelles|België"),
            lines("C|Straat 2|1011ab Dichtbij"),
            lines("D|Straat 1|1011 AB Dichtbij"),
        ];
        all.sort_by_cached_key(|lines| postal_order(lines));
        let names: Vec<&str> = all.iter().map(|lines| lines[0].as_str()).collect();
        assert_eq!(names, ["D", "C", "A", "B"]);
    }

    #[test]
    fn the_usual_covers_leave_room_on_either_side() {
        let left = Window::of(WindowSide::Left, &USUAL_COVERS);
        assert_eq!(left.always, Area { left: 20.0, top: 60.0, right: 91.0, bottom: 90.0 });
        assert_eq!(left.ever, Area { left: 1.0, top: 45.0, right: 110.0, bottom: 99.0 });
        let right = Window::of(WindowSide::Right, &USUAL_COVERS);
        assert_eq!(right.always, Area { left: 119.0, top: 60.0, right: 190.0, bottom: 90.0 });
        assert_eq!(right.ever, Area { left: 100.0, top: 45.0, right: 209.0, bottom: 99.0 });
        assert_eq!((left.fault(), right.fault()), (None, None));
    }

    #[test]
    fn a_window_that_shows_no_whole_address_is_a_fault() {
        let small = Cover { window_height: 20.0, ..USUAL_COVERS[0] };
        assert!(Window::of(WindowSide::Left, &[small]).fault().unwrap().contains("80 x 15 mm"));
        let high = Cover { window_bottom: 60.0, ..USUAL_COVERS[0] };
        assert!(Window::of(WindowSide::Left, &[high]).fault().is_some());
        let odd = Cover { width: f32::NAN, ..USUAL_COVERS[0] };
        assert!(Window::of(WindowSide::Right, &[odd]).fault().is_some());
    }
}
