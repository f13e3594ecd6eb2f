//! `bode health`: asks the running daemon how it is, as `GET /healthz` does, for what cannot speak HTTP: the health check of a
//! container, a script.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::limits::REQUEST_TIME_MAX;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

/// Octets of the answer that are read.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

pub(super) fn health(global: &Global) -> CommandResult {
    let config = setting::config(global)?;
    let mut desk = config.desk.listen.ok_or_else(|| {
        Failure::Usage("[desk] listen: this office has no desk, so nothing answers; look at the log".into())
    })?;
    if desk.ip().is_unspecified() {
        desk.set_ip(if desk.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let answer = ask(desk).map_err(|error| Failure::Failed(format!("nothing answers on {desk}: {error}")))?;
    let (head, told) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print!("{told}");
    Ok(if head.split(' ').nth(1) == Some("200") { Ended::Well } else { Ended::WithRefusals })
}

fn ask(desk: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&desk, REQUEST_TIME_MAX)?;
    stream.set_read_timeout(Some(REQUEST_TIME_MAX))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {desk}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
