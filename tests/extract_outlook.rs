//! What Outlook makes, through the real worker: `.msg` files, winmail.dat, and what S/MIME wraps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use Property::{Binary, Narrow, Number, Text, Time};
use bode::record::{Channel, Extract, Method, PartKind, Problem};
use extract_support::outlook::{Hung, OutlookMessage, Property};
use extract_support::{fixture, read, read_as, reader};

const CLASS: Property = Text(0x001a, "IPM.Note");

fn letter() -> OutlookMessage {
    let mut message = OutlookMessage::with(&[
        CLASS,
        Text(0x0037, "Klacht over coördinatie"),
        Text(0x0042, "Zoë Verzonnen"),
        Text(0x0065, "/O=VOORBEELD/CN=RECIPIENTS/CN=ZOE"),
        Text(0x5d02, "zoe@example.nl"),
        Time(0x0039, 1_772_442_000),
        Text(0x1000, "Geachte ombudsman,\r\n\r\nIk klaag over de coördinatie van € 5.\r\n"),
        Text(0x1035, "<uniek@example.nl>"),
    ]);
    message.recipients = vec![
        vec![Number(0x0c15, 1), Text(0x3001, "Klachten"), Text(0x39fe, "klacht@example.org")],
        vec![Number(0x0c15, 2), Text(0x3001, "'jan@example.nl'"), Text(0x3003, "jan@example.nl")],
    ];
    message
}

fn told(extract: &Extract) -> Vec<(Option<&str>, Method, Option<Problem>)> {
    extract.documents.iter().map(|d| (d.name.as_deref(), d.method, d.problem)).collect()
}

#[tokio::test]
async fn an_outlook_message_that_is_the_piece() {
    let inner = OutlookMessage::with(&[
        CLASS,
        Text(0x0037, "Eerdere brief"),
        Text(0x0c1a, "Gemeente Voorbeeldstad"),
        Narrow(0x1000, b"Wij co\xf6rdineren."),
    ])
    .hang("besluit.pdf", Hung::File(fixture("tekst.pdf")));
    let message = letter()
        .hang("brief.docx", Hung::File(fixture("brief.docx")))
        .hang("Eerdere brief", Hung::Message(inner))
        .hang("tekening", Hung::Object);
    let expected = [
        (None, Method::Body, None),
        (Some("brief.docx"), Method::Office, None),
        (Some("Eerdere brief"), Method::Message, None),
        (Some("besluit.pdf"), Method::TextLayer, None),
        (Some("tekening"), Method::None, Some(Problem::Unsupported)),
    ];
    // Told by the content, and by the channel that a person chose.
    for (channel, name) in [(None, "x.msg"), (None, "zonder-naam"), (Some(Channel::Email), "x.msg")] {
        let extract = read_as(channel, name, message.msg()).await;
        assert_eq!(told(&extract), expected);
        let header = extract.message.unwrap();
        let author = header.author.unwrap();
        assert_eq!(author.name.as_deref(), Some("Zoë Verzonnen"));
        assert_eq!(author.address.as_deref(), Some("zoe@example.nl"));
        assert_eq!(header.subject.as_deref(), Some("Klacht over coördinatie"));
        assert_eq!(header.header_date.unwrap().to_string(), "2026-03-02T09:00:00Z");
        assert_eq!(header.msg_id.as_deref(), Some("uniek@example.nl"));
        assert_eq!(header.to[0].address.as_deref(), Some("klacht@example.org"));
        assert_eq!(
            (header.cc[0].name.as_deref(), header.cc[0].address.as_deref()),
            (None, Some("jan@example.nl"))
        );
        assert_eq!(extract.documents[0].text, "Geachte ombudsman,\n\nIk klaag over de coördinatie van € 5.");
        assert_eq!(extract.documents[0].parts[0].kind, PartKind::Own);
        assert_eq!(
            extract.documents[2].text,
            "Van: Gemeente Voorbeeldstad\nOnderwerp: Eerdere brief\n\nWij coördineren."
        );
        assert_eq!(extract.documents[2].parts[0].kind, PartKind::Forwarded);
    }
    let reader = reader();
    let message = message.msg();
    assert_eq!(reader.attachment(&message, "brief.docx", 0).await.unwrap(), Some(fixture("brief.docx")));
    assert_eq!(reader.attachment(&message, "besluit.pdf", 0).await.unwrap(), Some(fixture("tekst.pdf")));
    assert_eq!(reader.attachment(&message, "tekening", 0).await.unwrap(), None);
}

#[tokio::test]
async fn the_header_that_came_over_the_internet_is_believed_first() {
    let header = "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a by b; Mon, 2 Mar 2026 10:00:00 +0100\r\n\
        Return-Path: <>\r\nAuto-Submitted: auto-replied\r\nFrom: Jan <jan@example.nl>\r\nSubject: =?utf-8?q?Afwezig_=C3=A9=C3=A9n_dag?=\r\n\
        Content-Type: multipart/report; report-type=delivery-status\r\n\r\n";
    let mut message = letter();
    message.properties.push(Text(0x007d, header));
    let extract = read("x.msg", message.msg()).await;
    let header = extract.message.unwrap();
    assert_eq!(header.author.as_ref().unwrap().address.as_deref(), Some("jan@example.nl"));
    assert_eq!(header.subject.as_deref(), Some("Afwezig één dag"));
    assert_eq!(header.return_path.as_deref(), Some(""));
    assert_eq!(header.value("auto-submitted"), Some("auto-replied"));
    assert_eq!(header.received_date.unwrap().to_string(), "2026-03-02T09:00:00Z");
    assert!(header.media_type.starts_with("multipart/report"), "{}", header.media_type);
    // What it does not tell comes from Outlook.
    assert_eq!(header.msg_id.as_deref(), Some("uniek@example.nl"));
}

#[tokio::test]
async fn every_form_of_body() {
    let html =
        "<html><head><meta charset=\"windows-1252\"></head><body><p>Ik klaag \u{20ac}</p></body></html>";
    let mut narrow = html.replace('\u{20ac}', "?").into_bytes();
    let at = narrow.iter().position(|&byte| byte == b'?').unwrap();
    narrow[at] = 0x80;
    let rtf = |text: &str| compressed_rtf::compress_rtf(text).unwrap();
    let wrapped = "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0{\\fonttbl{\\f0 Arial;}}{\\*\\htmltag64 <p>}\\htmlrtf {\\htmlrtf0 Ik klaag \\'80{\\*\\htmltag72 </p>}\\htmlrtf \\par}\\htmlrtf0}";
    let cases = [
        (Binary(0x1013, narrow), Method::Html),
        (Binary(0x1013, html.replace("windows-1252", "utf-8").into_bytes()), Method::Html),
        (Text(0x1013, "<p>Ik klaag €</p>"), Method::Html),
        (Narrow(0x1000, b"Ik klaag \x80"), Method::Body),
        (Binary(0x1009, rtf("{\\rtf1\\ansi Ik klaag \\'80\\par}")), Method::Body),
        (Binary(0x1009, rtf(wrapped)), Method::Body),
    ];
    for (n, (body, method)) in cases.into_iter().enumerate() {
        let message = OutlookMessage::with(&[CLASS, body]);
        let extract = read("x.msg", message.msg()).await;
        assert_eq!(
            (extract.documents[0].method, extract.documents[0].text.as_str()),
            (method, "Ik klaag €"),
            "{n}"
        );
        // Outlook hangs the same on a message as winmail.dat.
        let extract = read("winmail.dat", message.winmail()).await;
        assert_eq!(extract.documents[0].media_type, "application/ms-tnef");
        assert_eq!(extract.documents[0].text, "Ik klaag €", "{n}");
    }
}

fn mail_with(text: &str, name: &str, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let mut message = format!(
        "From: zoe@example.nl\nSubject: klacht\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=grens\n\n\
         --grens\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\
         --grens\nContent-Type: {media_type}; name=\"{name}\"\nContent-Disposition: attachment\nContent-Transfer-Encoding: binary\n\n"
    )
    .into_bytes();
    message.extend(bytes);
    message.extend(b"\n--grens--\n");
    message
}

#[tokio::test]
async fn what_outlook_hangs_on_a_message() {
    let own = "Ik klaag over de gemeente.";
    let form = OutlookMessage::with(&[CLASS, Text(0x1000, "Ik klaag over de gemeente.\r\n")])
        .hang("Een lange naam van een brief.docx", Hung::File(fixture("brief.docx")))
        .hang("Eerdere brief", Hung::Message(letter().hang("besluit.pdf", Hung::File(fixture("tekst.pdf")))))
        .winmail();
    // With the text beside it, and without: then it is the only one.
    for text in [own, ""] {
        let message = mail_with(text, "winmail.dat", "application/ms-tnef", &form);
        let extract = read_as(Some(Channel::Email), "m.eml", message.clone()).await;
        assert_eq!(
            told(&extract),
            [
                (None, Method::Body, None),
                (Some("winmail.dat"), Method::Message, None),
                (Some("Een lange naam van een brief.docx"), Method::Office, None),
                (Some("Eerdere brief"), Method::Message, None),
                (Some("besluit.pdf"), Method::TextLayer, None),
            ]
        );
        assert_eq!(extract.documents[0].text, own);
        assert_eq!(extract.documents[0].parts[0].kind, PartKind::Own);
        assert_eq!(extract.documents[1].text, "");
        assert!(extract.documents[3].text.starts_with("Van: Zoë Verzonnen <zoe@example.nl>\n"));
        let given = reader().attachment(&message, "besluit.pdf", 0).await.unwrap();
        assert_eq!(given, Some(fixture("tekst.pdf")));
    }
    // What it says beyond the message is not lost.
    let message = mail_with("Zie bijlage.", "winmail.dat", "application/ms-tnef", &form);
    let extract = read_as(Some(Channel::Email), "m.eml", message).await;
    assert_eq!(extract.documents[1].text, own);
}

#[tokio::test]
async fn an_outlook_message_hung_on_another() {
    let message = mail_with("Zie bijlage.", "klacht.msg", "application/octet-stream", &letter().msg());
    let extract = read_as(Some(Channel::Email), "m.eml", message).await;
    assert_eq!(told(&extract), [(None, Method::Body, None), (Some("klacht.msg"), Method::Message, None)]);
    assert_eq!(extract.documents[1].media_type, "application/vnd.ms-outlook");
    assert_eq!(
        extract.documents[1].text,
        "Van: Zoë Verzonnen <zoe@example.nl>\nVerzonden: 2026-03-02\nAan: Klachten <klacht@example.org>\n\
         Onderwerp: Klacht over coördinatie\n\nGeachte ombudsman,\n\nIk klaag over de coördinatie van € 5."
    );
}

#[tokio::test]
async fn hostile_outlook_messages_end_with_a_problem() {
    // Deeper than is opened.
    let mut deep = letter();
    for _ in 0..20 {
        deep = OutlookMessage::with(&[CLASS, Text(0x1000, "laag")]).hang("dieper", Hung::Message(deep));
    }
    for (bytes, name) in [(deep.msg(), "x.msg"), (deep.winmail(), "winmail.dat")] {
        let extract = read(name, bytes).await;
        assert!(extract.documents.len() <= bode::limits::NESTING_MAX + 2, "{:?}", told(&extract));
        assert_eq!(extract.documents.last().unwrap().problem, Some(Problem::TooLarge));
    }
    // Cut off, and broken at every kind of place: one problem or some text, and always a document.
    let sound = letter().hang("brief.docx", Hung::File(fixture("brief.docx")));
    let reader = reader();
    for (sound, name) in [(sound.msg(), "x.msg"), (sound.winmail(), "winmail.dat")] {
        for n in 0..120 {
            let mut broken = sound.clone();
            let at = 8 + n * (broken.len() - 8) / 120;
            match n % 4 {
                0 => broken.truncate(at),
                1 => broken[at] ^= 0xff,
                2 => broken[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
                _ => broken[at..].iter_mut().take(64).for_each(|byte| *byte = 0),
            }
            let request = bode::extract::ReadRequest {
                name: name.to_owned(),
                channel: None,
                bytes: broken,
                words: false,
            };
            let extract = reader.read(request).await.unwrap();
            assert!(!extract.documents.is_empty(), "{name} {n}");
            assert!(extract.defects.iter().all(|defect| defect.problem != Problem::Timeout), "{name} {n}");
        }
    }
}

#[tokio::test]
async fn packed_text_that_grows_without_end_is_bounded() {
    // Seventeen bytes for each two (MS-OXRTFCP), in a message within a message within …
    let mut bomb = [&[0; 8][..], b"LZFu", &[0; 4]].concat();
    let mut at = 207_usize;
    for n in 0..2_000_000 {
        if n % 8 == 0 {
            bomb.push(0xff);
        }
        bomb.extend((((at + 100) % 4096) << 4 | 0xf).to_le_bytes()[..2].iter().rev());
        at = (at + 17) % 4096;
    }
    let layer = || OutlookMessage::with(&[CLASS, Text(0x0037, "bom"), Binary(0x1009, bomb.clone())]);
    let nested = layer().hang("een", Hung::Message(layer().hang("twee", Hung::Message(layer()))));
    for (name, bytes) in [("bom.msg", nested.msg()), ("winmail.dat", nested.winmail())] {
        let extract = read(name, bytes).await;
        assert!(!extract.documents.is_empty(), "{name}");
        for document in &extract.documents {
            assert!(document.problem.is_some() || !document.text.is_empty(), "{name}: {document:?}");
            let lost = matches!(document.problem, Some(Problem::Timeout | Problem::Damaged));
            assert!(!lost, "{name}: {:?}", document.problem);
        }
    }
}
