//! `GET /`: the queue. Every choice stands in the address, so that a list can be kept, sent and gone back to.

use super::dates::{self, Due};
use super::errors::Fault;
use super::found::find;
use super::guard::{Visitor, see_other};
use super::hits::Hit;
use super::marking::one_line;
use super::pages::{self, Shell};
use super::rights::Right;
use super::sending_page;
use super::state::{ReviewState, Shown};
use super::words;
use crate::limits::{LIST_PAGES_MAX, PAGE_ROWS_MAX, TEXT_ENTRIES_MAX};
use crate::queue as work;
use crate::record::{AnswerState, CaseNumber, CaseRow, CaseStatus};
use crate::store::{CaseFilter, CaseOrder, QueueCount, ReadAs};
use axum::extract::{Extension, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The query of the queue's address and of `GET /api/v1/cases`. An unknown value chooses nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub q: String,
    /// `1`: a word that stands nowhere is not taken for another.
    pub literal: String,
    pub queue: String,
    /// `open` (the default), `taken-up`, `asked-for-more`, `closed`, `all`.
    pub status: String,
    /// `late`, `today`, `week`, or a date: due on it or before.
    pub due: String,
    /// Id of a body that is complained about.
    pub about: String,
    /// `me`, or an account.
    pub who: String,
    /// `undelivered`: only cases whose answer did not arrive.
    pub todo: String,
    /// `newest`, `oldest`; else in the order of work.
    pub sort: String,
    pub page: String,
}

impl Choice {
    /// What is looked for in the text; without leading and trailing space, bounded.
    fn words(&self) -> Option<String> {
        let words: String = self.q.trim().chars().take(200).collect();
        (!words.is_empty()).then_some(words)
    }

    /// Without a choice: what waits for a person; with search words: everything.
    fn status_id(&self) -> &str {
        match self.status.as_str() {
            known @ ("open" | "taken-up" | "asked-for-more" | "closed" | "all" | "mine") => known,
            _ if self.words().is_some() || self.is_undelivered() => "all",
            _ => "open",
        }
    }

    fn is_undelivered(&self) -> bool {
        self.todo == "undelivered"
    }

    fn page_number(&self) -> usize {
        self.page.parse::<usize>().unwrap_or(1).clamp(1, LIST_PAGES_MAX)
    }

    /// What the store is asked.
    pub fn filter(&self, visitor: &str, today: Date) -> CaseFilter {
        let some = |text: &str| (!text.is_empty()).then(|| text.chars().take(200).collect::<String>());
        CaseFilter {
            queue: some(&self.queue),
            statuses: words::STATUSES
                .into_iter()
                .filter(|status| match self.status_id() {
                    "mine" => *status != CaseStatus::Closed,
                    id => words::status_id(*status) == id,
                })
                .collect(),
            due_by: match self.due.as_str() {
                "late" => today.checked_sub(1.day()).ok(),
                "today" => Some(today),
                "week" => today.checked_add(7.days()).ok(),
                date => date.parse().ok(),
            },
            body: some(&self.about),
            assignee: if self.who == "me" { Some(visitor.to_owned()) } else { some(&self.who) },
            text: self.words(),
            literal: !self.literal.is_empty(),
            undelivered: self.is_undelivered(),
            order: match self.sort.as_str() {
                "newest" => CaseOrder::Newest,
                "oldest" => CaseOrder::Oldest,
                _ => CaseOrder::Work,
            },
            offset: (self.page_number() - 1) * PAGE_ROWS_MAX,
            limit: PAGE_ROWS_MAX,
        }
    }

    /// The address of this choice with one thing changed; another choice begins at its first page.
    fn with(&self, name: &str, value: &str) -> String {
        self.at("/", name, value)
    }

    /// The same on another path.
    fn at(&self, path: &str, name: &str, value: &str) -> String {
        let mut pairs = [
            ("q", self.q.as_str()),
            ("literal", if name == "q" { "" } else { self.literal.as_str() }),
            ("queue", self.queue.as_str()),
            ("status", self.status.as_str()),
            ("due", self.due.as_str()),
            ("about", self.about.as_str()),
            ("who", self.who.as_str()),
            ("todo", self.todo.as_str()),
            ("sort", self.sort.as_str()),
            ("page", if name == "page" { value } else { "" }),
        ];
        if let Some(pair) = pairs.iter_mut().find(|(known, _)| *known == name) {
            pair.1 = value;
        }
        pages::url(path, &pairs)
    }
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    heading: String,
    /// When a case lies in this queue, as the rules say.
    lead: String,
    queues: Vec<QueueLink>,
    statuses: Vec<Pick>,
    dues: Vec<Pick>,
    bodies: Vec<Pick>,
    people: Vec<Pick>,
    sorts: Vec<Pick>,
    queue: String,
    chosen: Vec<Chosen>,
    rows: Vec<RowView>,
    total: String,
    first: usize,
    last: usize,
    page: usize,
    pages: usize,
    earlier: Option<String>,
    later: Option<String>,
    show_status: bool,
    /// A part of the house does not work; the reasons are for the admin and stand in `/healthz`.
    ill: bool,
    /// Pieces that could not be taken in.
    staying: usize,
    /// Cases whose answer did not arrive.
    undelivered: usize,
    /// Why no answer goes out now.
    stopped: Option<&'static str>,
    /// Cases of who looks that are not closed, and whether this is their list.
    mine: String,
    mine_here: bool,
    /// Words are looked for, and marked where they stand.
    searching: bool,
    /// Words that stand nowhere, and what was looked for in their place; the address that looks for them as they were typed.
    read_as: Vec<ReadAs>,
    literally: String,
    /// Not all texts can be searched yet.
    unread: bool,
    /// The address of this list as a file; `None`: who looks may not take it along.
    csv: Option<String>,
    /// Grows with every change in the house, so that an open list can keep up.
    mark: u64,
}

#[derive(Serialize)]
struct QueueLink {
    name: String,
    explanation: String,
    count: u64,
    url: String,
    here: bool,
    urgent: bool,
}

#[derive(Serialize)]
struct Pick {
    id: String,
    name: String,
    chosen: bool,
}

/// A choice that is made, with the address without it.
#[derive(Serialize)]
struct Chosen {
    name: String,
    without: String,
}

/// One line of the queue.
#[derive(Serialize)]
pub(super) struct RowView {
    pub number: String,
    pub url: String,
    pub subject: String,
    pub writer: String,
    /// The same with the words that were looked for.
    pub subject_hits: Vec<Hit>,
    pub writer_hits: Vec<Hit>,
    /// Where they stand in the text, when they do not all stand above.
    pub text_hits: Vec<Hit>,
    pub channel: &'static str,
    pub received: String,
    pub received_iso: String,
    pub due: Option<Due>,
    pub bodies: Vec<String>,
    pub scope: &'static str,
    pub scope_id: &'static str,
    pub certainty: &'static str,
    pub percent: u32,
    pub urgent: bool,
    pub defects: u32,
    pub pieces: usize,
    pub assignee: Option<String>,
    pub status: &'static str,
    pub status_id: &'static str,
    /// What is the matter with the answer, when staff must do something.
    pub answer: Option<&'static str>,
}

impl RowView {
    pub(super) fn of(row: &CaseRow, shown: &Shown, today: Date) -> Self {
        let closed = matches!(row.status, CaseStatus::Closed);
        Self {
            number: row.number.to_string(),
            url: format!("/cases/{}", row.number),
            subject: row.subject.as_deref().map(one_line).unwrap_or_default(),
            writer: row.writer.as_deref().map(one_line).unwrap_or_default(),
            subject_hits: Vec::new(),
            writer_hits: Vec::new(),
            text_hits: Vec::new(),
            channel: words::channel(row.channel),
            received: dates::near(row.received, today),
            received_iso: row.received.to_string(),
            due: row.due.filter(|_| !closed).map(|due| dates::due(due, today)),
            bodies: row
                .judgement
                .complained_about
                .iter()
                .map(|id| shown.names.organisation_listed(id))
                .collect(),
            scope: words::scope(row.judgement.scope),
            scope_id: words::scope_id(row.judgement.scope),
            certainty: words::certainty(row.judgement.confidence),
            percent: percent(row.judgement.confidence),
            urgent: row.judgement.urgent,
            defects: row.judgement.defects,
            pieces: row.records.len(),
            assignee: row.assignee.clone(),
            status: work::status_label(row.status),
            status_id: words::status_id(row.status),
            answer: row.answer.as_ref().and_then(|answer| match answer.state {
                AnswerState::Failed { .. } => Some("Antwoord niet aangekomen"),
                AnswerState::Held { .. } => Some("Antwoord wacht op u"),
                _ => None,
            }),
        }
    }
}

/// A certainty in whole hundredths.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100")]
pub(super) fn percent(confidence: f64) -> u32 {
    (confidence * 100.0).clamp(0.0, 100.0).round() as u32
}

/// `GET /`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    // Whoever types a case number wants that case.
    if let Some(number) = choice.words().and_then(|words| words.parse::<CaseNumber>().ok()) {
        return Ok(see_other(&format!("/cases/{number}")));
    }
    let today = state.today();
    let filter = choice.filter(&visitor.name, today);
    let own = CaseFilter {
        assignee: Some(visitor.name.clone()),
        statuses: vec![CaseStatus::Open, CaseStatus::TakenUp, CaseStatus::AskedForMore],
        limit: 0,
        ..CaseFilter::default()
    };
    let words = choice.words();
    let typed = words.clone().unwrap_or_default();
    let ((found, wanted, snippets), counts, undelivered, mine, mark) = state
        .with_store(move |store| {
            // Before the list: what changes meanwhile makes it old, never new.
            let mark = store.last_entry()?;
            let mine = store.cases(&own)?.total;
            Ok((find(store, &filter, &typed)?, store.queue_counts()?, store.undelivered()?, mine, mark))
        })
        .await?;
    let stopped = sending_page::stopped(&state).await?;
    let people = state.with_accounts(|accounts| accounts.list()).await?;
    let shown = state.shown();
    let pages = found.total.div_ceil(PAGE_ROWS_MAX).clamp(1, LIST_PAGES_MAX);
    let page = choice.page_number();
    let first = (page - 1) * PAGE_ROWS_MAX;
    let last = first + found.rows.len();
    let deciders: Vec<String> = people
        .into_iter()
        .filter(|account| account.role.may(Right::Decide) && account.name != visitor.name)
        .map(|account| account.name)
        .collect();
    let mut shell = Shell::new(&state, &visitor, "queue");
    shell.search.clone_from(&choice.q);
    let view = View {
        shell,
        heading: heading(&choice, &shown),
        lead: lead(&choice, &shown),
        queues: queue_links(&choice, &counts, &shown.names),
        statuses: statuses(&choice),
        dues: dues(&choice),
        bodies: bodies(&choice, &shown),
        people: people_picks(&choice, &deciders),
        sorts: sorts(&choice),
        queue: choice.queue.clone(),
        chosen: chosen(&choice, &shown, &visitor.name),
        rows: found
            .rows
            .iter()
            .zip(snippets)
            .map(|(row, snippet)| {
                let mut view = RowView::of(row, &shown, today);
                if words.is_some() {
                    view.subject_hits = wanted.hits(&view.subject);
                    view.writer_hits = wanted.hits(&view.writer);
                    view.text_hits = snippet;
                }
                view
            })
            .collect(),
        literally: choice.with("literal", "1"),
        unread: words.is_some() && found.unread > TEXT_ENTRIES_MAX as u64,
        read_as: found.read_as,
        searching: words.is_some(),
        mine: words::thousands(mine),
        mine_here: choice.who == "me" && choice.status_id() == "mine",
        mark,
        total: if found.more {
            format!("minstens {}", words::thousands(found.total))
        } else {
            words::thousands(found.total)
        },
        first: if found.rows.is_empty() { 0 } else { first + 1 },
        last,
        page,
        pages,
        earlier: (page > 1).then(|| choice.with("page", &(page - 1).min(pages).to_string())),
        later: (page < pages).then(|| choice.with("page", &(page + 1).to_string())),
        show_status: matches!(choice.status_id(), "all" | "mine"),
        csv: visitor.may(Right::Export).then(|| choice.at("/cases.csv", "page", "")),
        ill: state.health().is_ill(),
        staying: state.health().staying().len(),
        undelivered,
        stopped,
    };
    Ok(pages::draw("queue.html", &view)?.into_response())
}

fn heading(choice: &Choice, shown: &Shown) -> String {
    if !choice.queue.is_empty() {
        return shown.names.queue(&choice.queue);
    }
    if choice.is_undelivered() {
        return "Antwoord niet aangekomen".to_owned();
    }
    match choice.status_id() {
        "open" => "Te beslissen".to_owned(),
        "taken-up" => "In behandeling".to_owned(),
        "asked-for-more" => "Wacht op aanvulling".to_owned(),
        "closed" => "Gesloten zaken".to_owned(),
        "mine" if choice.who == "me" => "Mijn werk".to_owned(),
        "mine" => "Niet gesloten".to_owned(),
        _ => "Alle zaken".to_owned(),
    }
}

fn lead(choice: &Choice, shown: &Shown) -> String {
    let known = shown.names.queues.iter().find(|(id, ..)| *id == choice.queue);
    known.map(|(_, _, explanation)| explanation.clone()).unwrap_or_default()
}

/// The queues where something waits, in the order of the rules; then those that only the store knows.
fn queue_links(choice: &Choice, counts: &[QueueCount], names: &words::Names) -> Vec<QueueLink> {
    let link = |id: &str, explanation: &str| QueueLink {
        name: names.queue(id),
        explanation: explanation.to_owned(),
        count: counts.iter().find(|count| count.queue == id).map_or(0, |count| count.open),
        url: pages::url("/", &[("queue", id)]),
        here: choice.queue == id,
        urgent: id == "spoed",
    };
    let mut links = vec![QueueLink {
        name: "Alles".to_owned(),
        explanation: String::new(),
        count: counts.iter().map(|count| count.open).sum(),
        url: "/".to_owned(),
        here: choice.queue.is_empty() && choice.status_id() == "open",
        urgent: false,
    }];
    links.extend(names.queues.iter().map(|(id, _, explanation)| link(id, explanation)));
    links.extend(
        counts
            .iter()
            .filter(|count| !names.queues.iter().any(|(id, ..)| *id == count.queue))
            .map(|count| link(&count.queue, "")),
    );
    // Calm: a queue where nothing waits is not shown, unless one looks at it.
    links.retain(|link| link.count > 0 || link.here || link.url == "/");
    links
}

fn statuses(choice: &Choice) -> Vec<Pick> {
    let now = choice.status_id();
    let mut picks: Vec<Pick> = words::STATUSES
        .into_iter()
        .map(|status| Pick {
            id: words::status_id(status).to_owned(),
            name: work::status_label(status).to_owned(),
            chosen: words::status_id(status) == now,
        })
        .collect();
    picks.push(Pick { id: "mine".to_owned(), name: "Niet gesloten".to_owned(), chosen: now == "mine" });
    picks.push(Pick { id: "all".to_owned(), name: "Alle".to_owned(), chosen: now == "all" });
    picks
}

fn dues(choice: &Choice) -> Vec<Pick> {
    let mut picks: Vec<Pick> = [
        ("", "Elke datum"),
        ("late", "Te laat"),
        ("today", "Vandaag of eerder"),
        ("week", "Binnen een week"),
    ]
    .into_iter()
    .map(|(id, name)| Pick { id: id.to_owned(), name: name.to_owned(), chosen: choice.due == id })
    .collect();
    if let Ok(date) = choice.due.parse::<Date>() {
        picks.push(Pick {
            id: choice.due.clone(),
            name: format!("Tot en met {}", dates::short(date)),
            chosen: true,
        });
    }
    picks
}

fn sorts(choice: &Choice) -> Vec<Pick> {
    [("", "Dringendste eerst"), ("newest", "Nieuwste eerst"), ("oldest", "Oudste eerst")]
        .into_iter()
        .map(|(id, name)| Pick { id: id.to_owned(), name: name.to_owned(), chosen: choice.sort == id })
        .collect()
}

fn bodies(choice: &Choice, shown: &Shown) -> Vec<Pick> {
    let mut picks: Vec<Pick> = shown
        .names
        .organisations
        .keys()
        .map(|id| Pick {
            id: id.clone(),
            name: shown.names.organisation_listed(id),
            chosen: *id == choice.about,
        })
        .collect();
    if !choice.about.is_empty() && !shown.names.organisations.contains_key(&choice.about) {
        let name = shown.names.organisation_listed(&choice.about);
        picks.push(Pick { id: choice.about.clone(), name, chosen: true });
    }
    picks.sort_by_key(|pick| pick.name.to_lowercase());
    picks
}

fn people_picks(choice: &Choice, deciders: &[String]) -> Vec<Pick> {
    let pick =
        |id: &str, name: &str| Pick { id: id.to_owned(), name: name.to_owned(), chosen: choice.who == id };
    let mut picks = vec![pick("", "Iedereen"), pick("me", "Mijzelf")];
    picks.extend(deciders.iter().map(|name| pick(name, name)));
    picks
}

fn chosen(choice: &Choice, shown: &Shown, me: &str) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    let mut add = |name: String, key: &str| chosen.push(Chosen { name, without: choice.with(key, "") });
    if let Some(words) = choice.words() {
        add(format!("Zoekt: {}", one_line(&words)), "q");
    }
    if !choice.queue.is_empty() {
        add(format!("Werkvoorraad: {}", shown.names.queue(&choice.queue)), "queue");
    }
    if choice.is_undelivered() {
        add("Antwoord niet aangekomen".to_owned(), "todo");
    }
    match choice.due.as_str() {
        "late" => add("Te laat".to_owned(), "due"),
        "today" => add("Vandaag of eerder".to_owned(), "due"),
        "week" => add("Binnen een week".to_owned(), "due"),
        date => {
            if let Ok(date) = date.parse() {
                add(format!("Tot en met {}", dates::short(date)), "due");
            }
        }
    }
    if !choice.about.is_empty() {
        add(format!("Over: {}", shown.names.organisation(&choice.about)), "about");
    }
    if !choice.who.is_empty() {
        let who = if choice.who == "me" { me } else { choice.who.as_str() };
        add(format!("Behandelaar: {}", one_line(who)), "who");
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn an_address_becomes_a_filter() {
        let today = date(2026, 3, 9);
        let plain = Choice::default().filter("noor", today);
        assert_eq!(plain.statuses, [CaseStatus::Open]);
        assert_eq!((plain.offset, plain.limit), (0, PAGE_ROWS_MAX));
        let choice = Choice {
            q: " tram ".into(),
            queue: "spoed".into(),
            due: "late".into(),
            who: "me".into(),
            page: "3".into(),
            ..Choice::default()
        };
        let filter = choice.filter("noor", today);
        assert_eq!(filter.text.as_deref(), Some("tram"));
        assert!(filter.statuses.is_empty(), "search words look everywhere");
        assert_eq!(filter.due_by, Some(date(2026, 3, 8)));
        assert_eq!(filter.assignee.as_deref(), Some("noor"));
        assert_eq!(filter.offset, 2 * PAGE_ROWS_MAX);
        assert_eq!(choice.with("due", ""), "/?q=%20tram%20&queue=spoed&who=me");
        assert_eq!(choice.with("page", "4"), "/?q=%20tram%20&queue=spoed&due=late&who=me&page=4");
    }

    #[test]
    fn queues_are_those_of_the_rules_in_their_order_and_those_that_only_the_store_knows() {
        let named = |id: &str, name: &str| (id.to_owned(), name.to_owned(), String::new());
        let names = words::Names {
            queues: vec![
                named("nieuw", "Nieuw"),
                named("wijkteam-oost", "Wijkteam Oost"),
                named("leeg", "Leeg"),
            ],
            ..words::Names::default()
        };
        let count = |queue: &str, open| QueueCount {
            queue: queue.to_owned(),
            open,
            taken_up: 1,
            asked_for_more: 0,
            closed: 2,
        };
        let counts = [count("leeg", 0), count("nieuw", 2), count("oude-rij", 1), count("wijkteam-oost", 4)];
        let shown = |queue: &str| {
            let choice = Choice { queue: queue.into(), ..Choice::default() };
            let links = queue_links(&choice, &counts, &names);
            links.into_iter().map(|link| (link.name, link.count, link.url)).collect::<Vec<_>>()
        };
        let all = shown("");
        let told: Vec<_> = all.iter().map(|(name, count, _)| (name.as_str(), *count)).collect();
        assert_eq!(told, [("Alles", 7), ("Nieuw", 2), ("Wijkteam Oost", 4), ("Oude rij", 1)]);
        assert_eq!(all[2].2, "/?queue=wijkteam-oost");
        assert!(
            shown("leeg").iter().any(|(name, ..)| name == "Leeg"),
            "one that is looked at is shown empty too"
        );
    }

    #[test]
    fn odd_addresses_choose_nothing() {
        let choice =
            Choice { status: "<script>".into(), due: "ooit".into(), page: "-9".into(), ..Choice::default() };
        let filter = choice.filter("noor", date(2026, 3, 9));
        assert_eq!(filter.statuses, [CaseStatus::Open]);
        assert_eq!((filter.due_by, filter.offset), (None, 0));
        assert_eq!(percent(2.0), 100);
    }
}
