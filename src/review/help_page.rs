//! `GET /help`: the keys, and how the desk works, on one page.
//!
//! Invariant: a key that a template names (`data-key`) stands in this list; a test compares them.

use super::errors::Fault;
use super::guard::Visitor;
use super::pages::{self, Shell};
use super::state::ReviewState;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Keys of one kind of page.
#[derive(Serialize)]
struct Group {
    title: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

const GROUPS: [Group; 4] = [
    Group {
        title: "Overal",
        keys: &[
            ("?", "deze bladzijde"),
            ("/", "naar het zoekveld"),
            ("h", "naar de zaken die te beslissen zijn"),
            ("m", "naar uw eigen werk"),
            ("Esc", "uit een veld, zodat de toetsen weer werken"),
        ],
    },
    Group {
        title: "In een lijst",
        keys: &[
            ("j", "volgende zaak"),
            ("k", "vorige zaak"),
            ("Enter", "zaak openen"),
            ("]", "volgende bladzijde"),
            ("[", "vorige bladzijde"),
        ],
    },
    Group {
        title: "In een zaak",
        keys: &[
            ("j", "volgende aanwijzing in de tekst"),
            ("k", "vorige aanwijzing in de tekst"),
            ("1", "in behandeling nemen"),
            ("2", "doorverwijzen"),
            ("3", "om aanvulling vragen"),
            ("4", "bewaren als signaal"),
            ("5", "geen klacht"),
            ("6", "heropenen"),
            ("w", "naar het veld Waarom"),
            ("s", "besluit opslaan"),
            ("z", "besluit ongedaan maken"),
            ("n", "naar de volgende zaak, na een besluit"),
            ("a", "ik neem deze zaak"),
            ("t", "naar het veld Notitie"),
            ("v", "de inschatting verbeteren"),
        ],
    },
    Group {
        title: "De inschatting verbeteren met één toets",
        keys: &[
            ("V", "voor ons"),
            ("N", "niet voor ons"),
            ("D", "deels voor ons"),
            ("O", "niet duidelijk over wie"),
            ("G", "geen klacht"),
            ("S", "spoed, of toch geen spoed"),
        ],
    },
];

#[derive(Serialize)]
struct View {
    shell: Shell,
    groups: &'static [Group],
    /// `10 minuten lang`.
    undo: String,
}

/// `GET /help`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let undo = match state.desk().undo_minutes {
        0 => "niet".to_owned(),
        1 => "een minuut lang".to_owned(),
        minutes => format!("{minutes} minuten lang"),
    };
    let view = View { shell: Shell::new(&state, &visitor, "help"), groups: &GROUPS, undo };
    Ok(pages::draw("help.html", &view)?.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_page_stands_on_the_help_page() {
        let told: Vec<&str> = GROUPS.iter().flat_map(|group| group.keys).map(|(key, _)| *key).collect();
        for (name, source) in pages::TEMPLATES {
            for key in source.split("data-key=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(
                    key.contains("{{") || told.contains(&key),
                    "{name}: the key {key} stands on no help page"
                );
            }
        }
    }
}
