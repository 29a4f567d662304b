//! A call that waits for what only its client can answer: how it is named, and what becomes of it.

use std::collections::BTreeMap;

use crate::id::ServerRequestId;

/// The name of a call that waits: guessed by nobody, and good once.
pub(crate) type ParkedName = ServerRequestId;

/// The answers to what was asked: by the keys of the questions, as they are written.
pub(crate) type ParkedAnswers = BTreeMap<String, String>;

/// The response to a call, and the code of its error, if it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParkedEnd {
    pub(crate) response: String,
    pub(crate) error_code: Option<i32>,
    /// Whether it asks again.
    pub(crate) is_parked: bool,
}

/// What comes of a call that waited.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ParkedOutput {
    /// There is none of that name, or it has ended without a response.
    Gone,
    /// This was said; there is more.
    Said(Vec<String>),
    /// This was said, and there is no more.
    Ended(Vec<String>, ParkedEnd),
}
