//! A person at the browser who finds things by their role and name, as a screen reader tells them, and works in one of three
//! ways. By keyboard alone every stop is looked at: the focus can be seen (WCAG 2.4.7), nothing lies over it (2.4.11), and Tab goes
//! on from there (2.1.2).

use crate::browser;
use crate::desk::browser::Browser;
use crate::desk::{Desk, PASSWORD};
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A mouse for what is pressed, keys for what is typed.
    Mouse,
    /// Tab, arrows, Space and Enter, and nothing else.
    Keyboard,
    /// A mouse, and JavaScript off.
    NoScript,
}

pub const WAYS: [Way; 3] = [Way::Mouse, Way::Keyboard, Way::NoScript];

/// Stops of Tab on one page, at most.
const STOPS_MAX: usize = 400;

/// What a person sees of where the focus is: its ring, and whether it is there to be seen.
const STOP: &str = "function() { const at = document.activeElement; if (!at || at === document.body) return 'page'; \
    const style = getComputedStyle(at), box = at.getBoundingClientRect(); \
    if (!(parseFloat(style.outlineWidth) >= 2 && style.outlineStyle != 'none')) return 'no ring: ' + at.outerHTML.slice(0, 200); \
    if (at.type == 'file' || box.width == 0) return ''; \
    const inside = [...at.getClientRects()].some(one => { \
      const x = Math.min(Math.max(one.x + one.width / 2, 1), innerWidth - 1), y = one.y + Math.min(one.height / 2, 20); \
      const top = document.elementFromPoint(x, y); return top && (at.contains(top) || top.contains(at)); }); \
    return inside ? '' : 'out of sight: ' + at.outerHTML.slice(0, 200); }";

pub struct Hands {
    pub browser: Browser,
    pub way: Way,
    base: String,
}

impl Hands {
    pub fn new(way: Way, base: String) -> Self {
        let mut browser = browser();
        browser.size(1440, 900);
        browser.scripts(way != Way::NoScript);
        // Scrolling at once, so that what has the focus stands still when it is looked at.
        let still = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
        browser.ask("Emulation.setEmulatedMedia", still).unwrap();
        Self { browser, way, base }
    }

    /// At the desk, logged in through its form.
    pub fn logged_in(way: Way, desk: &Desk, name: &str) -> Self {
        let mut hands = Self::new(way, format!("http://{}", desk.address));
        hands.log_in(name, PASSWORD);
        hands
    }

    pub fn log_in(&mut self, name: &str, password: &str) {
        self.browser.open(&format!("{}/login", self.base));
        if self.way != Way::NoScript {
            // The name gets the focus by itself, some time after the page is there.
            self.browser.wait_for("document.activeElement.autofocus === true");
        }
        self.fill("Naam", name);
        self.fill("Wachtwoord", password);
        self.press("button", "Inloggen");
        assert!(self.browser.named("button", "Uitloggen").len() == 1, "{}", self.text());
    }

    pub fn log_out(&mut self) {
        self.press("button", "Uitloggen");
        self.reads("Inloggen");
        let complaints: Vec<&String> = self
            .browser
            .complaints
            .iter()
            .filter(|text| !text.contains("responded with a status of 4"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }

    /// The first one of this role whose name begins so.
    fn find(&mut self, role: &str, name: &str) -> String {
        let found = self.browser.named(role, name);
        found.into_iter().next().unwrap_or_else(|| panic!("no {role} {name:?} on the page:\n{}", self.text()))
    }

    pub fn has(&mut self, role: &str, name: &str) -> bool {
        !self.browser.named(role, name).is_empty()
    }

    /// Presses a link or button that brings another page.
    pub fn press(&mut self, role: &str, name: &str) {
        let element = self.find(role, name);
        self.browser.evaluate("window.old = true");
        self.push(&element, "Enter", 13);
        self.browser.wait_for("window.old !== true && document.readyState == 'complete'");
    }

    /// Ticks, chooses or folds out, on the same page.
    pub fn toggle(&mut self, role: &str, name: &str) {
        let element = self.find(role, name);
        self.push(&element, " ", 32);
    }

    /// Presses a button that does its work on the page itself.
    pub fn press_here(&mut self, name: &str) {
        let element = self.find("button", name);
        self.push(&element, "Enter", 13);
    }

    /// Brings the element under the mouse or the keys, and presses it.
    fn push(&mut self, element: &str, key: &str, code: u32) {
        if self.way == Way::Keyboard {
            self.tab_to(element);
            let is_it = "function() { return document.activeElement === this }";
            while self.browser.of(element, is_it) != json!(true) {
                self.browser.press("ArrowDown", 40);
            }
            let done = "function() { return this.type == 'radio' && this.checked }";
            if self.browser.of(element, done) != json!(true) {
                self.browser.press(key, code);
            }
            return;
        }
        let place = self.browser.of(
            element,
            "function() { this.scrollIntoView({block: 'center', behavior: 'instant'}); const box = this.getClientRects()[0]; \
             return [box.x + box.width / 2, box.y + box.height / 2] }",
        );
        self.browser.click(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    }

    /// Goes on by Tab until the element has the focus, or a neighbour in its group of radio buttons.
    fn tab_to(&mut self, element: &str) {
        let there = "function() { const at = document.activeElement; \
            return at === this || (this.type == 'radio' && at.type == 'radio' && at.name == this.name && at.form === this.form) }";
        let mut same = 0;
        for _ in 0..STOPS_MAX {
            if self.browser.of(element, there) == json!(true) {
                return;
            }
            let before = self.browser.evaluate("window.stop = document.activeElement, 0");
            self.browser.press("Tab", 9);
            let stop = self.browser.of(element, STOP);
            if stop == "page" {
                continue;
            }
            assert_eq!((stop.as_str(), before), (Some(""), json!(0)));
            let stays = self.browser.evaluate("window.stop === document.activeElement") == json!(true);
            same = if stays { same + 1 } else { 0 };
            // A date has three parts, and a picker.
            assert!(same < 5, "Tab does not go on from here");
        }
        panic!("Tab never comes to {}", self.browser.of(element, "function() { return this.outerHTML }"));
    }

    /// Types in a field, in the place of what stood there.
    pub fn fill(&mut self, label: &str, text: &str) {
        let role = ["textbox", "searchbox", "spinbutton"]
            .into_iter()
            .find(|role| !self.browser.named(role, label).is_empty())
            .unwrap_or_else(|| panic!("no field {label:?} on the page:\n{}", self.text()));
        let element = self.find(role, label);
        match self.way {
            Way::Keyboard => self.tab_to(&element),
            Way::Mouse | Way::NoScript => self.push(&element, "", 0),
        }
        self.browser.of(&element, "function() { this.select() }");
        self.browser.ask("Input.insertText", json!({"text": text})).unwrap();
    }

    /// What stands in a field.
    pub fn value(&mut self, label: &str) -> String {
        let element = self.find("textbox", label);
        self.browser.of(&element, "function() { return this.value }").as_str().unwrap().to_owned()
    }

    /// Chooses from a list with the arrows: a list that is folded out is drawn by the system, out of reach of a mouse here.
    pub fn choose(&mut self, label: &str, option: &str) {
        let element = self.find("combobox", label);
        match self.way {
            Way::Keyboard => self.tab_to(&element),
            Way::Mouse | Way::NoScript => {
                self.browser.of(&element, "function() { this.focus() }");
            }
        }
        self.browser.press("Home", 36);
        let now = "function() { return this.selectedOptions[0].text }";
        for _ in 0..200 {
            if self.browser.of(&element, now).as_str().unwrap().starts_with(option) {
                return;
            }
            self.browser.press("ArrowDown", 40);
        }
        panic!("no {option:?} to choose");
    }

    /// Gives a file to a field: the system's own window for it is out of reach here.
    pub fn give(&mut self, label: &str, file: &std::path::Path) {
        let element = self.find("button", label);
        self.browser.ask("DOM.setFileInputFiles", json!({"objectId": element, "files": [file]})).unwrap();
    }

    pub fn text(&mut self) -> String {
        self.browser.evaluate("document.body.innerText").as_str().unwrap().to_owned()
    }

    /// Fails unless the page says so.
    pub fn reads(&mut self, words: &str) {
        let text = self.text();
        assert!(text.contains(words), "{:?}: no {words:?} on the page:\n{text}", self.way);
    }

    /// What is announced: the texts of the page's alerts and status lines.
    pub fn announced(&mut self) -> String {
        let script = "[...document.querySelectorAll('[role=alert],[role=status]')].map(one => one.innerText).join(' ')";
        self.browser.evaluate(script).as_str().unwrap().to_owned()
    }
}
