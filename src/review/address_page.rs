//! `GET` and `POST /cases/{number}/address`: the address of a letter that nobody is sure of, beside the place of the
//! scan where it stands; with the address that a person typed the letter goes to the print queue.
//!
//! Invariants: what was typed goes to the store and the letter, never into the journal or the log; a refused form
//! keeps what was typed.

use super::case_page::{case_number, locked};
use super::errors::{Fault, Refused, Written};
use super::guard::{Posted, Visitor, see_other};
use super::marking::one_line;
use super::pages::{self, Shell};
use super::rights::Right;
use super::state::{LetterChecked, ReviewState};
use crate::limits::ADDRESS_CHARS_MAX;
use crate::record::{AnswerState, CaseNumber, CaseRow, Document, Extract, Word};
use crate::store::StoreError;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// An address in the parts in which people check it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressForm {
    name: String,
    /// An organisation, a department, care of.
    extra: String,
    street: String,
    postcode: String,
    town: String,
    /// Empty: the Netherlands.
    country: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    number: String,
    reason: String,
    form: AddressForm,
    may_check: bool,
    scan: Option<ScanView>,
    letter_url: String,
    chars_max: usize,
    errors: Vec<Refused>,
}

/// The part of a page where the address stands, in the pixels of its picture.
#[derive(Debug, PartialEq, Serialize)]
struct ScanView {
    url: String,
    page: u32,
    page_width: u32,
    page_height: u32,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    /// False: the address was not found; this is the top of the page.
    found: bool,
}

/// `GET /cases/{number}/address`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let (row, lines) = state
        .with_store(move |store| {
            let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
            let lines = store.addressee(&row)?;
            Ok((row, lines))
        })
        .await?;
    draw(&state, &visitor, &row, parts_of(&lines), Vec::new()).await
}

/// `POST /cases/{number}/address`
pub async fn check(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<AddressForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let checker =
        state.letter_checker().ok_or_else(|| Fault::unacceptable("Deze werkplek kan geen brieven maken."))?;
    let refused = match lines_of(&form) {
        Ok(lines) => {
            let (by, now) = (visitor.name.clone(), state.now());
            let checked = tokio::task::spawn_blocking(move || checker(number, &lines, &by, now))
                .await
                .map_err(|error| Fault::internal(&error))?;
            match checked {
                Ok(LetterChecked::Goes) => {
                    state.tell_released();
                    return Ok(see_other("/print?done=checked"));
                }
                Ok(LetterChecked::StillHeld) => return Ok(see_other("/print?done=held")),
                Ok(LetterChecked::Refused(why)) => vec![Refused::at("", why)],
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(faults) => faults,
    };
    let row =
        state.with_store(move |store| store.case(number)?.ok_or(StoreError::UnknownCase(number))).await?;
    let mut response = draw(&state, &visitor, &row, form, refused).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response.extensions_mut().insert(Written);
    Ok(response)
}

async fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    row: &CaseRow,
    form: AddressForm,
    errors: Vec<Refused>,
) -> Result<Response, Fault> {
    let entry = row.answer.clone().filter(|entry| entry.asks_for_address());
    let Some(entry) = entry else {
        return Err(Fault::not_found("Voor deze zaak is geen adres te controleren."));
    };
    let AnswerState::Held { reason } = &entry.state else { return Err(Fault::not_found("")) };
    let record = entry.record;
    let extract = state.with_store(move |store| store.extract(record)).await?.unwrap_or_default();
    if extract.is_locked() {
        return Err(locked());
    }
    let scan = state.page_maker().and_then(|_| scan_view(row.number, &record.to_string(), &extract, &form));
    let view = View {
        shell: Shell::new(state, visitor, "print"),
        number: row.number.to_string(),
        reason: one_line(reason),
        form,
        may_check: visitor.may(Right::Letters),
        scan,
        letter_url: format!("/cases/{}/answer", row.number),
        chars_max: ADDRESS_CHARS_MAX,
        errors,
    };
    Ok(pages::draw("address.html", &view)?.into_response())
}

/// Read lines as the parts of the form: the name first, the town behind its postcode.
fn parts_of(lines: &[String]) -> AddressForm {
    let mut form = AddressForm::default();
    let mut extra = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let line = one_line(line);
        match split_postcode(&line) {
            _ if number == 0 => form.name = line,
            _ if line.is_empty() => {}
            Some((postcode, town)) if form.postcode.is_empty() => {
                (form.postcode, form.town) = (postcode, town)
            }
            _ if !form.postcode.is_empty() => form.country = line,
            _ if form.street.is_empty() && line.chars().any(|c| c.is_ascii_digit()) => form.street = line,
            _ => extra.push(line),
        }
    }
    form.extra = extra.join(", ");
    form
}

/// `1234 AB Stad` as `1234 AB` and `Stad`.
fn split_postcode(line: &str) -> Option<(String, String)> {
    let digits =
        line.get(..4).filter(|part| part.bytes().all(|b| b.is_ascii_digit()) && !part.starts_with('0'))?;
    let rest = line.get(4..)?.trim_start();
    let letters = rest.get(..2).filter(|part| part.bytes().all(|b| b.is_ascii_alphabetic()))?;
    let town = rest.get(2..)?;
    let whole = town.is_empty() || town.starts_with([' ', ',']);
    whole.then(|| (format!("{digits} {}", letters.to_uppercase()), town.trim_matches([' ', ',']).to_owned()))
}

/// The lines of the letter, or every sentence that says what is missing.
fn lines_of(form: &AddressForm) -> Result<Vec<String>, Vec<Refused>> {
    let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let [name, extra, street, town, country] =
        [&form.name, &form.extra, &form.street, &form.town, &form.country].map(|text| tidy(text));
    let abroad =
        !country.is_empty() && !["nederland", "the netherlands"].contains(&country.to_lowercase().as_str());
    let mut faults = Vec::new();
    if name.is_empty() {
        faults.push(Refused::at(
            "naam",
            "Vul een naam in. Staat er geen naam op de brief, typ dan: Aan de bewoner.",
        ));
    }
    if !street.chars().any(|c| c.is_ascii_digit()) {
        faults.push(Refused::at(
            "straat",
            "Vul een straat met een huisnummer in, of een postbus met een nummer.",
        ));
    }
    if town.is_empty() {
        faults.push(Refused::at("plaats", "Vul een plaats in."));
    }
    let postcode = tidy(&form.postcode);
    let postcode = match split_postcode(&postcode) {
        Some((postcode, rest)) if rest.is_empty() => postcode,
        _ if abroad => postcode,
        _ => {
            faults.push(Refused::at("postcode", "Vul een postcode in zoals 1234 AB. Is het een adres in het buitenland? Vul dan ook het land in."));
            postcode
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let place = format!("{postcode} {town}").trim().to_owned();
    let country = if abroad { country } else { String::new() };
    Ok([name, extra, street, place, country].into_iter().filter(|line| !line.is_empty()).collect())
}

/// Where on the scan the address stands: around the words of it that were read close together.
fn scan_view(case: CaseNumber, record: &str, extract: &Extract, form: &AddressForm) -> Option<ScanView> {
    let (index, document) =
        extract.documents.iter().enumerate().find(|(index, document)| {
            document.pages.is_some_and(|pages| pages > 0) && !extract.locks(*index)
        })?;
    let words = address_words(document, form);
    let page = words.first().map_or(1, |word| word.0);
    let size = document.page_sizes.iter().find(|size| size.page == page)?;
    let url = format!("/cases/{case}/pieces/{record}/documents/{index}/pages/{page}");
    let whole = (size.width, size.height);
    let (x, y, width, height) = match around(&words, whole) {
        Some(area) => area,
        // A letter has its sender at the top.
        None => (0, 0, size.width, size.height * 2 / 5),
    };
    Some(ScanView {
        url,
        page,
        page_width: size.width,
        page_height: size.height,
        x,
        y,
        width,
        height,
        found: !words.is_empty(),
    })
}

/// The words of the address on the page that has most of them.
fn address_words<'a>(document: &'a Document, form: &AddressForm) -> Vec<&'a Word> {
    let bare = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    let all = [&form.street, &form.postcode, &form.town];
    let wanted: Vec<String> = all
        .iter()
        .flat_map(|text| text.split_whitespace())
        .map(bare)
        .filter(|word| word.len() >= 2)
        .collect();
    let hits: Vec<&Word> = document.words.iter().filter(|word| wanted.contains(&bare(&word.6))).collect();
    let count = |page: u32| hits.iter().filter(|word| word.0 == page).count();
    let Some(page) = hits.iter().map(|word| word.0).max_by_key(|page| (count(*page), u32::MAX - page)) else {
        return Vec::new();
    };
    // The same words lower down (a place name in the text) are not the address: only what lies close to where most
    // of them stand.
    let on_page: Vec<&Word> = hits.into_iter().filter(|word| word.0 == page).collect();
    let reach =
        |one: &Word| on_page.iter().filter(|other| other.2.abs_diff(one.2) <= 8 * one.4.max(1)).count();
    let Some(centre) = on_page.iter().copied().rev().max_by_key(|word| reach(word)) else {
        return Vec::new();
    };
    on_page.iter().copied().filter(|word| word.2.abs_diff(centre.2) <= 8 * centre.4.max(1)).collect()
}

/// A box around words with room for the lines above and beside them, within the page.
fn around(words: &[&Word], (page_width, page_height): (u32, u32)) -> Option<(u32, u32, u32, u32)> {
    let left = words.iter().map(|word| word.1).min()?;
    let top = words.iter().map(|word| word.2).min()?;
    let right = words.iter().map(|word| word.1.saturating_add(word.3)).max()?;
    let bottom = words.iter().map(|word| word.2.saturating_add(word.4)).max()?;
    let line = words.iter().map(|word| word.4).max()?.max(1);
    let (x, y) = (left.saturating_sub(6 * line), top.saturating_sub(6 * line));
    let width = right.saturating_add(12 * line).min(page_width).saturating_sub(x);
    let height = bottom.saturating_add(4 * line).min(page_height).saturating_sub(y);
    // At least half of the page's width, so that what was read wrongly beside it shows too.
    let width = width.max(page_width / 2);
    Some((x.min(page_width.saturating_sub(width)), y, width, height.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn lines_become_parts_and_lines_again() {
        for text in [
            "J. Jansen|Voorbeeldstraat 12|2511 AB Den Haag",
            "Stichting X|t.a.v. M. de Groot|Postbus 12|1234 AB Stad",
            "A. Peeters|Dorpsstraat 1|1234 AB Stad|België",
        ] {
            assert_eq!(lines_of(&parts_of(&lines(text))).unwrap(), lines(text));
        }
        let form = AddressForm {
            postcode: " 1234ab".into(),
            country: "Nederland".into(),
            ..parts_of(&lines("A|B 1||"))
        };
        let form = AddressForm { town: "Stad".into(), ..form };
        assert_eq!(lines_of(&form).unwrap(), ["A", "B 1", "1234 AB Stad"]);
        let abroad = AddressForm { postcode: "B-2000".into(), country: "België".into(), ..form };
        assert_eq!(lines_of(&abroad).unwrap().last().unwrap(), "België");
    }

    #[test]
    fn what_is_missing_is_told_all_at_once() {
        let faults = lines_of(&AddressForm::default()).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        let odd = AddressForm { postcode: "0123 AB".into(), ..parts_of(&lines("A|B 1|1234 AB C")) };
        assert_eq!(lines_of(&odd).unwrap_err().len(), 1);
    }

    #[test]
    fn the_place_of_the_address_is_found_and_not_that_of_the_town_in_the_text() {
        let word = |page, x, y, text: &str| Word(page, x, y, 100, 30, 0.9, text.into());
        let document = Document {
            words: vec![
                word(1, 200, 300, "Voorbeeldstraat"),
                word(1, 350, 300, "12"),
                word(1, 200, 340, "2511"),
                word(1, 300, 340, "AB"),
                word(1, 400, 340, "Haag"),
                word(1, 400, 2000, "Haag"),
                word(2, 400, 900, "Haag"),
            ],
            problem: None,
            ..Document::unread(None, "application/pdf", crate::record::Problem::Empty)
        };
        let found = address_words(&document, &parts_of(&lines("J|Voorbeeldstraat 12|2511 AB Den Haag")));
        assert_eq!(found.len(), 5);
        let (x, y, width, height) = around(&found, (1654, 2339)).unwrap();
        assert!(x <= 200 && y <= 300 && x + width >= 500 && y + height >= 370 && y + height < 900);
        assert!(address_words(&document, &AddressForm::default()).is_empty());
    }
}
