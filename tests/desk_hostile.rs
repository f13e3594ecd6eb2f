//! Whatever people write, nothing of it runs or becomes markup: the public payloads for cross-site scripting
//! (`tests/fixtures/hostile/xss.txt`) in every place that somebody fills, on every page, by its HTML and in a real Chromium; the HTML of
//! mail, laid out; and files that would run a script if they were opened in the desk's origin.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod desk;

use bode::extract::ReadRequest;
use bode::record::{
    Answer, Arrival, CaseNumber, Channel, Defect, Document, Evidence, Finding, Method, Origin, Problem,
};
use bode::review::{Access, Role, table};
use bode::store::{Outcome, Store};
use desk::browser::Browser;
use desk::samples::{Sample, infected, number, take};
use desk::{Client, Desk, PASSWORD};
use html5ever::tokenizer::{
    BufferQueue, StartTag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a script of ours would leave behind in a page.
const RUN: &str = "window.bode_xss=1";

fn payloads() -> Vec<String> {
    let all = std::fs::read_to_string("tests/fixtures/hostile/xss.txt").unwrap();
    let lines = all.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.replace("RUN", RUN)).collect()
}

fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A case with these words wherever a citizen, a file or the program itself can put them.
fn fill(store: &Store, words: &str) -> CaseNumber {
    let text = format!("Beste mensen,\n\n{words}\n\nDe gemeente doet niets.\n");
    let mut file = Document::unread(Some(format!("{words}.txt")), words, Problem::Unsupported);
    (file.method, file.text) = (Method::Text, words.to_owned());
    let start = text.find(words).unwrap();
    let evidence =
        Evidence { document: 0, start, end: start + words.chars().count(), text: words.to_owned() };
    let base = infected();
    let mut judgement = base.judgement;
    judgement.findings = vec![Finding {
        rule: words.to_owned(),
        concludes: "complained_about=gemeente-den-haag".into(),
        weight: 2.0,
        evidence: vec![evidence],
        reason: words.to_owned(),
    }];
    let defects =
        vec![Defect { document: Some(1), problem: Problem::Unsupported, explanation: words.to_owned() }];
    let sample = Sample {
        writer: kept(words.to_owned()),
        address: Some(kept(format!("{words}@example.nl"))),
        subject: Some(kept(words.to_owned())),
        text,
        documents: vec![file],
        defects,
        judgement,
        answer: Answer::Withhold { reason: words.to_owned() },
        ..base
    };
    take(store, sample, None)
}

/// Elements with their attributes' names, and the addresses in them.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    addresses: Vec<String>,
    scripts: usize,
}

struct Looking(RefCell<Seen>);

impl TokenSink for Looking {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let TagToken(tag) = token
            && tag.kind == StartTag
        {
            let mut seen = self.0.borrow_mut();
            seen.scripts += usize::from(&*tag.name == "script");
            seen.names.insert(tag.name.to_string());
            for attr in &tag.attrs {
                let name = &*attr.name.local;
                seen.names.insert(format!("{} {name}", &*tag.name));
                if matches!(name, "href" | "src" | "action" | "formaction") {
                    seen.addresses.push(attr.value.to_string());
                }
            }
        }
        TokenSinkResult::Continue
    }
}

fn look(page: &str) -> Seen {
    let tokenizer = Tokenizer::new(Looking(RefCell::new(Seen::default())), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(page.into());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// What pages of a desk on which nobody tries anything are made of.
fn known(pages: &[String]) -> BTreeSet<String> {
    pages.iter().flat_map(|page| look(page).names).collect()
}

fn holds(page: &str, known: &BTreeSet<String>, what: &str) {
    let seen = look(page);
    let new: Vec<&String> = seen.names.difference(known).collect();
    assert!(new.is_empty(), "{what}: {new:?} came into\n{page}");
    assert!(seen.scripts <= 1, "{what}: {} scripts", seen.scripts);
    for address in seen.addresses {
        let ours = address.is_empty() || address.starts_with(['/', '#', '?']) && !address.starts_with("//");
        assert!(ours, "{what}: leads to {address}");
    }
}

/// Every page that a login may open, with these words in each parameter that a page may have.
fn pages(desk: &Desk, client: &mut Client, words: &str, case: CaseNumber) -> Vec<(String, String)> {
    const PARAMETERS: [&str; 33] = [
        "q",
        "queue",
        "status",
        "due",
        "sort",
        "page",
        "todo",
        "who",
        "about",
        "assignee",
        "channel",
        "from",
        "to",
        "year",
        "month",
        "week",
        "day",
        "done",
        "told",
        "formatted",
        "next",
        "language",
        "name",
        "file",
        "error",
        "case",
        "situation",
        "body",
        "filter",
        "record",
        "number",
        "revision",
        "fault",
    ];
    let encoded: String = words.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let query: Vec<String> = PARAMETERS.iter().map(|name| format!("{name}={encoded}")).collect();
    let query = query.join("&");
    let record = desk.store.case(case).unwrap().unwrap().records[0].to_string();
    let mut pages = Vec::new();
    for route in table(false) {
        let is_page = route.method == "GET" && matches!(route.access, Access::Desk(_) | Access::Open);
        if !is_page || route.path.starts_with("/assets") || route.path == "/login/oidc/back" {
            continue;
        }
        let path = route.path.replace("{number}", &case.to_string()).replace("{record}", &record);
        let path = path.replace("{index}", "0").replace("{page}", "1").replace("{day}", "2026-03-12");
        for path in [path.clone(), format!("{path}?{query}"), format!("{path}?q={encoded}")] {
            let path = path
                .replace("{situation}", "received")
                .replace("{file}", &encoded)
                .replace("{name}", &encoded);
            let answer = client.get(&path);
            assert!(answer.status < 500, "{path}: {}", answer.status);
            if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
                let body = String::from_utf8(answer.bytes).unwrap();
                pages.push((format!("{} of {words}", route.path), body));
            }
        }
    }
    pages
}

/// What a person writes, and how it comes back.
fn written(client: &mut Client, case: CaseNumber, words: &str) -> Vec<(String, String)> {
    let path = format!("/cases/{case}");
    let csrf = client.get(&path).field("csrf");
    let revision = client.get(&path).field("revision");
    assert_eq!(client.post(&format!("{path}/note"), &[("csrf", &csrf), ("note", words)]).status, 303);
    let mut pages = Vec::new();
    for (form, fields) in [
        ("decision", &[("reason", words), ("verdict", words), ("refer_to", words)][..]),
        (
            "draft",
            &[("verdict", "signal"), ("reason", words), ("message_subject", words), ("message_text", words)]
                [..],
        ),
        (
            "draft",
            &[("verdict", "refer"), ("refer_to", words), ("transfer_text", words), ("transfer_to", words)][..],
        ),
        ("join", &[("into", words)][..]),
        ("labels", &[("label", words), ("value", words)][..]),
        ("assign", &[("assignee", words)][..]),
        ("split", &[("goes-0", words)][..]),
        ("answer", &[("decision", words), ("reason", words)][..]),
    ] {
        let mut all = vec![("csrf", csrf.as_str()), ("revision", revision.as_str())];
        all.extend(fields);
        let answer = client.post(&format!("{path}/{form}"), &all);
        assert!(answer.status < 500, "{form} {words}: {}", answer.status);
        pages.push((format!("{form} with {words}"), String::from_utf8(answer.bytes).unwrap()));
    }
    let answer = client.post("/rules/try", &[("csrf", &csrf), ("text", words), ("received", words)]);
    pages.push((format!("/rules/try with {words}"), String::from_utf8(answer.bytes).unwrap()));
    let revision = client.get(&path).field("revision");
    let decided =
        [("csrf", csrf.as_str()), ("revision", &revision), ("verdict", "signal"), ("reason", words)];
    assert_eq!(client.post(&format!("{path}/decision"), &decided).status, 303, "{words}");
    pages.push((format!("decided with {words}"), String::from_utf8(client.get(&path).bytes).unwrap()));
    let answer = client.post("/logout", &[("csrf", words)]);
    pages.push((format!("logout with {words}"), String::from_utf8(answer.bytes).unwrap()));
    pages
}

#[test]
fn no_payload_becomes_an_element_or_an_attribute_on_any_page() {
    let quiet = Desk::start();
    quiet.accounts.add("ans", PASSWORD, Role::Admin, desk::now()).unwrap();
    let case = fill(&quiet.store, "gewone woorden");
    let mut control = Vec::new();
    for name in ["ans", "ruth", "noor"] {
        control.extend(pages(&quiet, &mut quiet.person(name), "gewone woorden", case));
    }
    // Cases of other kinds too, for all that a page may hold.
    let mut noor = quiet.person("noor");
    for serial in 1..=8 {
        control.push((
            String::new(),
            String::from_utf8(noor.get(&format!("/cases/{}", number(serial))).bytes).unwrap(),
        ));
    }
    control.extend(written(&mut noor, case, "gewone woorden"));
    control.extend(pages(&quiet, &mut quiet.person("noor"), "gewone", case));
    let control: Vec<String> = control.into_iter().map(|(_, page)| page).collect();
    assert!(control.len() > 50, "{} pages", control.len());
    let known = known(&control);
    // The test itself can fail.
    assert!(!known.contains("img onerror") && known.contains("a href"));
    let bad = control[0].replace("</main>", "<img src=x onerror=a()></main>");
    assert!(!look(&bad).names.is_subset(&known));

    let desk = Desk::start();
    let all = payloads();
    assert!(all.len() > 80, "{}", all.len());
    let cases: Vec<CaseNumber> = all.iter().map(|words| fill(&desk.store, words)).collect();
    let (mut noor, mut ruth) = (desk.person("noor"), desk.person("ruth"));
    for (words, case) in all.iter().zip(&cases) {
        let (name, body) = (format!("case of {words}"), noor.get(&format!("/cases/{case}")).bytes);
        holds(&String::from_utf8(body).unwrap(), &known, &name);
        for (name, page) in written(&mut desk.person("noor"), *case, words) {
            holds(&page, &known, &name);
        }
    }
    // Of every page with parameters some: they all go the one way through the templates.
    for (words, case) in all.iter().zip(&cases).step_by(25) {
        for client in [&mut noor, &mut ruth] {
            for (name, page) in pages(&desk, client, words, *case) {
                holds(&page, &known, &name);
            }
        }
    }
    // Names of accounts cannot hold any.
    desk.accounts.add("ans", PASSWORD, Role::Admin, desk::now()).unwrap();
    let mut ans = desk.person("ans");
    let csrf = ans.get("/accounts").field("csrf");
    for words in all.iter().step_by(10) {
        let answer = ans.post("/accounts/add", &[("csrf", &csrf), ("name", words), ("role", "reviewer")]);
        assert_eq!(answer.status, 422, "{words}");
        holds(&String::from_utf8(answer.bytes).unwrap(), &known, words);
        let page = desk
            .visitor()
            .get(&format!("/login?next={}", words.bytes().map(|b| format!("%{b:02X}")).collect::<String>()));
        holds(&String::from_utf8(page.bytes).unwrap(), &known, words);
    }
}

/// A message as it would come, taken in, read by the real worker and made a case.
fn arrives(store: &Store, message: &[u8]) -> CaseNumber {
    let received_at = desk::now();
    let origin = Origin::Import { file: "bericht.eml".into() };
    let arrival = Arrival {
        channel: Channel::Email,
        name: "bericht.eml".into(),
        bytes: message.to_vec(),
        received_at,
        origin,
        acknowledge: true,
    };
    let record = store.register(&[arrival], received_at).unwrap()[0].number();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let request = ReadRequest {
        name: "bericht.eml".into(),
        channel: Some(Channel::Email),
        bytes: message.to_vec(),
        words: false,
    };
    let extract = runtime.block_on(desk::reader().read(request)).unwrap();
    store.keep_extract(record, &extract, received_at).unwrap();
    let case = store.next_case_number(2026).unwrap();
    let outcome = Outcome::NewCase {
        case,
        judgement: infected().judgement,
        deadlines: vec![],
        answer: Answer::Withhold { reason: "Een proef.".into() },
        answer_bytes: None,
        answer_msg_id: None,
    };
    store.commit(record, outcome, received_at).unwrap();
    case
}

fn message_of(html: &str) -> Vec<u8> {
    format!(
        "From: Ans Voorbeeld <ans@example.nl>\r\nSubject: Opgemaakt\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=grens\r\n\r\n--grens\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Ik klaag over de gemeente, in gewone tekst.\r\n--grens\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n--grens--\r\n"
    )
    .into_bytes()
}

fn formatted(desk: &Desk, case: CaseNumber) -> String {
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    format!("/cases/{case}/pieces/{record}/formatted")
}

#[test]
fn html_of_mail_is_shown_as_it_was_laid_out_without_what_could_harm() {
    let desk = Desk::start();
    let html = "<h2>Klacht</h2><p>Ik ben <b>boos</b> op de <a href=\"https://phish.example.org/x\">gemeente</a>.</p>\
        <table><tr><td>12 maart</td><td>gebeld</td></tr></table><img src=\"https://spion.example.org/p.png\" alt=\"logo\">\
        <img src=\"https://spion.example.org/1.gif\" width=1 height=1><script>window.bode_xss=1</script>\
        <div style=\"display:none\">verborgen</div><form action=\"https://phish.example.org\"><input name=a></form>\
        <p>Mijn BSN is 111<i>222</i>333.</p>";
    let case = arrives(&desk.store, &message_of(html));
    let mut noor = desk.person("noor");
    let page = noor.get(&format!("/cases/{case}"));
    assert!(
        page.body.contains("in gewone tekst") && page.body.contains("Met opmaak bekijken"),
        "{}",
        page.body
    );
    assert!(
        !page.body.contains("<iframe")
            && !page.header("content-security-policy").unwrap().contains("frame-src")
    );
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    let with = noor.get(&format!("/cases/{case}?formatted={record}"));
    let frame = formatted(&desk, case);
    assert!(with.body.contains(&format!("<iframe src=\"{frame}\" sandbox title=\"")), "{}", with.body);
    assert!(with.body.contains("in gewone tekst") && with.body.contains("Alleen de tekst"));
    assert!(with.header("content-security-policy").unwrap().ends_with("frame-src 'self'"));
    let shown = noor.get(&frame);
    assert_eq!(shown.status, 200);
    let policy = shown.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "style-src 'sha256-",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "; sandbox",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("allow-") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(shown.header("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    for there in [
        "<h2>Klacht</h2>",
        "<b>boos</b>",
        "gemeente <span class=\"target\">‹https://phish.example.org/x›</span>",
        "<td>12 maart</td>",
        "[afbeelding: logo]",
        "2 afbeeldingen van elders niet geladen",
        "1 opdracht (script) weggelaten",
        "1 invulveld of knop weggelaten",
        "1 verborgen tekst weggelaten",
        "•••<i>•••</i>•33",
    ] {
        assert!(shown.body.contains(there), "{there} in {}", shown.body);
    }
    for gone in
        ["<script", "<a ", "<form", "<input", "verborgen<", "spion.example.org", "style=", "111", "222"]
    {
        let own = shown.body.replace("<header>", "");
        assert!(!own.contains(gone), "{gone} in {own}");
    }
    // Who looked is written down; nobody without a login comes there, and no other case's number opens it.
    let look = desk.store.looks(case).unwrap().0.pop().unwrap();
    assert_eq!((look.by.as_str(), look.seen), ("noor", bode::record::Seen::Text));
    assert_eq!(desk.visitor().get(&frame).status, 303);
    assert_eq!(noor.get(&frame.replace(&case.to_string(), &number(2).to_string())).status, 404);
    // Plain mail has no such choice.
    let plain = arrives(&desk.store, b"From: a@example.nl\r\nSubject: Plat\r\n\r\nGewoon.\r\n");
    assert!(!noor.get(&format!("/cases/{plain}")).body.contains("Met opmaak bekijken"));
    let none = noor.get(&formatted(&desk, plain));
    assert!(none.body.contains("Dit bericht heeft geen opmaak"), "{} {}", none.status, none.body);
}

#[test]
fn no_payload_in_html_of_mail_comes_through() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let clean = arrives(&desk.store, &message_of("<p>a<br><b>b</b></p>"));
    let mut allowed = look(&noor.get(&formatted(&desk, clean)).body).names;
    let elements = bode::record::Element::ALL.map(bode::record::Element::name);
    allowed.extend(elements.iter().map(|name| (*name).to_owned()));
    allowed.extend(["hr", "img", "img src", "img alt", "td colspan", "ol start"].map(str::to_owned));
    allowed.extend(elements.iter().flat_map(|name| [format!("{name} class"), format!("{name} dir")]));
    // All in one message, one after the other, and each alone in one of its own.
    let all = payloads();
    let mut messages: Vec<String> = all.chunks(12).map(|some| some.join("</p>\n<p>")).collect();
    messages.extend(all.iter().step_by(5).cloned());
    for html in messages {
        let case = arrives(&desk.store, &message_of(&html));
        let page = noor.get(&formatted(&desk, case));
        assert_eq!(page.status, 200, "{html}");
        let seen = look(&page.body);
        let new: Vec<&String> = seen.names.difference(&allowed).collect();
        assert!(new.is_empty() && seen.scripts == 0, "{new:?} of {html}\nin {}", page.body);
        assert!(
            seen.addresses.iter().all(|address| address.starts_with("data:image/jpeg;base64,")),
            "{html}"
        );
    }
}

/// What would run if a browser opened it as a page of the desk.
fn files() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let script = format!("<script>{RUN};parent.bode_xss=1</script>");
    let svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"{RUN}\">{script}</svg>");
    let xhtml = format!("<html xmlns=\"http://www.w3.org/1999/xhtml\"><body>{script}</body></html>");
    let pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n\
               2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF";
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("brief.html", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, script.as_bytes()).unwrap();
    vec![
        ("brief.html", "text/html", format!("<!doctype html>{script}").into_bytes()),
        ("brief.xhtml", "application/xhtml+xml", xhtml.into_bytes()),
        ("tekening.svg", "image/svg+xml", svg.into_bytes()),
        ("formulier.pdf", "application/pdf", pdf.as_bytes().to_vec()),
        ("alles.zip", "application/zip", zip.finish().unwrap().into_inner()),
        ("bericht.mht", "multipart/related", format!("Content-Type: text/html\r\n\r\n{script}").into_bytes()),
        ("gegevens.xml", "text/xml", format!("<?xml version=\"1.0\"?><a xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:script>{RUN}</h:script></a>").into_bytes()),
        ("foto.jpg", "image/jpeg", [b"GIF89a/*".as_slice(), script.as_bytes()].concat()),
    ]
}

fn with_files(desk: &Desk) -> CaseNumber {
    use base64::Engine;
    let mut message = "From: a@example.nl\r\nSubject: Bijlagen\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; \
                       boundary=grens\r\n\r\n--grens\r\nContent-Type: text/html\r\n\r\n<p>Zie de bijlagen.</p>\r\n"
        .to_owned();
    for (name, kind, bytes) in files() {
        let packed = base64::engine::general_purpose::STANDARD.encode(bytes);
        message += &format!(
            "--grens\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{packed}\r\n"
        );
    }
    arrives(&desk.store, (message + "--grens--\r\n").as_bytes())
}

/// The addresses under which a case gives out files, one for each that came with it, and its original.
fn addresses(desk: &Desk, case: CaseNumber) -> Vec<String> {
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    let documents = desk.store.extract(record).unwrap().unwrap().documents;
    let named = documents.iter().enumerate().filter(|(_, document)| document.name.is_some());
    let files = named.map(|(index, _)| format!("/cases/{case}/pieces/{record}/documents/{index}/file"));
    files.chain([format!("/cases/{case}/pieces/{record}/original")]).collect()
}

#[test]
fn files_are_given_so_that_no_browser_opens_them_here() {
    let desk = Desk::start();
    let case = with_files(&desk);
    let mut noor = desk.person("noor");
    let addresses = addresses(&desk, case);
    assert!(addresses.len() > files().len(), "{addresses:?}");
    let mut given = 0;
    for path in &addresses {
        let answer = noor.get(path);
        // What lies within an archive is no attachment of the message.
        if answer.status == 404 {
            continue;
        }
        given += 1;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"), "{path}");
        assert!(answer.header("content-disposition").unwrap().starts_with("attachment;"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; sandbox"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
    }
    assert!(given > files().len());
    // Every other row that gives anything but our own pages and assets: of a kind that runs nothing, or to be kept only.
    let record = desk.store.case(case).unwrap().unwrap().records[0].to_string();
    desk.accounts.add("ans", PASSWORD, Role::Admin, desk::now()).unwrap();
    let mut ans = desk.person("ans");
    for route in table(false).iter().filter(|route| route.method == "GET") {
        let path = route
            .path
            .replace("{number}", &case.to_string())
            .replace("{record}", &record)
            .replace("{index}", "0");
        let path =
            path.replace("{page}", "1").replace("{situation}", "received").replace("{day}", "2026-03-12");
        let answer = ans.get(&path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let kind = answer
            .header("content-type")
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        let ours = route.path.starts_with("/assets/");
        let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        let harmless = [
            "text/plain",
            "application/json",
            "application/problem+json",
            "text/csv",
            "text/markdown",
            "application/pdf",
        ];
        let kept = answer.header("content-disposition").is_some_and(|how| how.starts_with("attachment"));
        let fine = ours
            || kind == "text/html"
            || kind.is_empty()
            || harmless.contains(&&*kind)
            || kept
            || policy.contains("sandbox");
        assert!(fine, "{path} gives {kind}");
    }
}

fn calm(browser: &mut Browser, what: &str) {
    assert_ne!(browser.evaluate("window.bode_xss"), 1, "{what}: a script ran");
    assert!(browser.complaints.is_empty(), "{what}: {:?}", browser.complaints);
}

#[test]
fn in_a_real_browser_no_payload_runs_anywhere() {
    let mut browser = Browser::start().expect("install the Debian package chromium");
    // The test can fail: where a payload gets through, it shows.
    browser.open(&format!("data:text/html,<script>{RUN}</script>"));
    assert_eq!(browser.evaluate("window.bode_xss"), 1);
    browser.complaints.clear();

    let desk = Desk::start();
    let base = format!("http://{}", desk.address);
    let mut noor = desk.person("noor");
    browser.cookie(&base, "bode_session", &noor.cookies["bode_session"]);
    browser.size(1440, 900);
    let all = payloads();
    for words in &all {
        let case = fill(&desk.store, words);
        let csrf = noor.get(&format!("/cases/{case}")).field("csrf");
        noor.post(&format!("/cases/{case}/note"), &[("csrf", &csrf), ("note", words)]);
        browser.open(&format!("{base}/cases/{case}"));
        calm(&mut browser, words);
    }
    for page in 1..=4 {
        browser.open(&format!("{base}/?status=all&page={page}"));
        calm(&mut browser, "the queue");
    }
    for words in all.iter().step_by(4) {
        let encoded: String = words.bytes().map(|byte| format!("%{byte:02X}")).collect();
        browser.open(&format!("{base}/?q={encoded}&queue={encoded}&done={encoded}"));
        calm(&mut browser, words);
    }
    // HTML of mail, in its frame and alone.
    for some in all.chunks(12) {
        let case = arrives(&desk.store, &message_of(&some.join("</p>\n<p>")));
        let record = desk.store.case(case).unwrap().unwrap().records[0];
        browser.open(&format!("{base}/cases/{case}?formatted={record}"));
        calm(&mut browser, "the page with the frame");
        assert_eq!(browser.evaluate("window.frames.length"), 1);
        browser.open(&format!("{base}{}", formatted(&desk, case)));
        calm(&mut browser, "what is in the frame");
        assert_eq!(
            browser.evaluate(
                "document.scripts.length + document.querySelectorAll('a,form,iframe,link,svg').length"
            ),
            0
        );
    }
}

#[test]
fn in_a_real_browser_the_frame_shows_the_letter_and_files_open_nothing() {
    let mut browser = Browser::start().expect("install the Debian package chromium");
    let desk = Desk::start();
    let base = format!("http://{}", desk.address);
    let noor = desk.person("noor");
    browser.cookie(&base, "bode_session", &noor.cookies["bode_session"]);
    browser.size(1440, 900);
    let html = "<h1 style='color:#fff'>Klacht over de Dienst Parkeren</h1><p>Geachte <b>ombudsman</b>,</p><p>Op <i>3 maart</i> kreeg ik \
        <a href='https://betalen.example.org/boete?nr=12'>deze boete</a>.</p><table border=1><tr><th>Dag</th><th>Wat</th></tr><tr><td>3 maart</td>\
        <td>boete</td></tr></table><ol start=3><li>drie</li><li>vier</li></ol><blockquote>Uw bezwaar is afgewezen.</blockquote>\
        <img src='https://spion.example.org/a.png' alt='Logo gemeente'><p style='position:fixed;top:0'>Groeten</p>";
    let case = arrives(&desk.store, &message_of(html));
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    browser.open(&format!("{base}/cases/{case}?formatted={record}"));
    calm(&mut browser, "the page");
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("desk");
    std::fs::create_dir_all(&dir).unwrap();
    for (width, height) in [(1440, 900), (390, 844), (320, 640)] {
        browser.size(width, height);
        let wide = browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(wide <= u64::from(width), "{wide} wide on a screen of {width}");
        browser.picture(&dir.join(format!("zaak-opmaak-{width}.png")));
    }
    // The frame is a process of its own, as what has no origin is.
    let targets = browser.ask("Target.getTargets", json!({})).unwrap();
    let frames = targets["targetInfos"].as_array().unwrap().iter().filter(|one| one["type"] == "iframe");
    let urls: Vec<&str> = frames.filter_map(|one| one["url"].as_str()).collect();
    assert_eq!(urls, [format!("{base}{}", formatted(&desk, case))], "{targets}");
    // Our own style holds, and nothing of the sender's.
    browser.size(390, 844);
    browser.open(&format!("{base}{}", formatted(&desk, case)));
    calm(&mut browser, "the letter");
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('header')).borderLeftWidth"), "4px");
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('h1')).color"), "rgb(29, 37, 41)");
    assert_eq!(browser.evaluate("document.querySelectorAll('[style]').length"), 0);
    assert!(browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap() <= 390);
    browser.picture(&dir.join("opmaak-390.png"));

    // Files are kept, not opened: the page that was there stays.
    let case = with_files(&desk);
    let page = format!("{base}/cases/{case}");
    browser.open(&page);
    let mut kept = 0;
    for path in addresses(&desk, case) {
        if desk.person("noor").get(&path).status == 404 {
            continue;
        }
        let answer = browser.ask("Page.navigate", json!({"url": format!("{base}{path}")})).unwrap();
        assert_eq!(answer["errorText"], "net::ERR_ABORTED", "{path} is to be kept: {answer}");
        assert_eq!(browser.evaluate("location.href"), page.as_str(), "{path}");
        calm(&mut browser, &path);
        kept += 1;
    }
    assert!(kept > files().len(), "{kept}");
}
