//! The server behind this one, if it is a process: what is run, with which environment, and as whom (threat R15).

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_core::{
    config::{BackendCommand, BackendShare, ChildUser},
    limits,
    secret::Secret,
};

use crate::command_line::{
    error::{ConfigError, GatewayError},
    given::{
        BACKEND_COMMAND, BACKEND_DIR, BACKEND_ENV, BACKEND_IDLE, BACKEND_PROCESSES, BACKEND_SHARE,
        BACKEND_USER, Given, IDENTITY, SETTINGS,
    },
    is_gap,
    lifetimes::duration,
};

/// The longest that one may live without anything to do.
const LONGEST_IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Program and arguments, if there is a command.
pub(super) fn words(given: &Given, errors: &mut Vec<ConfigError>) -> Option<Vec<String>> {
    let words = match (&given.command, given.value(&BACKEND_COMMAND)) {
        (Some(words), _) => Some(words.clone()),
        (None, Some(text)) if text.starts_with('[') => serde_json::from_str(text).ok(),
        // What a shell would make of these is not guessed.
        (None, Some(text))
            if text.contains(['"', '\'', '\\', '$', '`', '|', '&', ';', '<', '>']) =>
        {
            None
        }
        (None, Some(text)) => Some(text.split_whitespace().map(str::to_owned).collect()),
        (None, None) => return None,
    };
    let is_one = |words: &Vec<String>| {
        let is_text = words.iter().all(|word| !word.contains('\0'));
        is_text && words.first().is_some_and(|program| !program.is_empty())
    };
    let words = words.filter(is_one);
    if words.is_none() {
        errors.push(ConfigError::Gateway(GatewayError::Command));
    }
    words
}

/// All that is set of a process that runs these words.
pub(super) fn read(
    given: &Given,
    words: Vec<String>,
    errors: &mut Vec<ConfigError>,
) -> Option<BackendCommand> {
    let mut wrong = |error| errors.push(ConfigError::Gateway(error));
    let user = given.value(&BACKEND_USER).map(user);
    if matches!(user, Some(None)) {
        wrong(GatewayError::User);
    }
    let processes = given.value(&BACKEND_PROCESSES).map(str::parse);
    let processes = processes.unwrap_or(Ok(limits::PROCESSES)).ok();
    let processes = processes.filter(|number| (1..=limits::PROCESSES_CEILING).contains(number));
    if processes.is_none() {
        wrong(GatewayError::Processes);
    }
    let idle = given.value(&BACKEND_IDLE).map(duration);
    let idle = idle.unwrap_or(Some(limits::PROCESS_IDLE));
    let idle = idle.filter(|idle| (Duration::from_secs(1)..=LONGEST_IDLE).contains(idle));
    if idle.is_none() {
        wrong(GatewayError::Idle);
    }
    let share = given.value(&BACKEND_SHARE).unwrap_or("session");
    let share = BackendShare::ALL
        .into_iter()
        .find(|one| one.as_str() == share);
    match share {
        None => wrong(GatewayError::Share),
        Some(BackendShare::All) if given.value(&IDENTITY) == Some("none") => {
            wrong(GatewayError::ShareOfNobody);
        }
        Some(_) => {}
    }
    let environment = environment(given, user.is_some(), &mut wrong);
    let mut words = words.into_iter();
    Some(BackendCommand {
        program: words.next()?,
        arguments: words.collect(),
        environment,
        folder: given.value(&BACKEND_DIR).map(str::to_owned),
        user: user.flatten(),
        share: share?,
        processes: processes?,
        idle: idle?,
    })
}

/// `UID:GID`.
fn user(text: &str) -> Option<ChildUser> {
    let (uid, gid) = text.split_once(':')?;
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    Some(ChildUser { uid, gid })
}

/// `PATH`, `HOME` unless it is another user's, and what is named. What this server is told of itself is not handed on.
fn environment(
    given: &Given,
    is_another_user: bool,
    wrong: &mut impl FnMut(GatewayError),
) -> BTreeMap<String, Secret<String>> {
    let mut environment = BTreeMap::new();
    let inherited = ["PATH", "HOME"]
        .into_iter()
        .take(if is_another_user { 1 } else { 2 });
    for name in inherited {
        if let Some(value) = given.variable(name) {
            environment.insert(name.to_owned(), Secret::new(value.to_owned()));
        }
    }
    let named = given.values(&BACKEND_ENV);
    let named: Vec<&str> = match given.has(&BACKEND_ENV) {
        true => named,
        false => named.iter().flat_map(|text| text.split(is_gap)).collect(),
    };
    for text in named.into_iter().filter(|text| !text.is_empty()) {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, given.variable(text)),
        };
        let is_own = SETTINGS.iter().any(|setting| setting.variable == name);
        match value {
            _ if name.is_empty() || is_own || name.starts_with("ENTRA_MCP_") => {
                wrong(GatewayError::EnvironmentName);
            }
            Some(value) if !value.contains('\0') => {
                environment.insert(name.to_owned(), Secret::new(value.to_owned()));
            }
            _ => wrong(GatewayError::NoVariable),
        }
    }
    environment
}
