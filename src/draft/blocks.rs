//! A rule file in blocks that a person can read and change one by one: its head, then each table with the comments before it.
//!
//! Invariant: the blocks of a text, one after the other, are that text, byte for byte; so a block that was cut in an odd place
//! (a line within a long string that looks like a table) is a nuisance, never a loss.

use sha2::{Digest as _, Sha256};

/// A stretch of a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its `id`, else its `name`, else the head of the table; empty for what stands before the first table.
    pub title: String,
    /// The first sentence that says what it is for.
    pub about: String,
    pub text: String,
}

/// The blocks of a file.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut cuts = vec![0];
    let (mut at, mut comment) = (0, None);
    let mut quoted = false;
    for line in text.split_inclusive('\n') {
        let is_table = !quoted && line.starts_with('[') && line.trim_end().ends_with(']');
        if is_table {
            cuts.push(comment.unwrap_or(at));
        }
        // Comments belong to the table that they stand above, unless a blank line lies between.
        let is_comment = !quoted && line.starts_with('#');
        comment = if is_comment { comment.or(Some(at)) } else { None };
        if line.matches("\"\"\"").count() % 2 == 1 {
            quoted = !quoted;
        }
        at += line.len();
    }
    cuts.push(text.len());
    cuts.dedup();
    let ends = cuts.iter().skip(1);
    let parts = cuts.iter().zip(ends).filter_map(|(from, to)| text.get(*from..*to));
    parts.enumerate().map(|(place, part)| block(part, place > 0 || part.starts_with('['))).collect()
}

/// What stands before the first table has no name, whatever its words look like.
fn block(text: &str, is_table: bool) -> Block {
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim().trim_matches('"').to_owned())
    };
    let head = || text.lines().find(|line| line.starts_with('[')).unwrap_or_default();
    let named = || value("id").or_else(|| value("name"));
    let title = match is_table {
        true => named().unwrap_or_else(|| head().trim_matches(['[', ']']).to_owned()),
        false => String::new(),
    };
    let about = ["reason", "explanation", "name", "about"].into_iter().find_map(value).unwrap_or_default();
    Block { about: if about == title { String::new() } else { about }, title, text: text.to_owned() }
}

impl Block {
    /// Tells this block from the same one in another form.
    pub fn mark(&self) -> String {
        Sha256::digest(&self.text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The text with one block in another form. `was`: its [`Block::mark`]. `None`: there is no such block, or it is not what
/// it was.
pub fn with_block(text: &str, index: usize, was: &str, becomes: &str) -> Option<String> {
    let all = blocks(text);
    if all.get(index)?.mark() != was {
        return None;
    }
    // A browser sends lines with CR LF.
    let mut becomes = becomes.replace("\r\n", "\n");
    if !becomes.is_empty() && !becomes.ends_with('\n') {
        becomes.push('\n');
    }
    let parts =
        all.iter().enumerate().map(|(place, block)| if place == index { &becomes } else { &block.text });
    Some(parts.map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "about = \"\"\"\nWat.\n[geen tabel]\n\"\"\"\n\n# Hoort bij een.\n[[rule]]\nid = \"een\"\nreason = \"Omdat.\"\n\n[[rule]]\nid = \"twee\"\n";

    #[test]
    fn a_file_comes_apart_and_together_again() {
        let found = blocks(FILE);
        let titles: Vec<&str> = found.iter().map(|block| block.title.as_str()).collect();
        assert_eq!(titles, ["", "een", "twee"]);
        assert_eq!(found[1].about, "Omdat.");
        assert!(found[1].text.starts_with("# Hoort bij een."));
        let whole: String = found.iter().map(|block| block.text.as_str()).collect();
        assert_eq!(whole, FILE);
        assert_eq!(blocks(""), []);
    }

    #[test]
    fn every_rule_file_of_the_house_comes_together_again() {
        for entry in std::fs::read_dir("rules").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                let text = std::fs::read_to_string(&path).unwrap();
                let found = blocks(&text);
                let whole: String = found.iter().map(|block| block.text.as_str()).collect();
                assert_eq!(whole, text, "{path:?}");
            }
        }
    }

    #[test]
    fn one_block_changes_and_only_when_it_is_what_it_was() {
        let mark = blocks(FILE)[2].mark();
        let changed = with_block(FILE, 2, &mark, "[[rule]]\r\nid = \"drie\"").unwrap();
        assert_eq!(changed, FILE.replace("twee", "drie"));
        assert_eq!(with_block(FILE, 1, &mark, "x"), None, "another block, or another form of it");
        assert_eq!(with_block(FILE, 9, &mark, "x"), None);
        assert!(!with_block(FILE, 2, &mark, "").unwrap().contains("twee"));
    }
}
