//! The job that tries, when the server starts, whether a backend answers and is an MCP server, in nobody's name: what is wrong is in the log
//! before the first user meets it. The server starts all the same, for a backend may start later.
//!
//! Whether it wants to know who calls is its own matter: one that refuses this is there. A process is begun by whoever needs it.

use std::sync::Arc;

use super::{BackendFault, NotOpened, OpenSession, Opened};
use crate::{
    event::Answer,
    gateway::{Credentials, Telling},
    hub::{ToHub, ToHubKind},
    log_event::{Field, LogEvent, LogEventId},
    revision::Revision,
    step::{Cx, Progress},
};

/// A backend that is tried.
#[derive(Debug)]
pub(crate) struct CheckBackend(OpenSession);

impl CheckBackend {
    /// Begins, with these parameters of `initialize`.
    pub(crate) fn start(params: &Arc<str>, cx: &mut Cx<'_>) -> Progress<Self> {
        let gateway = cx.env.gateway();
        let Some(gateway) = gateway.filter(|gateway| gateway.command().is_none()) else {
            return Progress::Ready(());
        };
        let (revision, nobody) = (Revision::V2026_07_28, Credentials::default());
        let opening = OpenSession::start(params, revision, nobody, gateway, cx);
        Progress::Pending(Self(opening))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Some(gateway) = cx.env.gateway() else {
            return Progress::Ready(());
        };
        match self.0.handle(answer, gateway, cx) {
            Progress::Pending(opening) => return Progress::Pending(Self(opening)),
            Progress::Ready(Ok(opened)) => end(opened, cx),
            Progress::Ready(Err(NotOpened::Fault(fault))) => tell(fault, cx),
            // It speaks, and wants to know who calls, or what.
            Progress::Ready(Err(NotOpened::Refused(_) | NotOpened::ClaimsRequired(_))) => {}
        }
        Progress::Ready(())
    }
}

/// Nobody needs the session.
fn end(opened: Opened, cx: &mut Cx<'_>) {
    if opened.session.is_some() {
        let (endpoint, revision) = (cx.env.endpoint, opened.revision);
        let over = Telling::session_over(endpoint, opened.session, revision);
        cx.to_hub(ToHub(ToHubKind::TellBackend(Box::new(over))));
    }
}

fn tell(fault: BackendFault, cx: &mut Cx<'_>) {
    let reason = match fault {
        // It is there.
        BackendFault::Refused(_) | BackendFault::Busy(_) | BackendFault::Full(..) => return,
        BackendFault::Status(status) if status.is_redirection() => {
            "it answers that it is elsewhere: set its own address"
        }
        BackendFault::Status(_) | BackendFault::NotUnderstood | BackendFault::TooLarge => {
            "it answers, and as no MCP server: is that the address of its MCP endpoint?"
        }
        _ => fault.reason(),
    };
    let shown = cx.env.gateway().map(crate::config::Gateway::shown);
    let event = LogEvent::new(LogEventId::GatewayNotReady);
    let event = event
        .with(Field::Backend, shown.unwrap_or_default())
        .with_text(Field::Reason, reason);
    cx.log(match fault {
        BackendFault::Status(status) => event.with(Field::Status, status.as_u16().to_string()),
        _ => event,
    });
}
