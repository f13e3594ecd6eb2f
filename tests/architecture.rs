//! ARCHITECTURE.md is held against the tree: every room of `src/` has its row and imports what that row says and nothing else, what stands
//! in one place only stands there, and every file, folder and name that the page tells of is there.
//!
//! The tables are read from the page itself, so that there is one of each.

#[path = "support/tree.rs"]
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tree::{below, read, report};

const PAGE: &str = "ARCHITECTURE.md";

/// The cells of a table of the page, row by row, by what stands in the first cell of its head.
fn table(head: &str) -> Vec<Vec<String>> {
    let page = read(Path::new(PAGE));
    let rows: Vec<Vec<String>> = page
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {head} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "{PAGE} has no table that begins with | {head} |");
    rows
}

/// What stands between backquotes in a cell or a paragraph.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A row of the table of rooms.
struct Room {
    name: String,
    /// As the row has it: a folder ends in a stroke.
    written: String,
    may: BTreeSet<String>,
}

fn rooms() -> Vec<Room> {
    let rows = table("room in `src/`").into_iter().map(|row| {
        let [written, _, may] = row.as_slice() else { panic!("{PAGE}: a row of three cells: {row:?}") };
        let written = written.trim_matches('`').to_owned();
        let may = may.split(", ").filter(|name| *name != "–").map(str::to_owned).collect();
        Room { name: written.trim_end_matches('/').to_owned(), written, may }
    });
    rows.collect()
}

/// The room that a file of `src/` is in; none for the map and the door.
fn room_of(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").unwrap().components().next().unwrap().as_os_str().to_string_lossy();
    let name = first.trim_end_matches(".rs");
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// Lines of code with their numbers, without those that are comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Room → room that it imports → where it does so first.
fn imports() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for path in below("src", ".rs") {
        let Some(room) = room_of(&path) else { continue };
        let imported = found.entry(room.clone()).or_default();
        for (number, line) in code(&read(&path)) {
            let place = format!("{}:{number}", path.display());
            assert!(
                !line.contains("use crate::{"),
                "{place}: write one `use` line a room, so that imports can be read and held"
            );
            for used in line.split("crate::").skip(1) {
                let target: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if target != room && !target.is_empty() {
                    imported.entry(target).or_insert_with(|| place.clone());
                }
            }
        }
    }
    found
}

#[test]
fn every_room_has_its_row_and_every_row_its_room() {
    let rooms = rooms();
    let told: BTreeSet<&str> = rooms.iter().map(|room| room.name.as_str()).collect();
    assert_eq!(told.len(), rooms.len(), "{PAGE}: a room has two rows");
    let mut faults = Vec::new();
    let there: BTreeSet<String> = below("src", ".rs").iter().filter_map(|path| room_of(path)).collect();
    for name in there.iter().filter(|name| !told.contains(name.as_str())) {
        faults.push(format!(
            "src/{name} has no row in the table of rooms: give it one, below what it imports and above who imports it, \
             or put its files into the room that they belong to"
        ));
    }
    for room in &rooms {
        let (folder, file) = (format!("src/{}", room.name), format!("src/{}.rs", room.name));
        let here = match room.written.ends_with('/') {
            true => Path::new(&folder).is_dir() && !Path::new(&file).exists(),
            false => Path::new(&file).is_file(),
        };
        if !here {
            faults.push(format!("{PAGE} tells of `{}`, and src/ has no such room", room.written));
        }
    }
    report(&faults);
}

#[test]
fn a_room_imports_what_its_row_says_and_only_from_above() {
    let rooms = rooms();
    let place: BTreeMap<&str, usize> =
        rooms.iter().zip(0..).map(|(room, n)| (room.name.as_str(), n)).collect();
    let imports = imports();
    let mut faults = Vec::new();
    for room in &rooms {
        let Room { name, may, .. } = room;
        let nothing = BTreeMap::new();
        let imported = imports.get(name).unwrap_or(&nothing);
        for (target, at) in imported.iter().filter(|(target, _)| !may.contains(*target)) {
            faults.push(format!(
                "{at}: `{name}` imports `{target}`, which its row does not name: move what both need into a room above them, \
                 or hand it in as an argument; if it does belong so, put `{target}` into the row of `{name}`"
            ));
        }
        for target in may {
            if !imported.contains_key(target) {
                faults.push(format!(
                    "the row of `{name}` names `{target}`, and no file of it imports that: take it out of the row"
                ));
            }
            match place.get(target.as_str()) {
                None => faults.push(format!("the row of `{name}` names `{target}`, which is no room")),
                Some(above) if *above >= place[name.as_str()] => faults.push(format!(
                    "the row of `{name}` names `{target}`, which does not stand above it: a circle, or a row in the wrong place"
                )),
                Some(_) => {}
            }
        }
    }
    report(&faults);
}

/// Whether a word stands in a text with nothing of a name before it, nor behind it where it ends as a name does.
fn stands_in(text: &str, word: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let goes_on = word.ends_with(of_a_name) && text[at + word.len()..].starts_with(of_a_name);
        !goes_on && !text[..at].ends_with(of_a_name)
    })
}

#[test]
fn what_stands_in_one_place_only_stands_there() {
    let mut faults = Vec::new();
    for row in table("only here") {
        let [homes, what, words] = row.as_slice() else { panic!("{PAGE}: a row of three cells: {row:?}") };
        let (homes, among) = homes.split_once(" of ").unwrap_or((homes, "` `"));
        let homes: Vec<PathBuf> = spans(homes).map(|home| Path::new("src").join(home)).collect();
        let among: Vec<PathBuf> = spans(among).map(|room| Path::new("src").join(room.trim())).collect();
        let mut seen = BTreeSet::new();
        for path in
            below("src", ".rs").into_iter().filter(|path| among.iter().any(|room| path.starts_with(room)))
        {
            for (number, line) in code(&read(&path)) {
                let Some(word) = spans(words).find(|word| stands_in(line, word)) else { continue };
                match homes.iter().find(|home| path.starts_with(home)) {
                    Some(home) => _ = seen.insert(home),
                    None => faults.push(format!(
                        "{}:{number}: `{word}`: by the table of what stands in one place only, {} does this: {what}; have it done \
                         there, or handed in from there",
                        path.display(),
                        row[0]
                    )),
                }
            }
        }
        for home in homes.iter().filter(|home| !seen.contains(home)) {
            faults.push(format!("{PAGE} says of {}: {what}; it does not", home.display()));
        }
    }
    report(&faults);
}

#[test]
fn every_folder_beside_the_source_is_told() {
    let page = read(Path::new(PAGE));
    let told = page.split("\n\n").find(|part| part.starts_with("Beside `src/`")).unwrap();
    let list = std::process::Command::new("git").args(["ls-files"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let folders: BTreeSet<&str> =
        list.lines().filter_map(|path| path.split_once('/')).map(|(folder, _)| folder).collect();
    let faults: Vec<String> = folders
        .iter()
        .filter(|folder| !told.contains(&format!("`{folder}/`")))
        .map(|folder| {
            format!(
                "{PAGE} does not say what lies in {folder}/: the paragraph that begins with “Beside `src/`”"
            )
        })
        .collect();
    report(&faults);
}

#[test]
fn every_file_and_name_that_the_page_tells_of_is_there() {
    let sources: Vec<PathBuf> = below("src", ".rs").into_iter().collect();
    let modules: BTreeSet<String> = sources
        .iter()
        .flat_map(|path| path.ancestors())
        .map(|path| format!("/{}", path.with_extension("").display()))
        .collect();
    let said: String = sources.iter().map(|path| read(path)).collect();
    let room_names: BTreeSet<String> = rooms().into_iter().map(|room| room.name).collect();
    let is_module = |name: &str| {
        let name = format!("/{}", name.trim_end_matches('/').trim_end_matches(".rs"));
        modules.iter().any(|module| module.ends_with(&name))
    };
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || ['_', '/'].contains(&c));
    let mut faults = Vec::new();
    let page = read(Path::new(PAGE));
    let prose: String = page.split("```").step_by(2).collect();
    for span in spans(&prose).filter(|span| !span.contains([' ', '<', '*', '…', '{', '='])) {
        let (room, inside) = span.split_once('/').unwrap_or((span, ""));
        let a_path =
            span.ends_with(".rs") || (room_names.contains(room) && !inside.is_empty() && plain(inside));
        let there = if a_path {
            is_module(span) || Path::new(span).exists()
        } else {
            let word = |part: &str| part.contains(|c: char| c.is_ascii_digit()) || stands_in(&said, part);
            is_module(span)
                || ["", "tests", "benches"].iter().any(|folder| Path::new(folder).join(span).exists())
                || span.split(['/', ':']).filter(|part| !part.is_empty()).all(word)
        };
        if !there {
            faults.push(format!("{PAGE} tells of `{span}`, and there is no such file or name"));
        }
    }
    // What is told of the inside of rooms stands behind the names of files of theirs.
    let inside = page.split("\n## ").find(|part| part.starts_with("Inside the rooms")).unwrap();
    for name in inside.split("**").skip(1).step_by(2).flat_map(|names| names.split(", ")) {
        if !is_module(&format!("src/{name}")) {
            faults.push(format!("{PAGE} tells of the inside of **{name}**, and src/{name} is not there"));
        }
    }
    report(&faults);
}
