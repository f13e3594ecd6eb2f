//! Which of the known words a mistyped one was meant to be, for messages to who edits settings, rules and templates.

/// ` Bedoelt u “scope”?` for what looks like one of the known words; else nothing.
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    match known.map(|known| (distance(known, word), known)).min() {
        Some((letters, known)) if letters <= (word.chars().count() / 3).max(1) => {
            format!(" Bedoelt u “{known}”?")
        }
        _ => String::new(),
    }
}

/// Letters to change to get from one word to another (Levenshtein), for suggestions.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut previous = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, cb) in b.iter().enumerate() {
            let (above, left) = (row.get(j + 1).copied().unwrap_or(0), row.get(j).copied().unwrap_or(0));
            let cost = (previous + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            previous = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = cost;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_known_and_another_word_is_not() {
        let known = || ["case", "received", "due.contact"].into_iter();
        assert_eq!(nearest("recieved", known()), " Bedoelt u “received”?");
        assert_eq!(nearest("kenmerk", known()), "");
    }
}
