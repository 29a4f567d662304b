//! What lines of the audit log say of an exchange besides their events.

use super::{Cx, Outbox};
use crate::{
    config::ClientAddress,
    log_event::{Audited, LogEvent},
    time::Instant,
};

/// What lines of the audit log say of the request.
#[derive(Debug)]
pub(super) struct Audit {
    who: Audited,
    began: Instant,
}

impl Audit {
    pub(super) fn at(&self, now: Instant) -> Audited {
        Audited {
            milliseconds: Some(now.0.saturating_sub(self.began.0)),
            ..self.who.clone()
        }
    }
}

impl Outbox {
    /// Its lines of the audit log say who does it, where from and how long it took.
    pub(crate) fn audit(&mut self, client: Option<ClientAddress>, began: Instant) {
        let who = Audited {
            address: client.map(|client| client.to_string()),
            ..Audited::default()
        };
        self.audit = Some(Box::new(Audit { who, began }));
    }
}

impl Cx<'_> {
    /// Writes to the log what only the audit log tells of, if there is one, or if events are counted.
    pub(crate) fn audit(&mut self, event: impl Into<LogEvent>) {
        let is_counted = !self.env.server.config.metrics_listen.is_empty();
        if self.out.audit.is_some() || is_counted {
            self.log(event);
        }
    }

    /// Returns who does it, for the lines of the audit log that follow; `None` if nobody reads them.
    pub(crate) fn audited(&mut self) -> Option<&mut Audited> {
        self.out.audit.as_mut().map(|audit| &mut audit.who)
    }
}
