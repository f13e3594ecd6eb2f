//! `bode templates check|preview`: the words of the answers, checked, and shown as citizens would get them.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::acknowledge::{Sample, Templates};
use crate::clock;
use crate::config::Config;
use crate::intake::{Rulebook, Sampled};
use crate::record::Channel;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum TemplatesCommand {
    /// Tries every template in every situation; tells every fault with file, line, column and what was meant.
    Check {
        /// The offices, by their configuration files; without any: the one of --config.
        #[arg(value_name = "CONFIG")]
        offices: Vec<PathBuf>,
    },
    /// What an office answers in each situation, to be read before it goes to citizens. Nothing is sent.
    Preview(PreviewArgs),
}

#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    /// The offices, by their configuration files; without any: the one of --config.
    #[arg(value_name = "CONFIG")]
    offices: Vec<PathBuf>,
    /// Only this situation, such as `out-of-scope`; can be given again. Without it: all.
    #[arg(long, value_name = "ID")]
    situation: Vec<String>,
    /// The language of the writer: its words follow below the Dutch.
    #[arg(long, default_value = "nl", value_name = "LANGUAGE")]
    language: String,
    /// Printed to standard output: the words of this channel.
    #[arg(long, value_enum, default_value = "email")]
    channel: Shown,
    /// Lay all here instead: each answer as text, HTML, message (.eml) and letter (.pdf), and a page that lists them.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    Email,
    Letter,
}

impl Shown {
    fn channel(self) -> Channel {
        match self {
            Shown::Email => Channel::Email,
            Shown::Letter => Channel::Letter,
        }
    }
}

pub(super) fn templates(global: &Global, command: &TemplatesCommand) -> CommandResult {
    match command {
        TemplatesCommand::Check { offices } => check(global, offices),
        TemplatesCommand::Preview(args) => preview(global, args),
    }
}

/// The configurations that were named, or the one of `--config`.
fn configs(global: &Global, offices: &[PathBuf]) -> Result<Vec<Config>, Failure> {
    if offices.is_empty() {
        return Ok(vec![setting::config(global)?]);
    }
    offices
        .iter()
        .map(|path| crate::config::load_file(path).map_err(|error| Failure::Usage(error.to_string())))
        .collect()
}

fn check(global: &Global, offices: &[PathBuf]) -> CommandResult {
    let mut faults: Vec<String> = Vec::new();
    for config in configs(global, offices)? {
        match Templates::load(&config.templates, &config.office) {
            Ok(templates) => println!(
                "{}: {} situaties in orde, talen: {}",
                config.office.id,
                Sample::of(&config.office).len(),
                templates.languages().join(", ")
            ),
            Err(found) => found.faults.into_iter().for_each(|fault| {
                // What offices share is told once.
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }),
        }
    }
    if faults.is_empty() { Ok(Ended::Well) } else { Err(Failure::Usage(faults.join("\n"))) }
}

fn preview(global: &Global, args: &PreviewArgs) -> CommandResult {
    let now = clock::now();
    let mut listed = String::new();
    for config in configs(global, &args.offices)? {
        let rulebook = setting::rulebook_for_files(&config)?;
        let chosen = chosen(&rulebook, &args.situation)?;
        if !rulebook.templates.languages().contains(&args.language) {
            eprintln!("bode: no words in {:?}: such a writer gets English below the Dutch", args.language);
        }
        let _ = writeln!(listed, "<h2>{}</h2>\n<ul>", escaped(&config.office.name));
        for sample in chosen {
            let make = |channel| made(&rulebook, sample, channel, &args.language, now);
            match &args.out {
                None => print(&rulebook, sample, args.channel, &make(args.channel.channel())?)?,
                Some(out) => {
                    let files = Files { out, office: &config.office.id, sample, language: &args.language };
                    let (mail, letter) = (make(Channel::Email)?, make(Channel::Letter)?);
                    files.write("txt", mail.text.as_bytes())?;
                    files.write("html", mail.html.unwrap_or_default().as_bytes())?;
                    files.write("eml", &mail.bytes)?;
                    files.write("letter.txt", letter.text.as_bytes())?;
                    files.write("pdf", &letter.bytes)?;
                    listed.push_str(&files.line());
                }
            }
        }
        listed.push_str("</ul>\n");
    }
    if let Some(out) = &args.out {
        let page = format!(
            "<!doctype html>\n<html lang=\"nl\">\n<head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Antwoorden</title></head>\n\
             <body style=\"font-family: sans-serif; line-height: 1.5\">\n<h1>Antwoorden</h1>\n{listed}</body>\n</html>\n"
        );
        write(&out.join("index.html"), page.as_bytes())?;
        println!("{}", out.join("index.html").display());
    }
    Ok(Ended::Well)
}

fn chosen(rulebook: &Rulebook, wanted: &[String]) -> Result<Vec<Sample>, Failure> {
    let all = rulebook.samples();
    if wanted.is_empty() {
        return Ok(all);
    }
    wanted
        .iter()
        .map(|id| {
            all.iter().copied().find(|sample| sample.id() == id).ok_or_else(|| {
                let known: Vec<&str> = all.iter().map(|sample| sample.id()).collect();
                Failure::Usage(format!(
                    "--situation {id}: {} has no such situation; there are {}",
                    rulebook.office.id,
                    known.join(", ")
                ))
            })
        })
        .collect()
}

fn made(
    rulebook: &Rulebook,
    sample: Sample,
    channel: Channel,
    language: &str,
    now: Timestamp,
) -> Result<Sampled, Failure> {
    rulebook
        .sample(sample, channel, language, now)
        .map_err(|reason| Failure::Failed(format!("{}, {}: {reason}", rulebook.office.id, sample.id())))
}

fn print(rulebook: &Rulebook, sample: Sample, shown: Shown, sampled: &Sampled) -> Result<(), Failure> {
    let on = if shown == Shown::Email { "e-mail" } else { "brief" };
    let mut text = format!("===== {} · {} ({}) · {on}\n", rulebook.office.id, sample.id(), sample.title());
    if let Some(subject) = &sampled.subject {
        let _ = writeln!(text, "Onderwerp: {subject}\n");
    }
    let _ = writeln!(text, "{}", sampled.text);
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(Failure::failed)
}

/// Where the forms of one answer lie.
struct Files<'a> {
    out: &'a Path,
    office: &'a str,
    sample: Sample,
    language: &'a str,
}

impl Files<'_> {
    fn name(&self, ending: &str) -> String {
        match self.language {
            "nl" => format!("{}/{}.{ending}", self.office, self.sample.id()),
            other => format!("{}/{}.{other}.{ending}", self.office, self.sample.id()),
        }
    }

    fn write(&self, ending: &str, bytes: &[u8]) -> Result<(), Failure> {
        write(&self.out.join(self.name(ending)), bytes)
    }

    fn line(&self) -> String {
        let link = |ending, name| format!("<a href=\"{}\">{name}</a>", self.name(ending));
        format!(
            "<li>{}: {}, {}, {}, {}</li>\n",
            escaped(self.sample.title()),
            link("html", "e-mail"),
            link("txt", "platte tekst"),
            link("eml", "bericht"),
            link("pdf", "brief")
        )
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let told = |error| Failure::Failed(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    std::fs::write(path, bytes).map_err(told)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
