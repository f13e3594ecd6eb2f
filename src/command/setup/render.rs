//! The configuration as text: the office's own data as they were shipped, comments and all, and between them what was
//! asked for, each part with a word of what it is.

use super::plan::{Plan, Server};
use crate::clock;
use crate::record::office_date;
use std::fmt::Write;
use std::path::Path;

/// The whole file.
pub fn configuration(plan: &Plan) -> String {
    let (rules, templates) = plan.rules_and_templates();
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    say(&format!("# {}: written by `bode setup` on {}.", plan.shipped.name, office_date(clock::now())));
    say(
        "# `bode config check` reads it and names every fault, `bode doctor` tries what stands here, `bode config show` tells what",
    );
    say(
        "# counts in the end. Every key is explained in docs/configuration.md; paths that are relative are relative to this file.",
    );
    say("");
    say(&format!("rules = {}", path(&rules)));
    say(&format!("templates = {}", path(&templates)));
    say(&format!("store = {}          # originals, journal and index", path(&plan.store)));
    say("");
    for chunk in sections(&plan.shipped.text).iter().filter(|chunk| chunk.is_of("office")) {
        say(chunk.own_text());
        say("");
    }
    say(
        "# --- Rehearsal ------------------------------------------------------------------------------------------------",
    );
    say(
        "# While it is on everything runs: post is taken in, judged and queued, answers are made and can be read at the desk. Nothing",
    );
    say(
        "# leaves the house, and mail stays in its folder as it was. `bode rehearsal` compares the judgements with what staff decided.",
    );
    say(
        "# To begin in earnest: on = false, and a restart. What came in until then is never answered by itself.",
    );
    say("[rehearsal]");
    say(&format!("on = {}", !plan.live));
    say("");
    say(
        "# --- Where post comes in and goes out --------------------------------------------------------------------------",
    );
    say("# Passwords never stand here, only the file that holds one (0600, one line).");
    say("");
    incoming(plan, &mut say);
    outgoing(plan, &mut say);
    say("[letters]");
    say(&format!("place = {}               # before the date of a letter", quoted(&plan.shipped.place)));
    say("");
    say("[desk]");
    say(&format!("listen = {}", quoted(&plan.listen.to_string())));
    if plan.https {
        say("https = true                          # behind a TLS proxy; name it under `proxies` too");
    }
    for chunk in sections(&plan.shipped.text).iter().filter(|chunk| chunk.is_of("retention")) {
        say("");
        say(chunk.own_text());
    }
    text
}

fn incoming(plan: &Plan, say: &mut impl FnMut(&str)) {
    if let Some(server) = &plan.mailbox {
        say("[mailbox]");
        server_lines(server, &plan.secret_path("imap"), say);
        say(&format!("folder = {}", quoted(&plan.folder)));
        say(&format!(
            "done_folder = {}              # a message is moved there once it is safe here",
            quoted(&plan.done_folder)
        ));
        say(&format!(
            "answer_from = {}              # older mail is registered, never answered",
            plan.answer_from
        ));
        say("");
    }
    if let Some(dir) = &plan.maildir {
        say("[maildir]");
        say(&format!("dir = {}", path(dir)));
        say(&format!(
            "answer_from = {}              # older mail is registered, never answered",
            plan.answer_from
        ));
        say("");
    }
    match &plan.scans {
        Some(dir) => {
            say("[scan]");
            say(&format!(
                "dir = {}      # PDF, TIFF, JPEG or PNG; what was taken goes to done/ in it",
                path(dir)
            ));
        }
        None => {
            say("# [scan]");
            say("# dir = \"/srv/scans\"                  # the folder that the post room scans into");
        }
    }
    say("");
}

fn outgoing(plan: &Plan, say: &mut impl FnMut(&str)) {
    match &plan.smtp {
        Some(server) => {
            say("[smtp]");
            server_lines(server, &plan.secret_path("smtp"), say);
        }
        None => {
            say("# Without [smtp] answers by mail wait in the outbox.");
            say("# [smtp]");
            say("# host = \"smtp.example.nl\"");
        }
    }
    say("");
    say("[answers]");
    say(&format!("from_name = {}", quoted(&plan.from_name)));
    if plan.from_address.is_empty() {
        say("# from_address = \"klacht@example.nl\"");
    } else {
        say(&format!("from_address = {}", quoted(&plan.from_address)));
    }
    if plan.return_path.is_empty() {
        say(
            "# return_path = \"antwoord-mislukt@example.nl\"   # where bounces go (RFC 3834, Awb 2:11); never answers by itself",
        );
    } else {
        say(&format!(
            "return_path = {}   # where bounces go (RFC 3834, Awb 2:11); never answers by itself",
            quoted(&plan.return_path)
        ));
    }
    let own: Vec<String> = plan.own_addresses.iter().map(|address| quoted(address)).collect();
    say(&format!("own_addresses = [{}]   # ours: never answered", own.join(", ")));
    say("");
}

fn server_lines(server: &Server, secret: &Path, say: &mut impl FnMut(&str)) {
    say(&format!("host = {}", quoted(&server.host)));
    if let Some(port) = server.port {
        say(&format!("port = {port}"));
    }
    say(&format!("tls = {}", quoted(server.tls.word())));
    if let Some(ca) = &server.ca_file {
        say(&format!("ca_file = {}", path(ca)));
    }
    if let Some((user, _)) = &server.login {
        say(&format!("user = {}", quoted(user)));
        say(&format!("password = {{ file = {} }}", path(secret)));
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// One table of a file: its header's name, and its text with the comments that stand right above it.
struct Chunk<'a> {
    name: &'a str,
    text: &'a str,
}

impl Chunk<'_> {
    /// Of this table, or of one within it?
    fn is_of(&self, table: &str) -> bool {
        self.name == table || self.name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Without the comments after its last key, which are about something else.
    fn own_text(&self) -> &str {
        let mut end = 0;
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            at += line.len();
            let trimmed = line.trim();
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                end = at;
            }
        }
        self.text.get(..end).unwrap_or(self.text).trim_end()
    }
}

/// The tables of a file in order; what stands before the first is left out.
fn sections(text: &str) -> Vec<Chunk<'_>> {
    let mut starts: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    // Where the comments began that the next header takes with it.
    let mut comments = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if let Some(header) = trimmed.strip_prefix('[') {
            let name = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            starts.push((comments.unwrap_or(at), name));
            comments = None;
        } else if trimmed.starts_with('#') {
            comments.get_or_insert(at);
        } else {
            comments = None;
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|((start, name), end)| Some(Chunk { name, text: text.get(*start..end)? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keep_the_comments_above_them() {
        let text = "# head\na = 1\n\n# of one\n[one]\nx = 1\n\n[[one.two]]\ny = 2\n\n# lost\n# [three]\n\n# of four\n[four]\nz = 3\n";
        let found = sections(text);
        let names: Vec<&str> = found.iter().map(|chunk| chunk.name).collect();
        assert_eq!(names, ["one", "one.two", "four"]);
        assert!(found[0].text.starts_with("# of one\n[one]\nx = 1"));
        assert_eq!(found[1].own_text(), "[[one.two]]\ny = 2");
        assert!(found[1].is_of("one") && !found[2].is_of("one"));
        assert!(found[2].text.starts_with("# of four\n[four]"));
    }

    #[test]
    fn texts_are_quoted_as_toml_reads_them() {
        for text in ["gewoon", "met \"aanhaling\"", "C:\\pad", "regel\neinde", "é"] {
            let table: toml::Table = format!("k = {}", quoted(text)).parse().unwrap();
            assert_eq!(table["k"].as_str(), Some(text));
        }
    }
}
