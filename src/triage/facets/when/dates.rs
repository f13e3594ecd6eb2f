//! Dates as people name them: a day of a month, a month, a season, a feast, a year, with or without the year.

use super::words::{day_number, month, season, short_month};
use super::{Hit, Reader, Sense, Span, minus, plus};
use jiff::ToSpan;
use jiff::civil::Date;

impl Reader<'_> {
    /// `12-03-2026`, `12/3/26`, `12.03.2026`, `2026-03-12`; without a year only after "op", "van", "d.d.".
    pub(super) fn numeric(&self, at: usize) -> Option<Hit> {
        let (a, sep) = (self.tokens.get(at)?, self.tokens.get(at + 1)?);
        if !matches!(sep.word.as_ref(), "-" | "/" | ".") || !sep.glued || a.number.is_none() {
            return None;
        }
        let b = self.tokens.get(at + 2).filter(|t| t.glued)?;
        let (first, second) = (a.number?, b.number?);
        let third = match (self.tokens.get(at + 3), self.tokens.get(at + 4)) {
            (Some(again), Some(c)) if again.word == sep.word && again.glued && c.glued => {
                c.number.map(|n| (n, c))
            }
            _ => None,
        };
        let followed = |next: usize| {
            self.tokens.get(next).is_some_and(|t| {
                t.glued && (t.number.is_some() || t.word.chars().all(char::is_alphabetic) || t.word == "-")
            })
        };
        if let Some((third, c)) = third {
            if followed(at + 5) {
                return None;
            }
            let (year, month, day) = match (a.digits, c.digits) {
                (4, _) => (first, second, third),
                (1 | 2, 4) => (third, second, first),
                (1 | 2, 2) => (2000 + third, second, first),
                _ => return None,
            };
            let span = Span::day(date(year, month, day)?);
            return Some(Hit { next: at + 5, span, sense: Sense::At, year_given: true });
        }
        let before = if at == 0 { "" } else { self.word(at - 1) };
        let named = matches!(before, "op" | "van" | "dd" | "d.d" | "sinds" | "vanaf" | "tot");
        if !named || sep.word == "." || b.digits > 2 || a.digits > 2 || followed(at + 3) {
            return None;
        }
        self.hit(at + 3, Span::day(self.past_day(second, first)?))
    }

    /// `15 januari`, `15 jan. 2026`, `1e mei`, `24 januari '26`, `3 juni vorig jaar`, `10 May`.
    pub(super) fn day_month(&self, at: usize) -> Option<Hit> {
        let day = day_number(self.tokens.get(at)?)?;
        let mut next = at + 1;
        if matches!(self.word(next), "e" | "ste" | "de" | "th" | "st" | "nd" | "rd" | "er")
            && self.tokens[next].glued
        {
            next += 1;
        }
        if matches!(self.word(next), "of" | "de") {
            next += 1;
        }
        let name = self.word(next);
        let number = month(name).or_else(|| short_month(name))?;
        next += 1;
        if self.word(next) == "." && short_month(name).is_some() {
            next += 1;
        }
        self.with_year(next, |year| date(year, number, day).map(Span::day))
    }

    /// `May 10`, `January 15th, 2026`.
    pub(super) fn month_day_english(&self, at: usize) -> Option<Hit> {
        let number = month(self.word(at))?;
        let day = day_number(self.tokens.get(at + 1)?)?;
        let mut next = at + 2;
        if matches!(self.word(next), "th" | "st" | "nd" | "rd") {
            next += 1;
        } else if !matches!(
            self.word(at),
            "january" | "february" | "march" | "may" | "june" | "july" | "october"
        ) {
            return None;
        }
        if self.word(next) == "," && self.tokens.get(next + 1).is_some_and(|t| t.digits == 4) {
            next += 1;
        }
        self.with_year(next, |year| date(year, number, day).map(Span::day))
    }

    /// Reads the year that may follow, and otherwise takes the nearest one in the past.
    fn with_year(&self, next: usize, span: impl Fn(u32) -> Option<Span>) -> Option<Hit> {
        if let Some((year, after)) = self.year(next) {
            return Some(Hit { next: after, span: span(year)?, sense: Sense::At, year_given: true });
        }
        let this = u32::try_from(self.received.year()).ok()?;
        // "a.s." and "aanstaande": what is still to come.
        if matches!(self.word(next), "aanstaande" | "as" | "a.s") {
            let span = span(this).filter(|s| s.last >= self.received).or_else(|| span(this + 1))?;
            return Some(Hit { next: next + 1, span, sense: Sense::Ahead, year_given: false });
        }
        let next = if matches!(self.word(next), "jl" | "j.l" | "jongstleden" | "dit jaar" | "ll") {
            next + 1
        } else {
            next
        };
        let span = span(this)
            .filter(|s| s.first <= self.received)
            .or_else(|| span(this - 1))
            .or_else(|| span(this - 2))?;
        self.hit(next, span)
    }

    /// `2026`, `'26`, `van dit jaar`, `vorig jaar`, `van het jaar daarvoor` (not read), after a day, month or season.
    pub(super) fn year(&self, at: usize) -> Option<(u32, usize)> {
        let mut at = at;
        if matches!(self.word(at), "van" | "in" | "of" | "," | "het" | "jaar" | "anno") {
            at += 1;
            if matches!(self.word(at), "het") {
                at += 1;
            }
            if matches!(self.word(at), "jaar") {
                at += 1;
            }
        }
        let token = self.tokens.get(at)?;
        let this = u32::try_from(self.received.year()).ok()?;
        if let Some(number) = token.number {
            if token.digits == 4 && (1940..=this + 1).contains(&number) {
                return Some((number, at + 1));
            }
            return None;
        }
        if matches!(token.word.as_ref(), "'" | "’" | "‘" | "`") {
            let short = self.tokens.get(at + 1).filter(|t| t.digits == 2 && t.glued)?.number?;
            return Some((if 2000 + short <= this + 1 { 2000 + short } else { 1900 + short }, at + 2));
        }
        let following = self.word(at + 1);
        match (token.word.as_ref(), following) {
            ("dit" | "this", "jaar" | "year") => Some((this, at + 2)),
            ("vorig" | "verleden" | "last", "jaar" | "year") => Some((this - 1, at + 2)),
            ("eergisteren", _) => None,
            _ => None,
        }
    }

    /// The nearest such day not after receipt.
    fn past_day(&self, month: u32, day: u32) -> Option<Date> {
        let this = u32::try_from(self.received.year()).ok()?;
        (0..5).filter_map(|back| date(this - back, month, day)).find(|d| *d <= self.received)
    }

    /// `begin maart`, `in mei 2025`, `zomer van 2022`, `vorig jaar zomer`, `eind 2024`, `in 2021`, `carnaval`.
    pub(super) fn part_of_period(&self, at: usize) -> Option<Hit> {
        let (part, mut next) = match self.word(at) {
            "begin" | "early" | "anfang" => (Part::Begin, at + 1),
            "half" | "medio" | "midden" | "mid" | "mitte" => (Part::Middle, at + 1),
            "eind" | "einde" | "late" | "ende" => (Part::End, at + 1),
            _ => (Part::Whole, at),
        };
        if part != Part::Whole && matches!(self.word(next), "van" | "of" | "-") {
            next += 1;
        }
        let this = u32::try_from(self.received.year()).ok()?;
        // "deze maand" and the like after "begin", "eind".
        if part != Part::Whole {
            let back = match (self.word(next), self.word(next + 1)) {
                ("deze" | "this", "maand" | "month") => Some(0),
                ("vorige" | "afgelopen" | "verleden" | "last", "maand" | "month") => Some(1),
                _ => None,
            };
            if let Some(back) = back {
                let day = self.received.checked_sub(i64::from(back).months()).ok()?;
                let span = month_span(u32::try_from(day.year()).ok()?, u32::try_from(day.month()).ok()?)?;
                return self.hit(next + 2, self.clip(part.of(span)));
            }
            let of_year = match (self.word(next), self.word(next + 1)) {
                ("dit" | "this", "jaar" | "year") => Some(this),
                ("vorig" | "verleden" | "last", "jaar" | "year") => Some(this - 1),
                _ => None,
            };
            if let Some(year) = of_year {
                let span = self.clip(part.of(year_span(year)?));
                return Some(Hit { next: next + 2, span, sense: Sense::At, year_given: true });
            }
        }
        // "vorig jaar zomer", "vorig jaar in mei", "vorige zomer", "afgelopen maart", "deze zomer".
        let mut year_before = None;
        let mut last_one = false;
        match (self.word(next), self.word(next + 1)) {
            ("vorig" | "verleden" | "last", "jaar" | "year") if part == Part::Whole => {
                let mut after = next + 2;
                while matches!(
                    self.word(after),
                    "in" | "de" | "het" | "rond" | "," | "begin" | "eind" | "half"
                ) && after < next + 5
                {
                    after += 1;
                }
                if month(self.word(after)).is_some()
                    || season(self.word(after)).is_some()
                    || self.feast_at(after).is_some()
                {
                    year_before = Some(this - 1);
                    next = after;
                }
            }
            ("vorige" | "vorig" | "afgelopen" | "verleden" | "last" | "deze" | "dit" | "this", name) => {
                last_one =
                    month(name).is_some() || season(name).is_some() || self.feast_at(next + 1).is_some();
                next += usize::from(last_one);
            }
            _ => {}
        }
        let name = self.word(next);
        let before = if at == 0 { "" } else { self.word(at - 1) };
        if let Some(number) = month(name) {
            if ambiguous_month(name) && part == Part::Whole && !last_one && !is_time_preposition(before) {
                // "May" alone is a verb; with a year behind it, it is the month.
                self.year(next + 1)?;
            }
            return self.period(next + 1, part, year_before, |year| month_span(year, number));
        }
        if let Some((from, to)) = season(name) {
            if part == Part::Whole && !last_one && year_before.is_none() && !is_season_context(before) {
                // "zomer" alone may be anything ("zomerrooster", a name); a year or a preposition makes it a time.
                self.year(next + 1)?;
            }
            return self.period(next + 1, part, year_before, |year| season_span(year, from, to));
        }
        if let Some((feast, after)) = self.feast_at(next) {
            return self.period(after, part, year_before, |year| feast.span(year));
        }
        // A bare year.
        let token = self.tokens.get(next)?;
        let year = token.number.filter(|n| token.digits == 4 && (1940..=this).contains(n))?;
        let glued_on =
            self.tokens.get(next + 1).is_some_and(|t| t.glued && matches!(t.word.as_ref(), "-" | "/"));
        // "(2020)"
        let bracketed = before == "(" && self.word(next + 1) == ")";
        let placed = part != Part::Whole || is_year_preposition(before) || bracketed;
        if glued_on || (next > 0 && token.glued && !bracketed) || !placed {
            return None;
        }
        let span = self.clip(part.of(year_span(year)?));
        Some(Hit { next: next + 1, span, sense: Sense::At, year_given: true })
    }

    fn period(
        &self,
        next: usize,
        part: Part,
        year: Option<u32>,
        span: impl Fn(u32) -> Option<Span>,
    ) -> Option<Hit> {
        let hit = match year {
            Some(year) => Hit { next, span: span(year)?, sense: Sense::At, year_given: true },
            None => self.with_year(next, span)?,
        };
        let span = if hit.sense == Sense::Ahead { part.of(hit.span) } else { self.clip(part.of(hit.span)) };
        Some(Hit { span, ..hit })
    }

    /// What is told as past cannot lie after receipt.
    fn clip(&self, span: Span) -> Span {
        if span.first <= self.received && span.last > self.received {
            return Span { first: span.first, last: self.received };
        }
        span
    }
}

/// A month whose name is also another word.
fn ambiguous_month(name: &str) -> bool {
    matches!(name, "may" | "march" | "mart")
}

fn is_time_preposition(word: &str) -> bool {
    matches!(
        word,
        "in" | "since" | "until" | "from" | "of" | "by" | "sinds" | "vanaf" | "tot" | "during" | "van"
    )
}

fn is_season_context(word: &str) -> bool {
    matches!(
        word,
        "de" | "het"
            | "in"
            | "sinds"
            | "van"
            | "deze"
            | "dit"
            | "tot"
            | "vanaf"
            | "na"
            | "voor"
            | "the"
            | "this"
            | "ongeveer"
    )
}

fn is_year_preposition(word: &str) -> bool {
    matches!(
        word,
        "in" | "uit"
            | "sinds"
            | "sedert"
            | "vanaf"
            | "tot"
            | "van"
            | "since"
            | "from"
            | "until"
            | "al"
            | "was"
            | "rond"
            | "voor"
            | "seit"
            | "jaar"
            | "anno"
            | "en"
            | "t/m"
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Begin,
    Middle,
    End,
    Whole,
}

impl Part {
    /// The first, middle or last part of a span: about two fifths of it, since people are not exact.
    fn of(self, span: Span) -> Span {
        let days = i64::from(span.first.until(span.last).map_or(0, |s| s.get_days()));
        match self {
            Self::Whole => span,
            Self::Begin => Span { first: span.first, last: plus(span.first, days * 2 / 5) },
            Self::Middle => {
                Span { first: plus(span.first, days * 3 / 10), last: minus(span.last, days * 3 / 10) }
            }
            Self::End => Span { first: minus(span.last, days * 2 / 5), last: span.last },
        }
    }
}

pub(super) fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

pub(super) fn month_span(year: u32, month: u32) -> Option<Span> {
    let first = date(year, month, 1)?;
    Some(Span { first, last: first.last_of_month() })
}

pub(super) fn season_span(year: u32, from: u32, to: u32) -> Option<Span> {
    let end_year = if to < from { year + 1 } else { year };
    Some(Span { first: date(year, from, 1)?, last: date(end_year, to, 1)?.last_of_month() })
}

pub(super) fn year_span(year: u32) -> Option<Span> {
    Some(Span { first: date(year, 1, 1)?, last: date(year, 12, 31)? })
}
