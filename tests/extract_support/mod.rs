//! What the tests of reading share: one reader with the real worker, and the fixtures.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod outlook;

use bode::extract::{ReadRequest, Reader, ReaderOptions};
use bode::record::{Channel, Extract};
use std::path::PathBuf;

pub fn options() -> ReaderOptions {
    ReaderOptions {
        languages: "nld+eng".to_owned(),
        workers: 1,
        program: PathBuf::from(env!("CARGO_BIN_EXE_bode")),
    }
}

pub fn reader() -> Reader {
    Reader::start(options())
}

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/extract/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub async fn read(name: &str, bytes: Vec<u8>) -> Extract {
    read_as(None, name, bytes).await
}

pub async fn read_as(channel: Option<Channel>, name: &str, bytes: Vec<u8>) -> Extract {
    let request = ReadRequest { name: name.to_owned(), channel, bytes, words: false };
    reader().read(request).await.unwrap()
}
