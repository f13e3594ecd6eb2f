//! The history of a case, in Dutch, one sentence an entry, read from the journal; words that people typed are
//! added from the folder where they still are.

use super::entry::{AnswerNote, Entry, Event, Judged};
use super::rows::decode;
use super::{Store, StoreError, keys};
use crate::record::{
    AnswerChannel, CaseNumber, CaseRow, ComeBack, HistoryLine, Origin, Record, RegistrationNumber, Verdict,
};

impl Store {
    /// Oldest first. Empty for a case that is not there.
    pub fn history(&self, number: CaseNumber) -> Result<Vec<HistoryLine>, StoreError> {
        let Some(row) = self.case(number)? else { return Ok(Vec::new()) };
        let mut by_person = false;
        let mut lines = Vec::new();
        for entry in self.entries_about(&row)? {
            by_person |= matches!(&entry.what, Event::Decided { message: Some(_), .. });
            let mut line = self.line(entry, row.records.first().copied())?;
            // From here on it is about what a person sent with the decision.
            if by_person {
                line.what = line.what.replace("De ontvangstbevestiging", "Het bericht over het besluit");
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// The last line of a case's history, without those of its pieces and without words.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn last_change(&self, number: CaseNumber) -> Result<Option<HistoryLine>, StoreError> {
        let mut last: Option<Entry> = None;
        self.rows.each(&keys::case_history(number), None, true, &mut |_, value| {
            last = Some(decode(value)?);
            Ok(false)
        })?;
        Ok(last.map(|entry| HistoryLine {
            at: entry.at,
            by: entry.by,
            what: sentence(&entry.what),
            note: None,
        }))
    }

    /// The journal's entries about a case and its pieces, as they stand there without their digests; oldest first.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn journal_of(&self, number: CaseNumber) -> Result<Vec<serde_json::Value>, StoreError> {
        let Some(row) = self.case(number)? else { return Ok(Vec::new()) };
        self.entries_about(&row)?
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Damaged { path: self.dir.join("journal"), fault: error.to_string() })
    }

    /// Each once, though it stands with several pieces.
    fn entries_about(&self, row: &CaseRow) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = Vec::new();
        let prefixes = row.records.iter().map(|record| keys::record_history(*record));
        for prefix in prefixes.chain([keys::case_history(row.number)]) {
            self.rows.each(&prefix, None, false, &mut |_, value| {
                entries.push(decode(value)?);
                Ok(true)
            })?;
        }
        entries.sort_by_key(|entry| entry.seq);
        entries.dedup_by_key(|entry| entry.seq);
        Ok(entries)
    }

    fn line(&self, entry: Entry, first: Option<RegistrationNumber>) -> Result<HistoryLine, StoreError> {
        let note = match (&entry.what, first) {
            (Event::Joined { record, .. } | Event::CameBack { record, .. }, _) => {
                self.lenient_why(*record)?
            }
            (Event::Registered { record, .. }, _) => self.of_run(*record)?,
            (what, Some(first)) => match what.words() {
                Some(digest) if !digest.is_empty() => self.lenient_words(first, digest)?,
                _ => None,
            },
            _ => None,
        };
        let note = note.filter(|note| !note.trim().is_empty());
        Ok(HistoryLine { at: entry.at, by: entry.by, what: sentence(&entry.what), note })
    }

    fn lenient_words(&self, record: RegistrationNumber, digest: &str) -> Result<Option<String>, StoreError> {
        match self.originals.words(record, digest) {
            Err(StoreError::Damaged { .. }) => Ok(None),
            other => other,
        }
    }

    /// In which run a letter lay.
    fn of_run(&self, record: RegistrationNumber) -> Result<Option<String>, StoreError> {
        match self.originals.read_json::<Record>(record, super::original::RECORD) {
            Ok(Some(Record { origin: Origin::Run { of, part, .. }, .. })) => {
                Ok(Some(format!("Brief {part} uit de stapel {of}.")))
            }
            Ok(Some(Record { origin: Origin::Part { of }, .. })) => {
                Ok(Some(format!("Een kopie van stuk {of}, voor deze afgesplitste zaak.")))
            }
            Ok(_) | Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn lenient_why(&self, record: RegistrationNumber) -> Result<Option<String>, StoreError> {
        match self.originals.read_json::<super::card::Card>(record, super::original::CARD) {
            Ok(card) => Ok(card.and_then(|card| card.why)),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What happened, in one Dutch sentence for staff.
fn sentence(what: &Event) -> String {
    match what {
        Event::Registered { record, .. } => format!("Stuk {record} is ontvangen en geregistreerd."),
        Event::Duplicate { record } => {
            format!("Stuk {record} kwam nog eens binnen, precies hetzelfde; het telt één keer.")
        }
        Event::Opened { record, judged, queue, answer, .. } => {
            let read = read(judged);
            format!(
                "Zaak geopend met stuk {record} ({read}), in de wachtrij “{queue}”. {}",
                answer_sentence(answer)
            )
        }
        Event::Joined { record, judged, .. } => {
            format!("Stuk {record} ({}) is bij deze zaak gevoegd.", read(judged))
        }
        Event::CameBack { record, what: ComeBack::Undelivered, .. } => format!(
            "Antwoord niet aangekomen: zoek een andere weg (Awb 2:11). Het bericht daarover is stuk {record}."
        ),
        Event::CameBack { record, what: ComeBack::Delayed, .. } => {
            format!("Ons antwoord is nog niet aangekomen; de mailserver probeert het verder (stuk {record}).")
        }
        Event::CameBack { record, what: ComeBack::Reply, .. } => {
            format!("Een automatisch antwoord (stuk {record}) is bij deze zaak gelegd.")
        }
        Event::CameBack { record, what: ComeBack::Notice, .. } => {
            format!("Een bericht van een machine (stuk {record}) is bij deze zaak gelegd.")
        }
        Event::Divided { divided, .. } => divided.sentence(),
        Event::SetAside { record, .. } => format!("Stuk {record} is terzijde gelegd."),
        Event::AnswerAttempted { .. } => "De ontvangstbevestiging wordt aangeboden.".to_owned(),
        Event::AnswerSent { .. } => "De ontvangstbevestiging is verstuurd.".to_owned(),
        Event::AnswerDeferred { next, .. } => {
            let next = next
                .in_tz(crate::record::OFFICE_TIME_ZONE)
                .map_or_else(|_| next.to_string(), |next| next.strftime("%d-%m-%Y om %H:%M").to_string());
            format!("De ontvangstbevestiging kon nog niet weg; nieuwe poging op {next}.")
        }
        Event::AnswerFailed { .. } => {
            "De ontvangstbevestiging kon niet worden afgeleverd; kies een andere weg.".to_owned()
        }
        Event::AnswerReleased { .. } => "De ontvangstbevestiging is vrijgegeven om te versturen.".to_owned(),
        Event::AnswerWithheld { .. } => "De ontvangstbevestiging is tegengehouden.".to_owned(),
        Event::Digest { day, .. } => format!("Het dagelijkse overzicht van {day}."),
        Event::AnswerHeld { .. } => "De ontvangstbevestiging wacht nog op een medewerker.".to_owned(),
        Event::LetterAddressed { .. } => "Het adres op de brief is gecontroleerd.".to_owned(),
        Event::LetterPrinted { .. } => "De brief is geprint.".to_owned(),
        Event::LetterAgain { .. } => "De brief moet nog eens worden geprint.".to_owned(),
        Event::Decided { verdict, refer_to, message, .. } => {
            let told = if message.is_some() { " De inwoner krijgt hierover een bericht." } else { "" };
            format!("{}{told}", decided(*verdict, refer_to.as_deref()))
        }
        Event::Merged { case, into } => {
            format!("Zaak {case} is gevoegd bij zaak {into} en gaat daar verder.")
        }
        Event::Undone { .. } => "Het besluit is ongedaan gemaakt.".to_owned(),
        Event::Labelled { label, value: None, .. } => {
            format!("Verbetering ingetrokken: {label}")
        }
        Event::Labelled { label, value: Some(value), .. } => {
            format!("Inschatting verbeterd: {label}={value}")
        }
        Event::NotAlike { case, other } => {
            format!("Een medewerker zegt: zaak {case} en zaak {other} zijn niet dezelfde klacht.")
        }
        Event::Split { case, into, .. } => {
            format!("Zaak {case} is gesplitst: zaak {into} is ervan afgesplitst.")
        }
        Event::TakenBack { record, .. } => {
            format!("Stuk {record} was terzijde gelegd; een medewerker maakte er deze zaak van.")
        }
        Event::Assigned { to: Some(to), .. } => format!("Toegewezen aan {to}."),
        Event::Assigned { to: None, .. } => "Teruggegeven: niemand heeft deze zaak nu.".to_owned(),
        Event::BsnShown { .. } => "Een BSN in deze zaak is getoond.".to_owned(),
        Event::HandedOver { .. } => "Overgedragen aan het zaaksysteem.".to_owned(),
        Event::HandoverAsked { .. } => "Aangeboden aan het zaaksysteem.".to_owned(),
        Event::Noted { .. } => "Notitie toegevoegd.".to_owned(),
        Event::Purged { term: Some(term), basis, .. } => {
            format!("Vernietigd na {} ({basis}).", crate::record::term_in_words(term))
        }
        Event::Purged { term: None, basis, .. } => format!("Vernietigd ({basis})."),
        Event::Kept { .. } => "Mag niet vernietigd worden.".to_owned(),
        Event::Unkept { .. } => "Mag weer vernietigd worden als de termijn voorbij is.".to_owned(),
        Event::Exported { cases, .. } => format!("{cases} zaken zijn uitgegeven."),
        Event::Restored { entries, .. } => format!("Teruggezet uit een back-up tot en met regel {entries}."),
        Event::BreakerOpened { answers } => {
            format!("De noodrem ging aan na {answers} bevestigingen in een uur.")
        }
        Event::BreakerClosed => "De noodrem ging uit.".to_owned(),
        Event::Proved { .. } => "Het grootboek is nagerekend.".to_owned(),
        Event::RulesPublished { version, .. } => {
            format!("De regels van versie {version} zijn in werking gezet.")
        }
        Event::Sending { paused: true } => "Het verzenden van antwoorden is stilgezet.".to_owned(),
        Event::Sending { paused: false } => "Het verzenden van antwoorden gaat weer door.".to_owned(),
    }
}

fn decided(verdict: Verdict, refer_to: Option<&str>) -> String {
    match (verdict, refer_to) {
        (Verdict::TakeUp, _) => "Besluit: in behandeling genomen.".to_owned(),
        (Verdict::Refer, Some(to)) => format!("Besluit: doorverwezen naar {to}."),
        (Verdict::Refer, None) => "Besluit: doorverwezen.".to_owned(),
        (Verdict::AskForMore, _) => "Besluit: om aanvulling vragen.".to_owned(),
        (Verdict::Signal, _) => "Besluit: bewaard als signaal.".to_owned(),
        (Verdict::NotAComplaint, _) => "Besluit: geen klacht.".to_owned(),
        (Verdict::Settle, _) => "Besluit: afgedaan.".to_owned(),
        (Verdict::Reopen, _) => "Heropend: terug in de wachtrij.".to_owned(),
    }
}

fn read(judged: &Judged) -> String {
    let documents = match judged.documents {
        1 => "1 document gelezen".to_owned(),
        many => format!("{many} documenten gelezen"),
    };
    match judged.defects {
        0 => documents,
        1 => format!("{documents}, 1 gebrek"),
        many => format!("{documents}, {many} gebreken"),
    }
}

fn answer_sentence(answer: &AnswerNote) -> &'static str {
    match answer {
        AnswerNote::Send { channel: AnswerChannel::Email, .. } => {
            "De ontvangstbevestiging gaat per e-mail uit."
        }
        AnswerNote::Send { channel: AnswerChannel::Letter, .. } => {
            "De ontvangstbevestiging gaat per brief uit."
        }
        AnswerNote::Hold { .. } => "De ontvangstbevestiging wacht op een medewerker.",
        AnswerNote::Withhold => "Er gaat geen ontvangstbevestiging uit.",
    }
}
