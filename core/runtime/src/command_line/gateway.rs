//! The server behind this one, if there is one.

mod identity;
mod process;

use std::{path::PathBuf, sync::Arc, time::Duration};

use entra_mcp_core::{
    config::{Backend, BackendAddress, BackendHeader, BackendIdentity, Gateway},
    limits,
};

use super::{
    error::{ConfigError, GatewayError},
    given::{
        BACKEND, BACKEND_ANSWER_BYTES, BACKEND_AUDIENCE, BACKEND_CA, BACKEND_CERT, BACKEND_COMMAND,
        BACKEND_HEADER, BACKEND_HELD_BYTES, BACKEND_TIMEOUT, Given, IDENTITY, POLICY, Setting,
    },
    lifetimes::duration,
};

/// What means nothing to a process.
const OF_ADDRESS: [&Setting; 3] = [&BACKEND_HEADER, &BACKEND_CA, &BACKEND_CERT];

/// What means nothing without a backend.
const OF_BACKEND: [&Setting; 9] = [
    &IDENTITY,
    &BACKEND_AUDIENCE,
    &BACKEND_HEADER,
    &BACKEND_TIMEOUT,
    &BACKEND_ANSWER_BYTES,
    &BACKEND_HELD_BYTES,
    &BACKEND_CA,
    &BACKEND_CERT,
    &POLICY,
];

/// Whether there is a backend. What does not fit the kind that it is, is wrong.
fn fit(given: &Given, is_command: bool, wrong: &mut impl FnMut(GatewayError)) -> bool {
    let is_given = |setting: &&&Setting| given.value(setting).is_some();
    match (given.value(&BACKEND), is_command) {
        (None, false) => {
            let needless = OF_BACKEND.iter().chain(&process::OF_COMMAND);
            for setting in needless.filter(is_given) {
                wrong(GatewayError::NoBackend(setting.name()));
            }
            return false;
        }
        (Some(_), true) => wrong(GatewayError::TwoBackends),
        (Some(_), false) => {
            for setting in process::OF_COMMAND.iter().filter(is_given) {
                wrong(GatewayError::NoCommand(setting.name()));
            }
        }
        (None, true) => {
            for setting in OF_ADDRESS.iter().filter(is_given) {
                wrong(GatewayError::NoAddress(setting.name()));
            }
        }
    }
    true
}

/// Reads all of them.
pub(super) fn read(given: &Given, errors: &mut Vec<ConfigError>) -> Option<Gateway> {
    let words = process::words(given, errors);
    let is_command = given.command.is_some() || given.value(&BACKEND_COMMAND).is_some();
    let mut wrong = |error| errors.push(ConfigError::Gateway(error));
    if !fit(given, is_command, &mut wrong) {
        return None;
    }
    let address = given.value(&BACKEND);
    let address = address.map(|address| {
        let backend = BackendAddress::parse(address);
        backend.map_err(|error| wrong(GatewayError::Address(error)))
    });
    let identity = identity::read(given, is_command, address.as_ref(), &mut wrong);
    let header = given.value(&BACKEND_HEADER).map(BackendHeader::parse);
    if matches!(header, Some(None)) {
        wrong(GatewayError::Header);
    }
    let header = header.flatten();
    let is_bearer = identity.as_ref().is_some_and(BackendIdentity::is_bearer);
    if let (Some(header), true) = (&header, is_bearer)
        && header.name() == "authorization"
    {
        wrong(GatewayError::TwoAuthorizations);
    }
    let call_timeout = given.value(&BACKEND_TIMEOUT).map(duration);
    let bounds = Duration::from_secs(1)..=limits::TASK_TIMEOUT;
    let call_timeout = call_timeout.unwrap_or(Some(limits::BACKEND_CALL));
    let call_timeout = call_timeout.filter(|timeout| bounds.contains(timeout));
    if call_timeout.is_none() {
        wrong(GatewayError::Timeout);
    }
    let answer_bytes = given.value(&BACKEND_ANSWER_BYTES).map(str::parse);
    let answer_bytes = answer_bytes
        .unwrap_or(Ok(limits::BACKEND_MESSAGE_BYTES))
        .ok();
    let bounds = 1024..=limits::BACKEND_MESSAGE_BYTES_CEILING;
    let answer_bytes = answer_bytes.filter(|bytes| bounds.contains(bytes));
    if answer_bytes.is_none() {
        wrong(GatewayError::AnswerBytes);
    }
    let held_bytes = given.value(&BACKEND_HELD_BYTES).map(str::parse);
    let held_bytes = held_bytes.unwrap_or(Ok(limits::BACKEND_HELD_BYTES)).ok();
    let bounds = limits::BACKEND_MESSAGE_BYTES..=limits::BACKEND_HELD_BYTES_CEILING;
    let held_bytes = held_bytes.filter(|bytes| bounds.contains(bytes));
    if held_bytes.is_none() {
        wrong(GatewayError::HeldBytes);
    }
    let command = words.map(|words| process::read(given, words, errors));
    let backend = match (address, command) {
        (Some(address), _) => Backend::Http(Arc::new(address.ok()?)),
        (None, command) => Backend::Stdio(Arc::new(command??)),
    };
    let audience = match (given.value(&BACKEND_AUDIENCE), &backend) {
        (Some(audience), _) => audience.to_owned(),
        (None, Backend::Http(_)) => given.value(&BACKEND).unwrap_or_default().to_owned(),
        (None, Backend::Stdio(command)) => command.shown(),
    };
    Some(Gateway {
        name: None,
        audience,
        backend,
        identity: identity?,
        header,
        call_timeout: call_timeout?,
        answer_bytes: answer_bytes?,
        held_bytes: held_bytes?,
        authorities: given.value(&BACKEND_CA).map(PathBuf::from),
        certificate: given.value(&BACKEND_CERT).map(PathBuf::from),
        policy: given.value(&POLICY).map(PathBuf::from),
    })
}
