//! Does the systemd unit let the daemon write where the configuration sends it? `ProtectSystem=strict` (systemd.exec(5)) makes everything
//! read-only that the unit does not name.

use super::Found;
use std::path::{Path, PathBuf};

/// Where units and their drop-ins are found (systemd.unit(5)), the admin's own first.
const UNIT_DIRS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
const UNITS: [&str; 2] = ["bode.service", "bode@.service"];

/// The unit that is installed here, and what it lets the daemon write.
pub(super) fn lets_write(store: &Path, folders: &[PathBuf]) -> Found {
    let Some(text) = UNITS.iter().find_map(|unit| installed(unit)) else {
        return Found::skip("no unit of bode is installed on this machine");
    };
    judge(&text, std::iter::once(store).chain(folders.iter().map(PathBuf::as_path)))
}

/// A unit with its drop-ins.
fn installed(unit: &str) -> Option<String> {
    let main = UNIT_DIRS.iter().find_map(|dir| std::fs::read_to_string(Path::new(dir).join(unit)).ok())?;
    let mut text = main;
    for dir in UNIT_DIRS {
        let dropped = std::fs::read_dir(Path::new(dir).join(format!("{unit}.d")));
        for path in dropped.into_iter().flatten().flatten().map(|item| item.path()) {
            if path.extension().is_some_and(|end| end == "conf") {
                text.push('\n');
                text.push_str(&std::fs::read_to_string(path).unwrap_or_default());
            }
        }
    }
    Some(text)
}

fn judge<'a>(text: &str, wanted: impl Iterator<Item = &'a Path>) -> Found {
    let values = |key: &str| {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        lines.flat_map(str::split_whitespace).map(str::to_owned).collect::<Vec<_>>()
    };
    if !values("ProtectSystem").iter().any(|value| value == "strict") {
        return Found::ok("it leaves the file system open (no ProtectSystem=strict)");
    }
    // Of an instance (`bode@den-haag`), what stands before `%i`.
    let before = |path: &str| path.split('%').next().unwrap_or_default().to_owned();
    let paths = values("ReadWritePaths");
    let mut open: Vec<PathBuf> =
        paths.iter().map(|path| PathBuf::from(before(path.trim_start_matches(['-', '+'])))).collect();
    for (key, base) in
        [("StateDirectory", "/var/lib"), ("CacheDirectory", "/var/cache"), ("LogsDirectory", "/var/log")]
    {
        open.extend(values(key).iter().map(|name| Path::new(base).join(before(name))));
    }
    let shut: Vec<String> = wanted
        .filter(|path| !open.iter().any(|open| path.starts_with(open)))
        .map(|path| path.display().to_string())
        .collect();
    if shut.is_empty() {
        return Found::ok("it lets the daemon write where it must");
    }
    let paths = shut.join(" ");
    Found::wrong(format!(
        "under it the daemon may not write in {paths}: systemctl edit bode@OFFICE, then [Service] ReadWritePaths={paths}"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_folder_that_the_unit_forgets_is_named() {
        let unit = include_str!("../../../packaging/bode@.service");
        let look = |text: &str, paths: &[&str]| judge(text, paths.iter().map(Path::new));
        assert_eq!(look(unit, &["/var/lib/bode/den-haag/store", "/srv/scans/den-haag"]).state, State::Ok);
        let found = look(unit, &["/var/lib/bode/den-haag/store", "/mnt/post"]);
        assert_eq!(found.state, State::Wrong);
        assert!(found.told.contains("ReadWritePaths=/mnt/post"), "{}", found.told);
        let with = format!("{unit}\n[Service]\nReadWritePaths=-/mnt/post /mnt/print\n");
        assert_eq!(look(&with, &["/mnt/post/in", "/mnt/print"]).state, State::Ok);
        assert_eq!(look("[Service]\nExecStart=/usr/bin/bode\n", &["/srv/x"]).state, State::Ok);
    }
}
