//! What happened, one line an event, and the hash of it all.
//!
//! A line is: milliseconds since the beginning, who, what. `->` is a request on its way, `<-` an
//! answer, `=` something inside a process. Secrets are never written: lines hold paths, statuses,
//! sizes and numbers.

use ring::digest;

use crate::clock::SimInstant;

/// The lines so far.
pub struct Trace {
    lines: Vec<String>,
    context: digest::Context,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            context: digest::Context::new(&digest::SHA256),
        }
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({} lines)", self.lines.len())
    }
}

impl Trace {
    /// Adds a line.
    pub fn add(&mut self, moment: SimInstant, who: &str, what: &str) {
        let line = format!("{:>9} {who:<12} {what}", moment.0);
        self.context.update(line.as_bytes());
        self.context.update(b"\n");
        self.lines.push(line);
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The SHA-256 of the lines so far, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        let hash = self.context.clone().finish();
        hash.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
