//! What a process writes to its error stream: bounded, escaped and without its secrets it goes into the log (threat R17).

use std::time::Duration;

use super::StdioServer;
use crate::{
    log_event::{Field, LogEventId},
    step::Cx,
    time::Instant,
};

/// How many bytes of what may be the start of a secret are logged if nothing follows.
const SHOWN_OF_SECRET: usize = 4;

/// How much was logged lately.
#[derive(Debug)]
pub(super) struct ErrorStream {
    minute: Instant,
    logged: u32,
    /// How many are in a minute.
    most: u32,
    unlogged: u64,
    /// The end of a line that is not whole yet, where a secret may begin.
    held: Vec<u8>,
}

impl ErrorStream {
    pub(super) fn new(now: Instant, most: u32) -> Self {
        Self {
            minute: now,
            logged: 0,
            most,
            unlogged: 0,
            held: Vec::new(),
        }
    }

    /// Whether one more line is logged. If a minute has begun, how many were not in the one before.
    fn admit(&mut self, now: Instant) -> (bool, u64) {
        let mut unlogged = 0;
        if now.since(self.minute) >= Duration::from_secs(60) {
            unlogged = std::mem::take(&mut self.unlogged);
            (self.minute, self.logged) = (now, 0);
        }
        let is_logged = self.logged < self.most;
        match is_logged {
            true => self.logged += 1,
            false => self.unlogged += 1,
        }
        (is_logged, unlogged)
    }
}

impl StdioServer {
    /// It has written whole lines, or a part of a longer one. Of a part the end waits for the next one if a secret may begin there, which
    /// is looked for across both (threat R3).
    pub(super) fn complaint(&mut self, text: &[u8], cx: &mut Cx<'_>) {
        let mut whole = std::mem::take(&mut self.errors.held);
        whole.extend_from_slice(text);
        let mut text = whole;
        if !text.ends_with(b"\n") {
            let begun = self.guard.begun_at_end(&text);
            self.errors.held = text.split_off(text.len() - begun);
        }
        self.complained(&text, cx);
    }

    /// It writes no more: what waits for the rest of its line is of a secret, perhaps.
    pub(super) fn tell_held(&mut self, cx: &mut Cx<'_>) {
        let held = std::mem::take(&mut self.errors.held);
        match held.len() > SHOWN_OF_SECRET {
            true => self.complained(b"(a part of a secret)", cx),
            false => self.complained(&held, cx),
        }
    }

    fn complained(&mut self, text: &[u8], cx: &mut Cx<'_>) {
        let text = String::from_utf8_lossy(text);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (is_logged, unlogged) = self.errors.admit(cx.env.now.instant);
            self.tell_unlogged_of(unlogged, cx);
            if is_logged {
                let said = match self.guard.is_in(line) {
                    true => "(a secret)",
                    false => line,
                };
                let event = self.event(LogEventId::GatewayProcessSaid, cx);
                cx.log(event.with_text(Field::Text, said));
            }
        }
    }

    /// Says how much was not logged, if it was not said yet.
    pub(super) fn tell_unlogged(&mut self, cx: &mut Cx<'_>) {
        let unlogged = std::mem::take(&mut self.errors.unlogged);
        self.tell_unlogged_of(unlogged, cx);
    }

    fn tell_unlogged_of(&self, unlogged: u64, cx: &mut Cx<'_>) {
        if unlogged > 0 {
            let event = self.event(LogEventId::GatewayProcessSaid, cx);
            let event = event.with(Field::Text, "(lines that are not shown)");
            cx.log(event.with(Field::Count, unlogged.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_minute_are_bounded_and_the_others_counted() {
        let mut errors = ErrorStream::new(Instant(0), 100);
        let logged = (0..250).filter(|_| errors.admit(Instant(1)).0).count();
        assert_eq!(logged, 100);
        assert_eq!(errors.admit(Instant(60_000)), (true, 150));
        assert_eq!(errors.admit(Instant(60_001)), (true, 0));
    }
}
