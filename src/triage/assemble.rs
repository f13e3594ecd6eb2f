//! Patterns made into the steps of a [`Machine`].

use super::machine::{ANY, ByteSet, Choice, Class, Machine, Step};
use super::pattern::{ORG_MARK, PLACE_MARK};
use regex_syntax::hir::{Class as HirClass, Hir, HirKind, Look, Repetition};

/// Steps of one machine; what needs more is left to the `regex` crate.
const STEPS_MAX: usize = 8_000;

/// The machine of a pattern; `None` when it holds something that machines do not know.
pub fn assemble(hir: &Hir) -> Option<Machine> {
    // An empty match would be found between any two letters; no rule means that.
    if hir.properties().minimum_len().is_none_or(|least| least == 0) {
        return None;
    }
    let mut machine = Machine { first: first(hir).0, at_edge: begins_at_edge(hir), ..Machine::default() };
    emit(&mut machine, hir, None)?;
    machine.steps.push(Step::Found);
    machine.steps.shrink_to_fit();
    machine.choices.shrink_to_fit();
    machine.letters.shrink_to_fit();
    Some(machine)
}

/// Adds the steps of a part. `after` is the byte that must come next, where that is known.
fn emit(machine: &mut Machine, hir: &Hir, after: Option<u8>) -> Option<()> {
    if machine.steps.len() > STEPS_MAX || machine.choices.len() > STEPS_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => {
            let from = number(machine.letters.len())?;
            machine.letters.extend_from_slice(&literal.0);
            machine.steps.push(Step::Text { from, until: number(machine.letters.len())? });
        }
        HirKind::Class(class) => {
            let class = number(class_of(machine, class)?)?;
            machine.steps.push(Step::One { class });
        }
        HirKind::Look(Look::WordAscii) => machine.steps.push(Step::Edge),
        HirKind::Look(Look::Start) => machine.steps.push(Step::Start),
        HirKind::Look(Look::End) => machine.steps.push(Step::End),
        HirKind::Look(_) => return None,
        HirKind::Repetition(repetition) => repeat(machine, repetition, after)?,
        HirKind::Capture(capture) => {
            if capture.name.as_deref() == Some("org") {
                if !is_mark(&capture.sub) {
                    return None;
                }
                machine.steps.push(Step::Mark);
            }
            emit(machine, &capture.sub, after)?;
        }
        HirKind::Concat(parts) => {
            for (at, part) in parts.iter().enumerate() {
                let further = parts.get(at + 1..).unwrap_or_default();
                let after = further.iter().find(|part| !is_empty(part)).map_or(after, only_first);
                emit(machine, part, after)?;
            }
        }
        HirKind::Alternation(branches) => choose(machine, branches, after)?,
    }
    Some(())
}

fn choose(machine: &mut Machine, branches: &[Hir], after: Option<u8>) -> Option<()> {
    let from = machine.choices.len();
    let until = from + branches.len();
    machine.choices.extend(branches.iter().map(choice));
    machine.steps.push(Step::Choose { from: number(from)?, until: number(until)? });
    let mut ends = Vec::with_capacity(branches.len());
    for (branch, slot) in branches.iter().zip(from..until) {
        lead(machine, slot)?;
        emit(machine, branch, after)?;
        ends.push(machine.steps.len());
        machine.steps.push(Step::Jump { to: 0 });
    }
    let to = number(machine.steps.len())?;
    for end in ends {
        *machine.steps.get_mut(end)? = Step::Jump { to };
    }
    Some(())
}

fn repeat(machine: &mut Machine, repetition: &Repetition, after: Option<u8>) -> Option<()> {
    let sub = &repetition.sub;
    let most = repetition.max;
    if let (HirKind::Class(class), true) = (sub.kind(), repetition.greedy) {
        let known = class_of(machine, class)?;
        let step = Step::Run {
            class: u16::try_from(known).ok()?,
            least: u16::try_from(repetition.min).ok()?,
            most: u16::try_from(most.unwrap_or(u32::from(u16::MAX))).ok()?,
            // Fewer leave a character of the class where another byte must come.
            sure: after.is_some_and(|byte| {
                byte.is_ascii() && !machine.classes.get(known).is_some_and(|class| class.ascii.holds(byte))
            }),
        };
        machine.steps.push(step);
        return Some(());
    }
    let nullable = sub.properties().minimum_len().is_none_or(|least| least == 0);
    if most.is_none() && nullable {
        return None;
    }
    for _ in 0..repetition.min {
        emit(machine, sub, None)?;
    }
    // Once more or on: the order tells which goes first.
    let mut leaving = Vec::new();
    let again = machine.steps.len();
    for _ in repetition.min..most.unwrap_or(repetition.min + 1) {
        let from = machine.choices.len();
        let (once, on) = if repetition.greedy { (from, from + 1) } else { (from + 1, from) };
        machine.choices.extend([Choice { byte: ANY, to: 0 }; 2]);
        *machine.choices.get_mut(once)? = choice(sub);
        machine.steps.push(Step::Choose { from: number(from)?, until: number(from + 2)? });
        lead(machine, once)?;
        leaving.push(on);
        emit(machine, sub, None)?;
    }
    if most.is_none() {
        machine.steps.push(Step::Jump { to: number(again)? });
    }
    for slot in leaving {
        lead(machine, slot)?;
    }
    Some(())
}

/// Leads a choice to the step that comes next.
fn lead(machine: &mut Machine, slot: usize) -> Option<()> {
    machine.choices.get_mut(slot)?.to = number(machine.steps.len())?;
    Some(())
}

fn choice(hir: &Hir) -> Choice {
    Choice { byte: only_first(hir).map_or(ANY, u16::from), to: 0 }
}

/// The byte that a part begins with, when it is always the same.
fn only_first(hir: &Hir) -> Option<u8> {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.first().copied(),
        HirKind::Capture(capture) => only_first(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => only_first(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().find(|part| !is_empty(part)).and_then(only_first),
        HirKind::Alternation(branches) => {
            let mut bytes = branches.iter().map(only_first);
            let byte = bytes.next()??;
            bytes.all(|other| other == Some(byte)).then_some(byte)
        }
        _ => None,
    }
}

/// Does it match no letter, whatever comes?
fn is_empty(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Look(_) | HirKind::Empty)
}

/// The bytes that a part may begin with, and whether it may be nothing.
fn first(hir: &Hir) -> (ByteSet, bool) {
    let mut bytes = ByteSet::default();
    let nothing = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            literal.0.first().into_iter().for_each(|byte| bytes.add(*byte));
            false
        }
        HirKind::Class(HirClass::Unicode(class)) => {
            for range in class.ranges() {
                (0..=0x7f)
                    .filter(|byte| (range.start()..=range.end()).contains(&char::from(*byte)))
                    .for_each(|byte| bytes.add(byte));
                if !range.end().is_ascii() {
                    (0xc2..=0xf4).for_each(|byte| bytes.add(byte));
                }
            }
            false
        }
        HirKind::Class(HirClass::Bytes(_)) => {
            (0..=0xff).for_each(|byte| bytes.add(byte));
            false
        }
        HirKind::Capture(capture) => return first(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (of, nothing) = first(&repetition.sub);
            bytes = of;
            nothing || repetition.min == 0
        }
        HirKind::Concat(parts) => parts.iter().all(|part| {
            let (of, nothing) = first(part);
            bytes.add_all(&of);
            nothing
        }),
        HirKind::Alternation(branches) => branches.iter().fold(false, |before, branch| {
            let (of, nothing) = first(branch);
            bytes.add_all(&of);
            before || nothing
        }),
    };
    (bytes, nothing)
}

fn begins_at_edge(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Look(Look::WordAscii) => true,
        HirKind::Concat(parts) => parts.first().is_some_and(begins_at_edge),
        HirKind::Capture(capture) => begins_at_edge(&capture.sub),
        _ => false,
    }
}

/// The place of a class among those of the machine.
fn class_of(machine: &mut Machine, class: &HirClass) -> Option<usize> {
    let HirClass::Unicode(class) = class else { return None };
    let mut known = Class::default();
    for range in class.ranges() {
        (0..=0x7f)
            .filter(|byte| (range.start()..=range.end()).contains(&char::from(*byte)))
            .for_each(|byte| known.ascii.add(byte));
        if !range.end().is_ascii() {
            known.others.push((range.start().max('\u{80}'), range.end()));
        }
    }
    if let Some(at) = machine.classes.iter().position(|other| *other == known) {
        return Some(at);
    }
    machine.classes.push(known);
    Some(machine.classes.len() - 1)
}

/// Is it the one character that stands for a named body or town?
fn is_mark(hir: &Hir) -> bool {
    let HirKind::Literal(literal) = hir.kind() else { return false };
    [ORG_MARK, PLACE_MARK].iter().any(|mark| mark.encode_utf8(&mut [0; 4]).as_bytes() == literal.0.as_ref())
}

fn number(place: usize) -> Option<u32> {
    u32::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::machine::Found;
    use regex::Regex;

    fn machine(pattern: &str) -> Machine {
        assemble(&regex_syntax::parse(pattern).unwrap()).unwrap()
    }

    #[test]
    fn a_machine_answers_as_the_regular_expression() {
        let texts = [
            "zij belde gisteren, weer niet terug en belt nooit terug",
            "het \u{e000} belt en \u{e000} mailt niet; \u{e000} had gebeld",
            "de gemeentelijke diensten: 12 weken, 3-maanden, 123 weken",
            "geachte mevrouw, beste heer",
            "beste heer niet nooit niet terug nooit",
            "één keer bélt de sociale dienst, niet",
            "",
        ];
        for pattern in [
            r"(?-u:\b)(?:bel(t|de)|mail(t|de))[,;.]* (?:[^ ]+ ){0,6}(niet|nooit) terug",
            r"(?-u:\b)(bel|belt|belde)( nooit| weer niet)? (?:[^ ]+ ){0,2}terug",
            "(?<org>\u{e000}) (?:[^ ]+ ){0,3}(belt|gebeld)",
            "((?<org>\u{e000})|het) (belt|\u{e000}) (en|belt)",
            r"(?-u:\b)gemeente[0-9a-z_]*(?-u:\b)",
            r"[0-9a-z_]*dienst(en)?",
            r"(?-u:\b)[0-9]{1,2}[ -](weken|maanden)",
            r"(belt|(heeft|had) gebeld ?){1,2}",
            r"^(geachte|beste) .{0,6}?(heer|vrouw)",
            r"(niet|nooit)$",
            r"(nooit |niet ?)+",
            r"[^ ,]+, (niet|weer)",
            r"één( keer)+ b[^a-z]lt",
            r"(e|ee|r)*(er|t) ",
        ] {
            let (machine, regex) = (machine(pattern), Regex::new(pattern).unwrap());
            for text in texts {
                for from in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                    let mut places = regex.capture_locations();
                    let found = regex.captures_read_at(&mut places, text, from).map(|found| Found {
                        range: found.range(),
                        mark: regex
                            .capture_names()
                            .position(|name| name == Some("org"))
                            .and_then(|nth| places.get(nth))
                            .map(|(start, _)| start),
                    });
                    assert_eq!(machine.find_at(text, from), Ok(found), "{pattern} in {text:?} from {from}");
                }
            }
        }
    }

    #[test]
    fn a_machine_gives_up_in_time() {
        assert!(assemble(&regex_syntax::parse("(niet)?").unwrap()).is_none());
        assert!(machine("(a|aa){1,60}b").find_at(&"a".repeat(400), 0).is_err());
    }
}
