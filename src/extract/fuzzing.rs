//! Doors to the parsers for the fuzz targets (`fuzz/`), which are built with `--cfg fuzzing`; no part of the program.
//!
//! Invariant: a panic in our own code ends the target and so is found. One in a library does not: `reading` catches
//! it, and the document that caused it is told as damaged; here it is passed over.

use super::frame::{self, Ask, Tell};
use super::mail::{html as html_reader, parts};
use super::paper::ocr::Engine;
use super::paper::run::{self, Looked, glance, separator as separator_of};
use super::reading::{Outlet, Reading, tidy};
use super::sniff;
use image::GrayImage;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Reads a file whose media type starts with one of these, without recognising pages.
pub fn file(bytes: &[u8], media_types: &[&str]) {
    watch();
    let media_type = sniff::kind(bytes).media_type();
    if !media_types.iter().any(|start| media_type.starts_with(start)) {
        return;
    }
    let (mut told, mut engine) = (Nobody, Engine::new(None));
    let mut reading = Reading::new(&mut told, &mut engine, Default::default(), true);
    sniff::read_file(&mut reading, Some("bestand"), bytes, 0);
    // Pages that would be recognised end the reading: there is no engine.
    let _ = reading.end();
}

/// Reads a page of HTML.
pub fn html(bytes: &[u8]) {
    watch();
    html_reader::read(bytes);
}

/// Splits a text into own words, quotes and signatures: the parts must cover it.
pub fn text_parts(bytes: &[u8]) {
    watch();
    let Some((forwards, bytes)) = bytes.split_first() else { return };
    let text = tidy(&String::from_utf8_lossy(bytes));
    let split = parts::split(&text, forwards % 2 == 1);
    let end = split.iter().fold(0, |at, part| {
        assert_eq!(part.start, at);
        assert!(part.end > at);
        part.end
    });
    assert_eq!(end, text.chars().count());
}

/// Divides a stack, PDF or TIFF; every letter must be a file of that kind again.
pub fn stack(bytes: &[u8]) {
    watch();
    let divided = catch_unwind(|| run::divide(&[bytes], &["PATCHT".to_owned()], &mut || {}));
    if let Ok((Looked::Run(run), letters)) = divided {
        assert!(run.adds_up() && run.letters.len() == letters.len());
        assert!(letters.iter().all(|letter| sniff::kind(letter) == sniff::kind(bytes)));
    }
}

/// Looks for a separator on a page drawn by these bytes: its width, then runs of a shade and a length. What is
/// seen must not depend on whether the page is looked at twice.
pub fn separator(bytes: &[u8]) {
    watch();
    let [width, runs @ ..] = bytes else { return };
    let width = 8 + u32::from(*width) * 4;
    let mut pixels: Vec<u8> = Vec::new();
    for run in runs.chunks_exact(2) {
        pixels.extend(std::iter::repeat_n(run[0], 1 + usize::from(run[1]) * 2));
        if pixels.len() > 1 << 20 {
            break;
        }
    }
    // What is drawn stands as often below itself as makes a page of it: bars come of it, and squares.
    let rows = (pixels.len() / width as usize).max(1);
    pixels.resize(rows * width as usize, 255);
    let tall = pixels.repeat((1000 / rows).clamp(1, 40));
    let height = (tall.len() / width as usize) as u32;
    let Some(page) = GrayImage::from_raw(width, height, tall) else { return };
    let values = ["PATCHT".to_owned()];
    let looked = || catch_unwind(AssertUnwindSafe(|| separator_of(&glance(&page), &page, &values))).ok();
    assert_eq!(looked(), looked());
}

/// Reads frames as the daemon and as the worker do.
pub fn frame(bytes: &[u8]) {
    watch();
    let (mut as_daemon, mut as_worker) = (bytes, bytes);
    while let Ok(Some(_)) = frame::read::<Tell>(&mut as_daemon, 1 << 16) {}
    while let Ok(Some(_)) = frame::read::<Ask>(&mut as_worker, 1 << 16) {}
}

struct Nobody;

impl Outlet for Nobody {
    fn tell(&mut self, _tell: &Tell, body: &[u8]) -> io::Result<()> {
        let _ = body;
        Ok(())
    }
}

fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let ours = panic
                .location()
                .is_some_and(|at| !at.file().contains(".cargo/registry") && !at.file().contains("/rustc/"));
            if ours {
                eprintln!("{panic}");
                std::process::abort();
            }
        }));
    });
}
