//! The book in docs/ does not age unseen: every page is in SUMMARY, every link and anchor leads somewhere, every picture is there
//! and small, and what the pages name exists: commands with their options, tests, files, make targets, keys of the configuration.
//!
//! Pages for staff and the post room are held to plain Dutch (level B1), a little wider than letters to citizens are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

#[path = "support/readability.rs"]
mod readability;
#[path = "support/tree.rs"]
mod tree;

use readability::{DUTCH, Level, too_hard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use tree::{below, read, report};

/// Pages outside docs/ that people read beside it.
const BESIDE: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "GLOSSARY.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "rules/README.md",
    "templates/README.md",
];
/// What a picture may weigh, in bytes.
const PICTURE_BYTES_MAX: u64 = 100_000;

fn pages() -> BTreeSet<PathBuf> {
    let mut pages = below("docs", ".md");
    pages.extend(BESIDE.iter().map(PathBuf::from));
    pages
}

/// A page in its parts.
struct Page {
    path: PathBuf,
    /// Without code blocks and code spans.
    prose: String,
    /// Code spans, with one blank for any white space in them.
    spans: Vec<String>,
    /// Lines of code blocks.
    block_lines: Vec<String>,
    /// Ids of its headings.
    anchors: BTreeSet<String>,
}

impl Page {
    fn of(path: &Path) -> Self {
        let (mut running, mut block_lines, mut headings) = (String::new(), Vec::new(), Vec::new());
        let mut inside = false;
        for line in read(path).lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if inside {
                block_lines.push(line.trim().to_owned());
            } else {
                if line.starts_with('#') {
                    headings.push(line.trim_start_matches('#').trim().to_owned());
                }
                running.push_str(line);
                running.push('\n');
            }
        }
        assert!(!inside, "{}: a code block has no end", path.display());
        let (mut prose, mut spans) = (String::new(), Vec::new());
        for (n, part) in running.split('`').enumerate() {
            if n % 2 == 0 {
                prose.push_str(part);
            } else {
                spans.push(part.replace("\\|", "|").split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        let anchors = headings.iter().map(|heading| slug(heading)).collect();
        Page { path: path.to_owned(), prose, spans, block_lines, anchors }
    }

    /// Where its links lead, pictures too; those to other sites are left out.
    fn links(&self) -> Vec<String> {
        let ends = self.prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        ends.map(|(target, _)| target.to_owned())
            .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
            .collect()
    }
}

/// The id of a heading, as the sites that show Markdown and mdBook make it.
fn slug(heading: &str) -> String {
    let text = heading.replace("](", "\u{0}");
    let shown: String = text.split('\u{0}').next().unwrap_or_default().to_owned();
    shown
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// `docs/staff/../index.md` as `docs/index.md`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn every_page_stands_in_the_summary_once() {
    let summary = Page::of(Path::new("docs/SUMMARY.md"));
    let listed: Vec<PathBuf> =
        summary.links().iter().map(|link| plain(&Path::new("docs").join(link))).collect();
    let set: BTreeSet<PathBuf> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len(), "docs/SUMMARY.md names a page twice");
    let faults: Vec<String> = below("docs", ".md")
        .into_iter()
        .filter(|page| !page.ends_with("SUMMARY.md") && !set.contains(page))
        .map(|page| format!("docs/SUMMARY.md does not name {}", page.display()))
        .collect();
    report(&faults);
}

#[test]
fn every_link_leads_somewhere() {
    let pages: BTreeMap<PathBuf, Page> =
        pages().into_iter().map(|path| (path.clone(), Page::of(&path))).collect();
    let mut faults = Vec::new();
    for page in pages.values() {
        for link in page.links() {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let there = match file {
                "" => page.path.clone(),
                file => plain(&page.path.parent().unwrap_or(Path::new("")).join(file)),
            };
            if !there.exists() {
                faults.push(format!("{}: {link} leads nowhere", page.path.display()));
            } else if !anchor.is_empty()
                && !pages.get(&there).is_some_and(|other| other.anchors.contains(anchor))
            {
                faults.push(format!("{}: {link}: no such heading", page.path.display()));
            }
        }
    }
    report(&faults);
}

#[test]
fn every_picture_is_there_is_small_and_is_shown() {
    let mut shown = BTreeSet::new();
    for path in pages() {
        let page = Page::of(&path);
        let links = page.links().into_iter().filter(|link| link.ends_with(".png"));
        shown.extend(links.map(|link| plain(&path.parent().unwrap_or(Path::new("")).join(link))));
    }
    let there = below("docs/pictures", ".png");
    assert_eq!(there, shown, "the pictures in docs/pictures are not those that pages show");
    for picture in there {
        let bytes = std::fs::read(&picture).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{}: no PNG", picture.display());
        let size = u64::try_from(bytes.len()).unwrap();
        assert!(size <= PICTURE_BYTES_MAX, "{}: {size} bytes; make pictures packs them", picture.display());
    }
    // Those that `make pictures` makes are these.
    let look = read(Path::new("tests/desk_browser/look.rs"));
    let list = look.split("const BOOK").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    let made: BTreeSet<PathBuf> = list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|name| PathBuf::from(format!("docs/pictures/{name}.png")))
        .collect();
    assert_eq!(made, shown, "BOOK in tests/desk_browser/look.rs is not what pages show");
}

/// The help of a command, and the commands below it.
struct Help {
    text: String,
    commands: BTreeSet<String>,
}

#[derive(Default)]
struct Helps {
    known: BTreeMap<Vec<String>, Help>,
}

impl Helps {
    fn of(&mut self, path: &[String]) -> &Help {
        self.known.entry(path.to_vec()).or_insert_with(|| {
            let output = Command::new(env!("CARGO_BIN_EXE_bode")).args(path).arg("--help").output().unwrap();
            assert!(output.status.success(), "bode {path:?} --help");
            let text = String::from_utf8(output.stdout).unwrap();
            let list = text.split("\nCommands:\n").nth(1).unwrap_or_default();
            let commands = list
                .lines()
                .take_while(|line| !line.is_empty())
                .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
                .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
                .collect();
            Help { text, commands }
        })
    }

    /// What is wrong with a command line as a page shows it, without its first word.
    fn fault(&mut self, line: &str) -> Option<String> {
        let mut path: Vec<String> = Vec::new();
        let mut words = line.split(" #").next().unwrap_or_default().split_whitespace();
        while let Some(word) = words.next() {
            let help = self.of(&path);
            if let Some(option) = word.strip_prefix("--") {
                let name: String =
                    option.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                let row = help.text.lines().find(|row| {
                    row.split([' ', ',']).any(|part| part.strip_prefix("--") == Some(name.as_str()))
                });
                let Some(row) = row else { return Some(format!("bode {} has no --{name}", path.join(" "))) };
                let value = row.split(&format!("--{name} ")).nth(1).is_some_and(|rest| rest.starts_with('<'));
                if value && !option.contains('=') {
                    words.next();
                }
            } else if !help.commands.is_empty() {
                let plainly =
                    |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.is_empty();
                if !word.split('|').all(plainly) {
                    return None;
                }
                for one in word.split('|') {
                    if !help.commands.contains(one) {
                        return Some(format!("bode {} has no command {one}", path.join(" ")));
                    }
                }
                path.push(word.split('|').next_back().unwrap_or(word).to_owned());
            }
        }
        None
    }
}

#[test]
fn every_command_and_option_exists() {
    let mut helps = Helps::default();
    let mut faults = Vec::new();
    let mut tried = 0;
    // What benchmarks print tells of bode, it does not call it.
    let others = ["CHANGELOG.md", "docs/performance.md"];
    for path in pages().iter().filter(|path| !others.iter().any(|other| path.ends_with(other))) {
        let page = Page::of(path);
        let top = helps.of(&[]).commands.clone();
        for line in page.spans.iter().chain(&page.block_lines) {
            // README lists the commands without the name of the program.
            let listed = path.ends_with("README.md") && path.components().count() == 1;
            let bare =
                line.split(' ').next().filter(|first| listed && top.contains(*first)).map(|_| line.as_str());
            let Some(rest) = line.strip_prefix("bode ").or(bare) else { continue };
            tried += 1;
            faults.extend(helps.fault(rest).map(|fault| format!("{}: {line}: {fault}", path.display())));
        }
    }
    assert!(tried > 50, "the pages show {tried} commands only: are they found?");
    report(&faults);
}

#[test]
fn every_test_file_and_target_that_is_named_exists() {
    let makefile = read(Path::new("Makefile"));
    let mut faults = Vec::new();
    let mut tried = 0;
    for path in pages().iter().filter(|path| !path.ends_with("CHANGELOG.md")) {
        for span in Page::of(path).spans {
            let first = span.split(' ').next().unwrap_or_default();
            let (file, function) = first.split_once("::").unwrap_or((first, ""));
            let ours =
                ["tests/", "src/", "benches/", "fuzz/", "packaging/"].iter().any(|dir| file.starts_with(dir));
            let certain = !file.contains(['<', '*', '…', '{', '=']);
            if ours && certain {
                tried += 1;
                if !Path::new(file).exists() {
                    faults.push(format!("{}: there is no {file}", path.display()));
                } else if !function.is_empty() && !read(Path::new(file)).contains(&format!("fn {function}("))
                {
                    faults.push(format!("{}: {file} has no test {function}", path.display()));
                }
            }
            if let Some(target) = span.strip_prefix("make ").and_then(|rest| rest.split(' ').next())
                && target.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                && !makefile.lines().any(|line| line.starts_with(&format!("{target}:")))
            {
                faults.push(format!("{}: the Makefile has no {target}", path.display()));
            }
        }
    }
    assert!(tried > 150, "the pages name {tried} files only: are they found?");
    report(&faults);
}

/// Every name that a configuration file may hold, from the structs that are read from it.
fn keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for path in below("src/config", ".rs").iter().chain(&below("src/record", ".rs")) {
        for line in read(path).lines() {
            if let Some((name, _)) = line.trim().strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
                keys.insert(name.to_owned());
            }
        }
    }
    keys
}

#[test]
fn every_key_of_the_configuration_that_is_named_exists() {
    let keys = keys();
    let known = |name: &str| keys.contains(name) || name.chars().any(|c| c.is_ascii_uppercase());
    let mut faults = Vec::new();
    let mut tried = 0;
    let of_rules = |path: &Path| path.starts_with("docs/rule-writers") || path.starts_with("rules");
    for path in pages().iter().filter(|path| !path.ends_with("CHANGELOG.md") && !of_rules(path)) {
        let page = Page::of(path);
        // `[table]`, `[table] key` and `key = value`.
        for span in &page.spans {
            let (table, rest) = match span.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((table, rest)) => (table.trim_start_matches('['), rest.trim_start_matches(']').trim()),
                None => ("", span.as_str()),
            };
            let key = match rest.split_once(" = ") {
                Some((key, _)) => key,
                None if !table.is_empty() => rest,
                None => continue,
            };
            let is_name = |name: &str| {
                name.starts_with(|c: char| c.is_ascii_alphabetic())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            for name in
                table.split('.').chain(key.split('.')).filter(|name| !name.is_empty() && is_name(name))
            {
                tried += 1;
                if !known(name) {
                    faults.push(format!("{}: `{span}`: there is no key {name}", path.display()));
                }
            }
        }
    }
    assert!(tried > 60, "the pages name {tried} keys only: are they found?");
    report(&faults);
}

/// The entry fits the fields of the register: `### NAME (most characters)`, then the text as a quotation.
#[test]
fn the_entry_for_the_register_fits_its_fields() {
    let text = read(Path::new("docs/accountability/algorithm-register.md"));
    let mut fields = 0;
    for field in text.split("\n### ").skip(1) {
        let (heading, rest) = field.split_once('\n').unwrap();
        let quoted = rest
            .lines()
            .take_while(|line| !line.starts_with("## "))
            .filter_map(|line| line.strip_prefix('>'));
        let said = quoted.map(str::trim).collect::<Vec<_>>().join(" ").replace(['⟨', '⟩'], "");
        assert!(!said.is_empty(), "{heading}: nothing is filled in");
        let most =
            heading.split_once('(').map(|(_, most)| most.trim_end_matches(')').parse::<usize>().unwrap());
        assert!(
            said.chars().count() <= most.unwrap_or(usize::MAX),
            "{heading}: {} characters",
            said.chars().count()
        );
        fields += 1;
    }
    assert_eq!(fields, 24, "version 1.0 of the standard has these fields that an office fills in");
}

/// All that the desk says: its pages, the words in its code, and the names of queues.
fn said_by_the_desk() -> String {
    let sources = below("templates/desk", ".html").into_iter().chain(below("src/review", ".rs"));
    let others =
        ["src/queue.rs", "src/record/role.rs", "rules/queues.toml", "src/config/desk.rs"].map(PathBuf::from);
    let mut said = String::new();
    for path in sources.chain(others) {
        // Tags and expressions of templates away, so that a label that is put together stands in one piece.
        let mut depth = 0_usize;
        for c in read(&path).chars() {
            match c {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ if depth == 0 || path.extension().is_some_and(|ending| ending != "html") => said.push(c),
                _ => {}
            }
        }
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_label_that_is_quoted_stands_on_the_desk() {
    let said = said_by_the_desk();
    let mut faults = Vec::new();
    let mut tried = 0;
    for dir in ["docs/staff", "docs/post-room", "docs/rule-writers"] {
        for path in below(dir, ".md") {
            let prose = Page::of(&path).prose.replace("**", "");
            // A label is in italics and begins with a capital.
            for label in prose.split('*').skip(1).step_by(2) {
                let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
                if !label.starts_with(char::is_uppercase) {
                    continue;
                }
                for part in label.split('…').map(str::trim).filter(|part| !part.is_empty()) {
                    tried += 1;
                    if !said.contains(part) {
                        faults.push(format!("{}: nothing on the desk says {part:?}", path.display()));
                    }
                }
            }
        }
    }
    assert!(tried > 60, "{tried} labels only: are they found?");
    report(&faults);
}

/// For a manual: longer than a letter may be, and with the words of the work.
const MANUAL: Level = Level {
    mean_words_max: 11.0,
    words_max: 22,
    ease_min: 60.0,
    long_words: &[
        // Words of the desk, of the house, and of the law that are explained where they stand.
        "bestuursorgaan",
        "bewaartermijn",
        "doorverwijzen",
        "integriteitsmelding",
        "ontvangstbevestiging",
        "regelbeheerder",
        "scheidingsvel",
        "scheidingsvellen",
        "werkvoorraad",
        "werkvoorraden",
        // Known to who works with them.
        "aanhalingsteken",
        "aanhalingstekens",
        "scheldwoorden",
        "uitkeringsfabriek",
        "verbeteringen",
        "opdrachtregel",
        "streepjescode",
        "vertrouwelijk",
        "vertrouwelijks",
        "waarschijnlijk",
    ],
    ..DUTCH
};

/// The sentences of a page: lines of lists and cells of tables stand by themselves.
fn sentences_of(page: &Path) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in read(page).lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        }
        if inside || line.starts_with("| ---") || line.starts_with("![") || line.starts_with('#') {
            continue;
        }
        // Of code a word, of a link its words.
        let parts = line.split('`').enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "code" });
        let line = parts.collect::<String>().replace('*', "");
        let mut words = String::new();
        let mut rest = line.as_str();
        while let Some((before, after)) = rest.split_once("](") {
            words.push_str(&before.replace('[', ""));
            rest = after.split_once(')').map_or("", |(_, rest)| rest);
        }
        words.push_str(rest);
        if words.trim_start().starts_with('|') {
            for cell in words.split('|').map(str::trim).filter(|cell| !cell.is_empty()) {
                text.push_str(cell);
                text.push_str(".\n\n");
            }
        } else {
            let item =
                words.trim_start().trim_start_matches("- ").trim_start_matches(|c: char| c.is_ascii_digit());
            if words.trim_start().starts_with("- ") || item.starts_with(". ") {
                text.push_str("\n\n");
            }
            text.push_str(item.trim_start_matches(". "));
            text.push('\n');
        }
    }
    text
}

#[test]
fn pages_for_staff_are_plain_dutch() {
    let mut faults = Vec::new();
    for page in ["docs/staff", "docs/post-room", "docs/rule-writers"].iter().flat_map(|dir| below(dir, ".md"))
    {
        // A manual may leave out who does a thing: it is mostly the program.
        let hard =
            too_hard(&sentences_of(&page), &MANUAL).into_iter().filter(|fault| !fault.starts_with("passive"));
        faults.extend(hard.map(|fault| format!("{}: {fault}", page.display())));
    }
    report(&faults);
}
