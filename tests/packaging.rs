//! What is packed with the program: the systemd unit (sound, tight, and the daemon works under its system call filter), the
//! bill of materials, the licences, and the look for advisories.
//!
//! The filter is built from the unit as systemd builds it and laid on by this test; systemd's own mounts and namespaces are
//! not tried here (that needs systemd as the first process).

mod daemon;
mod servers;

use daemon::{BODE, Daemon, OfficeDir};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use servers::{MailServers, OFFICE};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

const UNIT: &str = "packaging/bode@.service";

fn run(program: &str, package: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install {package}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_unit_is_sound_and_tight() {
    let scratch = tempfile::tempdir().unwrap();
    let copy = scratch.path().join("bode@.service");
    let unit = std::fs::read_to_string(UNIT).unwrap();
    assert!(unit.contains("ExecStart=/usr/bin/bode "));
    std::fs::write(&copy, unit.replace("/usr/bin/bode ", &format!("{BODE} "))).unwrap();
    let verified = run("systemd-analyze", "systemd", &["verify", "--man=no", copy.to_str().unwrap()]);
    // Units of this machine that it drags in are not ours to mend.
    let told = text(&verified.stderr);
    assert!(verified.status.success() && !told.lines().any(|line| line.contains("bode")), "{told}");
    // Exposure of at most 1.5 of 10.
    let arguments = ["security", "--offline=true", "--threshold=15", "--no-pager", UNIT];
    let judged = run("systemd-analyze", "systemd", &arguments);
    assert!(judged.status.success(), "{}", text(&judged.stdout));
}

/// The names of a set of system calls, and of the sets within it.
fn expanded(sets: &BTreeMap<String, Vec<String>>, name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return BTreeSet::from([name.to_owned()]);
    }
    sets[name].iter().flat_map(|one| expanded(sets, one)).collect()
}

/// The system calls that the unit leaves, by number.
fn left_by_the_unit() -> BTreeSet<i64> {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = String::new();
    for line in text(&run("systemd-analyze", "systemd", &["syscall-filter", "--no-pager"]).stdout).lines() {
        if line.starts_with('@') {
            last = line.trim().to_owned();
        } else if !last.is_empty() && !line.trim().is_empty() && !line.trim().starts_with('#') {
            sets.entry(last.clone()).or_default().push(line.trim().to_owned());
        }
    }
    let mut left = expanded(&sets, "@default");
    for line in std::fs::read_to_string(UNIT).unwrap().lines() {
        let Some(names) = line.strip_prefix("SystemCallFilter=") else { continue };
        match names.strip_prefix('~') {
            Some(names) => {
                for name in names.split(' ').flat_map(|name| expanded(&sets, name)) {
                    left.remove(&name);
                }
            }
            None => left.extend(names.split(' ').flat_map(|name| expanded(&sets, name))),
        }
    }
    let numbers = std::fs::read_to_string("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").unwrap();
    let number = |line: &str| {
        let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
        left.contains(name).then(|| number.trim().parse().unwrap())
    };
    numbers.lines().filter_map(number).collect()
}

/// The filter of the unit: its system calls, its address families, and no memory that is written and run.
fn filter() -> BpfProgram {
    let is = |argument, operator, value| {
        SeccompRule::new(vec![SeccompCondition::new(argument, Dword, operator, value).unwrap()]).unwrap()
    };
    let unit = std::fs::read_to_string(UNIT).unwrap();
    assert!(unit.contains("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n"));
    assert!(unit.contains("MemoryDenyWriteExecute=yes\n"));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        left_by_the_unit().into_iter().map(|number| (number, Vec::new())).collect();
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX];
    rules.insert(libc::SYS_socket, families.map(|family| is(0, Eq, u64::try_from(family).unwrap())).to_vec());
    let (write, execute) = (2, 4);
    let not_both = [0, write, execute].map(|bits| is(2, MaskedEq(write | execute), bits));
    rules.insert(libc::SYS_mmap, not_both.to_vec());
    rules.insert(libc::SYS_mprotect, vec![is(2, MaskedEq(execute), 0)]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, TargetArch::x86_64).unwrap().try_into().unwrap()
}

/// Runs something on a thread of its own, and all that it starts, behind the filter of the unit.
fn behind_the_filter<T: Send>(inside: impl FnOnce() -> T + Send) -> T {
    let filter = filter();
    std::thread::scope(|scope| {
        let fenced = scope.spawn(|| {
            seccompiler::apply_filter(&filter).unwrap();
            inside()
        });
        fenced.join().unwrap()
    })
}

#[test]
fn the_daemon_works_under_the_filter_of_the_unit() {
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(&servers.toml());
    let fence = |told: String| told.lines().find(|line| line.contains("fence")).unwrap().to_owned();
    let free = fence(text(&office.bode(&["doctor"]).stdout));
    let filtered = behind_the_filter(|| office.bode(&["doctor"]));
    // The reading processes put up their own fence inside it, whole.
    assert_eq!(fence(text(&filtered.stdout)), free, "{}", text(&filtered.stderr));
    assert!(filtered.status.success(), "{}", text(&filtered.stdout));
    let mut daemon = behind_the_filter(|| Daemon::start(&office.config));
    daemon.wait_for("bode is running", 1);
    let complaint = format!(
        "From: A. Jansen <jansen@example.org>\r\nTo: {OFFICE}\r\nSubject: Klacht\r\nMessage-ID: <filter@example.org>\r\n\
         Date: Mon, 02 Mar 2026 09:00:00 +0100\r\n\r\nGeachte ombudsman,\r\n\r\nIk heb een klacht over de gemeente Den Haag.\r\n"
    );
    servers.deliver(complaint.as_bytes(), "jansen@example.org", OFFICE);
    servers.wait_for_messages("jansen@example.org", "", 1);
    assert_eq!(daemon.healthz().0, 200);
    daemon.terminate();
    // What the filter is for.
    assert!(behind_the_filter(|| Command::new("chroot")
        .args(["/", "true"])
        .status()
        .is_ok_and(|status| !status.success())));
}

#[test]
fn the_bill_of_materials_names_every_crate_and_is_the_same_each_time() {
    let made = || run("python3", "python3", &["packaging/sbom.py"]);
    let first = made();
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(first.stdout, made().stdout);
    let bill: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    let lock: toml::Table = std::fs::read_to_string("Cargo.lock").unwrap().parse().unwrap();
    let locked: BTreeMap<String, Option<&str>> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let purl =
                format!("pkg:cargo/{}@{}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap());
            (purl, one.get("checksum").and_then(toml::Value::as_str))
        })
        .collect();
    let components = bill["components"].as_array().unwrap();
    for component in components {
        let purl = component["purl"].as_str().unwrap();
        let digest = component["hashes"][0]["content"].as_str();
        assert_eq!(locked.get(purl), Some(&digest), "{purl}");
        assert!(component["licenses"][0]["expression"].is_string(), "{purl} has no licence");
    }
    for needed in ["sled", "lettre", "async-imap", "rustls", "hyper"] {
        assert!(components.iter().any(|one| one["name"] == needed && one["scope"] == "required"), "{needed}");
    }
}

#[test]
fn the_package_holds_its_licences_in_full() {
    let made = run("python3", "python3", &["packaging/copyright.py"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let copyright = text(&made.stdout);
    let packed: Vec<&str> = copyright.split_whitespace().filter(|word| *word != ".").collect();
    for file in ["LICENSE", "templates/fonts/OFL.txt"] {
        let licence = std::fs::read_to_string(file).unwrap();
        let from = licence.find("\nLicense: ").map_or(0, |at| at + "\nLicense: SIL-OFL-1.1".len());
        let until = licence[from..].find("\n\nFiles: ").map_or(licence.len(), |at| from + at);
        let words: Vec<&str> = licence[from..until].split_whitespace().filter(|word| *word != ".").collect();
        assert!(packed.windows(words.len()).any(|some| some == words), "{file} is not there whole");
    }
    // Machine-readable (DEP-5): a field, or a line of one; an empty line ends what is said of some files.
    for line in copyright.lines() {
        let field = ["Format:", "Upstream-Name:", "Comment:", "Files:", "Copyright:", "License:"];
        let fits =
            line.is_empty() || line.starts_with(' ') || field.iter().any(|name| line.starts_with(name));
        assert!(fits && (line.is_empty() || !line.trim().is_empty()), "{line}");
    }
    assert_eq!(copyright.split("\n\n").count(), 3, "{copyright}");
}

#[test]
fn an_advisory_about_a_version_of_ours_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let crates = scratch.path().join("crates/rustls");
    std::fs::create_dir_all(&crates).unwrap();
    let lock = scratch.path().join("Cargo.lock");
    let audit = |version: &str, patched: &str, more: &str| {
        let advisory = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-0000-0001\"\npackage = \"rustls\"\ndate = \"2026-01-01\"\n{more}\n\
             [versions]\npatched = [{patched}]\n```\n\n# It loops\n"
        );
        std::fs::write(crates.join("RUSTSEC-0000-0001.md"), advisory).unwrap();
        std::fs::write(&lock, format!("[[package]]\nname = \"rustls\"\nversion = \"{version}\"\n")).unwrap();
        let folder = scratch.path().to_str().unwrap();
        let done = run("python3", "python3", &["packaging/audit.py", folder, lock.to_str().unwrap()]);
        (done.status.success(), text(&done.stdout))
    };
    for (version, patched, fine) in [
        ("0.23.4", "\">= 0.23.5\", \">= 0.22.4, < 0.23.0\"", false),
        ("0.23.5", "\">= 0.23.5\"", true),
        ("0.22.9", "\">= 0.23.5\", \">= 0.22.4, < 0.23.0\"", true),
        ("0.22.3", "\"^0.22.4\"", false),
        ("0.22.5", "\"^0.22.4\"", true),
        ("0.23.0-alpha.1", "\">= 0.23.0\"", false),
        ("1.4.9", "\"~1.4\"", true),
        ("1.5.0", "\"~1.4\"", false),
        ("1.2.3", "", false),
    ] {
        let (passed, told) = audit(version, patched, "");
        assert_eq!(passed, fine, "{version} {patched}: {told}");
    }
    assert!(audit("1.2.3", "", "informational = \"unmaintained\"").0, "told, and no reason to stop");
    assert!(audit("1.2.3", "", "withdrawn = \"2026-02-02\"").0);
    assert!(Path::new("packaging/audit-known.toml").is_file());
}
