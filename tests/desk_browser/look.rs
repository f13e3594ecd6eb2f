//! A page as people meet it: it fits at every width, also with wide letters and at 200 %; axe-core finds nothing wrong
//! with it (WCAG 2.2 A and AA); it is light, and only its style sheet holds up the first paint.
//!
//! axe-core is fetched by `make deps-test` by its lock file, `tests/desk/axe/package-lock.json`.

use crate::desk::browser::Browser;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A page with its style and script, as it goes over the line, without the pictures of scans: 100 kB.
const PAGE_BYTES_MAX: u64 = 100_000;

/// The rules of axe-core that count here: the two levels of WCAG 2.2 that the law asks, and its advice on structure.
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// WCAG 1.4.12: nothing is lost when a reader sets the text wider.
const WIDE_TEXT: &str = "(sheet => { sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; \
    word-spacing: .16em !important } p { margin-bottom: 2em !important }'); document.adoptedStyleSheets = [sheet] })(new CSSStyleSheet())";

/// The pictures of the book in docs/, each with the height of the window in CSS pixels; `make pictures` lays them there.
const BOOK: [(&str, u32); 13] = [
    ("zaken", 800),
    ("zaken-gezocht", 700),
    ("zaak", 900),
    ("zaak-scan", 900),
    ("zaak-besloten", 700),
    ("bericht", 1000),
    ("termijnen", 700),
    ("postkamer-eerder", 600),
    ("postkamer", 620),
    ("printen", 800),
    ("grootboek", 800),
    ("regels-geprobeerd", 900),
    ("noodrem", 500),
];

pub fn pictures() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("desk");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// The source of axe-core, where `make deps-test` laid it.
fn axe() -> String {
    let cache = std::env::var_os("BODE_TEST_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        Path::new(&std::env::var_os("HOME").expect("HOME is set")).join(".cache/bode-test")
    });
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/desk/axe/package-lock.json");
    let locked = std::fs::read(cache.join("axe/package-lock.json"));
    let same = locked.is_ok_and(|locked| locked == std::fs::read(ours).unwrap());
    assert!(same, "this test needs axe-core by tests/desk/axe; install it with: make deps-test");
    std::fs::read_to_string(cache.join("axe/node_modules/axe-core/axe.min.js")).unwrap()
}

/// Looks at pages, one after the other.
pub struct Look {
    axe: String,
    /// Page and bytes.
    pub weights: Vec<(String, u64)>,
    /// All that is wrong, of all pages: told at the end, in one go.
    faults: Vec<String>,
}

impl Look {
    pub fn new() -> Self {
        Self { axe: axe(), weights: Vec::new(), faults: Vec::new() }
    }

    /// Looks at the page that is open: at a screen, at a telephone, at 200 % and at 320 pixels. Leaves a picture of each but the last.
    pub fn at(&mut self, browser: &mut Browser, name: &str) {
        self.light(browser, name);
        // Pictures of pages are loaded when they come in sight.
        browser.evaluate("document.querySelectorAll('img[loading]').forEach(one => one.loading = 'eager')");
        browser.wait_for("[...document.images].every(one => one.complete)");
        for (label, width, height, factor) in
            [("1440", 1440, 900, 1), ("390", 390, 844, 1), ("200p", 720, 450, 2), ("320", 320, 640, 1)]
        {
            browser.zoomed(width, height, factor);
            self.fits(browser, name, width);
            if label != "320" {
                browser.picture(&pictures().join(format!("{name}-{label}.png")));
            }
            if ["1440", "320"].contains(&label) {
                self.sound(browser, name, label);
            }
        }
        browser.evaluate(WIDE_TEXT);
        self.fits(browser, &format!("{name} with wide letters"), 320);
        browser.evaluate("document.adoptedStyleSheets = []");
        if let Some((_, height)) = BOOK.iter().find(|(picture, _)| *picture == name) {
            let dir = pictures().join("book");
            std::fs::create_dir_all(&dir).unwrap();
            browser.window_picture(*height, &dir.join(format!("{name}.png")));
        }
        browser.size(1440, 900);
        self.well_formed(browser, name);
    }

    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    /// Fails with all that was found.
    pub fn done(mut self) {
        self.weights.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        println!(
            "{} pages; the heaviest: {:?}",
            self.weights.len(),
            &self.weights[..self.weights.len().min(3)]
        );
        assert!(self.faults.is_empty(), "{} faults:\n{}", self.faults.len(), self.faults.join("\n"));
    }

    /// axe-core, on the page as it is now.
    fn sound(&mut self, browser: &mut Browser, name: &str, label: &str) {
        if browser.evaluate("typeof axe") != "object" {
            browser.evaluate(&self.axe);
        }
        let options = json!({
            "runOnly": {"type": "tag", "values": TAGS},
            // Off by default, as it is young: targets of 24 pixels (WCAG 2.5.8).
            "rules": {"target-size": {"enabled": true}},
            "resultTypes": ["violations"],
        });
        let faults = browser.promised(&format!(
            "axe.run(document, {options}).then(told => told.violations.map(one => one.id + ': ' + one.nodes.slice(0, 5)\
             .map(node => node.target.join(' ') + ' ' + node.html.slice(0, 160) + ' ' + node.any.map(why => why.message).join('; ')).join('\\n    ')))"
        ));
        let faults = faults.as_array().unwrap().iter().filter_map(Value::as_str);
        self.faults.extend(faults.map(|fault| format!("{name} at {label}: {fault}")));
    }

    /// What came over the line for it, and what the first paint waited for.
    fn light(&mut self, browser: &mut Browser, name: &str) {
        let told = browser.evaluate(
            "(all => ({bytes: all.filter(one => !/\\/pages\\/\\d+$/.test(one.name)).reduce((sum, one) => sum + one.transferSize, 0), \
             blocking: all.filter(one => one.renderBlockingStatus == 'blocking').map(one => new URL(one.name).pathname), \
             foreign: all.filter(one => new URL(one.name).origin != location.origin).map(one => one.name), \
             scripts: [...document.scripts].filter(one => !one.src || !one.defer).length}))\
             ([...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')])",
        );
        let bytes = told["bytes"].as_u64().unwrap();
        self.check((1_000..PAGE_BYTES_MAX).contains(&bytes), || format!("{name} weighs {bytes}"));
        let blocking: Vec<&str> =
            told["blocking"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let page = location(browser);
        let only = blocking.iter().all(|path| [page.as_str(), "/assets/desk.css"].contains(path));
        self.check(only, || format!("{name}: the first paint waits for {blocking:?}"));
        let clean = (&told["foreign"], &told["scripts"]) == (&json!([]), &json!(0));
        self.check(clean, || format!("{name}: from elsewhere, or a script that is not put off: {told}"));
        self.weights.push((name.to_owned(), bytes));
    }

    /// No bar to scroll sideways.
    fn fits(&mut self, browser: &mut Browser, name: &str, width: u32) {
        let wide = browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap();
        if wide > u64::from(width) {
            let out = browser.evaluate(
                "[...document.querySelectorAll('main *, header *, footer *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)\
                 .slice(0, 5).map(one => one.tagName + '.' + one.className + ' ' + one.textContent.trim().slice(0, 40)).join(' | ')",
            );
            self.faults.push(format!("{name} is {wide} wide on a screen of {width}: {out}"));
        }
    }

    /// What axe-core does not ask.
    fn well_formed(&mut self, browser: &mut Browser, name: &str) {
        let complaints =
            browser.complaints.drain(..).filter(|text| !text.contains("responded with a status of"));
        self.faults.extend(complaints.map(|text| format!("{name}: {text}")));
        for (question, fault) in [
            (
                "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(one => one.labels.length == 0)\
                 .map(one => one.name).join()",
                "a field without a label",
            ),
            (
                "(ids => ids.filter((id, n) => ids.indexOf(id) != n).join())([...document.querySelectorAll('[id]')].map(one => one.id))",
                "an id that stands twice",
            ),
            (
                "[...document.querySelectorAll('a[href^=\"#\"]')].filter(one => !document.getElementById(one.hash.slice(1)))\
                 .map(one => one.hash).join()",
                "a link to a place that is not there",
            ),
            ("document.querySelectorAll('h1').length == 1 ? '' : 'h1'", "not one h1"),
            (
                "[...document.querySelectorAll('*')].filter(one => one.hasAttribute('style') || [...one.attributes]\
                 .some(attribute => attribute.name.startsWith('on'))).map(one => one.outerHTML.slice(0, 80)).join()",
                "a style or script in the page itself",
            ),
        ] {
            let found = browser.evaluate(question);
            self.check(found == "", || format!("{name}: {fault}: {found}"));
        }
    }
}

pub fn location(browser: &mut Browser) -> String {
    browser.evaluate("location.pathname").as_str().unwrap().to_owned()
}
