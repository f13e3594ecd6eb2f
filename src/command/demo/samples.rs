//! The sample mail and scans (made by `tests/samples/make.py`; invented people), carried in the binary and laid out
//! as a mail server and a post room would.

use crate::config::Config;
use std::io;
use std::path::Path;

macro_rules! samples {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../tests/samples/", $folder, "/", $name)))),*]
    };
}

const MAIL: &[(&str, &[u8])] = samples!("mail":
    "01-burgerzaken.eml", "02-uwv.eml", "03-duo.eml", "04-belastingdienst.eml", "05-gemeentebelasting.eml",
    "06-gemengd.eml", "07-onduidelijk.eml", "08-foto.eml", "09-afwezig.eml", "10-vervolg.eml", "11-spoed.eml",
    "12-nieuwsbrief.eml",
);

const SCANS: &[(&str, &[u8])] = samples!("scans": "brief-leyweg.pdf", "brief-uwv.tif");

/// Says that a directory is the demo's, and may be removed by the next demo.
const MARK: &str = ".bode-demo";

/// Makes the demo's directory new and lays the samples out. Returns how many there are.
///
/// # Errors
/// When the directory cannot be written, or is there and is not the demo's.
pub(super) fn lay_out(dir: &Path, config: &Config) -> io::Result<u64> {
    if dir.exists() && std::fs::read_dir(dir)?.next().is_some() {
        if !dir.join(MARK).exists() {
            let what = format!("{} is there and is not the demo's; remove it yourself", dir.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join(MARK), "The demo removes this directory and makes it new.\n")?;
    if let Some(maildir) = &config.maildir {
        for part in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(maildir.dir.join(part))?;
        }
        for (name, bytes) in MAIL {
            std::fs::write(maildir.dir.join("new").join(name), bytes)?;
        }
    }
    if let Some(scan) = &config.scan {
        std::fs::create_dir_all(&scan.dir)?;
        for (name, bytes) in SCANS {
            std::fs::write(scan.dir.join(name), bytes)?;
        }
    }
    std::fs::create_dir_all(&config.store)?;
    Ok((MAIL.len() + SCANS.len()) as u64)
}
