//! `bode triage FILE…`: extract and judge; no store, nothing is sent.

use super::extract::documents;
use super::look::{self, Looked, each, look};
use super::{CommandResult, Ended, Global, label, setting};
use crate::clock;
use crate::intake::{Preview, Rulebook};
use crate::record::{Answer, Judgement};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct TriageArgs {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a file and line.
    #[arg(long)]
    json: bool,
    /// The date of receipt, for all files; else Received, Date or the file's time.
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
}

pub(super) fn triage(global: &Global, args: &TriageArgs) -> CommandResult {
    let config = setting::config(global)?;
    let rulebook = Arc::new(setting::rulebook_for_files(&config)?);
    let runtime = setting::runtime()?;
    let reader = {
        let _inside = runtime.enter();
        Arc::new(look::reader(global)?)
    };
    let bar = setting::progress(global, args.files.len() as u64, "beoordeeld");
    let mut ended = Ended::Well;
    runtime.block_on(each(
        &args.files,
        crate::daemon::cores(),
        |file| {
            let (reader, rulebook, received) = (Arc::clone(&reader), Arc::clone(&rulebook), args.received);
            Box::pin(async move {
                let looked = look(&reader, &file, false).await?;
                let received = look::received(received, &looked.extract, &file);
                let judged =
                    tokio::task::spawn_blocking(move || Judged::of(looked, received, &rulebook)).await;
                judged.map_err(|error| error.to_string())
            })
        },
        |file, judged: Result<Judged, String>| {
            bar.inc(1);
            bar.suspend(|| match judged {
                Ok(judged) if args.json => look::say(&judged.line(file).to_string()),
                Ok(judged) => judged.print(file),
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

/// A file with its judgement and what would be answered.
struct Judged {
    looked: Looked,
    received: Date,
    judgement: Judgement,
    deadlines: Vec<crate::record::Deadline>,
    answer: Answer,
}

impl Judged {
    fn of(looked: Looked, received: Date, rulebook: &Rulebook) -> Self {
        let preview = rulebook.preview(&looked.extract, looked.channel, received, clock::now());
        let Preview { judgement, deadlines, prepared } = preview;
        Self { looked, received, judgement, deadlines, answer: prepared.answer }
    }

    /// The contract's `triage --json`.
    fn line(&self, file: &Path) -> serde_json::Value {
        let j = &self.judgement;
        let subject = self.looked.extract.message.as_ref().and_then(|message| message.subject.clone());
        json!({
            "file": file.to_string_lossy(),
            "channel": self.looked.channel,
            "received": self.received,
            "from": { "name": j.writer.name, "address": j.writer.address },
            "subject": subject,
            "language": j.language,
            "documents": documents(&self.looked.extract, false),
            "automatic": j.automatic,
            "scope": j.scope,
            "complained_about": j.complained_about,
            "mentioned_only": j.mentioned_only,
            "refer_to": j.refer_to.as_ref().map(|referral| &referral.id),
            "first_complained": j.first_complained,
            "older_than_year": j.older_than_year,
            "kind": j.kind,
            "anonymous": j.anonymous,
            "on_behalf": j.on_behalf,
            "multiple": j.multiple,
            "urgent": j.urgent,
            "follow_up": j.follow_up,
            "queue": j.queue,
            "confidence": j.confidence,
            "findings": j.findings,
            "deadlines": self.deadlines,
            "acknowledgement": acknowledgement(&self.answer),
        })
    }

    fn print(&self, file: &Path) {
        let j = &self.judgement;
        println!("{}", file.display());
        println!("  reikwijdte   {} (zekerheid {:.2})", label(&j.scope), j.confidence);
        println!("  gaat over    {}", or_dash(&j.complained_about.join(", ")));
        println!("  genoemd      {}", or_dash(&j.mentioned_only.join(", ")));
        println!("  verwijzen    {}", j.refer_to.as_ref().map_or("-", |referral| referral.name.as_str()));
        println!("  eerst zelf   {}", label(&j.first_complained));
        println!("  wachtrij     {}", j.queue);
        for finding in &j.findings {
            let sentence = finding.evidence.first().map(|evidence| evidence.text.trim()).unwrap_or_default();
            println!("  {:+.1} {}: {} «{sentence}»", finding.weight, finding.concludes, finding.rule);
        }
    }
}

fn acknowledgement(answer: &Answer) -> serde_json::Value {
    match answer {
        Answer::Send { template, language, reason, .. } => {
            json!({ "send": true, "held": false, "reason": reason, "template": template, "language": language })
        }
        Answer::Hold { template, language, reason, .. } => {
            json!({ "send": false, "held": true, "reason": reason, "template": template, "language": language })
        }
        Answer::Withhold { reason } => {
            json!({ "send": false, "held": false, "reason": reason, "template": null, "language": null })
        }
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
