//! What the replicas that share a store tell each other, between the store and the hub.

use std::sync::{Arc, Weak};

use entra_mcp_core::{catalog::ChangeNotification, hub::ToHub, replicas};

use crate::{seed::seed, shared::DriveJobs, start_error::StartError};

/// Hands what other replicas say to the hub, on a thread of its own, for as long as the runtime is there. Without other
/// replicas it does nothing.
///
/// # Errors
///
/// There is no thread.
pub fn receive_from_replicas<R: DriveJobs>(runtime: &Arc<R>) -> Result<(), StartError> {
    let store = Arc::clone(&runtime.shared().store);
    if !store.is_shared() {
        return Ok(());
    }
    let runtime: Weak<R> = Arc::downgrade(runtime);
    std::thread::Builder::new()
        .name("replicas".to_owned())
        .spawn(move || store.receive(|message| deliver(&runtime, message)))
        .map(drop)
        .map_err(|error| StartError::Thread { error })
}

fn deliver<R: DriveJobs>(runtime: &Weak<R>, message: &[u8]) -> bool {
    let Some(runtime) = runtime.upgrade() else {
        return false;
    };
    let shared = runtime.shared();
    if message.is_empty() {
        shared.store.keep_mark(&shared.server.keys);
        return true;
    }
    let now = shared.clock.unix();
    if let Some(message) = replicas::open_message(message, &shared.server, now) {
        runtime.send_to_hub(message);
    }
    true
}

/// Notifies the clients of one user, of this replica and of all others, that something changed.
pub(crate) fn notify_user<R: DriveJobs>(
    runtime: &Arc<R>,
    (tenant_id, oid): (&str, &str),
    change: ChangeNotification,
) {
    let shared = runtime.shared();
    let (user, now) = ((tenant_id, oid), shared.clock.unix());
    let change_there = change.clone();
    let sealed = replicas::seal_change_for_user(user, change_there, &shared.server, now, &seed());
    runtime.send_to_hub(ToHub::notify_user(tenant_id, oid, change));
    if let Some(sealed) = sealed {
        runtime.publish(sealed);
    }
}

/// Notifies the clients of this replica and of all others that something changed.
pub(crate) fn notify_changed<R: DriveJobs>(runtime: &Arc<R>, change: ChangeNotification) {
    let shared = runtime.shared();
    let now = shared.clock.unix();
    let sealed = replicas::seal_change(change.clone(), &shared.server, now, &seed());
    runtime.send_to_hub(ToHub::notify_changed(change));
    if let Some(sealed) = sealed {
        runtime.publish(sealed);
    }
}
