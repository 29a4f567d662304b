//! What is to be written, and whether the peer takes it in time.

use std::time::Duration;

use entra_mcp_wire::time::Instant;

/// How much a peer must take within the write timeout to be given another: who takes a byte now and then
/// holds the connection no longer than who takes none (threat M7).
const PROGRESS_BYTES: usize = 4 * 1024;

/// How much capacity is kept for the next response while the connection is in use.
const KEPT_BYTES: usize = 8 * 1024;

/// Bytes for the peer.
#[derive(Debug, Default)]
pub(crate) struct OutputBuffer {
    bytes: Vec<u8>,
    written: usize,
    /// By when the peer must have taken more, and how many of the bytes.
    overdue: Option<(Instant, usize)>,
}

impl OutputBuffer {
    /// What is to be written.
    pub(crate) fn pending(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Lets a response be appended. What is pending from now on is to be taken within `timeout`.
    pub(crate) fn append(
        &mut self,
        now: Instant,
        timeout: Duration,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        write(&mut self.bytes);
        if !self.is_empty() && self.overdue.is_none() {
            self.expect_progress(now, timeout);
        }
    }

    /// The peer has taken so many bytes.
    pub(crate) fn written(&mut self, length: usize, now: Instant, timeout: Duration) {
        self.written = self.bytes.len().min(self.written + length);
        if self.is_empty() {
            self.bytes.clear();
            self.written = 0;
            self.overdue = None;
            if self.bytes.capacity() > KEPT_BYTES {
                self.release();
            }
        } else if self.overdue.is_some_and(|(_, most)| self.written >= most) {
            self.expect_progress(now, timeout);
        }
    }

    fn expect_progress(&mut self, now: Instant, timeout: Duration) {
        // What was written is dropped here and there, so that a long stream does not pile up.
        self.bytes.drain(..self.written);
        self.written = 0;
        let most = self.bytes.len().min(PROGRESS_BYTES);
        self.overdue = Some((now.after(timeout), most));
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// By when the peer must have taken more; `None` if there is nothing to take.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.overdue.map(|(deadline, _)| deadline)
    }

    /// Gives the memory back, if nothing is pending.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn second(second: u64) -> Instant {
        Instant(second * 1000)
    }

    // M7
    #[test]
    fn peer_that_takes_a_byte_now_and_then_is_overdue() {
        let mut output = OutputBuffer::default();
        output.append(second(0), TIMEOUT, |bytes| bytes.resize(10_000, b'x'));
        assert_eq!(output.deadline(), Some(second(30)));
        for at in 1..30 {
            output.written(1, second(at), TIMEOUT);
        }
        assert_eq!(output.deadline(), Some(second(30)));
        output.written(PROGRESS_BYTES, second(29), TIMEOUT);
        assert_eq!(output.deadline(), Some(second(59)));
        output.written(10_000, second(40), TIMEOUT);
        assert_eq!(output.deadline(), None);
        assert!(output.is_empty());
    }

    #[test]
    fn appending_does_not_move_the_deadline() {
        let mut output = OutputBuffer::default();
        output.append(second(0), TIMEOUT, |bytes| bytes.push(b'a'));
        output.append(second(20), TIMEOUT, |bytes| bytes.push(b'b'));
        assert_eq!(output.deadline(), Some(second(30)));
        output.written(1, second(25), TIMEOUT);
        assert_eq!(output.pending(), b"b");
        assert_eq!(output.deadline(), Some(second(55)));
        output.append(second(26), TIMEOUT, |_| ());
        output.written(1, second(27), TIMEOUT);
        output.append(second(28), TIMEOUT, |_| ());
        assert_eq!(output.deadline(), None, "nothing is pending");
    }

    #[test]
    fn memory_of_a_large_response_is_given_back() {
        let mut output = OutputBuffer::default();
        output.append(second(0), TIMEOUT, |bytes| bytes.resize(100_000, b'x'));
        output.written(100_000, second(1), TIMEOUT);
        assert_eq!(output.bytes.capacity(), 0);
    }
}
