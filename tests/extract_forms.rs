//! The forms that mail comes in, right and broken, through the real worker: bodies, wraps, names, attachments.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::extract::{ReadRequest, Reader};
use bode::record::{Channel, Extract, Method, Problem};
use extract_support::reader;
use std::process::Command;

const HEAD: &str = "From: Zoe <zoe@example.nl>\nTo: klacht@example.org\nSubject: klacht\nMIME-Version: 1.0\n";

async fn read(reader: &Reader, message: impl AsRef<[u8]>) -> Extract {
    let bytes = message.as_ref().to_vec();
    let request = ReadRequest { name: "m.eml".into(), channel: Some(Channel::Email), bytes, words: false };
    reader.read(request).await.unwrap()
}

fn alternative(plain: &str, html: &str) -> String {
    format!(
        "{HEAD}Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n\
         --x\nContent-Type: text/html; charset=utf-8\n\n{html}\n--x--\n"
    )
}

fn mixed(parts: &[(&str, &str)]) -> String {
    let parts: String = parts.iter().map(|(header, body)| format!("--x\n{header}\n\n{body}\n")).collect();
    format!("{HEAD}Content-Type: multipart/mixed; boundary=x\n\n{parts}--x--\n")
}

/// Text of the message, and names of what hangs on it.
fn told(extract: &Extract) -> (&str, Vec<&str>) {
    let names = extract.documents[1..].iter().filter_map(|document| document.name.as_deref()).collect();
    (&extract.documents[0].text, names)
}

#[tokio::test]
async fn the_text_stands_where_a_person_would_look() {
    let reader = reader();
    let html = "<p>Ik klaag over de gemeente, want zij zwijgt al weken en ik hoor niets.</p>";
    for excuse in [
        "Your email client does not support HTML.",
        "Dit is een HTML-bericht. Uw e-mailprogramma ondersteunt geen HTML.",
        "Deze e-mail kan niet worden weergegeven in platte tekst.",
        "[image: logo]",
        ".",
        "<html><body>zie html</body></html>",
    ] {
        let extract = read(&reader, alternative(excuse, html)).await;
        assert_eq!(extract.documents[0].method, Method::Html, "{excuse}");
        assert!(extract.documents[0].text.starts_with("Ik klaag over de gemeente"), "{excuse}");
    }
    assert_eq!(
        told(&read(&reader, alternative("Ik klaag.", "<p>Ik klaag.</p>")).await),
        ("Ik klaag.", vec![])
    );

    let text = "Content-Type: text/plain; charset=utf-8";
    let in_html = "Content-Type: text/html; charset=utf-8";
    let cases = [
        (mixed(&[(text, "Eerst."), (in_html, "<p>Dan.</p>"), (text, "Slot.")]), "Eerst.\n\nDan.\n\nSlot."),
        (mixed(&[(in_html, "<p>Mijn klacht.</p>"), (text, "Virusvrij.")]), "Mijn klacht.\n\nVirusvrij."),
        (
            mixed(&[("Content-Type: text/enriched", "<bold>Ik</bold> klaag <<hier>\nover x.")]),
            "Ik klaag <hier> over x.",
        ),
        (
            format!("{HEAD}Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nSUMMARY:Gesprek\nEND:VCALENDAR\n"),
            "Onderwerp: Gesprek",
        ),
        (
            format!("{HEAD}Content-Type: multipart/mixed; boundary=x\n\n--x\n{text}\n\nZonder einde.\n"),
            "Zonder einde.",
        ),
        (
            format!("{HEAD}Content-Type: multipart/mixed; boundary=y\n\n--x\n{text}\n\nZie.\n--x--\n"),
            "--x\nContent-Type: text/plain; charset=utf-8\n\nZie.\n--x--",
        ),
        (
            "From: a@example.nl\nSubject: x\nGeachte heer, ik klaag.\n\nGroet".to_owned(),
            "Geachte heer, ik klaag.\n\nGroet",
        ),
        (format!("{HEAD}\nRegel een.\nRegel twee.").replace('\n', "\r"), "Regel een.\nRegel twee."),
        (
            format!("{HEAD}Content-Type: text/plain; format=flowed; delsp=yes\n\nsa \nmen\n> a \n> b\n"),
            "samen\n> ab",
        ),
        (
            format!(
                "{HEAD}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable (ja)\n\n=C3=A9=C3=A9n"
            ),
            "één",
        ),
        (
            format!(
                "{HEAD}Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naG9p IGFs\nbGVtYWFs\n-- \nvan de lijst\n"
            ),
            "hoi allemaal",
        ),
        (
            format!(
                "{HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\
                 Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; b@example.nl\nAction: failed\n--x--\n"
            ),
            "Final-Recipient: rfc822; b@example.nl\nAction: failed",
        ),
    ];
    for (message, text) in cases {
        let extract = read(&reader, &message).await;
        assert_eq!(told(&extract), (text, vec![]), "{message}");
        assert_eq!(extract.documents[0].problem, None, "{message}");
    }
}

#[tokio::test]
async fn what_hangs_on_a_message_in_old_and_odd_ways() {
    let reader = reader();
    let text = ("Content-Type: text/plain", "Zie.");
    let inner = "From: a@example.nl\nSubject: binnen\n\nbinnenste";
    let cases: &[(String, &str, Option<Problem>)] = &[
        (format!("{HEAD}\nZie.\n\nbegin 644 brief.txt\n#0V%T\n`\nend\n"), "brief.txt", None),
        (
            mixed(&[
                text,
                (
                    "Content-Type: application/octet-stream; name=brief.txt\nContent-Transfer-Encoding: x-uuencode",
                    "begin 644 y\n#0V%T\n`\nend",
                ),
            ]),
            "brief.txt",
            None,
        ),
        (
            format!("{HEAD}\nZie.\n=ybegin line=128 size=3 name=foto.jpg\nmmm\n=yend size=3\n"),
            "foto.jpg",
            Some(Problem::Unsupported),
        ),
        (
            mixed(&[
                text,
                (
                    "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64",
                    "RnJvbTogYUBleGFtcGxlLm5sClN1YmplY3Q6IGJpbm5lbgoKYmlubmVuc3Rl",
                ),
            ]),
            "bericht",
            None,
        ),
        (mixed(&[text, ("Content-Type: message/global", inner)]), "bericht", None),
        (
            mixed(&[
                text,
                (
                    "Content-Type: message/external-body; access-type=URL; URL=\"https://example.nl/a\"",
                    "Content-Type: application/pdf\n",
                ),
            ]),
            "bijlage",
            Some(Problem::Unsupported),
        ),
        (
            mixed(&[
                text,
                (
                    "Content-Type: multipart/appledouble; boundary=i",
                    "--i\nContent-Type: application/applefile; name=a.txt\nContent-Transfer-Encoding: base64\n\nAAUWBwACAAA=\n\
                     --i\nContent-Type: application/octet-stream; name=a.txt\n\ninhoud\n--i--",
                ),
            ]),
            "a.txt",
            None,
        ),
        (
            mixed(&[
                text,
                (
                    "Content-Type: application/octet-stream; name=message.rpmsg\nContent-Transfer-Encoding: base64",
                    "dugEYMQR44YA",
                ),
            ]),
            "message.rpmsg",
            Some(Problem::Encrypted),
        ),
        (
            mixed(&[text, ("Content-Type: text/vcard; name=zoe.vcf", "BEGIN:VCARD\nFN:Zoe\nEND:VCARD")]),
            "zoe.vcf",
            None,
        ),
    ];
    for (message, name, problem) in cases {
        let extract = read(&reader, message).await;
        assert_eq!(told(&extract), ("Zie.", vec![*name]), "{message}");
        assert_eq!(extract.documents[1].problem, *problem, "{message}");
        if problem.is_none() {
            assert!(!extract.documents[1].text.is_empty(), "{message}");
        }
    }
}

#[tokio::test]
async fn every_way_to_write_a_file_name() {
    let reader = reader();
    for name in [
        "filename*=utf-8''bri%C3%ABf.txt",
        "filename*0*=utf-8''bri%C3%; filename*1*=ABf.txt",
        "filename*0*=utf-8''bri%C3; filename*1*=%ABf.txt",
        "filename*=iso-8859-1''bri%EBf.txt",
        "filename=\"=?utf-8?Q?bri=C3=ABf.txt?=\"",
        "filename=\"=?iso-8859-1?Q?bri=EBf?=.txt\"",
        "filename=\"=?utf-8?Q?bri=C3=ABf?=\n =?utf-8?Q?.txt?=\"",
        "filename=\"briëf.txt\"",
        "filename=\"bri%C3%ABf.txt\"",
        "filename=\"bri\u{1}f.txt\"", // stands for a byte of windows-1252
    ] {
        let message = mixed(&[
            ("Content-Type: text/plain", "Zie."),
            (
                &format!("Content-Type: application/octet-stream\nContent-Disposition: attachment; {name}"),
                "inhoud",
            ),
        ]);
        let bytes: Vec<u8> = message.bytes().map(|byte| if byte == 1 { 0xeb } else { byte }).collect();
        assert_eq!(told(&read(&reader, bytes).await), ("Zie.", vec!["briëf.txt"]), "{name}");
    }
}

/// Runs openssl in a folder with a throw-away key.
fn openssl(dir: &std::path::Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn signed_messages_are_read_and_sealed_ones_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    openssl(
        dir,
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "cert",
            "-days",
            "2",
            "-subj",
            "/CN=Verzonnen/emailAddress=zoe@example.nl",
        ],
    );
    let inner = mixed(&[
        ("Content-Type: text/plain; charset=utf-8", "Ik klaag over coördinatie."),
        ("Content-Type: text/plain; name=brief.txt\nContent-Disposition: attachment", "bijlage"),
    ]);
    let inner = inner.split_once("MIME-Version: 1.0\n").unwrap().1;
    std::fs::write(dir.join("inner"), inner.replace('\n', "\r\n")).unwrap();
    let address = ["-from", "zoe@example.nl", "-to", "klacht@example.org", "-subject", "klacht"];
    let sign = |more: &[&str]| {
        let arguments = ["cms", "-sign", "-binary", "-in", "inner", "-signer", "cert", "-inkey", "key"];
        openssl(dir, &[&arguments[..], &address, more].concat())
    };
    let reader = reader();
    let twice = {
        std::fs::write(dir.join("once"), sign(&["-nodetach"])).unwrap();
        let arguments =
            ["cms", "-sign", "-binary", "-nodetach", "-in", "once", "-signer", "cert", "-inkey", "key"];
        openssl(dir, &[&arguments[..], &address].concat())
    };
    for (form, message) in [
        ("beside it", sign(&[])),
        ("within", sign(&["-nodetach"])),
        ("within, in pieces", sign(&["-nodetach", "-stream"])),
        ("twice", twice),
    ] {
        let extract = read(&reader, &message).await;
        assert_eq!(told(&extract), ("Ik klaag over coördinatie.", vec!["brief.txt"]), "{form}");
        assert!(extract.defects.is_empty(), "{form}: {:?}", extract.defects);
        assert_eq!(extract.message.unwrap().subject.as_deref(), Some("klacht"), "{form}");
        let given = reader.attachment(&message, "brief.txt", 0).await.unwrap().unwrap();
        assert_eq!(given.trim_ascii(), b"bijlage", "{form}");
    }
    // As a file: within another message, and without its label.
    let der = sign(&["-nodetach", "-outform", "DER"]);
    let mut hung = mixed(&[("Content-Type: text/plain", "Zie.")]).replace("--x--\n", "").into_bytes();
    std::fs::write(dir.join("der"), der).unwrap();
    hung.extend(b"--x\nContent-Type: application/octet-stream; name=smime.p7m\n");
    hung.extend(b"Content-Transfer-Encoding: base64\n\n");
    hung.extend(openssl(dir, &["base64", "-in", "der"]));
    hung.extend(b"--x--\n");
    let extract = read(&reader, &hung).await;
    assert_eq!(told(&extract), ("Zie.", vec!["smime.p7m", "brief.txt"]));
    assert_eq!(extract.documents[1].text, "Ik klaag over coördinatie.");
    // A file that was signed.
    std::fs::write(dir.join("inner"), extract_support::fixture("tekst.pdf")).unwrap();
    let request = ReadRequest {
        name: "brief.pdf.p7m".into(),
        channel: None,
        bytes: sign(&["-nodetach", "-outform", "DER"]),
        words: false,
    };
    let extract = reader.read(request).await.unwrap();
    assert_eq!(
        (extract.documents[0].name.as_deref(), extract.documents[0].method),
        (Some("brief.pdf"), Method::TextLayer)
    );

    for arguments in
        [&["cms", "-encrypt", "-in", "once"][..], &["cms", "-encrypt", "-aes-256-gcm", "-in", "once"]]
    {
        let message = openssl(dir, &[arguments, &address, &["cert"]].concat());
        let extract = read(&reader, &message).await;
        assert_eq!(extract.documents.len(), 1);
        assert_eq!(extract.documents[0].problem, Some(Problem::Encrypted));
        assert!(extract.defects[0].explanation.contains("zonder versleuteling"));
    }
}

#[tokio::test]
async fn openpgp_in_the_text() {
    let reader = reader();
    let sealed = format!("{HEAD}\nHoi,\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n");
    let extract = read(&reader, sealed).await;
    assert_eq!((told(&extract).0, extract.documents[0].problem), ("Hoi,", Some(Problem::Encrypted)));
    let signed = format!(
        "{HEAD}\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nIk klaag.\n-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----\n"
    );
    let extract = read(&reader, signed).await;
    assert_eq!((told(&extract).0, extract.documents[0].problem), ("Ik klaag.", None));
}
