//! `requestState` of 2026-07-28: what a call that needs input has been given so far, carried by the client.
//!
//! It is sealed and bound to the user, the client, the method, what is called and with which arguments,
//! and ends after a while: it can be neither read, changed, used for another call nor by another user
//! (threat I8). Each round has one of its own.
//!
//! Source: MCP specification 2026-07-28, basic/patterns (multi round-trip requests), security.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    admit::caller::Caller,
    catalog::InputResult,
    env::Server,
    json_rpc::{Error, Request},
    keys::Purpose,
    limits,
    planted::Planted,
    session::record::Hash,
    step::Cx,
    time::UnixTime,
};

/// Seals what was answered so far; `None` if that is too much to carry.
pub(crate) fn seal(
    answers: &BTreeMap<String, InputResult>,
    request: &Request,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Option<String> {
    seal_for(answers, &Binding::of(request, caller, cx.env.server), cx)
}

/// What a state is bound to: the user and the client, the method and its parameters, but for what changes from round to round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding(Vec<u8>);

/// The same as [`seal`], once the request is not at hand any more.
pub(crate) fn seal_for(
    answers: &BTreeMap<String, InputResult>,
    binding: &Binding,
    cx: &mut Cx<'_>,
) -> Option<String> {
    let mut text = Vec::new();
    let expires = cx.env.now.unix.after(limits::REQUEST_STATE_LIFETIME);
    text.extend(expires.0.to_be_bytes());
    text.extend(serde_json::to_vec(answers).ok()?);
    let keys = &cx.env.server.keys;
    let sealed = keys.seal(Purpose::RequestState, &binding.0, b"", &text, cx.entropy);
    let state = URL_SAFE_NO_PAD.encode(sealed);
    (state.len() <= limits::REQUEST_STATE_BYTES).then_some(state)
}

/// What was answered before, if the request carries a state.
pub(crate) fn open(
    request: &Request,
    caller: &Caller,
    cx: &Cx<'_>,
) -> Result<BTreeMap<String, InputResult>, Error> {
    let state = match request.params.get("requestState") {
        None => return Ok(BTreeMap::new()),
        Some(state) => state.as_str(),
    };
    let opened = state.and_then(|state| {
        let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
        let binding = Binding::of(request, caller, cx.env.server);
        let keys = &cx.env.server.keys;
        let text = keys.open(Purpose::RequestState, &binding.0, b"", &sealed)?;
        let (expires, answers) = text.split_first_chunk::<8>()?;
        let expires = UnixTime(u64::from_be_bytes(*expires));
        if !expires.is_ahead(
            limits::REQUEST_STATE_LIFETIME,
            cx.env.now.unix,
            limits::CLOCK_LEEWAY,
        ) {
            return None;
        }
        serde_json::from_slice(answers).ok()
    });
    opened.ok_or_else(|| {
        Error::invalid_params(
            "The `requestState` is not one of this request, or has ended: call anew.",
        )
    })
}

/// What changes from round to round, or passes to no tool.
const UNBOUND: [&str; 4] = ["_meta", "inputResponses", "requestState", "task"];

impl Binding {
    pub(crate) fn of(request: &Request, caller: &Caller, server: &Server) -> Self {
        Self::of_map(&request.method, request.params.to_map(), caller, server)
    }

    /// The same of parameters as they are written.
    pub(crate) fn of_params(
        method: &str,
        params: Option<&str>,
        caller: &Caller,
        server: &Server,
    ) -> Self {
        let params = params.and_then(|params| serde_json::from_str(params).ok());
        Self::of_map(method, params.unwrap_or_default(), caller, server)
    }

    fn of_map(
        method: &str,
        mut params: Map<String, Value>,
        caller: &Caller,
        server: &Server,
    ) -> Self {
        for name in UNBOUND {
            params.remove(name);
        }
        // Members are sorted, so the same parameters read the same.
        let about = format!("{method}\n{}", Value::Object(params));
        let mut context = b"requestState".to_vec();
        if !server.has(Planted::StatesShared) {
            context.extend(caller.principal_id.0);
        }
        context.extend(Hash::of(about.as_bytes()).0);
        Self(context)
    }
}
