//! Small changes to rule files as text, so that comments and the order of the lines stay as staff wrote them.

use crate::triage::blocks;

/// A file with another weight for one rule.
pub(super) fn with_weight(text: &str, id: &str, weight: f64) -> Option<String> {
    in_block(text, "rule", id, |block| {
        let line = format!("weight = {}", number(weight));
        match find_line(block, "weight = ") {
            Some(range) => replaced(block, range, &line),
            None => after_line(block, "reason = ", &line),
        }
    })
}

/// A file with one more pattern in a rule's `any`.
pub(super) fn with_pattern(text: &str, id: &str, pattern: &str) -> Option<String> {
    in_block(text, "rule", id, |block| into_list(block, "any", pattern))
}

/// A file with one more word that hints at a body.
pub(super) fn with_hint(text: &str, id: &str, word: &str) -> Option<String> {
    in_block(text, "organisation", id, |block| {
        into_list(block, "hints", word)
            .or_else(|| after_line(block, "reason = ", &format!("hints = [\"{word}\"]")))
    })
}

fn in_block(text: &str, sort: &str, id: &str, change: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    let block = blocks(text).into_iter().find(|block| block.sort == sort && block.id == id)?;
    let changed = change(block.text)?;
    let (before, rest) = text.split_at(block.start);
    Some(format!("{before}{changed}{}", rest.get(block.text.len()..)?))
}

/// The bytes of the line that starts so, without its end.
fn find_line(block: &str, start: &str) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    for line in block.split_inclusive('\n') {
        if line.starts_with(start) {
            return Some(at..at + line.trim_end_matches(['\r', '\n']).len());
        }
        at += line.len();
    }
    None
}

fn replaced(block: &str, range: std::ops::Range<usize>, line: &str) -> Option<String> {
    Some(format!("{}{line}{}", block.get(..range.start)?, block.get(range.end..)?))
}

fn after_line(block: &str, start: &str, line: &str) -> Option<String> {
    let range = find_line(block, start)?;
    Some(format!("{}\n{line}{}", block.get(..range.end)?, block.get(range.end..)?))
}

fn into_list(block: &str, key: &str, word: &str) -> Option<String> {
    let start = format!("{key} = [");
    let range = find_line(block, &start)?;
    let open = range.start + start.len();
    let rest = block.get(open..)?;
    // A list over several lines gets a line of its own.
    let added = match rest.starts_with('\n') {
        true => format!("\n  \"{word}\","),
        false if rest.starts_with(']') => format!("\"{word}\""),
        false => format!("\"{word}\", "),
    };
    Some(format!("{}{added}{rest}", block.get(..open)?))
}

/// `2.5`, and `3.0` rather than `3`: the files write weights with a point.
fn number(weight: f64) -> String {
    let text = format!("{:.2}", weight);
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "about = \"x\"\n\n[[rule]]\nid = \"a\" \n\n[[rule]]\nid = \"b\"\nreason = \"Omdat.\"\nany = [\n  \"x\",\n]\n\n[[rule]]\nid = \"c\"\nweight = 2.0   # zwaar\nany = [\"y\"]\n";

    #[test]
    fn only_the_named_rule_changes() {
        assert_eq!(
            with_pattern(FILE, "b", "nieuw").unwrap(),
            FILE.replace("any = [\n", "any = [\n  \"nieuw\",\n")
        );
        assert_eq!(with_pattern(FILE, "c", "nieuw").unwrap(), FILE.replace("[\"y\"]", "[\"nieuw\", \"y\"]"));
        assert_eq!(
            with_weight(FILE, "c", 3.0).unwrap(),
            FILE.replace("weight = 2.0   # zwaar", "weight = 3.0")
        );
        assert_eq!(
            with_weight(FILE, "b", 1.25).unwrap(),
            FILE.replace("\"Omdat.\"\n", "\"Omdat.\"\nweight = 1.25\n")
        );
        assert_eq!(with_weight(FILE, "d", 1.0), None);
    }
}
