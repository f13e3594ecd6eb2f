//! A case as the page shows it: pure, from what the store gave to plain values for the template.

use super::answer_view::{AnswerGiven, AnswerView, answer_view};
use super::bsn::Shows;
use super::dates::{self, Due};
use super::errors::Refused;
use super::guard::Visitor;
use super::label_view::{LabelsView, corrected, labels_view};
use super::marking::one_line;
use super::pages::Shell;
use super::piece_view::{PieceGiven, PieceView, piece_view};
use super::queue_page::{RowView, percent};
use super::reasons::{self, ConclusionView};
use super::rights::Right;
use super::state::Shown;
use super::words;
use crate::limits::{NOTE_CHARS_MAX, PAGE_PIECES_MAX};
use crate::queue;
use crate::record::{
    AnswerState, CaseRow, CaseStatus, FirstComplained, HistoryLine, Judgement, Kind, Line, OlderThanYear,
    OnBehalf, RegistrationNumber, Scope, Verdict,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// All that the page is drawn from.
pub struct Given {
    pub row: CaseRow,
    /// Cases that are much like it, each with the share of its text in hundredths.
    pub alike: Vec<(CaseRow, u8)>,
    pub pieces: Vec<PieceGiven>,
    /// Pieces of the case that are no longer there.
    pub gone: Vec<RegistrationNumber>,
    pub history: Vec<HistoryLine>,
    pub answer: Option<AnswerGiven>,
    pub people: Vec<String>,
    /// Attachments can be downloaded one by one.
    pub opens: bool,
    /// Pictures of pages can be made.
    pub shows_pages: bool,
    pub bsn: Shows,
    /// Until when the last decision can be taken back.
    pub undo_until: Option<Timestamp>,
    /// What went out before the answer that stands now.
    pub earlier_answer: Option<AnswerGiven>,
    /// Who else looks at the case, as one sentence.
    pub others: String,
    /// The piece that is shown as its writer laid it out, beside its text.
    pub formatted: Option<RegistrationNumber>,
    /// The moment at which this was gathered.
    pub now: Timestamp,
}

#[derive(Serialize)]
pub struct View {
    pub shell: Shell,
    pub row: RowView,
    pub queue: String,
    pub queue_url: String,
    pub notice: Option<Notice>,
    pub errors: Vec<Refused>,
    pub judgement: Option<JudgementView>,
    pub pieces: Vec<PieceView>,
    /// Pieces whose text is not on this page.
    pub more_pieces: usize,
    /// When the newest piece came, if the case has more than one.
    pub newest: Option<String>,
    pub alarms: Vec<Alarm>,
    pub alike: Vec<AlikeView>,
    pub joined_to: Option<String>,
    pub joined: Vec<String>,
    pub split_from: Option<String>,
    pub split_into: Vec<String>,
    /// Time of day until which the decision can be taken back.
    pub undo_until: Option<String>,
    /// The decision sent the citizen a message that has not gone out yet.
    pub undo_message: bool,
    pub others: String,
    pub labels: Option<LabelsView>,
    /// It is about more than one body.
    pub may_split: bool,
    pub earlier_text: Option<String>,
    pub deadlines: Vec<DeadlineView>,
    pub decided: Option<DecidedView>,
    /// After `Voorstel:`.
    pub why_proposed: Option<&'static str>,
    pub choices: Vec<VerdictChoice>,
    pub referrals: Vec<ReferralChoice>,
    pub people: Vec<PersonChoice>,
    pub mine: bool,
    pub answer: AnswerView,
    pub history: Vec<HistoryView>,
    pub revision: u64,
    pub reason: String,
    pub note: String,
    pub note_chars_max: usize,
    pub may_decide: bool,
    /// Destroyed: there is nothing left to decide on.
    pub purged: bool,
    /// `none`, `covered` or `whole`.
    pub bsn: &'static str,
    pub may_see_bsn: bool,
    pub may_see_looks: bool,
    pub may_export: bool,
}

/// What was just done, and where to go on.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    pub text: String,
    pub next: Option<String>,
}

/// Something that staff must not miss.
#[derive(Serialize)]
pub struct Alarm {
    pub title: String,
    pub text: String,
}

/// A case that is perhaps the same complaint.
#[derive(Serialize)]
pub struct AlikeView {
    pub number: String,
    pub percent: u8,
    pub channel: &'static str,
    pub writer: String,
    pub received: String,
}

#[derive(Serialize)]
pub struct JudgementView {
    pub scope: &'static str,
    pub scope_id: &'static str,
    pub certainty: &'static str,
    pub percent: u32,
    pub about: Vec<String>,
    pub mentioned: Vec<String>,
    pub refer_to: Option<String>,
    pub contact: Vec<String>,
    pub facts: Vec<Fact>,
    /// What is as it mostly is, in one line.
    pub usual: String,
    pub flags: Vec<&'static str>,
    /// Why, the weightiest conclusion first.
    pub why: Vec<ConclusionView>,
    pub rules_version: String,
}

#[derive(Serialize)]
pub struct Fact {
    pub name: &'static str,
    pub value: String,
}

#[derive(Serialize)]
pub struct DeadlineView {
    pub name: String,
    pub law: bool,
    pub basis: String,
    pub due: Due,
}

#[derive(Serialize)]
pub struct DecidedView {
    pub verdict: &'static str,
    pub refer_to: Option<String>,
    pub by: String,
    pub at: String,
    pub reason: String,
}

#[derive(Serialize)]
pub struct VerdictChoice {
    pub id: &'static str,
    pub name: &'static str,
    pub hint: &'static str,
    pub proposed: bool,
    pub chosen: bool,
    pub key: usize,
}

#[derive(Serialize)]
pub struct ReferralChoice {
    pub id: String,
    pub name: String,
    pub chosen: bool,
}

#[derive(Serialize)]
pub struct PersonChoice {
    pub name: String,
    pub chosen: bool,
}

#[derive(Serialize)]
pub struct HistoryView {
    pub at: String,
    pub iso: String,
    pub by: String,
    pub what: String,
    pub note: Option<String>,
}

/// What a refused form brings back, so that nothing typed is lost.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub errors: Vec<Refused>,
    pub verdict: Option<Verdict>,
    pub refer_to: Option<String>,
    pub reason: String,
    pub note: String,
}

/// Builds the page's view.
pub fn view(
    given: &Given,
    shown: &Shown,
    visitor: &Visitor,
    shell: Shell,
    today: Date,
    notice: Option<Notice>,
    typed: &Typed,
) -> View {
    let row = &given.row;
    let number = row.number.to_string();
    // The judgement that the case stands on: that of the piece that opened it.
    let opening_at = given.pieces.iter().position(|piece| piece.judgement.is_some());
    let opening = opening_at.and_then(|at| given.pieces.get(at)).and_then(|piece| piece.judgement.as_ref());
    // As staff corrected it.
    let mended = opening.map(|judgement| corrected(judgement, row, shown));
    let conclusions =
        opening.map(|judgement| reasons::conclude(&judgement.findings, &shown.names)).unwrap_or_default();
    let marks = reasons::marks(&conclusions);
    let proposal = mended.as_ref().and_then(|judgement| propose(judgement, shown));
    let purged = row.purged.is_some();
    let may_decide = visitor.may(Right::Decide) && !purged;
    let undo_until = given.undo_until.filter(|until| given.now <= *until && may_decide);
    View {
        row: RowView::of(row, shown, today),
        queue: shown.names.queue(&row.queue),
        queue_url: super::pages::url("/", &[("queue", &row.queue)]),
        notice,
        errors: typed.errors.clone(),
        judgement: mended
            .as_ref()
            .map(|judgement| judgement_view(judgement, &conclusions, opening_at.unwrap_or(0), shown)),
        pieces: given
            .pieces
            .iter()
            .enumerate()
            // Only the findings that the page lists are marked: those of the judgement it shows.
            .map(|(at, piece)| {
                let marked = if opening_at == Some(at) { marks.as_slice() } else { &[] };
                let mut view = piece_view(&number, at, piece, marked, given.opens, given.shows_pages);
                if let Some(formatted) = &mut view.formatted {
                    formatted.open = given.formatted == Some(piece.record.number);
                }
                view
            })
            .collect(),
        more_pieces: row.records.len().saturating_sub(PAGE_PIECES_MAX),
        newest: given
            .pieces
            .last()
            .filter(|_| given.pieces.len() > 1)
            .map(|piece| dates::moment(piece.record.received_at)),
        alarms: alarms(given),
        alike: given
            .alike
            .iter()
            .filter(|(other, _)| other.joined_to.is_none() && row.joined_to.is_none())
            .map(|(other, percent)| AlikeView {
                number: other.number.to_string(),
                percent: *percent,
                channel: words::channel(other.channel),
                writer: other.writer.as_deref().map(one_line).unwrap_or_default(),
                received: dates::near(other.received, today),
            })
            .collect(),
        joined_to: row.joined_to.map(|into| into.to_string()),
        joined: row.joined.iter().map(ToString::to_string).collect(),
        split_from: row.split_from.map(|from| from.to_string()),
        split_into: row.split_into.iter().map(ToString::to_string).collect(),
        undo_until: undo_until.map(dates::time_of_day),
        undo_message: row.answer.as_ref().is_some_and(|answer| {
            answer.file.is_some() && matches!(answer.state, AnswerState::Waiting { attempts: 0, .. })
        }),
        others: given.others.clone(),
        labels: mended.as_ref().filter(|_| may_decide).map(|judgement| labels_view(judgement, row, shown)),
        may_split: may_decide && row.judgement.complained_about.len() > 1 && row.status != CaseStatus::Closed,
        earlier_text: given.earlier_answer.as_ref().and_then(|answer| answer.text.clone()),
        deadlines: row
            .deadlines
            .iter()
            .map(|deadline| DeadlineView {
                name: words::deadline(&deadline.name),
                law: deadline.is_law(),
                basis: deadline.basis.clone(),
                due: dates::due(deadline.due, today),
            })
            .collect(),
        decided: row.decision.as_ref().filter(|decision| decision.verdict != Verdict::Reopen).map(
            |decision| DecidedView {
                verdict: words::verdict_done(decision.verdict),
                refer_to: decision.refer_to.as_ref().map(|id| shown.names.referral(id)),
                by: decision.by.clone(),
                at: dates::moment(decision.at),
                reason: decision.reason.clone(),
            },
        ),
        why_proposed: mended
            .as_ref()
            .and_then(|judgement| why_proposed(judgement, proposal.as_ref().map(|(verdict, _)| *verdict))),
        choices: choices(row, proposal.as_ref().map(|(verdict, _)| *verdict), typed.verdict),
        referrals: referrals(
            shown,
            typed.refer_to.as_deref().or(proposal.as_ref().and_then(|(_, refer_to)| refer_to.as_deref())),
        ),
        people: people(given, visitor),
        mine: row.assignee.as_deref() == Some(visitor.name.as_str()),
        answer: answer_view(row, given.answer.as_ref()),
        history: given
            .history
            .iter()
            .rev()
            .map(|line| HistoryView {
                at: dates::moment(line.at),
                iso: line.at.to_string(),
                by: one_line(&line.by),
                what: words::happened(&line.what, &shown.names),
                note: line.note.clone(),
            })
            .collect(),
        revision: row.revision,
        reason: typed.reason.clone(),
        note: typed.note.clone(),
        note_chars_max: NOTE_CHARS_MAX,
        may_decide,
        purged,
        bsn: given.bsn.id(),
        may_see_bsn: visitor.may(Right::SeeBsn),
        may_see_looks: visitor.may(Right::SeeLooks),
        may_export: visitor.may(Right::Export),
        shell,
    }
}

/// What the judgement points to, for staff to take or leave. Never chosen for them.
fn propose(judgement: &Judgement, shown: &Shown) -> Option<(Verdict, Option<String>)> {
    let referral = judgement.refer_to.as_ref().map(|referral| referral.id.clone()).filter(|id| id != "none");
    match judgement.scope {
        Scope::None => Some((Verdict::NotAComplaint, None)),
        Scope::Unclear => Some((Verdict::AskForMore, None)),
        Scope::Out => Some((Verdict::Refer, referral)),
        Scope::In | Scope::Mixed if judgement.kind == Kind::Policy => Some((Verdict::Signal, None)),
        Scope::In
            if shown.office.line == Line::Second
                && !judgement.urgent
                && matches!(judgement.first_complained, FirstComplained::No | FirstComplained::Waiting)
                && shown.office.procedure.complain_first =>
        {
            Some((Verdict::Refer, Some("own-municipality-first".to_owned())))
        }
        Scope::In => Some((Verdict::TakeUp, None)),
        Scope::Mixed => Some((Verdict::TakeUp, referral)),
    }
}

/// Why the proposal is what it is, where the judgement above it does not say so already.
fn why_proposed(judgement: &Judgement, proposed: Option<Verdict>) -> Option<&'static str> {
    let unheard = matches!(judgement.first_complained, FirstComplained::No | FirstComplained::Waiting);
    match (proposed?, judgement.scope) {
        (Verdict::NotAComplaint, _) => Some("er staat geen klacht in."),
        (Verdict::AskForMore, _) => Some("het is niet duidelijk over wie de klacht gaat."),
        (Verdict::Signal, _) => {
            Some("de klacht gaat over beleid of regels, niet over hoe iemand is behandeld.")
        }
        (Verdict::Refer, Scope::Out) => Some("de klacht gaat over een ander, die niet onder ons valt."),
        (Verdict::Refer, _) => Some(
            "wie klaagt, moet eerst zelf bij de instantie klagen en daar op antwoord wachten (Awb 9:20).",
        ),
        (Verdict::TakeUp, Scope::Mixed) => {
            Some("een deel is voor ons. Splits de zaak: dan beslist u over elk deel apart.")
        }
        (Verdict::TakeUp, _) if judgement.urgent && unheard => {
            Some("er is haast bij, ook al is er nog niet bij de instantie zelf geklaagd. Bel eerst.")
        }
        _ => None,
    }
}

fn choices(row: &CaseRow, proposed: Option<Verdict>, typed: Option<Verdict>) -> Vec<VerdictChoice> {
    queue::verdicts_for(row.status)
        .map(|verdict| VerdictChoice {
            id: queue::verdict_id(verdict),
            name: queue::verdict_label(verdict),
            hint: match verdict {
                Verdict::TakeUp | Verdict::Refer | Verdict::AskForMore => "",
                Verdict::Signal => "geen zaak, wel bewaren om van te leren",
                Verdict::NotAComplaint => "een vraag, een bedankje",
                Verdict::Reopen => "terug naar de werkvoorraad",
                Verdict::Settle => "klaar, en de inwoner weet dat",
            },
            key: queue::VERDICTS.iter().position(|known| *known == verdict).map_or(0, |at| at + 1),
            proposed: proposed == Some(verdict),
            chosen: typed == Some(verdict)
                || (verdict == Verdict::Reopen && row.status == CaseStatus::Closed),
        })
        .collect()
}

fn referrals(shown: &Shown, chosen: Option<&str>) -> Vec<ReferralChoice> {
    let mut all: Vec<ReferralChoice> = shown
        .names
        .referrals()
        .into_iter()
        .filter(|(id, _)| *id != shown.office.id)
        .map(|(id, name)| ReferralChoice { chosen: Some(id.as_str()) == chosen, id, name })
        .collect();
    if let Some(id) = chosen
        && !all.iter().any(|choice| choice.chosen)
    {
        all.push(ReferralChoice { id: id.to_owned(), name: shown.names.referral(id), chosen: true });
    }
    all
}

fn people(given: &Given, visitor: &Visitor) -> Vec<PersonChoice> {
    let mut names = given.people.clone();
    if let Some(assignee) = &given.row.assignee
        && !names.contains(assignee)
    {
        names.push(assignee.clone());
    }
    if visitor.may(Right::Decide) && !names.contains(&visitor.name) {
        names.push(visitor.name.clone());
    }
    names.sort();
    names
        .into_iter()
        .map(|name| PersonChoice { chosen: given.row.assignee.as_deref() == Some(name.as_str()), name })
        .collect()
}

/// Defects and failures, loudly, at the top of the page.
fn alarms(given: &Given) -> Vec<Alarm> {
    let kept = given.row.kept.iter().map(|kept| Alarm {
        title: "Mag niet vernietigd worden".to_owned(),
        text: format!("{} ({}): {}", kept.by, dates::moment(kept.at), one_line(&kept.reason)),
    });
    if let Some(purged) = &given.row.purged {
        let title = "Deze zaak is vernietigd".to_owned();
        return vec![Alarm { title, text: purged.sentence() }];
    }
    let mut alarms: Vec<Alarm> = given
        .gone
        .iter()
        .map(|record| Alarm {
            title: format!("Stuk {record} is er niet meer"),
            text: "Het is verwijderd toen de bewaartermijn om was, of het ontbreekt.".to_owned(),
        })
        .collect();
    alarms.extend(kept);
    for piece in &given.pieces {
        let Some(extract) = &piece.extract else {
            alarms.push(Alarm {
                title: format!("Stuk {} is nog niet gelezen", piece.record.number),
                text: "De tekst komt nog. Lees zo nodig het origineel.".to_owned(),
            });
            continue;
        };
        for defect in &extract.defects {
            let name = defect
                .document
                .and_then(|at| extract.documents.get(at))
                .and_then(|document| document.name.as_deref());
            let title = match name {
                Some(name) => format!("{}: {}", words::problem(defect.problem), one_line(name)),
                None => words::problem(defect.problem).to_owned(),
            };
            alarms.push(Alarm { title, text: defect.explanation.clone() });
        }
    }
    if let Some(answer) = &given.row.answer
        && let AnswerState::Failed { reply, came_back, .. } = &answer.state
    {
        let told = if came_back.is_some() { "" } else { "De mailserver zei: " };
        alarms.push(Alarm {
            title: "Antwoord niet aangekomen: zoek een andere weg (Awb 2:11)".to_owned(),
            text: format!(
                "De inwoner heeft ons antwoord niet gekregen. Bel, schrijf een brief, of verstuur het opnieuw. \
                 {told}{}",
                one_line(reply).chars().take(300).collect::<String>()
            ),
        });
    }
    alarms
}

fn judgement_view(
    judgement: &Judgement,
    conclusions: &[reasons::Conclusion<'_>],
    piece: usize,
    shown: &Shown,
) -> JudgementView {
    let names = &shown.names;
    // What is as usual stands together on one quiet line; what is not, on a line of its own.
    let mut facts = vec![Fact { name: "Soort", value: words::kind(judgement.kind).to_owned() }];
    let mut usual = Vec::new();
    if judgement.first_complained != FirstComplained::NotApplicable {
        let value = words::first_complained(judgement.first_complained).to_owned();
        facts.push(Fact { name: "Eerst daar geklaagd?", value });
    }
    match judgement.older_than_year {
        OlderThanYear::Yes => facts.push(Fact {
            name: "Ouder dan een jaar?",
            value: words::older_than_year(OlderThanYear::Yes).to_owned(),
        }),
        OlderThanYear::No => usual.push("niet ouder dan een jaar"),
        OlderThanYear::Unknown => usual.push("onbekend wanneer het was"),
    }
    match judgement.on_behalf {
        OnBehalf::No => usual.push("schrijft voor zichzelf"),
        other => facts.push(Fact { name: "Schrijft", value: words::on_behalf(other).to_owned() }),
    }
    match judgement.language.as_str() {
        "nl" => usual.push("in het Nederlands"),
        other => facts.push(Fact { name: "Taal", value: words::language(other).to_owned() }),
    }
    let flag = |set: bool, text: &'static str| set.then_some(text);
    let flags = [
        flag(judgement.urgent, "Spoed"),
        flag(judgement.anonymous, "Anoniem"),
        flag(judgement.multiple, "Meer klachten in één bericht"),
        flag(judgement.follow_up, "Vervolg op een eerdere zaak"),
        flag(judgement.on_behalf == OnBehalf::WithoutAuthorisation, "Machtiging ontbreekt"),
        flag(judgement.automatic.is_some(), "Automatisch bericht"),
    ];
    JudgementView {
        scope: words::scope(judgement.scope),
        scope_id: words::scope_id(judgement.scope),
        certainty: words::certainty(judgement.confidence),
        percent: percent(judgement.confidence),
        about: judgement.complained_about.iter().map(|id| names.organisation_listed(id)).collect(),
        mentioned: judgement.mentioned_only.iter().map(|id| names.organisation_listed(id)).collect(),
        refer_to: judgement.refer_to.as_ref().map(|referral| referral.name.clone()),
        contact: judgement.refer_to.as_ref().map(|referral| referral.contact.clone()).unwrap_or_default(),
        facts,
        usual: usual.join(" · "),
        flags: flags.into_iter().flatten().collect(),
        why: reasons::views(conclusions, piece),
        rules_version: judgement.rules_version.chars().take(12).collect(),
    }
}
