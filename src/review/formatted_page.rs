//! `GET …/pieces/{record}/formatted`: the text of a message as its writer laid it out, for a frame on the page of the case.
//!
//! The HTML is read in the fenced-off worker, which answers with a list of pieces ([`Formatted`]); the page is drawn from those by a
//! template that escapes. Invariants: the page has a policy of its own (nothing is loaded, no script, no form, a sandbox of no
//! origin), also when it is opened outside the frame; citizen service numbers are covered across the pieces.

use super::case_page::{locked, piece_of};
use super::errors::Fault;
use super::marking::one_line;
use super::pages;
use super::state::{PagesRequest, PagesWish, ReviewState};
use crate::record::{Align, Bsns, Element, Formatted, LeftOut, Manner, Shown};
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Only our own style sheet in the page itself, by its digest, and pictures that stand in the page.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(style(SOURCE)));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; base-uri 'none'; \
         frame-ancestors 'self'; sandbox"
    )
});

const SOURCE: &str = include_str!("../../templates/desk/formatted.html");

/// What stands between `<style>` and `</style>`.
fn style(page: &str) -> &str {
    page.split_once("<style>")
        .and_then(|(_, rest)| rest.split_once("</style>"))
        .map_or("", |(style, _)| style)
}

#[derive(Serialize)]
struct View {
    /// What is not shown, a sentence each.
    told: Vec<String>,
    /// There is no HTML.
    bare: bool,
    shown: Vec<ShownView>,
}

/// One piece; what is empty is not there.
#[derive(Default, Serialize)]
struct ShownView {
    begins: &'static str,
    ends: &'static str,
    alone: &'static str,
    class: String,
    rtl: bool,
    columns: u8,
    rows: u8,
    first: u16,
    text: String,
    target: String,
    picture: String,
    missing: bool,
    alt: String,
}

/// `GET /cases/{number}/pieces/{record}/formatted`
pub async fn page(
    State(state): State<ReviewState>,
    Path((number, record)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let record = piece_of(&state, &number, &record).await?;
    let (about, extract, bytes) = state
        .with_store(move |store| Ok((store.record(record)?, store.extract(record)?, store.original(record)?)))
        .await?;
    let extract = extract.unwrap_or_default();
    if extract.is_locked() {
        return Err(locked());
    }
    let gone = || Fault::not_found("De opmaak van dit bericht is niet te tonen.");
    let given = if extract.message.is_some() {
        let maker = state.page_maker().ok_or_else(gone)?;
        let wish = PagesWish::Formatted;
        let request = PagesRequest { name: about.name, channel: about.channel, bytes, document: 0, wish };
        maker(request).await.map_err(|error| Fault::internal(&error))?
    } else {
        None
    };
    // A worker that read something hostile is not believed: what does not have this form is not there.
    let formatted = given.and_then(|json| serde_json::from_slice::<Formatted>(&json).ok());
    let bare = formatted.is_none();
    let mut formatted = formatted.unwrap_or_default();
    cover(&mut formatted, Bsns::in_extract(&extract));
    let view = View { told: told(formatted.left_out), bare, shown: views(formatted.shown) };
    let mut response = pages::draw("formatted.html", &view)?.into_response();
    let policy = HeaderValue::from_str(&POLICY).map_err(|error| Fault::internal(&error))?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    Ok(response)
}

/// Covers numbers, also one that runs through several elements: the pieces are covered as one text of as many characters.
fn cover(formatted: &mut Formatted, mut all: Bsns) {
    let mut whole = String::new();
    for one in &formatted.shown {
        match one {
            Shown::Text(text) => whole.push_str(text),
            Shown::Target(text) | Shown::Picture { alt: text, .. } | Shown::Missing { alt: text } => {
                whole.push('\n');
                whole.push_str(text);
                whole.push('\n');
            }
            Shown::Start(element, _) if element.is_inline() => {}
            // Of an element that ends it is not known here which it was.
            Shown::End => {}
            Shown::Start(..) | Shown::Break | Shown::Rule => whole.push('\n'),
        }
    }
    all.extend(Bsns::named_in([whole.as_str()]));
    let covered = all.cover(&whole);
    let mut chars = covered.chars();
    let mut take = |text: &mut String| *text = chars.by_ref().take(text.chars().count()).collect();
    let mut line = String::from("\n");
    for one in &mut formatted.shown {
        match one {
            Shown::Text(text) => take(text),
            Shown::Target(target) => {
                take(&mut line);
                take(target);
                take(&mut line);
                *target = all.cover_address(target);
            }
            Shown::Picture { alt: text, .. } | Shown::Missing { alt: text } => {
                take(&mut line);
                take(text);
                take(&mut line);
            }
            Shown::Start(element, _) if element.is_inline() => {}
            Shown::End => {}
            Shown::Start(..) | Shown::Break | Shown::Rule => take(&mut line),
        }
    }
}

fn told(left_out: LeftOut) -> Vec<String> {
    let LeftOut { elsewhere, pictures, scripts, fields, embedded, hidden, cut } = left_out;
    let counted = [
        (elsewhere, "afbeelding van elders niet geladen", "afbeeldingen van elders niet geladen"),
        (pictures, "meegestuurde afbeelding niet getoond", "meegestuurde afbeeldingen niet getoond"),
        (scripts, "opdracht (script) weggelaten", "opdrachten (scripts) weggelaten"),
        (fields, "invulveld of knop weggelaten", "invulvelden of knoppen weggelaten"),
        (embedded, "ingebed onderdeel weggelaten", "ingebedde onderdelen weggelaten"),
        (hidden, "verborgen tekst weggelaten", "verborgen teksten weggelaten"),
    ];
    let mut told: Vec<String> = counted
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, more)| format!("{count} {}", if count == 1 { one } else { more }))
        .collect();
    if cut {
        told.push("het bericht is te lang om helemaal te tonen".to_owned());
    }
    told
}

/// The pieces as the template wants them. Elements are ended in order here, whatever the list says.
fn views(shown: Vec<Shown>) -> Vec<ShownView> {
    let mut open: Vec<Element> = Vec::new();
    let mut views = Vec::with_capacity(shown.len());
    for one in shown {
        views.push(match one {
            Shown::Start(element, manner) => {
                open.push(element);
                begin(element, manner)
            }
            Shown::End => match open.pop() {
                Some(element) => ShownView { ends: element.name(), ..ShownView::default() },
                None => continue,
            },
            Shown::Text(text) => ShownView { text, ..ShownView::default() },
            Shown::Break => ShownView { alone: "br", ..ShownView::default() },
            Shown::Rule => ShownView { alone: "hr", ..ShownView::default() },
            Shown::Target(target) => ShownView { target: one_line(&target), ..ShownView::default() },
            Shown::Picture { jpeg, alt } if is_base64(&jpeg) => {
                ShownView { picture: jpeg, alt: one_line(&alt), ..ShownView::default() }
            }
            Shown::Picture { alt, .. } | Shown::Missing { alt } => {
                ShownView { missing: true, alt: one_line(&alt), ..ShownView::default() }
            }
        });
    }
    views.extend(
        open.into_iter().rev().map(|element| ShownView { ends: element.name(), ..ShownView::default() }),
    );
    views
}

fn begin(element: Element, manner: Manner) -> ShownView {
    let classes = [
        (manner.align == Some(Align::Left), "left"),
        (manner.align == Some(Align::Center), "center"),
        (manner.align == Some(Align::Right), "right"),
        (manner.bold, "bold"),
        (manner.italic, "italic"),
        (manner.underlined, "underlined"),
        (manner.struck, "struck"),
    ];
    let classes: Vec<&str> = classes.into_iter().filter(|(is, _)| *is).map(|(_, class)| class).collect();
    ShownView {
        begins: element.name(),
        class: classes.join(" "),
        rtl: manner.rtl,
        columns: if manner.columns > 1 { manner.columns } else { 0 },
        rows: if manner.rows > 1 { manner.rows } else { 0 },
        first: if manner.start > 1 { manner.start } else { 0 },
        ..ShownView::default()
    }
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_is_one_that_escaping_leaves_alone() {
        let style = style(SOURCE);
        assert!(!style.is_empty() && !style.contains(['<', '&', '{']) || !style.contains("{{"), "{style}");
        assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-") && !POLICY.contains("unsafe"));
        for word in ["position", "url(", "@import", "expression"] {
            assert!(!style.contains(word), "{word}");
        }
    }

    #[test]
    fn a_number_is_covered_through_its_elements() {
        let text = |text: &str| Shown::Text(text.to_owned());
        let mut formatted = Formatted {
            shown: vec![
                text("Mijn BSN is 1112"),
                Shown::Start(Element::B, Manner::default()),
                text("22"),
                Shown::End,
                text("333, dank."),
                Shown::Missing { alt: "111222333".into() },
                Shown::Target("https://example.org/111222333".into()),
            ],
            left_out: LeftOut::default(),
        };
        cover(&mut formatted, Bsns::default());
        assert_eq!(formatted.shown[0], text("Mijn BSN is ••••"));
        assert_eq!(formatted.shown[2], text("••"));
        assert_eq!(formatted.shown[4], text("•33, dank."));
        assert_eq!(formatted.shown[5], Shown::Missing { alt: "•••••••33".into() });
        assert!(!format!("{formatted:?}").contains("111222333"), "{formatted:?}");
    }

    #[test]
    fn a_worker_that_lies_gives_no_markup() {
        let given = vec![
            Shown::End,
            Shown::Start(Element::Div, Manner::default()),
            Shown::Text("</div><script>".into()),
            Shown::Picture { jpeg: "x\" onerror=\"a".into(), alt: "\"><b>".into() },
        ];
        let html = pages::draw("formatted.html", &View { told: vec![], bare: false, shown: views(given) })
            .unwrap()
            .0;
        assert!(!html.contains("<script") && !html.contains("onerror") && !html.contains("\"><b>"), "{html}");
        assert_eq!((html.matches("<div>").count(), html.matches("</div>").count()), (1, 1), "{html}");
    }
}
