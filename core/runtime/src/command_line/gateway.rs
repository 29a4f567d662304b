//! The server behind this one, if there is one.

use std::{path::PathBuf, sync::Arc, time::Duration};

use entra_mcp_core::{
    config::{BackendAddress, BackendHeader, BackendIdentity, Gateway},
    limits,
};

use super::{
    error::{ConfigError, GatewayError},
    given::{
        BACKEND, BACKEND_ANSWER_BYTES, BACKEND_AUDIENCE, BACKEND_CA, BACKEND_CERT, BACKEND_HEADER,
        BACKEND_TIMEOUT, Given, IDENTITY, Setting,
    },
    lifetimes::duration,
};

/// What means nothing without a backend.
const OF_BACKEND: [&Setting; 7] = [
    &IDENTITY,
    &BACKEND_AUDIENCE,
    &BACKEND_HEADER,
    &BACKEND_TIMEOUT,
    &BACKEND_ANSWER_BYTES,
    &BACKEND_CA,
    &BACKEND_CERT,
];

/// Reads all of them.
pub(super) fn read(given: &Given, errors: &mut Vec<ConfigError>) -> Option<Gateway> {
    let mut wrong = |error| errors.push(ConfigError::Gateway(error));
    let Some(address) = given.value(&BACKEND) else {
        for setting in OF_BACKEND
            .iter()
            .filter(|setting| given.value(setting).is_some())
        {
            wrong(GatewayError::NoBackend(setting.name()));
        }
        return None;
    };
    let backend = BackendAddress::parse(address);
    let backend = backend.map_err(|error| wrong(GatewayError::Address(error)));
    let identity = match given.value(&IDENTITY) {
        None => Some(BackendIdentity::Assertion),
        Some(name) => BackendIdentity::ALL
            .into_iter()
            .find(|known| known.as_str() == name),
    };
    if identity.is_none() {
        wrong(GatewayError::UnknownIdentity);
    }
    let header = given.value(&BACKEND_HEADER).map(BackendHeader::parse);
    if matches!(header, Some(None)) {
        wrong(GatewayError::Header);
    }
    let header = header.flatten();
    if let (Some(header), Some(BackendIdentity::Bearer)) = (&header, identity)
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
    let backend = backend.ok()?;
    let audience = given.value(&BACKEND_AUDIENCE).unwrap_or(address);
    Some(Gateway {
        audience: audience.to_owned(),
        backend: Arc::new(backend),
        identity: identity?,
        header,
        call_timeout: call_timeout?,
        answer_bytes: answer_bytes?,
        authorities: given.value(&BACKEND_CA).map(PathBuf::from),
        certificate: given.value(&BACKEND_CERT).map(PathBuf::from),
    })
}
