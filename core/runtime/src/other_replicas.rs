//! What the replicas that share a store tell each other, between the store and the hub.

use std::sync::{Arc, Weak};

use entra_mcp_core::{
    catalog::ChangeNotification,
    limits,
    replicas::{self, FromReplica},
};

use crate::{ConnectionLimit, seed::seed, shared::DriveJobs, start_error::StartError};

/// Hands what other replicas say to the hub and the limits of rate, and tells them what is counted under these, on threads
/// of its own, for as long as the runtime is there. Without other replicas it does nothing.
///
/// # Errors
///
/// There is no thread.
pub fn share_with_replicas<R: DriveJobs>(
    runtime: &Arc<R>,
    limit: &Arc<ConnectionLimit>,
) -> Result<(), StartError> {
    let store = Arc::clone(&runtime.shared().store);
    if !store.is_shared() {
        return Ok(());
    }
    if limit.tells_replicas() {
        let (runtime, limit) = (Arc::downgrade(runtime), Arc::clone(limit));
        spawn("rates", move || {
            while tell_rates(&runtime, &limit) {
                std::thread::sleep(limits::RATES_TOLD_INTERVAL);
            }
        })?;
    }
    let (runtime, limit) = (Arc::downgrade(runtime), Arc::clone(limit));
    spawn("replicas", move || {
        store.receive(|message| deliver(&runtime, &limit, message));
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(work).map(drop);
    spawned.map_err(|error| StartError::Thread { error })
}

/// Tells the others what was counted since, which may wait for the network; `false` if the runtime is gone.
fn tell_rates<R: DriveJobs>(runtime: &Weak<R>, limit: &ConnectionLimit) -> bool {
    let Some(runtime) = runtime.upgrade() else {
        return false;
    };
    let (shared, untold) = (runtime.shared(), limit.take_untold());
    let now = shared.clock.unix();
    let sealed =
        untold.and_then(|untold| replicas::seal_rates(untold, &shared.server, now, &seed()));
    if let Some(sealed) = sealed {
        shared.store.publish(&sealed);
    }
    true
}

fn deliver<R: DriveJobs>(runtime: &Weak<R>, limit: &ConnectionLimit, message: &[u8]) -> bool {
    let Some(runtime) = runtime.upgrade() else {
        return false;
    };
    let shared = runtime.shared();
    if message.is_empty() {
        let server = &shared.server;
        shared.store.keep_marks(&server.keys, &server.config);
        return true;
    }
    let now = shared.clock.unix();
    match replicas::open_message(message, &shared.server, now) {
        Some(FromReplica::Hub(message)) => runtime.send_to_hub(message),
        Some(FromReplica::Rates(counted)) => limit.count_elsewhere(&counted),
        None => {}
    }
    true
}

/// Notifies the clients of one user (tenant and object id) or of all, of this replica and of all others, that something
/// changed.
pub(crate) fn announce<R: DriveJobs>(
    runtime: &Arc<R>,
    change: ChangeNotification,
    user: Option<(&str, &str)>,
) {
    let shared = runtime.shared();
    let now = shared.clock.unix();
    let (here, sealed) = replicas::announce(change, user, &shared.server, now, &seed());
    runtime.send_to_hub(here);
    if let Some(sealed) = sealed {
        runtime.publish(sealed);
    }
}
