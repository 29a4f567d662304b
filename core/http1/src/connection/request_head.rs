//! A connection waits for the head of a request, and reads it.

use entra_mcp_wire::time::Now;

use super::{Connection, Exchange, Output, State};
use crate::{head, refusal::Refusal};

impl Connection {
    pub(super) fn poll_head(&mut self, now: Now) -> Option<Output> {
        // A peer that does not read its responses asks nothing more.
        if !self.output.is_empty() {
            return Some(self.wait(false, None));
        }
        let State::Head {
            end,
            deadline,
            has_started,
        } = &mut self.state
        else {
            return None;
        };
        // From its first byte on, be it of an empty line, the time of a head runs, and nothing gives it more.
        if !*has_started && !self.input.is_empty() {
            *has_started = true;
            *deadline = now.instant.after(self.timeouts.head);
        }
        // RFC 9112 section 2.2: empty lines before a request are passed over.
        let pairs = self.input.chunks_exact(2);
        let empty_lines = pairs.take_while(|pair| *pair == b"\r\n").count();
        self.input.drain(..2 * empty_lines);
        if self.input == b"\r" {
            return self.wait_for_head(now);
        }
        match end.find(&self.input) {
            Ok(None) => return self.wait_for_head(now),
            Ok(Some(length)) => match head::parse(&self.take(length).into()) {
                Ok(head) => {
                    self.exchange = Exchange::new(&head);
                    self.state = State::Verdict {
                        framing: head.framing,
                        expects_continue: head.expects_continue,
                    };
                    return Some(Output::Head(Box::new(head.request)));
                }
                Err(error) => self.refuse_with(error.into(), now),
            },
            Err(error) => self.refuse_with(error.into(), now),
        }
        None
    }

    /// Waits for more of a head, if there is time.
    fn wait_for_head(&mut self, now: Now) -> Option<Output> {
        let State::Head {
            deadline,
            has_started,
            ..
        } = self.state
        else {
            return None;
        };
        let is_idle = self.input.is_empty();
        if self.has_input_ended || (self.is_shutting_down && is_idle && !has_started) {
            self.state = State::Closed;
        } else if now.instant < deadline {
            if is_idle {
                // Most connections are idle: they keep no memory.
                self.input = Vec::new();
                self.output.release();
            }
            return Some(self.wait(true, Some(deadline)));
        } else if is_idle {
            // Nothing was asked: there is nothing to answer.
            self.state = State::Closed;
        } else {
            self.refuse_with(Refusal::TimedOut, now);
        }
        None
    }
}
