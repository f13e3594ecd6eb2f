//! The demo, as a newcomer runs it: every sample is judged and answered, and the table tells what became of each.

use std::process::Command;

#[test]
fn the_demo_ends_with_every_sample_judged_and_answered() {
    let here = std::env::current_dir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string("config/demo.toml")
        .unwrap()
        .replace("\"den-haag.toml\"", &format!("{:?}", here.join("config/den-haag.toml")))
        .replace("\"../rules\"", &format!("{:?}", here.join("rules")))
        .replace("\"../templates\"", &format!("{:?}", here.join("templates")))
        .replace("127.0.0.1:8080", "127.0.0.1:0");
    std::fs::create_dir(dir.path().join("config")).unwrap();
    let path = dir.path().join("config/demo.toml");
    std::fs::write(&path, config).unwrap();
    let demo = || {
        Command::new(env!("CARGO_BIN_EXE_bode"))
            .arg("--config")
            .arg(&path)
            .args(["demo", "--exit-when-idle"])
            .output()
            .unwrap()
    };

    let output = demo();
    let (told, complained) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{complained}");
    let line = |who: &str| {
        told.lines().find(|line| line.contains(who)).unwrap_or_else(|| panic!("nothing of {who}:\n{told}"))
    };
    // Where the samples leave no doubt to a reader, the demo must not be wrong.
    for (who, what) in [
        ("Youssef Amrani", " uwv "),
        ("Sanne Vrolijk", " duo "),
        ("Gerard Hofstede", " belastingdienst "),
        ("Ank Bloemendaal", " gemeente-den-haag "),
        ("Riet", " unclear "),
        ("Dennis Koreman", " mixed "),
        ("Kelly Wouters", " spoed "),
        ("Mieke Terpstra", "(2 stukken)"),
        ("T. van Oeveren", " uwv "),
        ("J. Blankestijn", " gemeente-den-haag "),
        ("Hans de Graaf", "terzijde"),
        ("Vakblad", "terzijde"),
    ] {
        assert!(line(who).contains(what), "{}", line(who));
    }
    assert!(told.contains("stukken 14 = zaken 12 + terzijde 2 + in behandeling 0; ontbreekt 0"), "{told}");
    assert!(dir.path().join("var/demo/verzonden").read_dir().unwrap().count() >= 9, "{told}");

    // A second run starts anew instead of refusing its own directory.
    assert!(demo().status.success());
}
