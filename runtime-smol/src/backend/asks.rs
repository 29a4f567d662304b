//! What one exchange asks of backends: requests, and processes that speak by lines.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use entra_mcp_core::{action::Action, ask::AskId, event::Event};
use entra_mcp_runtime::{ChildSaid, Children, Pulls};

use super::RunningPull;
use crate::{
    Runtime,
    queue::{Receiver, Sender, queue},
};

/// What one exchange asks of backends. To drop it closes the connections and kills the processes.
#[derive(Default)]
pub(crate) struct BackendAsks {
    pulls: Pulls<RunningPull>,
    children: Children,
    /// What the processes do, once there was one.
    said: Option<Said>,
}

/// What processes do: each says so on a thread of its own.
struct Said {
    says: Arc<Sender<(AskId, ChildSaid)>>,
    said: Receiver<(AskId, ChildSaid)>,
}

impl BackendAsks {
    /// Does what concerns backends, and nothing else.
    pub(crate) fn perform(&mut self, action: Action, runtime: &Runtime) {
        match action {
            Action::Pull(ticket, pull) => {
                let running = RunningPull::new(&runtime.backends, *pull);
                self.pulls.push(ticket, running);
            }
            Action::Spawn(ticket, child) => {
                let said = self.said.get_or_insert_with(|| {
                    let (says, said) = queue();
                    let says = Arc::new(says);
                    Said { says, said }
                });
                let says = Arc::clone(&said.says);
                let say = move |id, said| {
                    says.send((id, said));
                    true
                };
                let processes = &runtime.processes;
                self.children.start(processes, ticket, *child, say);
            }
            Action::More(id) => match self.pulls.find(id) {
                Some(pull) => pull.more(),
                None => self.children.more(id),
            },
            Action::Feed(id, bytes) => self.children.feed(id, bytes),
            Action::End(id, end) => self.children.end(id, end),
            _ => {}
        }
    }

    /// One matters no more.
    pub(crate) fn cancel(&mut self, id: AskId) {
        self.pulls.cancel(id);
        self.children.cancel(id);
    }

    /// What came of one of them.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let next = |pull: &mut RunningPull| match pull.poll(cx) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        };
        if let Some(event) = self.pulls.next(next) {
            return Poll::Ready(event);
        }
        while let Some(said) = &self.said
            && let Poll::Ready(Some((id, said))) = said.said.poll_next(cx)
        {
            if let Some(event) = self.children.event(id, said) {
                return Poll::Ready(event);
            }
        }
        Poll::Pending
    }

    /// When it has to be polled again at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pulls.iter().filter_map(RunningPull::deadline).min()
    }
}
