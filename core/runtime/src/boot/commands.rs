//! The operator's commands about sessions and keys, which end the process instead of serving.

use entra_mcp_core::{
    config::{Config, StoreLocation},
    time::UnixTime,
};

use super::ProcessOwner;
use super::store::{Outlet, open_store};
use crate::{
    audit_log,
    key_command::{self, KeyCommand, KeyStatus},
    log,
    sessions::{self, KeyQuestion, Reply, Sessions, SessionsCommand},
    start_error::StartError,
};

/// Does what is asked about sessions: in the process that serves, or else by itself.
pub(super) fn perform(
    request: &SessionsCommand,
    config: &Config,
    outlet: &Outlet,
    now: UnixTime,
) -> Result<String, StartError> {
    if let StoreLocation::Folder(folder) = &config.store {
        let reply = sessions::ask(&folder.join(sessions::FILE), request)
            .map_err(|error| StartError::SessionsUnanswered { error })?;
        if let Some(reply) = reply {
            return told(request, &reply);
        }
    }
    if request.ends {
        // Nobody else writes that they have ended.
        log::start(config.log, &config.log_filter);
        if let Some(location) = &config.audit_log {
            audit_log::start(location, ProcessOwner::Program)?;
        }
    }
    let (store, keys) = open_store(config, outlet, None, now)?;
    let sessions = Sessions {
        store: &store,
        keys: &keys,
        tenant: &config.entra.tenant,
        now,
    };
    let reply = sessions.perform(request, |_| {});
    log::finish_log();
    told(request, &reply)
}

/// Does what is asked about the master keys. How many records need them, the process that serves says.
pub(super) fn perform_on_keys(
    command: KeyCommand,
    config: &Config,
    outlet: &Outlet,
    now: UnixTime,
) -> Result<String, StartError> {
    match command {
        KeyCommand::Status => {}
        KeyCommand::Rotate => return key_command::rotate(config),
        KeyCommand::DropOld { signs_out } => return key_command::drop_old(signs_out, config, now),
    }
    if let StoreLocation::Folder(folder) = &config.store {
        let status = sessions::ask(&folder.join(sessions::FILE), &KeyQuestion::KeyStatus)
            .map_err(|error| StartError::SessionsUnanswered { error })?;
        if let Some(status) = status {
            return key_command::told(&status);
        }
    }
    let (store, keys) = open_store(config, outlet, None, now)?;
    key_command::told(&KeyStatus::of(&store, &keys, now))
}

/// A script sees by the status that something is left.
fn told(request: &SessionsCommand, reply: &Reply) -> Result<String, StartError> {
    let text = sessions::text(request, reply);
    match reply.is_partial() {
        true => Err(StartError::SessionsIncomplete { text }),
        false => Ok(text),
    }
}
