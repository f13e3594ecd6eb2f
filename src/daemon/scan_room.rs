//! The scan folder for the desk's post room.

use crate::config::ScanFolder;
use crate::record::{RefusedScan, WaitingScan};
use crate::review::{PostRoom, PostRoomFault};
use crate::sheets;
use crate::source::{PostFault, PostFolder};
use jiff::civil::Date;

/// The folder of this office.
pub(super) struct ScanRoom(PostFolder);

impl ScanRoom {
    pub fn new(scan: &ScanFolder) -> Self {
        Self(PostFolder::new(scan))
    }
}

impl PostRoom for ScanRoom {
    fn waiting(&self) -> Result<Vec<WaitingScan>, String> {
        self.0.waiting().map_err(|error| error.to_string())
    }

    fn refused(&self) -> Result<Vec<RefusedScan>, String> {
        self.0.refused().map_err(|error| error.to_string())
    }

    fn again(&self, name: &str) -> Result<bool, PostRoomFault> {
        self.0.again(name).map_err(told)
    }

    fn lay(&self, name: &str, bytes: &[u8]) -> Result<String, PostRoomFault> {
        self.0.lay(name, bytes).map_err(told)
    }

    fn sheets(&self, count: u32, received: Option<Date>) -> Result<Vec<u8>, String> {
        let series = sheets::series().map_err(|error| error.to_string())?;
        sheets::sheets(&series, count, received).map_err(|error| error.to_string())
    }
}

fn told(fault: PostFault) -> PostRoomFault {
    match fault {
        PostFault::Unfit(why) => PostRoomFault::Unfit(why),
        PostFault::Folder(_) => PostRoomFault::Other(fault.to_string()),
    }
}
