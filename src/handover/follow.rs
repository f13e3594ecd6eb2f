//! What happens to cases, as the journal tells it, turned into notes: which is to be handed over, which not any more, and what happened to one
//! that was.
//!
//! Invariant: pure; a note that names a zaak is never forgotten but when the case was destroyed, so nothing is left there unseen.

use super::notes::{Note, Step};
use crate::config::HandedDecisions;
use crate::record::{News, NewsKind, Verdict};

/// What becomes of the note of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Put(Note),
    Forget,
}

/// What a piece of news does to what is known of its case.
pub(super) fn follow(news: &News, known: Option<&Note>, decisions: &HandedDecisions) -> Change {
    let is_there = known.is_some_and(|note| note.zaak.is_some());
    let changed = |what: &str| match known {
        Some(note) if is_there => Change::Put(Note {
            step: Step::Changed { since: news.at, what: what.to_owned() },
            ..note.clone()
        }),
        Some(_) => Change::Forget,
        None => Change::Nothing,
    };
    let stopped = |note: &Note, why: &str| {
        Change::Put(Note { step: Step::Refused { since: news.at, said: why.to_owned() }, ..note.clone() })
    };
    match (news.kind, news.verdict) {
        (NewsKind::CaseDecided, Some(Verdict::Reopen)) => changed("De zaak is heropend."),
        // It goes on where it is: the same zaak gets what settling it brings.
        (NewsKind::CaseDecided, Some(Verdict::Settle)) if decisions.of(Verdict::Settle).is_some() => {
            let note = Note::new(news.case, Verdict::Settle, news.at);
            Change::Put(Note { zaak: known.and_then(|note| note.zaak.clone()), ..note })
        }
        (NewsKind::CaseDecided, Some(Verdict::Settle)) => match known {
            Some(_) if is_there => changed("De zaak is hier afgedaan."),
            Some(note) => stopped(note, "De zaak is afgedaan voordat zij overging."),
            None => Change::Nothing,
        },
        (NewsKind::CaseDecided, Some(verdict)) => match known {
            Some(note) if is_there => changed(if note.verdict == verdict {
                "Er is opnieuw hetzelfde besloten."
            } else {
                "Er is daarna anders besloten."
            }),
            _ if decisions.of(verdict).is_some() => Change::Put(Note::new(news.case, verdict, news.at)),
            Some(_) => Change::Forget,
            None => Change::Nothing,
        },
        // It is taken up again, and what that brings went with the settling.
        (NewsKind::CaseUndone, _)
            if !is_there && known.is_some_and(|note| note.verdict == Verdict::Settle) =>
        {
            known.map_or(Change::Nothing, |note| stopped(note, "Het afdoen is ongedaan gemaakt."))
        }
        (NewsKind::CaseUndone, _) => changed("Het besluit is ongedaan gemaakt."),
        (NewsKind::CaseMerged, _) => changed("De zaak is bij een andere gevoegd."),
        (NewsKind::CaseSplit, _) if is_there => changed("De zaak is gesplitst."),
        (NewsKind::CaseExtended, _) if is_there => changed("Er kwam daarna een stuk bij."),
        (NewsKind::CaseDestroyed, _) if known.is_some() => Change::Forget,
        _ => Change::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HandedAs;
    use crate::record::CaseNumber;

    fn news(kind: NewsKind, verdict: Option<Verdict>) -> News {
        let at = "2026-03-12T09:00:00Z".parse().unwrap();
        News {
            entry: 1,
            digest: String::new(),
            at,
            kind,
            case: CaseNumber::new(2026, 1),
            verdict,
            into: None,
        }
    }

    fn decisions() -> HandedDecisions {
        let handed = HandedAs { status: "Ontvangen".into(), result: None };
        HandedDecisions { take_up: Some(handed), ..HandedDecisions::default() }
    }

    #[test]
    fn a_decision_that_is_named_is_handed_over_and_one_that_is_taken_back_is_not() {
        let decided = news(NewsKind::CaseDecided, Some(Verdict::TakeUp));
        let Change::Put(note) = follow(&decided, None, &decisions()) else { panic!() };
        assert_eq!(note.step, Step::Waiting);
        let other = news(NewsKind::CaseDecided, Some(Verdict::Signal));
        assert_eq!(follow(&other, None, &decisions()), Change::Nothing);
        for kind in [NewsKind::CaseUndone, NewsKind::CaseMerged, NewsKind::CaseDestroyed] {
            assert_eq!(follow(&news(kind, None), Some(&note), &decisions()), Change::Forget);
        }
        assert_eq!(follow(&other, Some(&note), &decisions()), Change::Forget);
        assert_eq!(follow(&news(NewsKind::CaseExtended, None), Some(&note), &decisions()), Change::Nothing);
    }

    #[test]
    fn a_case_that_is_settled_goes_on_in_its_zaak() {
        let settled = news(NewsKind::CaseDecided, Some(Verdict::Settle));
        let mut note = Note::new(settled.case, Verdict::TakeUp, settled.at);
        let step = |change| match change {
            Change::Put(note) => note.step,
            other => panic!("{other:?}"),
        };
        // Not named: a person is told, whether it is there or not.
        assert!(matches!(step(follow(&settled, Some(&note), &decisions())), Step::Refused { .. }));
        note.zaak = Some("https://zaken.example.nl/zaken/1".into());
        assert!(matches!(step(follow(&settled, Some(&note), &decisions())), Step::Changed { .. }));
        let named = HandedDecisions { settle: decisions().take_up, ..decisions() };
        let Change::Put(goes_on) = follow(&settled, Some(&note), &named) else { panic!() };
        assert_eq!(
            (goes_on.step, goes_on.verdict, goes_on.zaak),
            (Step::Waiting, Verdict::Settle, note.zaak)
        );
        let fresh = Note::new(settled.case, Verdict::Settle, settled.at);
        let undone = follow(&news(NewsKind::CaseUndone, None), Some(&fresh), &named);
        assert!(matches!(step(undone), Step::Refused { .. }));
    }

    #[test]
    fn what_happens_to_a_case_that_is_there_waits_for_a_person() {
        let decided = news(NewsKind::CaseDecided, Some(Verdict::TakeUp));
        let Change::Put(mut note) = follow(&decided, None, &decisions()) else { panic!() };
        note.zaak = Some("https://zaken.example.nl/zaken/1".into());
        for (kind, verdict) in [
            (NewsKind::CaseDecided, Some(Verdict::Reopen)),
            (NewsKind::CaseDecided, Some(Verdict::TakeUp)),
            (NewsKind::CaseUndone, None),
            (NewsKind::CaseExtended, None),
            (NewsKind::CaseSplit, None),
        ] {
            let Change::Put(changed) = follow(&news(kind, verdict), Some(&note), &decisions()) else {
                panic!("{kind:?}")
            };
            assert!(matches!(changed.step, Step::Changed { .. }), "{kind:?}");
        }
        assert_eq!(follow(&news(NewsKind::CaseDestroyed, None), Some(&note), &decisions()), Change::Forget);
    }
}
