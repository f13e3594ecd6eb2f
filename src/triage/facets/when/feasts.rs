//! Feasts and school holidays as days, and moments told beside them: "vlak na Pasen", "een week voor kerst".

use super::amounts::Amount;
use super::dates::{date, season_span};
use super::words::{month, season, weekday};
use super::{Hit, Reader, Sense, Span, minus, plus};
use crate::record::easter;

/// How a feast is reckoned.
#[derive(Clone, Copy)]
pub(super) enum Feast {
    /// First month and day, last month and day; the last lies in the next year when it is the earlier one.
    Fixed(u32, u32, u32, u32),
    /// Days after Easter Sunday.
    Easter(i64, i64),
    /// Days after the end of Ramadan, and how many days it lasts.
    Moon(i64, i64),
}

/// The end of Ramadan, which the moon moves eleven days a year: years of which it is known.
const END_OF_RAMADAN: &[(u32, u32, u32)] = &[
    (2023, 4, 21),
    (2024, 4, 10),
    (2025, 3, 30),
    (2026, 3, 20),
    (2027, 3, 10),
    (2028, 2, 27),
    (2029, 2, 15),
];

pub(super) fn feast(word: &str) -> Option<Feast> {
    Some(match word {
        "driekoningen" => Feast::Fixed(1, 6, 1, 6),
        "nieuwjaar" | "nieuwjaarsdag" => Feast::Fixed(1, 1, 1, 1),
        "valentijn" | "valentijnsdag" => Feast::Fixed(2, 14, 2, 14),
        "voorjaarsvakantie" | "krokusvakantie" | "carnavalsvakantie" => Feast::Fixed(2, 12, 3, 8),
        "koningsdag" | "koningsnacht" => Feast::Fixed(4, 26, 4, 27),
        "meivakantie" => Feast::Fixed(4, 18, 5, 10),
        "dodenherdenking" => Feast::Fixed(5, 4, 5, 4),
        "bevrijdingsdag" => Feast::Fixed(5, 5, 5, 5),
        "moederdag" => Feast::Fixed(5, 8, 5, 14),
        "vaderdag" => Feast::Fixed(6, 15, 6, 21),
        "bouwvak" | "bouwvakvakantie" => Feast::Fixed(7, 10, 8, 28),
        "prinsjesdag" => Feast::Fixed(9, 15, 9, 21),
        "dierendag" => Feast::Fixed(10, 4, 10, 4),
        "herfstvakantie" => Feast::Fixed(10, 10, 10, 31),
        "allerheiligen" => Feast::Fixed(11, 1, 11, 1),
        "sinterklaas" | "pakjesavond" | "sinterklaasavond" => Feast::Fixed(12, 5, 12, 5),
        "kerst" | "kerstmis" | "kerstavond" | "kerstdagen" | "christmas" | "weihnachten" | "kerstdag"
        | "xmas" | "noel" | "navidad" => Feast::Fixed(12, 24, 12, 26),
        "kerstvakantie" | "kerstreces" | "feestdagen" => Feast::Fixed(12, 19, 1, 5),
        "oudejaar" | "oudejaarsdag" | "oudejaarsavond" | "oudejaarsnacht" | "oudjaar" => {
            Feast::Fixed(12, 31, 12, 31)
        }
        "jaarwisseling" => Feast::Fixed(12, 31, 1, 1),
        "carnaval" => Feast::Easter(-50, -46),
        "aswoensdag" => Feast::Easter(-46, -46),
        "palmpasen" | "palmzondag" => Feast::Easter(-7, -7),
        "pasen" | "paasdagen" | "paasdag" | "paasweekend" | "paasmaandag" | "paaszondag" | "easter"
        | "ostern" | "paques" | "pascua" => Feast::Easter(0, 1),
        "hemelvaart" | "hemelvaartsdag" | "hemelvaartdag" | "hemelvaartsweekend" => Feast::Easter(39, 39),
        "pinksteren" | "pinksterdagen" | "pinksterdag" | "pinksterweekend" | "pinkstermaandag"
        | "pentecost" | "pfingsten" => Feast::Easter(49, 50),
        "ramadan" => Feast::Moon(-29, 29),
        "suikerfeest" => Feast::Moon(0, 1),
        "offerfeest" => Feast::Moon(68, 1),
        _ => return None,
    })
}

impl Feast {
    /// Its days in a year.
    pub fn span(self, year: u32) -> Option<Span> {
        match self {
            Self::Fixed(m1, d1, m2, d2) => {
                let until = if m2 < m1 { year + 1 } else { year };
                Some(Span { first: date(year, m1, d1)?, last: date(until, m2, d2)? })
            }
            Self::Easter(from, until) => {
                let sunday = easter(date(year, 1, 1)?.year());
                Some(Span { first: plus(sunday, from), last: plus(sunday, until) })
            }
            Self::Moon(from, days) => {
                let (_, month, day) = END_OF_RAMADAN.iter().find(|(known, ..)| *known == year)?;
                let first = plus(date(year, *month, *day)?, from);
                Some(Span { first, last: plus(first, days) })
            }
        }
    }
}

/// Days after "na", "voor" and a feast when nothing says how many.
const NEAR_DAYS: i64 = 10;
const AROUND_DAYS: i64 = 28;

impl Reader<'_> {
    /// A feast of one or more words, and the token after it: `Pasen`, `oud en nieuw`, `Goede Vrijdag`.
    pub(super) fn feast_at(&self, at: usize) -> Option<(Feast, usize)> {
        let words = (self.word(at), self.word(at + 1), self.word(at + 2));
        match words {
            ("oud" | "oudjaar", "en" | "op", "nieuw" | "nieuwjaar") => {
                return Some((Feast::Fixed(12, 31, 1, 1), at + 3));
            }
            ("goede", "vrijdag", _) => return Some((Feast::Easter(-2, -2), at + 2)),
            ("witte", "donderdag", _) => return Some((Feast::Easter(-3, -3), at + 2)),
            ("sint" | "st", "maarten", _) => return Some((Feast::Fixed(11, 11, 11, 11), at + 2)),
            ("eerste" | "tweede" | "1e" | "2e", _, _) if words.1.ends_with("dag") => {
                return feast(words.1).map(|feast| (feast, at + 2));
            }
            _ => {}
        }
        feast(words.0).map(|feast| (feast, at + 1))
    }

    /// `vlak na Pasen`, `een week voor kerst`, `de dinsdag na Pinksteren`, `na de zomervakantie`, `voor de kerst`,
    /// `drie dagen na 2 maart`.
    pub(super) fn beside(&self, at: usize) -> Option<Hit> {
        let (near, preposition) = self.nearness(at)?;
        let after = match self.word(preposition) {
            "na" | "after" | "nach" => true,
            "voor" | "vóór" | "voór" | "before" | "vor" => false,
            _ => return None,
        };
        let mut named = preposition + 1;
        while matches!(
            self.word(named),
            "de" | "het" | "the" | "die" | "deze" | "afgelopen" | "eerste" | "'t"
        ) && named < preposition + 3
            && self.feast_at(named).is_none()
        {
            named += 1;
        }
        let moment = if let Some((feast, next)) = self.feast_at(named) {
            Some((next, Moment::Feast(feast)))
        } else if let Some((from, to)) = season(self.word(named)) {
            Some((named + 1, Moment::Season(from, to)))
        } else if near.is_some() {
            self.numeric(named)
                .or_else(|| self.day_month(named))
                .map(|hit| (hit.next, Moment::Days(hit.span)))
        } else {
            None
        };
        let (mut next, moment) = moment?;
        let mut of_year = None;
        if let Some((year, after_year)) = self.year(next) {
            (of_year, next) = (Some(year), after_year);
        }
        let (least, most) = near.unwrap_or((1, AROUND_DAYS));
        let beside = |span: Span| {
            if after {
                Span { first: plus(span.last, least), last: plus(span.last, most) }
            } else {
                Span { first: minus(span.first, most), last: minus(span.first, least) }
            }
        };
        let this = u32::try_from(self.received.year()).ok()?;
        let years = of_year.map_or([this, this - 1, this - 2], |year| [year; 3]);
        let span = years
            .into_iter()
            .filter_map(|year| moment.span(year))
            .map(beside)
            .find(|span| span.first <= self.received)?;
        let span = Span { first: span.first, last: span.last.min(self.received) };
        Some(Hit { next, span, sense: Sense::At, year_given: of_year.is_some() })
    }

    /// How near to what is named after "na" or "voor", in days, and the token of that word.
    fn nearness(&self, at: usize) -> Option<(Option<(i64, i64)>, usize)> {
        let here = self.word(at);
        if matches!(here, "na" | "voor" | "vóór" | "voór" | "after" | "before") {
            // "drie weken voor kerst" is read from its first word, "al voor Pasen" from "voor".
            return Some((None, at));
        }
        if matches!(
            here,
            "vlak"
                | "kort"
                | "net"
                | "direct"
                | "meteen"
                | "gelijk"
                | "onmiddellijk"
                | "even"
                | "just"
                | "shortly"
        ) {
            return Some((Some((1, NEAR_DAYS)), at + 1));
        }
        if matches!(here, "de" | "the" | "daags" | "week") {
            let (word, next) =
                if here == "de" || here == "the" { (self.word(at + 1), at + 2) } else { (here, at + 1) };
            return match word {
                "dag" | "day" | "avond" | "ochtend" | "daags" => Some((Some((1, 1)), next)),
                "week" => Some((Some((1, 9)), next)),
                "maand" => Some((Some((1, 35)), next)),
                _ => weekday(word).map(|_| (Some((1, 7)), next)),
            };
        }
        if weekday(here).is_some() {
            return Some((Some((1, 7)), at + 1));
        }
        let (amount, next) = self.amount(at)?;
        let Amount { least, most, .. } = amount;
        Some((Some((least - least.min(2), most)), next))
    }

    /// `de eerste week van mei`, `laatste week van januari`, `tweede helft van juli`.
    pub(super) fn week_of_month(&self, at: usize) -> Option<Hit> {
        let nth = match self.word(at) {
            "eerste" | "1e" | "first" => 0,
            "tweede" | "2e" | "second" => 1,
            "derde" | "3e" | "third" => 2,
            "laatste" | "last" => 3,
            _ => return None,
        };
        let length = match self.word(at + 1) {
            "week" | "weekend" | "dagen" => 7,
            "helft" => 15,
            _ => return None,
        };
        if !matches!(self.word(at + 2), "van" | "of" | "in") || month(self.word(at + 3)).is_none() {
            return None;
        }
        let whole = self.part_of_period(at + 3)?;
        let last = nth == 3;
        let first =
            if last { minus(whole.span.last, length - 1) } else { plus(whole.span.first, nth * length) };
        let span = Span { first, last: plus(first, length).min(self.received.max(first)) };
        Some(Hit { span, ..whole })
    }
}

/// What a moment is told beside.
enum Moment {
    Feast(Feast),
    Season(u32, u32),
    Days(Span),
}

impl Moment {
    fn span(&self, year: u32) -> Option<Span> {
        match self {
            Self::Feast(feast) => feast.span(year),
            Self::Season(from, to) => season_span(year, *from, *to),
            Self::Days(span) => Some(*span),
        }
    }
}

/// Days after something told before: `een week later`, `dezelfde dag`, `de volgende dag`, `drie dagen daarna`.
pub(super) fn days_later(reader: &Reader<'_>) -> Option<(i64, i64)> {
    (0..reader.tokens.len()).find_map(|at| {
        let (here, next) = (reader.word(at), reader.word(at + 1));
        match (here, next) {
            (
                "dezelfde" | "diezelfde" | "zelfde",
                "dag" | "avond" | "middag" | "ochtend" | "week" | "nacht",
            )
            | ("same", "day" | "week" | "evening") => return Some((0, if next == "week" { 7 } else { 1 })),
            ("volgende" | "andere" | "next", "dag" | "ochtend" | "morgen" | "day" | "morning") => {
                return Some((1, 2));
            }
            ("dag", "erna" | "daarna" | "later" | "erop") | ("daags", "erna" | "daarna") => {
                return Some((1, 2));
            }
            ("week", "erna" | "daarna" | "later" | "erop") => return Some((5, 10)),
            ("maand", "erna" | "daarna" | "later" | "erop") => return Some((20, 40)),
            ("meteen" | "direct" | "gelijk" | "onmiddellijk", _) => return Some((0, 4)),
            _ => {}
        }
        let (amount, after) = reader.amount(at)?;
        let later = matches!(reader.word(after), "later" | "daarna" | "erna" | "nadien" | "erop" | "na");
        later.then_some((amount.least, amount.most))
    })
}
