//! The ask that runs a process and speaks with it by lines.

use std::collections::BTreeMap;

use bytes::Bytes;

pub use crate::config::ChildUser;
use crate::{secret::Secret, ticket::AskId};

/// The most bytes of one complaint.
pub const COMPLAINT_BYTES: usize = 4 * 1024;

/// A process to run, in a process group of its own, with a socket pair in place of each of its three standard
/// streams. It inherits nothing but what is named here.
///
/// - [`started`](super::Ticket::started) comes first, or the ticket is answered with a [`ChildFault`].
/// - Each [`crate::action::Action::More`] lets one line of its output come: [`line`](super::Ticket::line), or
///   [`too_long`](super::Ticket::too_long) in its place. They add up. Without one its output is not read, so that the process waits.
/// - Each [`crate::action::Action::Feed`] is written to its input; [`fed`](super::Ticket::fed) says so, in order. A process that does not
///   read has the next one wait: feed no more than can be kept.
/// - What it writes to its error stream comes without being asked for: [`complaint`](super::Ticket::complaint).
/// - [`crate::action::Action::End`] ends it, in one of three ways, of which each acts on the whole group but closing its
///   input. When to go from one to the next is the exchange's to say.
/// - The answer of the ticket is how it ended. By then it was waited for, what it left of its group was killed, and its
///   output was read to the end, for which there have to be enough `More`.
/// - [`crate::action::Action::Cancel`] kills the group, as does the end of the exchange.
///
/// When the server itself is killed, the process sees the end of its input.
pub struct Child {
    /// The program: an absolute path, or a name that is looked up in the `PATH` of `environment`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, whole.
    pub environment: BTreeMap<String, Secret<String>>,
    /// The folder that it begins in; `None`: the server's own.
    pub folder: Option<String>,
    /// As whom it runs; `None`: as the server does.
    pub user: Option<ChildUser>,
    /// The most bytes of a line of its output, without the line end.
    pub line_limit: usize,
}

impl std::fmt::Debug for Child {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither arguments nor environment: they may hold keys.
        write!(f, "Child({:?})", self.program)
    }
}

/// How to end a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// Close its input, at once: what was fed and not written is lost.
    CloseInput,
    /// Ask its group to end: `SIGTERM`.
    Terminate,
    /// Kill its group: `SIGKILL`.
    Kill,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildExit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why a process was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildFault {
    /// There is no such program or folder.
    NotFound,
    /// It may not be run, or not by or as that user.
    NotPermitted,
    /// The system has no room for it, or does not know what to do with it.
    Failed,
}

impl ChildFault {
    /// A text for the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "there is no such program or folder",
            Self::NotPermitted => "it may not be run",
            Self::Failed => "it cannot be run",
        }
    }
}

/// What a process did, on its way to the exchange.
pub struct FromChild {
    pub(crate) id: AskId,
    pub(crate) message: ChildMessage,
}

/// What a process did.
pub(crate) enum ChildMessage {
    Started(u32),
    Line(Bytes),
    TooLong,
    Complaint(Bytes),
    Fed,
    InputClosed,
    OutputClosed,
}

impl std::fmt::Debug for FromChild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FromChild({})", self.id.0)
    }
}
