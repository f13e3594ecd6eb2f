//! Messages through the real worker: forms, charsets, attachments, reports, and hostile ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::record::{Channel, Extract, Method, PartKind, Problem};
use extract_support::{fixture, read_as};

/// Builds a message of lines; the body of a part may be bytes.
async fn read(message: impl AsRef<[u8]>) -> Extract {
    read_as(Some(Channel::Email), "message.eml", message.as_ref().to_vec()).await
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, &byte| group << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = char::from(DIGITS[(group >> (18 - 6 * n) & 63) as usize]);
            text.push(if n > chunk.len() { '=' } else { digit });
        }
        if text.len() % 77 == 76 {
            text.push('\n');
        }
    }
    text
}

/// A multipart message with these parts, each its header lines and its body.
fn multipart(kind: &str, parts: &[(String, String)]) -> String {
    let mut message = format!(
        "From: Zoë Verzonnen <zoe@example.nl>\nTo: klacht@example.org\nSubject: klacht\nMIME-Version: 1.0\n\
         Content-Type: multipart/{kind}; boundary=\"grens\"\n\nvoorwoord\n"
    );
    for (header, body) in parts {
        message.push_str(&format!("--grens\n{header}\n\n{body}\n"));
    }
    message + "--grens--\n"
}

fn part(header: &str, body: &str) -> (String, String) {
    (header.to_owned(), body.to_owned())
}

fn attached(media_type: &str, name: &str, bytes: &[u8]) -> (String, String) {
    let header = format!(
        "Content-Type: {media_type}\nContent-Disposition: attachment; filename=\"{name}\"\nContent-Transfer-Encoding: base64"
    );
    (header, base64(bytes))
}

#[tokio::test]
async fn charsets_and_transfer_encodings() {
    let head = "From: a@example.nl\nMIME-Version: 1.0\n";
    let qp = format!(
        "{head}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nco=C3=B6rd=\ninatie =E2=82=AC 5"
    );
    let b64 = format!(
        "{head}Content-Type: text/plain; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: base64\n\n{}",
        base64(b"co\xf6rdinatie \x80 5")
    );
    let mut latin =
        format!("{head}Content-Type: text/plain; charset=windows-1252\nContent-Transfer-Encoding: 8bit\n\n")
            .into_bytes();
    latin.extend(b"co\xf6rdinatie \x80 5");
    let mut nothing = b"From: a@example.nl\n\n".to_vec();
    nothing.extend(b"co\xf6rdinatie \x80 5");
    let html =
        format!("{head}Content-Type: text/html; charset=utf-8\n\n<p>co&ouml;rdinatie &euro;&nbsp;5</p>");
    for (message, method) in [
        (qp.into_bytes(), Method::Body),
        (b64.into_bytes(), Method::Body),
        (latin, Method::Body),
        (nothing, Method::Body),
        (html.into_bytes(), Method::Html),
    ] {
        let extract = read(&message).await;
        assert_eq!(extract.documents.len(), 1);
        assert_eq!(extract.documents[0].name, None);
        assert_eq!(
            (extract.documents[0].method, extract.documents[0].text.as_str()),
            (method, "coördinatie € 5")
        );
        assert!(extract.message.is_some());
    }
}

#[tokio::test]
async fn every_attachment_is_a_document() {
    let message = multipart(
        "mixed",
        &[
            part("Content-Type: text/plain; charset=utf-8", "Zie bijlagen.\n\nVerstuurd vanaf mijn iPhone"),
            attached("application/octet-stream", "brief.pdf", &fixture("tekst.pdf")),
            attached("application/pdf", "foto.pdf", &fixture("foto-exif.jpg")),
            attached("application/msword", "brief.docx", &fixture("brief.docx")),
            attached("text/plain", "los.txt", b"co\xf6rdinatie"),
            attached("image/png", "logo.png", &fixture("logo.png")),
            part(
                "Content-Type: image/png\nContent-ID: <logo@example.nl>\nContent-Transfer-Encoding: base64",
                &base64(&fixture("logo.png")),
            ),
            attached("application/zip", "alles.zip", b"PK\x03\x04leeg"),
            attached("application/pkcs7-signature", "smime.p7s", b"0\x80"),
        ],
    );
    let extract = read(&message).await;
    let told: Vec<_> = extract
        .documents
        .iter()
        .map(|document| (document.name.as_deref(), document.method, document.problem))
        .collect();
    assert_eq!(
        told,
        [
            (None, Method::Body, None),
            (Some("brief.pdf"), Method::TextLayer, None),
            // The content decides, not the name.
            (Some("foto.pdf"), Method::Ocr, None),
            (Some("brief.docx"), Method::Office, None),
            (Some("los.txt"), Method::Text, None),
            (Some("logo.png"), Method::Ocr, Some(Problem::Empty)),
            (Some("alles.zip"), Method::None, Some(Problem::Damaged)),
        ]
    );
    assert_eq!(extract.documents[4].text, "coördinatie");
    assert!(extract.documents[2].text.contains("Voorbeeldstad"));
    let kinds: Vec<_> = extract.documents[0].parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [PartKind::Own, PartKind::Signature]);
    let unread: Vec<_> = extract.defects.iter().map(|defect| defect.document).collect();
    assert_eq!(unread, [Some(5), Some(6)]);
    assert!(extract.defects[1].explanation.contains("“alles.zip”"));
}

#[tokio::test]
async fn a_message_within_a_message_with_its_own_attachment() {
    let inner = multipart(
        "mixed",
        &[
            part("Content-Type: text/plain", "De binnenste tekst."),
            attached("application/pdf", "brief.pdf", &fixture("tekst.pdf")),
        ],
    );
    let outer = format!(
        "From: b@example.nl\nSubject: FW: klacht\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=buiten\n\n\
         --buiten\nContent-Type: text/plain\n\nZie hieronder.\n\
         --buiten\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=\"klacht.eml\"\n\n{inner}\n--buiten--\n"
    );
    let extract = read(&outer).await;
    assert_eq!(extract.message.as_ref().unwrap().subject.as_deref(), Some("FW: klacht"));
    let [body, nested, brief] = extract.documents.as_slice() else { panic!("{:?}", extract.documents) };
    assert_eq!(body.text, "Zie hieronder.");
    assert_eq!((nested.name.as_deref(), nested.method), (Some("klacht.eml"), Method::Message));
    assert!(nested.text.starts_with("Van: Zoë Verzonnen <zoe@example.nl>\n"), "{}", nested.text);
    assert!(nested.text.ends_with("Onderwerp: klacht\n\nDe binnenste tekst."), "{}", nested.text);
    assert_eq!(nested.parts[0].kind, PartKind::Forwarded);
    assert_eq!((brief.name.as_deref(), brief.method), (Some("brief.pdf"), Method::TextLayer));
}

#[tokio::test]
async fn a_report_of_failed_delivery() {
    let message = multipart(
        "report; report-type=\"delivery-status\"",
        &[
            part("Content-Type: text/plain", "Uw bericht is niet bezorgd."),
            part(
                "Content-Type: message/delivery-status",
                "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; zoe@example.nl\nAction: failed\nStatus: 5.2.2",
            ),
            part(
                "Content-Type: message/rfc822",
                "From: klacht@example.org\nSubject: Ontvangst van uw klacht\nMessage-ID: <ons@example.org>\n\nGeachte",
            ),
        ],
    );
    let extract = read("Return-Path: <>\nAuto-Submitted: auto-replied\n".to_owned() + &message).await;
    let header = extract.message.unwrap();
    assert!(
        header.media_type.starts_with("multipart/report; report-type=delivery-status"),
        "{}",
        header.media_type
    );
    assert_eq!(header.return_path.as_deref(), Some(""));
    assert_eq!(header.value("auto-submitted"), Some("auto-replied"));
    assert_eq!(header.delivery_status, [("zoe@example.nl".into(), "failed".into(), "5.2.2".into())]);
    assert_eq!(extract.documents[0].text, "Uw bericht is niet bezorgd.");
    assert_eq!(extract.documents[1].method, Method::Message);
    assert_eq!(extract.documents.len(), 2);
}

#[tokio::test]
async fn html_mail_with_a_cited_message() {
    let html = "<html><body><p>Mijn antwoord.</p><div class=\"gmail_quote\"><div class=\"gmail_attr\">Op ma 2 mrt 2026 om 09:00 \
        schreef Ombudsman &lt;klacht@example.org&gt;:<br></div><blockquote class=\"gmail_quote\">Wat wilt u?</blockquote></div></body></html>";
    let extract =
        read(format!("From: a@example.nl\nMIME-Version: 1.0\nContent-Type: text/html\n\n{html}")).await;
    let document = &extract.documents[0];
    let part = |kind| {
        let part = document.parts.iter().find(|part| part.kind == kind).unwrap();
        document.text.chars().skip(part.start).take(part.end - part.start).collect::<String>()
    };
    assert_eq!(part(PartKind::Own).trim(), "Mijn antwoord.");
    assert!(part(PartKind::Quote).contains("> Wat wilt u?"));
}

#[tokio::test]
async fn encrypted_and_empty_messages_say_so() {
    let message = multipart(
        "encrypted; protocol=\"application/pgp-encrypted\"",
        &[
            part("Content-Type: application/pgp-encrypted", "Version: 1"),
            part("Content-Type: application/octet-stream", "-----BEGIN PGP MESSAGE-----"),
        ],
    );
    let extract = read(&message).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::Encrypted));
    assert!(extract.defects[0].explanation.contains("versleuteld"));

    for nothing in ["", "\r\n\r\n", "From: a@example.nl\r\n\r\n"] {
        let extract = read(nothing).await;
        assert_eq!(extract.documents[0].problem, Some(Problem::Empty), "{nothing:?}");
        assert_eq!(extract.defects.len(), 1, "{nothing:?}");
    }
}

#[tokio::test]
async fn hostile_messages_end_with_a_problem() {
    // Messages within messages, deeper than is opened.
    let mut deep = "From: a@example.nl\nSubject: kern\n\nde kern".to_owned();
    for n in 0..40 {
        deep = format!(
            "From: a@example.nl\nSubject: laag {n}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b{n}\n\n\
             --b{n}\nContent-Type: message/rfc822\n\n{deep}\n--b{n}--\n"
        );
    }
    let extract = read(&deep).await;
    assert!(
        extract.documents.iter().any(|document| document.problem == Some(Problem::TooLarge)),
        "{:?}",
        extract.documents.len()
    );
    assert!(extract.documents.len() <= bode::limits::NESTING_MAX + 2);

    // More body parts than any message has.
    let many =
        multipart("mixed", &vec![part("Content-Type: text/plain", "x"); bode::limits::BODY_PARTS_MAX + 1]);
    let extract = read(&many).await;
    assert_eq!(extract.message.unwrap().author.unwrap().address.as_deref(), Some("zoe@example.nl"));
    assert_eq!(extract.documents[0].problem, Some(Problem::TooLarge));

    // More attachments than are read.
    let many = multipart(
        "mixed",
        &vec![attached("application/pdf", "x.txt", b"tekst"); bode::limits::DOCUMENTS_MAX + 5],
    );
    let extract = read(&many).await;
    assert_eq!(extract.documents.len(), bode::limits::DOCUMENTS_MAX);
    assert!(
        extract.defects.iter().any(|defect| defect.document.is_none() && defect.problem == Problem::TooLarge)
    );

    // Not a message at all, in a mailbox all the same.
    let rubbish: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let extract = read(&rubbish).await;
    assert!(!extract.documents.is_empty());
}

#[tokio::test]
async fn long_lines_and_endless_breaks_end_in_time() {
    const BYTES: usize = 8 * 1024 * 1024;
    let header = "From: zoe@example.nl\nSubject: x\nMIME-Version: 1.0\n";
    let plain = |encoding: &str, body: String| {
        format!(
            "{header}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}"
        )
    };
    let letters = "ik klaag over de gemeente ".repeat(BYTES / 40);
    let start = std::time::Instant::now();
    for (what, message) in [
        ("soft breaks", plain("quoted-printable", "=\n".repeat(BYTES / 2))),
        ("quoted", plain("7bit", format!("{} x\n", ">".repeat(BYTES)))),
        ("quotes", plain("7bit", format!("{} x\n", ">".repeat(500)).repeat(BYTES / 503))),
        ("base64", plain("base64", base64(letters.as_bytes()))),
        ("one line of base64", plain("base64", base64(letters.as_bytes()).replace(['\r', '\n'], ""))),
        ("brackets", format!("From: {}\nSubject: x\n\nhoi", "(".repeat(BYTES / 8))),
        ("addresses", format!("From: a@example.nl\nTo: {}\n\nhoi", "b <b@example.nl>, ".repeat(BYTES / 20))),
        (
            "encoded words",
            format!("From: a@example.nl\nSubject: {}\n\nhoi", "=?utf-8?q?x?= ".repeat(BYTES / 20)),
        ),
    ] {
        let extract = read(&message).await;
        let document = &extract.documents[0];
        assert!(document.problem.is_some() || !document.text.is_empty(), "{what}");
        assert!(!matches!(document.problem, Some(Problem::Timeout)), "{what}: {:?}", start.elapsed());
    }
}
