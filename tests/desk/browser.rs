//! A headless Chromium, driven over the DevTools protocol through two pipes (`--remote-debugging-pipe`: no
//! port, no WebSocket, no driver program). Only what the pictures need.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: String,
    next: u64,
    /// What the page or the browser complained about, such as a refusal by the content security policy.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` when this machine has no Chromium.
    pub fn start() -> Option<Browser> {
        let profile = tempfile::tempdir().unwrap();
        // The shell only lays standard input and output on the descriptors 3 and 4, which Chromium reads.
        let mut process = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", "chromium"])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
            .args([
                "--hide-scrollbars",
                "--no-first-run",
                "--remote-debugging-pipe",
                "--force-color-profile=srgb",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let to = process.stdin.take()?;
        let from = BufReader::new(process.stdout.take()?);
        let mut browser = Browser {
            process,
            to,
            from,
            session: String::new(),
            next: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", json!({"url": "about:blank"}))?;
        let attached =
            browser.ask("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}))?;
        browser.session = attached["sessionId"].as_str()?.to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.ask(domain, json!({}))?;
        }
        Some(browser)
    }

    /// One command and its answer; `None` when the browser is gone.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Option<Value> {
        self.answer(method, parameters)?.map_err(|error| panic!("{method}: {error}")).ok()
    }

    /// As [`Browser::ask`], with the error that the browser answered.
    fn answer(&mut self, method: &str, parameters: Value) -> Option<Result<Value, Value>> {
        self.next += 1;
        let id = self.next;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.to.write_all(command.to_string().as_bytes()).ok()?;
        self.to.write_all(&[0]).ok()?;
        loop {
            let answer = self.read()?;
            if answer["id"] == id {
                return Some(match &answer["error"] {
                    Value::Null => Ok(answer["result"].clone()),
                    error => Err(error.clone()),
                });
            }
        }
    }

    fn read(&mut self) -> Option<Value> {
        let mut bytes = Vec::new();
        if self.from.read_until(0, &mut bytes).ok()? == 0 {
            return None;
        }
        bytes.pop();
        let message: Value = serde_json::from_slice(&bytes).ok()?;
        match message["method"].as_str() {
            Some("Log.entryAdded") => self.complaints.push(message["params"]["entry"]["text"].to_string()),
            Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => {
                self.complaints.push(message["params"].to_string());
            }
            _ => {}
        }
        Some(message)
    }

    pub fn size(&mut self, width: u32, height: u32) {
        self.zoomed(width, height, 1);
    }

    /// A window of this many CSS pixels, each drawn as so many: half of both and 2 is what a browser does at 200 %.
    pub fn zoomed(&mut self, width: u32, height: u32, factor: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": factor, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", metrics).unwrap();
    }

    /// Nothing is taken from the browser's own store: each page weighs what it weighs at a first visit.
    pub fn cold(&mut self) {
        self.ask("Network.setCacheDisabled", json!({"cacheDisabled": true})).unwrap();
    }

    /// Scripts of pages run, or do not; what a test asks runs always.
    pub fn scripts(&mut self, on: bool) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({"value": !on})).unwrap();
    }

    pub fn cookie(&mut self, url: &str, name: &str, value: &str) {
        self.ask("Network.setCookie", json!({"url": url, "name": name, "value": value})).unwrap();
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url})).unwrap();
        self.wait_for("document.readyState == 'complete' && location.href != 'about:blank'");
    }

    /// Waits until a script says true, and fails after a minute instead of waiting for ever.
    pub fn wait_for(&mut self, script: &str) {
        let start = std::time::Instant::now();
        let asked = json!({"expression": script, "returnByValue": true});
        loop {
            // An error: the page went while it was asked, and the next one is not there yet.
            let answer = self.answer("Runtime.evaluate", asked.clone()).unwrap();
            if answer.is_ok_and(|answer| answer["result"]["value"] == true) {
                return;
            }
            assert!(start.elapsed().as_secs() < 60, "never came true: {script}");
        }
    }

    /// The value of a script's last expression (run by the debugger, not by the page).
    pub fn evaluate(&mut self, script: &str) -> Value {
        let answer =
            self.ask("Runtime.evaluate", json!({"expression": script, "returnByValue": true})).unwrap();
        answer["result"]["value"].clone()
    }

    /// What a promise gives, when it is kept.
    pub fn promised(&mut self, script: &str) -> Value {
        let asked = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let answer = self.ask("Runtime.evaluate", asked).unwrap();
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// What a function says of one element.
    pub fn of(&mut self, element: &str, function: &str) -> Value {
        let asked = json!({"objectId": element, "functionDeclaration": function, "returnByValue": true});
        let answer = self.ask("Runtime.callFunctionOn", asked).unwrap();
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// The elements of this role whose name begins so, as a screen reader is told of them (the accessibility tree).
    pub fn named(&mut self, role: &str, name: &str) -> Vec<String> {
        let page = self.ask("Runtime.evaluate", json!({"expression": "document"})).unwrap();
        let asked = json!({"objectId": page["result"]["objectId"], "role": role});
        let found = self.ask("Accessibility.queryAXTree", asked).unwrap();
        let fits = |node: &&Value| {
            node["ignored"] != true && node["name"]["value"].as_str().is_some_and(|one| one.starts_with(name))
        };
        let nodes: Vec<Value> = found["nodes"].as_array().unwrap().iter().filter(fits).cloned().collect();
        let mut elements = Vec::new();
        for node in nodes {
            let asked = json!({"backendNodeId": node["backendDOMNodeId"]});
            let resolved = self.ask("DOM.resolveNode", asked).unwrap();
            elements.push(resolved["object"]["objectId"].as_str().unwrap().to_owned());
        }
        elements
    }

    /// Presses and lets go of the left button of the mouse.
    pub fn click(&mut self, x: f64, y: f64) {
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", event).unwrap();
        }
    }

    /// Presses a key, as a person without a mouse does.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" {
                match key {
                    "Enter" => event["text"] = json!("\r"),
                    one if one.chars().count() == 1 => event["text"] = json!(one),
                    _ => {}
                }
            }
            self.ask("Input.dispatchKeyEvent", event).unwrap();
        }
    }

    /// The page as it is printed on A4.
    pub fn printed(&mut self, file: &Path) {
        let paper = json!({"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": false});
        let answer = self.ask("Page.printToPDF", paper).unwrap();
        std::fs::write(file, base64(answer["data"].as_str().unwrap())).unwrap();
    }

    /// What a window of 1440 by `height` CSS pixels shows of the page, at three quarters: a picture for the book.
    pub fn window_picture(&mut self, height: u32, file: &Path) {
        let metrics = json!({"width": 1440, "height": height, "deviceScaleFactor": 0.75, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", metrics).unwrap();
        self.evaluate("scrollTo(0, 0)");
        let answer = self.ask("Page.captureScreenshot", json!({"format": "png"})).unwrap();
        std::fs::write(file, base64(answer["data"].as_str().unwrap())).unwrap();
    }

    /// A picture of the whole page.
    pub fn picture(&mut self, file: &Path) {
        let answer = self
            .ask("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}))
            .unwrap();
        std::fs::write(file, base64(answer["data"].as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// RFC 4648 §4, without checks: the browser wrote it.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}
