//! `bode extract FILE…`: the text of each file; no store, no rules. With `--searchable` a PDF to search in.

use super::look::{self, each, look};
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::explain::with_causes;
use crate::extract::{Leaf, ReadRequest, Reader};
use crate::record::{Extract, Method};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    /// `-`: what comes on standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a file and line.
    #[arg(long)]
    json: bool,
    /// Every recognised word with its page, box and confidence (with --json).
    #[arg(long, requires = "json")]
    words: bool,
    /// Write the scan FILE (the first in a message) as a PDF to search in: its pages as they came, the words unseen over them.
    #[arg(long, value_name = "OUT.pdf", conflicts_with = "json")]
    searchable: Option<PathBuf>,
}

pub(super) fn extract(global: &Global, args: &ExtractArgs) -> CommandResult {
    let runtime = setting::runtime()?;
    let reader = {
        let _inside = runtime.enter();
        Arc::new(look::reader(global)?)
    };
    if let Some(out) = &args.searchable {
        let [file] = args.files.as_slice() else {
            return Err(Failure::Usage("--searchable takes one FILE".to_owned()));
        };
        return runtime.block_on(searchable(&reader, file, out));
    }
    let bar = setting::progress(global, args.files.len() as u64, "gelezen");
    let mut ended = Ended::Well;
    let words = args.words;
    runtime.block_on(each(
        &args.files,
        reader.workers(),
        |file| {
            let reader = Arc::clone(&reader);
            Box::pin(async move { look(&reader, &file, words).await })
        },
        |file, looked| {
            bar.inc(1);
            bar.suspend(|| match looked {
                Ok(looked) if args.json => look::say(&line(file, &looked.extract, words).to_string()),
                Ok(looked) => look::say(&text(file, &looked.extract, args.files.len() > 1)),
                Err(reason) => {
                    ended = Ended::WithRefusals;
                    look::refuse(file, &reason, args.json);
                }
            });
        },
    ));
    bar.finish_and_clear();
    Ok(ended)
}

/// The first document with pages, as a searchable PDF in `out`.
async fn searchable(reader: &Reader, file: &Path, out: &Path) -> CommandResult {
    let request = match look::request(file, true) {
        Ok(request) => request,
        Err(reason) => {
            look::refuse(file, &reason, false);
            return Ok(Ended::WithRefusals);
        }
    };
    let extract = reader.read(request.clone()).await.map_err(Failure::failed)?;
    let ReadRequest { name, channel, bytes, .. } = &request;
    for (document, read) in
        extract.documents.iter().enumerate().filter(|(_, read)| !read.page_sizes.is_empty())
    {
        let leaf = Leaf { name, channel: *channel, bytes, document };
        let given = reader.searchable(leaf, read).await;
        if let Some(pdf) = given.map_err(Failure::failed)? {
            std::fs::write(out, pdf).map_err(|error| {
                Failure::Usage(format!("{} cannot be written: {}", out.display(), with_causes(&error)))
            })?;
            return Ok(Ended::Well);
        }
    }
    look::refuse(file, "has no pages with text to lay over them", false);
    Ok(Ended::WithRefusals)
}

fn line(file: &Path, extract: &Extract, words: bool) -> serde_json::Value {
    let media_type = match &extract.message {
        Some(_) => "message/rfc822",
        None => extract.documents.first().map_or("application/octet-stream", |d| d.media_type.as_str()),
    };
    json!({ "file": file.to_string_lossy(), "media_type": media_type, "documents": documents(extract, words) })
}

/// The documents in the contract's form.
pub(super) fn documents(extract: &Extract, words: bool) -> serde_json::Value {
    let one = |document: &crate::record::Document| {
        let mut value = json!({
            "name": document.name,
            "media_type": document.media_type,
            "method": document.method,
            "pages": document.pages,
            "confidence": document.confidence,
            "text": document.text,
            "problem": document.problem,
        });
        if words {
            value["words"] = json!(document.words);
        }
        value
    };
    extract.documents.iter().map(one).collect()
}

/// The text for people, without the last line end.
fn text(file: &Path, extract: &Extract, several: bool) -> String {
    let mut lines = Vec::new();
    if several {
        lines.push(format!("==> {} <==", file.display()));
    }
    for document in &extract.documents {
        if let Some(name) = &document.name {
            lines.push(format!("--- {name} ({})", document.media_type));
        }
        lines.push(match document.problem.map(|problem| json!(problem)) {
            Some(problem) if document.method == Method::None => {
                format!("[no text: {}]", problem.as_str().unwrap_or_default())
            }
            _ => document.text.trim_end().to_owned(),
        });
    }
    lines.join("\n")
}
