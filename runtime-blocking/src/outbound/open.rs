//! Answers that are kept open: whoever wants the body reads it piece by piece, and nothing is read from the socket that nobody
//! wants.

use std::{
    fmt,
    io::{Cursor, Read},
};

use bytes::Bytes;
use entra_mcp_core::ask::{AskId, FetchFault, PIECE_BYTES};
use ureq::Error;

use super::fault;

/// A body that is not read yet. To drop it closes its connection.
pub(crate) struct OpenBody(Box<dyn Read + Send>);

impl fmt::Debug for OpenBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenBody")
    }
}

impl OpenBody {
    /// One that comes from there.
    pub(super) fn new(body: impl Read + Send + 'static) -> Self {
        Self(Box::new(body))
    }

    /// One that is there as a whole.
    pub(crate) fn whole(body: Bytes) -> Self {
        Self::new(Cursor::new(body))
    }

    /// The next piece; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, FetchFault> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match self.0.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    piece.truncate(length);
                    return Ok(Some(piece.into()));
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fault(&Error::from(error))),
            }
        }
    }
}

/// The bodies that an exchange has kept open, until somebody reads them.
#[derive(Debug, Default)]
pub(crate) struct OpenBodies(Vec<(AskId, OpenBody)>);

impl OpenBodies {
    /// Keeps one.
    pub(crate) fn keep(&mut self, ask: AskId, body: OpenBody) {
        self.0.push((ask, body));
    }

    /// Gives that of this ask away.
    pub(crate) fn take(&mut self, ask: AskId) -> Option<OpenBody> {
        let place = self.0.iter().position(|(kept, _)| *kept == ask)?;
        Some(self.0.swap_remove(place).1)
    }
}
