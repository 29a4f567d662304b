//! Announcing changes from outside of calls.

use std::sync::{Arc, OnceLock, Weak};

use entra_mcp_core::{catalog::ChangeNotification, hub::ToHub};

use crate::{Runtime, drive};

/// A server that may be running: whoever has it can announce changes. Clones are the same server.
///
/// ```no_run
/// use entra_mcp_blocking::{ChangeNotification, Server, StartError};
///
/// fn main() -> Result<(), StartError> {
///     let server = Server::from_env()?.list_changed();
///     let handle = server.handle();
///     std::thread::spawn(move || {
///         // Whenever the files of the manual were changed:
///         handle.notify_changed(ChangeNotification::Resource("docs://manual".to_owned()));
///     });
///     server.run()
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Handle(Arc<OnceLock<Weak<Runtime>>>);

impl Handle {
    /// Tells clients that listen for it that something changed. Whoever listens is told, so announce
    /// nothing that is one user's own. Before the server runs, nobody listens.
    pub fn notify_changed(&self, change: ChangeNotification) {
        let runtime = self.0.get().and_then(Weak::upgrade);
        if let Some(runtime) = runtime {
            let (from, now) = (runtime.next_exchange(), runtime.clock.now());
            let jobs = runtime.hub.send(from, ToHub::notify_changed(change), now);
            drive::start(&runtime, jobs);
        }
    }

    /// From now on it runs.
    pub(crate) fn attach(&self, runtime: &Arc<Runtime>) {
        // A server runs once.
        let _ = self.0.set(Arc::downgrade(runtime));
    }
}
