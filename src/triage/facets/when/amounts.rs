//! How many days a duration means, from least to most.

use super::words::{Fuzz, Unit};

/// A duration in days, from least to most.
pub(super) struct Amount {
    pub least: i64,
    pub most: i64,
    /// Told in years, so that it says something about a year.
    pub years: bool,
}

impl Amount {
    /// People round down: "drie weken" is three weeks and up to six days more.
    pub fn new(count: f64, unit: Unit, fuzz: Option<Fuzz>) -> Self {
        let length = unit.days();
        let exact = count * length;
        let slack = match unit {
            Unit::Day => 1.0,
            Unit::Week => 6.0,
            // "een maand geleden" stays under six weeks, "twee maanden" does not reach three.
            Unit::Month => 11.0,
            Unit::Quarter => 21.0,
            Unit::Year => 60.0_f64.min(exact * 0.15),
        };
        let (least, most) = match fuzz {
            None if unit == Unit::Month => (exact - 4.0 * count.min(3.0), exact + slack * count.min(2.0)),
            None if unit == Unit::Year => (exact - 15.0, exact + slack),
            None => (exact, exact + slack),
            Some(Fuzz::More) => (exact + 1.0, exact + slack.max(exact * 0.4)),
            Some(Fuzz::Less) => (exact * 0.8, exact - 1.0),
            Some(Fuzz::About) => (exact * 0.8, exact * 1.25),
        };
        #[allow(clippy::cast_possible_truncation)] // days of a human life fit
        Self { least: least as i64, most: most as i64, years: unit == Unit::Year }
    }

    /// "een paar weken", "enkele maanden".
    pub fn few(unit: Unit) -> Self {
        let (least, most) = match unit {
            Unit::Day => (2, 10),
            Unit::Week => (14, 41),
            Unit::Month => (50, 180),
            Unit::Quarter => (150, 400),
            Unit::Year => (600, 2500),
        };
        Self { least, most, years: unit == Unit::Year }
    }

    /// "weken geleden", "jaren terug".
    pub fn many(unit: Unit) -> Self {
        let (least, most) = match unit {
            Unit::Day => (2, 20),
            Unit::Week => (14, 90),
            Unit::Month => (55, 350),
            Unit::Quarter => (160, 900),
            Unit::Year => (700, 7300),
        };
        Self { least, most, years: unit == Unit::Year }
    }
}
