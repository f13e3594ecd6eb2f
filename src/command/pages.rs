//! `bode pages DIR`: manual pages (man(7)) and completions for bash, zsh and fish, made from the command line itself, so that
//! they cannot say anything else than the program does. The Debian package holds what this writes.

use super::{Cli, CommandResult, Ended, Failure};
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the page of the program says beside its commands, in roff.
const MORE: &str = include_str!("pages.roff");

#[derive(Debug, Args)]
pub(super) struct PagesArgs {
    /// Gets `man/` and `completions/`.
    dir: PathBuf,
}

pub(super) fn pages(args: &PagesArgs) -> CommandResult {
    let mut program = Cli::command();
    program.build();
    let fault = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| Failure::Failed(format!("{path}: {error}"))
    };
    let man = args.dir.join("man");
    fs::create_dir_all(&man).map_err(fault(&man))?;
    for (name, page) in manual(&program).map_err(fault(&man))? {
        let path = man.join(format!("{name}.1"));
        fs::write(&path, page).map_err(fault(&path))?;
    }
    let completions = args.dir.join("completions");
    fs::create_dir_all(&completions).map_err(fault(&completions))?;
    for (shell, name) in [(Shell::Bash, "bode.bash"), (Shell::Zsh, "_bode"), (Shell::Fish, "bode.fish")] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut program, "bode", &mut script);
        let path = completions.join(name);
        fs::write(&path, script).map_err(fault(&path))?;
    }
    Ok(Ended::Well)
}

/// A page for the program and for each of its commands: `bode`, `bode-run`, `bode-cases-list` …
fn manual(program: &Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let mut todo = vec![("bode".to_owned(), program.clone())];
    while let Some((name, command)) = todo.pop() {
        let shown = |inner: &&Command| !inner.is_hide_set() && inner.get_name() != "help";
        for inner in command.get_subcommands().filter(shown) {
            todo.push((format!("{name}-{}", inner.get_name()), inner.clone()));
        }
        let is_program = name == "bode";
        let page = clap_mangen::Man::new(command.display_name(name.clone()))
            .title(name.clone())
            .source(concat!("bode ", env!("CARGO_PKG_VERSION")))
            .manual("bode");
        let mut text = Vec::new();
        page.render(&mut text)?;
        if is_program {
            text.extend_from_slice(MORE.as_bytes());
        }
        pages.push((name, text));
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_hidden_ones_have_none() {
        let mut program = Cli::command();
        program.build();
        let pages = manual(&program).unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["bode", "bode-run", "bode-cases", "bode-cases-list", "bode-user-add"] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("worker") || name.ends_with("help")), "{names:?}");
        let page = |wanted: &str| {
            let (_, page) = pages.iter().find(|(name, _)| name == wanted).unwrap();
            String::from_utf8(page.clone()).unwrap()
        };
        assert!(page("bode").contains(".SH \"EXIT STATUS\"") && page("bode").contains("bode\\-run(1)"));
        assert!(page("bode-run").contains("dry\\-run"));
    }
}
