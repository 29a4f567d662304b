//! The servers behind this one, if there are any.

mod bounds;
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
        BACKEND_HEADER, BACKEND_HELD_BYTES, BACKEND_TIMEOUT, Given, Named, OF_ADDRESS, OF_COMMAND,
        OF_ONE, POLICY, Setting, WITH_OWN_TOOLS, per_backend,
    },
    is_on,
    lifetimes::duration,
};

/// The servers behind this one.
#[derive(Default)]
pub(super) struct Gateways {
    /// The one at `/mcp`.
    pub(super) main: Option<Gateway>,
    /// Those at `/mcp/NAME`.
    pub(super) named: Vec<Gateway>,
    pub(super) with_own_tools: bool,
}

impl Gateways {
    /// Whether there are endpoints with names.
    pub(super) fn has_names(&self) -> bool {
        self.with_own_tools || !self.named.is_empty()
    }
}

/// Reads all of them.
pub(super) fn read(given: &Given, errors: &mut Vec<ConfigError>) -> Gateways {
    let is_bare = given.has(&WITH_OWN_TOOLS);
    let with_own_tools = is_bare || is_on(given, &WITH_OWN_TOOLS, false, errors);
    let gateways = match given.named_backends() {
        None => Gateways {
            main: read_one(given, errors),
            ..Gateways::default()
        },
        Some(Err(())) => {
            errors.push(ConfigError::Gateway(GatewayError::Unnamed));
            return Gateways::default();
        }
        Some(Ok(named)) => Gateways {
            named: read_named(given, &named, errors),
            ..Gateways::default()
        },
    };
    let has_none = gateways.main.is_none() && gateways.named.is_empty();
    if with_own_tools && has_none && errors.is_empty() {
        let setting = WITH_OWN_TOOLS.name();
        errors.push(ConfigError::Gateway(GatewayError::NoBackend(setting)));
    }
    Gateways {
        with_own_tools,
        ..gateways
    }
}

/// Reads several, each by itself.
fn read_named(given: &Given, named: &Named, errors: &mut Vec<ConfigError>) -> Vec<Gateway> {
    let mut wrong = |error| errors.push(ConfigError::Gateway(error));
    let names: Vec<_> = named.iter().map(|(name, _)| name).collect();
    if names.iter().any(|name| name.is_none()) {
        wrong(GatewayError::Name);
        return Vec::new();
    }
    let is_twice = |(number, name)| names.iter().take(number).any(|one| *one == name);
    if names.iter().copied().enumerate().any(is_twice) {
        wrong(GatewayError::SameName);
    }
    if named.len() > limits::BACKENDS {
        wrong(GatewayError::TooMany);
    }
    for setting in OF_ONE {
        if named.len() > 1 && given.is_for_all(setting, named) {
            wrong(GatewayError::ForWhich(setting.name()));
        }
    }
    let mut gateways: Vec<Gateway> = Vec::new();
    for (number, (name, _)) in named.iter().enumerate() {
        let own = given.of_backend(named, number);
        let mut of_it = Vec::new();
        let gateway = read_one(&own, &mut of_it);
        let of_it = of_it.into_iter().map(|error| match (error, name) {
            (ConfigError::Gateway(error), Some(name)) => {
                let name = name.as_str().to_owned();
                ConfigError::Gateway(GatewayError::Of(name, Box::new(error)))
            }
            (error, _) => error,
        });
        errors.extend(of_it);
        if let Some(gateway) = gateway {
            let is_known = |one: &Gateway| {
                one.audience == gateway.audience && one.shown_place() != gateway.shown_place()
            };
            if gateways.iter().any(is_known) {
                errors.push(ConfigError::Gateway(GatewayError::SameAudience));
            }
            gateways.push(Gateway {
                name: name.clone(),
                ..gateway
            });
        }
    }
    gateways
}

/// Whether there is a backend. What does not fit the kind that it is, is wrong.
fn fit(given: &Given, is_command: bool, wrong: &mut impl FnMut(GatewayError)) -> bool {
    let is_given = |setting: &&&Setting| given.value(setting).is_some();
    match (given.value(&BACKEND), is_command) {
        (None, false) => {
            for setting in per_backend().filter(|setting| is_given(&setting)) {
                wrong(GatewayError::NoBackend(setting.name()));
            }
            return false;
        }
        (Some(_), true) => wrong(GatewayError::TwoBackends),
        (Some(_), false) => {
            for setting in OF_COMMAND.iter().filter(is_given) {
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

/// Reads one.
fn read_one(given: &Given, errors: &mut Vec<ConfigError>) -> Option<Gateway> {
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
        limits: bounds::read(given, is_command, errors),
        authorities: given.value(&BACKEND_CA).map(PathBuf::from),
        certificate: given.value(&BACKEND_CERT).map(PathBuf::from),
        policy: given.value(&POLICY).map(PathBuf::from),
    })
}
