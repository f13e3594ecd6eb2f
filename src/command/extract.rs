//! `bode extract FILE…`: the text of each file; no store, no rules.

use super::look::{self, each, look};
use super::{CommandResult, Ended, Global, setting};
use crate::record::{Extract, Method};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a file and line.
    #[arg(long)]
    json: bool,
    /// Every recognised word with its page, box and confidence (with --json).
    #[arg(long, requires = "json")]
    words: bool,
}

pub(super) fn extract(global: &Global, args: &ExtractArgs) -> CommandResult {
    let runtime = setting::runtime()?;
    let reader = {
        let _inside = runtime.enter();
        Arc::new(look::reader(global)?)
    };
    let bar = setting::progress(global, args.files.len() as u64, "gelezen");
    let mut ended = Ended::Well;
    let words = args.words;
    runtime.block_on(each(
        &args.files,
        crate::daemon::cores(),
        |file| {
            let reader = Arc::clone(&reader);
            Box::pin(async move { look(&reader, &file, words).await })
        },
        |file, looked| {
            bar.inc(1);
            match looked {
                Ok(looked) if args.json => bar.suspend(|| println!("{}", line(file, &looked.extract, words))),
                Ok(looked) => bar.suspend(|| print_text(file, &looked.extract, args.files.len() > 1)),
                Err(reason) => {
                    ended = Ended::WithRefusals;
                    bar.suspend(|| {
                        look::refuse(file, &reason);
                        if args.json {
                            println!("{}", json!({ "file": file, "error": reason }));
                        }
                    });
                }
            }
        },
    ));
    bar.finish_and_clear();
    Ok(ended)
}

fn line(file: &Path, extract: &Extract, words: bool) -> serde_json::Value {
    let media_type = match &extract.message {
        Some(_) => "message/rfc822",
        None => extract.documents.first().map_or("application/octet-stream", |d| d.media_type.as_str()),
    };
    json!({ "file": file, "media_type": media_type, "documents": documents(extract, words) })
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

fn print_text(file: &Path, extract: &Extract, several: bool) {
    if several {
        println!("==> {} <==", file.display());
    }
    for document in &extract.documents {
        if let Some(name) = &document.name {
            println!("--- {name} ({})", document.media_type);
        }
        if document.method == Method::None {
            let problem = document.problem.map(|problem| format!("{problem:?}").to_lowercase());
            println!("[no text: {}]", problem.unwrap_or_default());
        } else {
            println!("{}", document.text.trim_end());
        }
    }
}
