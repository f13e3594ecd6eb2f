//! A changed file as a unified diff, so that a person reads what is proposed and `patch` can apply it.

use std::fmt::Write;

/// Lines around a change.
const CONTEXT: usize = 2;

/// Where two texts begin to differ, and the lines up to where they are the same again: those of the first, and of the second.
pub fn differing<'a, 'b>(old: &'a [&'b str], new: &'a [&'b str]) -> (usize, &'a [&'b str], &'a [&'b str]) {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    (start, &old[start..old.len() - end], &new[start..new.len() - end])
}

/// The difference between two texts of one file, whose changed lines are few and stand together in hunks.
pub(super) fn unified(file: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let (same_start, removed, added) = differing(&old, &new);
    let same_end = old.len() - same_start - removed.len();
    if removed.is_empty() && added.is_empty() {
        return String::new();
    }
    let before = &old[same_start.saturating_sub(CONTEXT)..same_start];
    let after = &old[old.len() - same_end..old.len().min(old.len() - same_end + CONTEXT)];
    let start = same_start - before.len() + 1;
    let around = before.len() + after.len();
    let mut diff = format!(
        "--- a/rules/{file}\n+++ b/rules/{file}\n@@ -{start},{} +{start},{} @@\n",
        removed.len() + around,
        added.len() + around
    );
    for (mark, lines) in [(' ', before), ('-', removed), ('+', added), (' ', after)] {
        for line in lines {
            let _ = writeln!(diff, "{mark}{line}"); // Writing to a String cannot fail.
        }
    }
    diff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_stands_among_its_neighbours() {
        let diff = unified("x.toml", "a\nb\nc\nd\ne\n", "a\nb\nC\nc2\nd\ne\n");
        assert_eq!(
            diff,
            "--- a/rules/x.toml\n+++ b/rules/x.toml\n@@ -1,5 +1,6 @@\n a\n b\n-c\n+C\n+c2\n d\n e\n"
        );
        assert_eq!(unified("x.toml", "a\n", "a\n"), "");
        assert_eq!(differing(&["a", "b", "b"], &["a", "b"]), (2, &["b"][..], &[][..]));
    }
}
