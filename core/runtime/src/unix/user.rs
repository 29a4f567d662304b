//! The user that this process runs as.

use rustix::process::geteuid;

/// The number of that user; root is 0.
pub(crate) fn own() -> u32 {
    geteuid().as_raw()
}
