//! What a process was fed and has not read.

use std::collections::VecDeque;

use crate::limits;

/// The lines that were not read.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// How many bytes each has, and whether it answers what the process has asked; the oldest first.
    lines: VecDeque<(usize, bool)>,
    bytes: usize,
    /// How many bytes of these are such answers.
    answers: usize,
}

impl Unread {
    /// It was fed a line of so many bytes.
    pub(super) fn fed(&mut self, bytes: usize, is_answer: bool) {
        self.lines.push_back((bytes, is_answer));
        self.bytes += bytes;
        self.answers += if is_answer { bytes } else { 0 };
    }

    /// The oldest was read.
    pub(super) fn read(&mut self) {
        if let Some((bytes, is_answer)) = self.lines.pop_front() {
            self.bytes -= bytes;
            self.answers -= if is_answer { bytes } else { 0 };
        }
    }

    /// Whether the process is sent no more.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > limits::PROCESS_UNREAD_BYTES
    }

    /// Whether the process has to read first what it was answered (threat R17). Requests do not count, for it may have to write before
    /// it reads them.
    pub(super) fn is_answered_enough(&self) -> bool {
        self.answers > limits::PROCESS_UNREAD_ANSWERS
    }
}
