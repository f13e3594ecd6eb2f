//! One question to a name server (RFC 1035), with no more of the protocol than `doctor` needs: TXT and MX of one name.
//!
//! Invariants: an answer is believed only when it has our number and question; whatever is out of form gives no answer, never a
//! panic; one packet, one wait.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

/// How long a name server may take.
const WAIT: Duration = Duration::from_secs(2);
/// What an answer over UDP may bring (EDNS, RFC 6891).
const PACKET_BYTES_MAX: u16 = 1232;

pub(super) const TXT: u16 = 16;
pub(super) const MX: u16 = 15;

/// What a name server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Texts of TXT records, or one empty text for each MX.
    Records(Vec<String>),
    /// There is no such name.
    NoName,
    /// It could not be asked, or said something else.
    Nothing(String),
}

/// The first name server of this machine.
pub(super) fn server() -> Option<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
    let word = text.lines().find_map(|line| line.trim().strip_prefix("nameserver"))?;
    let address: IpAddr = word.trim().split('%').next()?.parse().ok()?;
    Some(SocketAddr::new(address, 53))
}

pub(super) async fn ask(server: SocketAddr, name: &str, kind: u16) -> Answer {
    match exchange(server, name, kind).await {
        Ok(answer) => answer,
        Err(error) => Answer::Nothing(error.to_string()),
    }
}

async fn exchange(server: SocketAddr, name: &str, kind: u16) -> std::io::Result<Answer> {
    let unfit = |what: &str| std::io::Error::other(what.to_owned());
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|_| unfit("no random number"))?;
    let question = question(name, kind).ok_or_else(|| unfit("a name that DNS cannot ask"))?;
    let here: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(here).await?;
    socket.connect(server).await?;
    // Recursion desired; one question; one OPT record.
    let head = [id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    let size = PACKET_BYTES_MAX.to_be_bytes();
    let opt = [0, 0, 41, size[0], size[1], 0, 0, 0, 0, 0, 0];
    socket.send(&[&head[..], &question, &opt].concat()).await?;
    let mut packet = vec![0; usize::from(PACKET_BYTES_MAX)];
    let heard = async {
        loop {
            let length = socket.recv(&mut packet).await?;
            if let Some(answer) = read(&packet[..length], id, &question, kind) {
                return Ok::<_, std::io::Error>(answer);
            }
        }
    };
    tokio::time::timeout(WAIT, heard).await.map_err(|_| unfit("no answer in time"))?
}

fn question(name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    (bytes.len() <= 260).then_some(bytes)
}

/// `None`: not an answer to this question.
fn read(packet: &[u8], id: [u8; 2], question: &[u8], kind: u16) -> Option<Answer> {
    let (head, rest) = packet.split_at_checked(12)?;
    if head[..2] != id || head[2] & 0x80 == 0 || !rest.get(..question.len())?.eq_ignore_ascii_case(question) {
        return None;
    }
    match head[3] & 0x0f {
        0 => {}
        3 => return Some(Answer::NoName),
        code => return Some(Answer::Nothing(format!("the name server answers with error {code}"))),
    }
    let answers = u16::from_be_bytes([head[6], head[7]]);
    let (mut rest, mut found) = (&rest[question.len()..], Vec::new());
    for _ in 0..answers {
        rest = after_name(rest)?;
        let (fixed, body) = rest.split_at_checked(10)?;
        let (of, length) =
            (u16::from_be_bytes([fixed[0], fixed[1]]), u16::from_be_bytes([fixed[8], fixed[9]]));
        let (data, after) = body.split_at_checked(usize::from(length))?;
        if of == kind {
            found.push(if kind == TXT { text(data)? } else { String::new() });
        }
        rest = after;
    }
    Some(Answer::Records(found))
}

/// What comes after a name; one that is given by reference (RFC 1035 §4.1.4) ends there.
fn after_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        match length {
            0 => return Some(rest),
            0xc0.. => return rest.get(1..),
            1..=63 => bytes = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

/// The strings of a TXT record are one text (RFC 7208 §3.3).
fn text(mut data: &[u8]) -> Option<String> {
    let mut all = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (part, after) = rest.split_at_checked(usize::from(length))?;
        all.extend(part);
        data = after;
    }
    Some(String::from_utf8_lossy(&all).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name server that gives one fixed answer to whatever it is asked.
    async fn answering(make: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut packet = [0; 600];
            let (length, from) = socket.recv_from(&mut packet).await.unwrap();
            socket.send_to(&make(&packet[..length]), from).await.unwrap();
        });
        address
    }

    fn reply(asked: &[u8], code: u8, records: &[&[u8]]) -> Vec<u8> {
        let question = &asked[12..asked.len() - 11];
        let count = u8::try_from(records.len()).unwrap();
        let mut bytes = vec![asked[0], asked[1], 0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
        bytes.extend(question);
        for record in records {
            let length = u8::try_from(record.len()).unwrap();
            bytes.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length]);
            bytes.extend(*record);
        }
        bytes
    }

    #[tokio::test]
    async fn texts_are_read_and_a_name_that_is_not_there_is_told() {
        let server = answering(|asked| reply(asked, 0, &[b"\x05v=spf\x061 -all"])).await;
        let told = ask(server, "ombudsman.example.nl", TXT).await;
        assert_eq!(told, Answer::Records(vec!["v=spf1 -all".to_owned()]));
        let server = answering(|asked| reply(asked, 3, &[])).await;
        assert_eq!(ask(server, "nergens.example.nl", TXT).await, Answer::NoName);
    }

    #[tokio::test]
    async fn what_is_out_of_form_is_no_answer() {
        // Too short, of another number, with a length that leads nowhere.
        for cut in [3, 20] {
            let server = answering(move |asked| reply(asked, 0, &[b"\xffkort"])[..cut].to_vec()).await;
            assert!(matches!(ask(server, "ombudsman.example.nl", TXT).await, Answer::Nothing(_)));
        }
        assert_eq!(question(&"a".repeat(64), TXT), None);
        assert_eq!(question("a..b", TXT), None);
    }
}
