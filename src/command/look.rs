//! A file given on the command line, read as if it had arrived, without a store: what `extract`, `triage` and
//! `acknowledge` share.

use super::{Failure, Global, setting};
use crate::clock;
use crate::extract::{ReadRequest, Reader};
use crate::limits::PIECE_BYTES_MAX;
use crate::record::{Channel, Extract, office_date};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A reader for the length of one command.
pub(super) fn reader(global: &Global) -> Result<Reader, Failure> {
    let reading = match &global.config {
        Some(_) => setting::config(global)?.reading,
        None => crate::config::Reading::default(),
    };
    Ok(crate::daemon::reader(&reading, setting::program()?))
}

/// A file, and what was read from it.
pub(super) struct Looked {
    pub channel: Channel,
    pub extract: Extract,
}

/// Reads one file through the fenced-off worker. The error is one line for the user.
pub(super) async fn look(reader: &Reader, path: &Path, words: bool) -> Result<Looked, String> {
    let request = request(path, words)?;
    let extract = reader.read(request).await.map_err(|error| crate::explain::with_causes(&error))?;
    tell_stack(path, &extract);
    let channel = if extract.message.is_some() { Channel::Email } else { Channel::Letter };
    Ok(Looked { channel, extract })
}

/// What is asked of the reader for a file. The error is one line for the user.
pub(super) fn request(path: &Path, words: bool) -> Result<ReadRequest, String> {
    Ok(ReadRequest {
        name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        channel: channel_by_name(path),
        bytes: read_bounded(path)?,
        words,
    })
}

/// The title of our separator sheets as it is read from them.
const SHEET_TITLE: &str = "SCHEIDINGSVEL";

/// A stack of letters is read as one file here: that is told, by what its sheets say.
fn tell_stack(path: &Path, extract: &Extract) {
    let sheets: usize =
        extract.documents.iter().map(|document| document.text.matches(SHEET_TITLE).count()).sum();
    if sheets > 0 && extract.message.is_none() {
        let path = path.display();
        eprintln!(
            "bode: {path}: a stack with {sheets} separator sheets, read as one file; run and import divide it"
        );
    }
}

/// The contract's endings; any other name is told by its content.
fn channel_by_name(path: &Path) -> Option<Channel> {
    let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "eml" => Some(Channel::Email),
        "pdf" | "tif" | "tiff" | "jpg" | "jpeg" | "png" | "txt" => Some(Channel::Letter),
        _ => None,
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let input = std::io::stdin().lock();
        input.take(PIECE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    } else {
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err("is a directory; name files".to_owned());
        }
        file.take(PIECE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    }
    if bytes.len() as u64 > PIECE_BYTES_MAX {
        return Err(format!("is larger than {PIECE_BYTES_MAX} bytes"));
    }
    if bytes.is_empty() {
        return Err("is empty (0 bytes)".to_owned());
    }
    Ok(bytes)
}

/// The date of receipt: as given, else the topmost Received field, else Date, else the file's time.
pub(super) fn received(given: Option<Date>, extract: &Extract, path: &Path) -> Date {
    let of_message = || {
        let message = extract.message.as_ref()?;
        message.received_date.or(message.header_date)
    };
    let of_file = || {
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    };
    given.unwrap_or_else(|| office_date(of_message().or_else(of_file).unwrap_or_else(clock::now)))
}

/// A result on standard output. When nobody reads it any more (`| head`), the command is done.
pub(super) fn say(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(1);
    }
}

/// Tells on standard error that a file was refused, and why; among results in JSON too, in its place.
pub(super) fn refuse(path: &Path, reason: &str, json: bool) {
    eprintln!("bode: {}: {reason}", path.display());
    if json {
        say(&json!({ "file": path.to_string_lossy(), "error": reason }).to_string());
    }
}

/// Files in the order given, each looked at, several side by side; the outcome in the order given.
pub(super) async fn each<T: Send + 'static>(
    files: &[PathBuf],
    side_by_side: usize,
    look: impl Fn(PathBuf) -> std::pin::Pin<Box<dyn Future<Output = T> + Send>>,
    mut done: impl FnMut(&Path, T),
) {
    use futures_util::StreamExt;
    let mut stream =
        futures_util::stream::iter(files.iter().map(|file| look(file.clone()))).buffered(side_by_side.max(1));
    for file in files {
        if let Some(outcome) = stream.next().await {
            done(file, outcome);
        }
    }
}
