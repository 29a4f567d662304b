//! The three streams of a process, each served by a thread.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use entra_mcp_core::ask::COMPLAINT_BYTES;

use super::{
    ChildSaid,
    credit::Credit,
    lines::{Line, Lines},
};

/// How much of the output is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

type Say = dyn Fn(ChildSaid) -> bool + Send + Sync;

/// What is to be written to the input of a process.
#[derive(Debug, Default)]
pub(super) struct Input {
    state: Mutex<InputState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct InputState {
    /// The oldest first. The exchange waits until each was written, so there are few.
    fed: VecDeque<Bytes>,
    is_closed: bool,
    /// The other hold of the stream, to shut it while it is written.
    stream: Option<UnixStream>,
}

impl Input {
    pub(super) fn attach(&self, stream: UnixStream) {
        let mut state = self.state();
        if state.is_closed {
            let _ = stream.shutdown(Shutdown::Both);
        } else {
            state.stream = Some(stream);
        }
    }

    pub(super) fn feed(&self, bytes: Bytes) {
        let mut state = self.state();
        if !state.is_closed {
            state.fed.push_back(bytes);
            self.changed.notify_one();
        }
    }

    /// Closes it at once, whatever was not written.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.fed = VecDeque::new();
        if let Some(stream) = state.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_one();
    }

    /// Writes what is fed until it is closed, by us or by the process.
    pub(super) fn write(&self, mut stream: UnixStream, say: &Say) {
        while let Some(bytes) = self.next() {
            let said = match stream.write_all(&bytes) {
                Ok(()) => ChildSaid::Fed,
                Err(_) if self.state().is_closed => return,
                Err(_) => {
                    self.close();
                    ChildSaid::InputClosed
                }
            };
            if !say(said) {
                return;
            }
        }
    }

    fn next(&self) -> Option<Bytes> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(bytes) = state.fed.pop_front() {
                return Some(bytes);
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, InputState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads lines, each when one may come.
pub(super) fn read_lines(mut stream: UnixStream, limit: usize, credit: &Credit, say: &Say) {
    let mut lines = Lines::new(limit);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut unused = 0..0;
    while credit.take() {
        let line = loop {
            let mut bytes = chunk.get(unused.clone()).unwrap_or_default();
            let line = lines.next(&mut bytes);
            unused.start = unused.end - bytes.len();
            if line.is_some() {
                break line;
            }
            match read(&mut stream, &mut chunk) {
                0 => break lines.last(),
                length => unused = 0..length,
            }
        };
        let is_heard = match line {
            Some(Line::Whole(line)) => say(ChildSaid::Line(line)),
            Some(Line::TooLong) => say(ChildSaid::TooLong),
            None => {
                say(ChildSaid::OutputClosed);
                return;
            }
        };
        if !is_heard {
            return;
        }
    }
}

/// Reads what the process complains of: whole lines, as far as they fit.
pub(super) fn read_complaints(mut stream: UnixStream, credit: &Credit, say: &Say) {
    let mut chunk = vec![0; COMPLAINT_BYTES];
    let mut held = 0;
    loop {
        let room = chunk.get_mut(held..).unwrap_or_default();
        let length = read(&mut stream, room);
        let end = held + length;
        let text = chunk.get(..end).unwrap_or_default();
        let line_end = text.iter().rposition(|byte| *byte == b'\n');
        let whole = match line_end {
            Some(line_end) => line_end + 1,
            None if length == 0 || end == COMPLAINT_BYTES => end,
            None => 0,
        };
        if whole > 0 {
            let text = text.get(..whole).unwrap_or_default();
            if !credit.take() || !say(ChildSaid::Complaint(Bytes::copy_from_slice(text))) {
                return;
            }
        }
        if length == 0 {
            return;
        }
        chunk.copy_within(whole..end, 0);
        held = end - whole;
    }
}

/// Reads once; none at the end, whatever ends it.
fn read(stream: &mut UnixStream, bytes: &mut [u8]) -> usize {
    loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.unwrap_or(0),
        }
    }
}
