//! Times reckoned back from the date of receipt: durations, "vorige week", "gisteren", weekdays.

use super::amounts::Amount;
use super::dates::{month_span, year_span};
use super::words::{
    Fuzz, Token, count_word, day_number, fuzz_word, month, season, short_month, unit, weekday,
};
use super::{Hit, Reader, Sense, Span, minus};
use jiff::ToSpan;

impl Reader<'_> {
    /// `3 maanden geleden`, `een half jaar terug`, `al 14 weken`, `sinds twee weken`, `de afgelopen 3 maanden`.
    pub(super) fn duration(&self, at: usize) -> Option<Hit> {
        let (amount, mut next) = self.amount(at)?;
        // "geleden" may stand after "nu" or "inmiddels" or "alweer".
        let behind = self.word(next);
        let ago = matches!(behind, "geleden" | "terug" | "ago" | "her" | "earlier")
            || (matches!(behind, "of" | "nu" | "alweer" | "inmiddels" | "dus" | "al")
                && matches!(self.word(next + 1), "geleden" | "terug" | "ago"));
        if ago {
            next += if matches!(behind, "geleden" | "terug" | "ago" | "her" | "earlier") { 1 } else { 2 };
            return Some(Hit {
                next,
                span: Span::ago(self.received, amount.least, amount.most),
                sense: Sense::At,
                year_given: amount.years,
            });
        }
        let vor = at > 0 && self.word(at - 1) == "vor";
        if vor {
            return self.hit(next, Span::ago(self.received, amount.least, amount.most));
        }
        let mut before = at;
        let mut since = false;
        for _ in 0..3 {
            if before == 0 {
                break;
            }
            match self.word(before - 1) {
                "al" | "reeds" | "sinds" | "sedert" | "inmiddels" | "thans" | "since" | "for" | "seit"
                | "ondertussen" | "intussen" | "afgelopen" | "nu" | "alweer" => since = true,
                "de" | "ruim" | "bijna" | "ongeveer" | "zo'n" | "zon" | "meer" | "dan" | "the" | "past"
                | "last" | "weer" => {}
                _ => break,
            }
            before -= 1;
        }
        if matches!(behind, "lang" | "wachten" | "later" | "daarna" | "nadien") && !since {
            return None;
        }
        if !since {
            return None;
        }
        // "lang" after it belongs to it.
        if behind == "lang" {
            next += 1;
        }
        Some(Hit {
            next,
            span: Span::ago(self.received, amount.least, amount.most),
            sense: Sense::Since,
            year_given: amount.years,
        })
    }

    /// A number of units: `14 weken`, `anderhalf jaar`, `een paar maanden`, `ruim 3 maanden`, `een week of zes`.
    pub(super) fn amount(&self, at: usize) -> Option<(Amount, usize)> {
        let mut next = at;
        let mut fuzz = fuzz_word(self.word(next));
        if fuzz.is_some() {
            next += 1;
            if self.word(next) == "dan" {
                next += 1;
            }
        }
        // "een week of zes", "een maand of 3".
        if matches!(self.word(next), "een" | "'n" | "n")
            && self.word(next + 2) == "of"
            && let (Some(unit), Some(token)) = (unit(self.word(next + 1)), self.tokens.get(next + 3))
            && let Some(count) = token.number.map(f64::from).or_else(|| count_word(&token.word))
        {
            return Some((Amount::new(count, unit, Some(Fuzz::About)), next + 4));
        }
        if matches!(self.word(next), "een" | "'n" | "n" | "a" | "the") {
            match self.word(next + 1) {
                "half" | "halve" | "paar" | "aantal" | "jaartje" | "kleine" | "goede" | "few" | "couple"
                | "dikke" | "anderhalf" => next += 1,
                _ => {}
            }
        }
        if let Some(more) = fuzz_word(self.word(next)) {
            fuzz = Some(more);
            next += 1;
        }
        let word = self.word(next);
        if matches!(
            word,
            "paar"
                | "aantal"
                | "enkele"
                | "enige"
                | "few"
                | "couple"
                | "several"
                | "verschillende"
                | "meerdere"
        ) {
            let after = if self.word(next + 1) == "of" { next + 2 } else { next + 1 };
            let unit = unit(self.word(after))?;
            return Some((Amount::few(unit), after + 1));
        }
        let token = self.tokens.get(next)?;
        // "weken geleden", "jaren terug": several, without a number.
        if fuzz.is_none() && matches!(self.word(next + 1), "geleden" | "terug" | "ago" | "lang") {
            let plural = matches!(
                word,
                "dagen" | "weken" | "maanden" | "jaren" | "days" | "weeks" | "months" | "years" | "tijden"
            );
            if plural && (at == 0 || count_word(self.word(at - 1)).is_none()) {
                return Some((Amount::many(unit(word)?), next + 1));
            }
        }
        let mut count =
            token.number.map(f64::from).filter(|_| token.digits <= 3).or_else(|| count_word(word));
        if let (Some(whole), Some(",") | Some(".")) =
            (token.number, self.tokens.get(next + 1).map(|t| t.word.as_ref()))
        {
            // "2,5 jaar"
            if let Some(tenth) =
                self.tokens.get(next + 2).filter(|t| t.glued && t.digits == 1).and_then(|t| t.number)
            {
                count = Some(f64::from(whole) + f64::from(tenth) / 10.0);
                next += 2;
            }
        }
        let count = count?;
        next += 1;
        // "drie à vier weken", "3-4 weken", "twee of drie maanden".
        let mut most = count;
        if matches!(self.word(next), "à" | "a" | "of" | "-" | "tot") {
            let other = self.tokens.get(next + 1);
            let other = other.and_then(|t| t.number.map(f64::from).or_else(|| count_word(&t.word)));
            if let Some(other) = other.filter(|_| unit(self.word(next + 2)).is_some()) {
                most = other.max(count);
                next += 2;
            }
        }
        if matches!(self.word(next), "volle" | "hele" | "lange" | "long" | "kalender" | "werk") {
            next += 1;
        }
        let unit = unit(self.word(next))?;
        let mut amount = Amount::new(count, unit, fuzz);
        if most > count {
            amount.most = Amount::new(most, unit, fuzz).most;
        }
        Some((amount, next + 1))
    }

    /// `vorige week dinsdag`, `gisteren`, `vorige maand`, `afgelopen dinsdag`, `vandaag`, `last week`.
    pub(super) fn relative(&self, at: usize) -> Option<Hit> {
        let received = self.received;
        let two = (self.word(at), self.word(at + 1));
        let span = match two.0 {
            "gisteren" | "gisteravond" | "gisterochtend" | "gistermiddag" | "yesterday" | "gestern" => {
                Some(Span::ago(received, 1, 3))
            }
            "eergisteren" => Some(Span::ago(received, 2, 4)),
            "vandaag" | "vanochtend" | "vanmorgen" | "vanmiddag" | "vannacht" | "today" | "zojuist"
            | "zonet" | "heute" => Some(Span::ago(received, 0, 2)),
            "onlangs" | "laatst" | "recent" | "recently" => Some(Span::ago(received, 1, 90)),
            _ => None,
        };
        if let Some(span) = span {
            // "vandaag een week geleden" is read by its second half.
            if self.amount(at + 1).is_some_and(|(_, next)| matches!(self.word(next), "geleden" | "terug")) {
                return None;
            }
            return self.hit(at + 1, span);
        }
        let monday = minus(received, i64::from(received.weekday().to_monday_zero_offset()));
        let (span, years) = match two {
            (
                "vorige" | "verleden" | "last" | "letzte" | "voorige" | "foreige",
                "week" | "weekend" | "woche",
            ) => (Span { first: minus(monday, 9), last: minus(monday, 1) }, false),
            ("afgelopen", "week") => (Span::ago(received, 0, 10), false),
            ("afgelopen" | "dit", "weekend") => (Span::ago(received, 1, 8), false),
            ("deze" | "this", "week") => (Span { first: minus(monday, 2), last: received }, false),
            ("vorige" | "verleden" | "last", "maand" | "month") => {
                let day = received.checked_sub(1.month()).ok()?;
                (month_span(u32::try_from(day.year()).ok()?, u32::try_from(day.month()).ok()?)?, false)
            }
            ("afgelopen", "maand" | "maanden") => (Span::ago(received, 0, 61), false),
            ("deze" | "this", "maand" | "month") => {
                (Span::ago(received, 0, i64::from(received.day()) + 2), false)
            }
            ("vorig" | "verleden" | "last", "jaar" | "year") => {
                (year_span(u32::try_from(received.year()).ok()? - 1)?, true)
            }
            ("afgelopen", "jaar" | "jaren") => (Span::ago(received, 0, 370), false),
            ("dit" | "this", "jaar" | "year") => {
                (Span { first: year_span(u32::try_from(received.year()).ok()?)?.first, last: received }, true)
            }
            _ => return None,
        };
        // "vorig jaar zomer" and "vorig jaar in mei" are read as a part of a year.
        if years && matches!(two.0, "vorig" | "verleden" | "last") {
            let named = (at + 2..at + 5).find(|&i| {
                month(self.word(i)).is_some() || season(self.word(i)).is_some() || self.feast_at(i).is_some()
            });
            if let Some(named) = named {
                let between =
                    (at + 2..named).all(|i| matches!(self.word(i), "in" | "de" | "het" | "rond" | ","));
                if between {
                    return None;
                }
            }
        }
        let mut next = at + 2;
        if weekday(self.word(next)).is_some() {
            next += 1;
        }
        Some(Hit { next, span, sense: Sense::At, year_given: years })
    }

    /// `dinsdag`, `afgelopen dinsdag`, `vrijdagmiddag`; with a date behind it the date is read instead.
    pub(super) fn weekday(&self, at: usize) -> Option<Hit> {
        let (day, mut next) = match weekday(self.word(at)) {
            Some(day) => (day, at + 1),
            None if matches!(self.word(at), "afgelopen" | "vorige" | "verleden" | "last") => {
                (weekday(self.word(at + 1))?, at + 2)
            }
            None => return None,
        };
        if self.word(at) == "komende"
            || (at > 0
                && matches!(
                    self.word(at - 1),
                    "komende" | "aanstaande" | "elke" | "iedere" | "tot" | "voor" | "vóór"
                ))
        {
            return None;
        }
        if day_number_follows(self.tokens, next)
            || self.amount(next).is_some_and(|(_, n)| matches!(self.word(n), "geleden" | "terug"))
        {
            return None;
        }
        if matches!(self.word(next), "jl" | "j.l" | "jongstleden") {
            next += 1;
        }
        let back = day.until(self.received.weekday());
        let last = minus(self.received, i64::from(back));
        self.hit(next, Span { first: minus(last, 7), last })
    }
}

fn day_number_follows(tokens: &[Token<'_>], at: usize) -> bool {
    let is_day = tokens.get(at).and_then(day_number).is_some();
    is_day && tokens.get(at + 1).is_some_and(|t| month(&t.word).is_some() || short_month(&t.word).is_some())
}
