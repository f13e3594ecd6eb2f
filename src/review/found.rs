//! What a search found, with the place where the words stand in the texts of each case.
//!
//! Invariant: a bounded number of octets of texts is read for one page; citizen service numbers in them are covered.

use super::hits::{Hit, Wanted};
use crate::limits::SNIPPET_BYTES_MAX;
use crate::record::plain;
use crate::store::{CaseFilter, CasePage, Store, StoreError};

/// A page of cases, what was looked for, and where it stands in the texts of each.
pub(super) fn find(
    store: &Store,
    filter: &CaseFilter,
    typed: &str,
) -> Result<(CasePage, Wanted, Vec<Vec<Hit>>), StoreError> {
    let page = store.cases(filter)?;
    let read = |word: String| {
        page.read_as.iter().find(|one| one.typed == word).map_or_else(|| word.clone(), |one| one.read.clone())
    };
    let words: Vec<String> = typed.split_whitespace().map(|word| read(plain(word))).collect();
    let wanted = Wanted::of(&words.join(" "));
    let (mut snippets, mut bytes) = (Vec::new(), 0);
    for row in &page.rows {
        let above = [row.subject.as_deref().unwrap_or_default(), row.writer.as_deref().unwrap_or_default()];
        let mut snippet = None;
        if !words.is_empty() && !wanted.all_in(&above) {
            for record in &row.records {
                if snippet.is_some() || bytes >= SNIPPET_BYTES_MAX {
                    break;
                }
                let texts = store.texts_of(*record)?;
                bytes += texts.iter().map(String::len).sum::<usize>();
                snippet = texts.iter().find_map(|text| wanted.snippet(text));
            }
        }
        snippets.push(snippet.unwrap_or_default());
    }
    Ok((page, wanted, snippets))
}
