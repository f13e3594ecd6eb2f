//! A store of many cases, made by the store's own functions, and what opening it costs: after a clean stop, and when its
//! index has to be built again from originals and journal. Prints one line of JSON.
//!
//! `store make DIR COUNT`, `store open DIR`, `store rebuild DIR`; `make bench-store` drives it (benches/store.py).

#[path = "support/cases.rs"]
mod cases;

use bode::store::Store;
use cases::make;
use std::path::Path;
use std::time::Instant;

/// Kilobytes of this process: at most, and now.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    (of("VmHWM"), of("VmRSS"))
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let start = Instant::now();
    let replayed = match words[..] {
        ["make", dir, count] => {
            make(Path::new(dir), count.parse()?)?;
            0
        }
        ["open", dir] => Store::open(Path::new(dir))?.opening().replayed,
        ["rebuild", dir] => {
            std::fs::remove_dir_all(Path::new(dir).join("index"))?;
            let store = Store::open(Path::new(dir))?;
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{{\"seconds\": {seconds:.3}, \"entries\": {}, \"peak_kb\": {}}}",
                store.opening().replayed,
                memory().0
            );
            return Ok(());
        }
        _ => {
            eprintln!("not measured: see benches/store.rs, and make bench-store");
            return Ok(());
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    println!("{{\"seconds\": {seconds:.3}, \"replayed\": {replayed}, \"peak_kb\": {}}}", memory().0);
    Ok(())
}
