//! Notifications of changes from outside of calls.

use std::sync::{Arc, OnceLock, Weak};

use entra_mcp_core::catalog::ChangeNotification;

use crate::{other_replicas, shared::DriveJobs};

/// A server that may be running: whoever has it can notify clients of changes, from any thread. Clones are the
/// same server.
#[derive(Clone, Default)]
pub struct Handle(Arc<OnceLock<Weak<dyn NotifyChanged>>>);

/// A runtime of any kind.
trait NotifyChanged: Send + Sync {
    fn notify_changed(self: Arc<Self>, change: ChangeNotification);
}

impl<R: DriveJobs> NotifyChanged for R {
    fn notify_changed(self: Arc<Self>, change: ChangeNotification) {
        other_replicas::notify_changed(&self, change);
    }
}

impl Handle {
    /// Notifies clients that listen for it that something changed, those of other replicas that share the store, too. Whoever listens is notified, so name
    /// nothing that is one user's own. Before the server runs, nobody listens.
    pub fn notify_changed(&self, change: ChangeNotification) {
        if let Some(runtime) = self.0.get().and_then(Weak::upgrade) {
            runtime.notify_changed(change);
        }
    }

    /// Connects it to the runtime that runs the server. It is no method, so that none of a user's is shadowed.
    pub fn attach<R: DriveJobs>(this: &Self, runtime: &Arc<R>) {
        let runtime: Weak<R> = Arc::downgrade(runtime);
        // A server runs once.
        let _ = this.0.set(runtime);
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_running = self
            .0
            .get()
            .is_some_and(|runtime| runtime.strong_count() > 0);
        f.debug_struct("Handle")
            .field("is_running", &is_running)
            .finish()
    }
}
