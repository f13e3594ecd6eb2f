//! The index of a store, past the program: what a fault of the disk or of sled would do to it.

use std::path::Path;
use std::time::Duration;

/// Opens the index of a store that nobody has open. A child that another test is just starting shares the lock of the
/// file (flock) until it runs; it is waited for.
///
/// The youngest layer of it, where an empty value stands for a row that was removed.
pub fn open_index(path: &Path) -> sled::Db {
    let layers = std::fs::read_dir(path).unwrap().map(|layer| layer.unwrap().path());
    let sleds = layers.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("recent-"));
    let path = &sleds.max().unwrap();
    for _ in 0..100 {
        match sled::open(path) {
            Err(error) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return opened.unwrap(),
        }
    }
    sled::open(path).unwrap()
}
