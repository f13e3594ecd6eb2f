//! The least SMTP (RFC 5321) that hands a message over, as another mail server would.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// A connection, over which many messages can go.
pub struct SmtpClient {
    reader: BufReader<TcpStream>,
}

impl SmtpClient {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(super::DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { reader: BufReader::new(stream) };
        client.reply().unwrap();
        client.command("EHLO client.example.org").unwrap();
        client
    }

    /// Sends one message; the server's reply when it does not take it. An empty sender is the null one.
    pub fn send(&mut self, from: &str, to: &str, message: &[u8]) -> Result<(), String> {
        let sent = self.send_now(from, to, message);
        if sent.is_err() {
            self.command("RSET")?;
        }
        sent
    }

    fn send_now(&mut self, from: &str, to: &str, message: &[u8]) -> Result<(), String> {
        self.command(&format!("MAIL FROM:<{from}> SIZE={}", message.len()))?;
        self.command(&format!("RCPT TO:<{to}>"))?;
        self.command("DATA")?;
        let mut data = Vec::with_capacity(message.len() + 100);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                data.push(b'.');
            }
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            data.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            data.extend_from_slice(b"\r\n");
        }
        data.extend_from_slice(b".\r\n");
        self.reader.get_mut().write_all(&data).map_err(|error| error.to_string())?;
        self.reply()
    }

    fn command(&mut self, line: &str) -> Result<(), String> {
        self.reader
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .map_err(|error| error.to_string())?;
        self.reply()
    }

    /// Reads a reply of one or more lines; 2xx and 3xx are well.
    fn reply(&mut self) -> Result<(), String> {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).map_err(|error| error.to_string())?;
            if line.as_bytes().get(3) != Some(&b'-') {
                let well = line.starts_with('2') || line.starts_with('3');
                return if well { Ok(()) } else { Err(line.trim_end().to_owned()) };
            }
        }
    }
}
