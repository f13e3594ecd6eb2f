//! A form with a file (multipart/form-data, RFC 7578) of somebody who is logged in.
//!
//! Invariants: nothing of it is kept before the session's token was seen, which stands first in the form; at most
//! [`UPLOADS_MAX`](crate::limits::UPLOADS_MAX) are held in memory at a time.

use super::errors::Fault;
use super::guard::{Posted, Visitor};
use super::session::same_secret;
use super::state::ReviewState;
use crate::limits::PIECE_BYTES_MAX;
use crate::record::size;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

/// What came: the field `text`, and the field `file` with its name.
pub struct Sent {
    pub visitor: Visitor,
    pub text: Option<String>,
    pub file: Option<(String, Vec<u8>)>,
    _place: OwnedSemaphorePermit,
}

/// The same form without a file, as a browser without one may send it.
#[derive(Debug, Deserialize)]
struct Plain {
    text: Option<String>,
}

/// Reads the form.
///
/// # Errors
/// The answer for who sent it: the token is missing or wrong, or it is too large or broken.
pub async fn sent(state: &ReviewState, request: Request) -> Result<Sent, Response> {
    let is_multipart = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("multipart/form-data"));
    let place = state.uploads().acquire_owned().await;
    let place = place.map_err(|error| Fault::internal(&error).into_response())?;
    if !is_multipart {
        let Posted { visitor, form } = Posted::<Plain>::from_request(request, state).await?;
        return Ok(Sent { visitor, text: form.text, file: None, _place: place });
    }
    let visitor = request.extensions().get::<Visitor>().cloned();
    let form = Multipart::from_request(request, state).await.map_err(IntoResponse::into_response)?;
    let Some(visitor) = visitor else { return Err(Fault::form_expired().into_response()) };
    let (text, file) = fields(form, visitor.csrf.as_deref()).await?;
    Ok(Sent { visitor, text, file, _place: place })
}

type Fields = (Option<String>, Option<(String, Vec<u8>)>);

async fn fields(mut form: Multipart, csrf: Option<&str>) -> Result<Fields, Response> {
    let (mut known, mut text, mut file) = (false, None, None);
    while let Some(field) = form.next_field().await.map_err(|error| told(&error))? {
        match field.name() {
            Some("csrf") => {
                let given = field.text().await.map_err(|error| told(&error))?;
                known = csrf.is_some_and(|csrf| same_secret(csrf, &given));
            }
            _ if !known => return Err(Fault::form_expired().into_response()),
            Some("text") => text = Some(field.text().await.map_err(|error| told(&error))?),
            Some("file") => {
                let name = bare_name(field.file_name().unwrap_or_default());
                let bytes = field.bytes().await.map_err(|error| told(&error))?;
                if !name.is_empty() {
                    file = Some((name, bytes.into()));
                }
            }
            _ => {}
        }
    }
    if known { Ok((text, file)) } else { Err(Fault::form_expired().into_response()) }
}

/// Some browsers give a path.
fn bare_name(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

fn told(error: &MultipartError) -> Response {
    let fault = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Dit bestand is te groot",
            format!(
                "Het meeste is {}. Scan de brief in delen, of met 300 dpi in grijs.",
                size(PIECE_BYTES_MAX)
            ),
        ),
        _ => Fault::unacceptable("Het bestand kwam niet heel over. Probeer het opnieuw."),
    };
    fault.into_response()
}
