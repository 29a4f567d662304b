//! Revision 2026-07-28: no `initialize` and no session; every request says in `_meta` which
//! revision and capabilities it has, and repeats in headers what proxies route by.
//!
//! Source: MCP specification 2026-07-28, basic/transports/streamable-http and basic (`_meta`).

pub(crate) mod subscriptions;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap};

use ::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value, json};

use super::{
    find::find_tool, headers, invocation::ClientProfile, lifecycle, resolve::has_tasks,
    security_schemes,
};
use crate::{
    admit::caller::Caller,
    catalog::{CacheScope, Caching, Catalog, InputRequest, with_integers},
    json_rpc::{Error, Json, Params, Request},
    revision::Revision,
};

/// The member of `_meta` that says which lines of the log are wanted.
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The tasks extension.
pub(crate) const TASKS: &str = "io.modelcontextprotocol/tasks";

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";

const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";

pub(crate) const HEADER_MISMATCH: i32 = -32020;
const MISSING_CLIENT_CAPABILITY: i32 = -32021;
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// The longest revision that is echoed, in characters.
const REQUESTED_CHARS: usize = 64;

/// Whether a message is to be read by this revision's rules, whatever its method: its header names
/// this revision or an unknown one, or its `_meta` names one that the header does not.
pub(crate) fn is_modern(headers: &headers::McpHeaders, params: Option<&Params>) -> bool {
    let header = match headers::one(headers, headers::PROTOCOL_VERSION) {
        Ok(header) => header,
        Err(headers::Malformed) => return true,
    };
    let older = |name| Revision::parse(name).is_some_and(|known| !known.features().stateless);
    let meta = params.and_then(|params| params.get("_meta")?.get(VERSION));
    match (header, meta) {
        (Some(header), None) => !older(header),
        (Some(header), Some(meta)) => !older(header) || meta.as_str() != Some(header),
        (None, meta) => meta.is_some(),
    }
}

/// Checks all that a request says of itself twice.
pub(crate) fn check(
    headers: &headers::McpHeaders,
    request: &Request,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<ClientProfile, Error> {
    let header = version(headers)?;
    let meta = request.params.get("_meta");
    match meta.and_then(|meta| meta.get(VERSION)).map(Json::as_str) {
        Some(Some(meta)) if meta != header => {
            return Err(mismatch(
                "The header MCP-Protocol-Version differs from `_meta`.",
            ));
        }
        Some(Some(_)) => supported(header)?,
        // Whoever names an unknown revision may not know of `_meta`.
        None => {
            supported(header)?;
            return Err(missing_meta());
        }
        Some(None) => return Err(missing_meta()),
    }
    let meta = meta
        .filter(|meta| meta.is_object())
        .ok_or_else(missing_meta)?;
    let (client, capabilities) = (meta.get(CLIENT_INFO), meta.get(CAPABILITIES));
    let has = |client: Json<'_>, name| client.get(name).is_some_and(Json::is_string);
    let client_is_good = client.is_none_or(|info| has(info, "name") && has(info, "version"));
    if !client_is_good || !capabilities.is_some_and(Json::is_object) {
        return Err(missing_meta());
    }
    check_header_matches(headers, METHOD_HEADER, Some(&request.method))?;
    let named_by = match request.method.as_str() {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    };
    if let Some(named_by) = named_by {
        let name = request.params.get(named_by).and_then(Json::as_str);
        check_header_matches(headers, NAME_HEADER, name)?;
    }
    if request.method == "tools/call" {
        check_header_params(headers, &request.params, caller, catalog)?;
    }
    let extensions = capabilities.and_then(|capabilities| capabilities.get("extensions"));
    Ok(ClientProfile {
        revision: Revision::V2026_07_28,
        client_capabilities: lifecycle::client_capabilities(Revision::V2026_07_28, capabilities),
        mcp_session: None,
        streams: headers::accepts_streams(headers),
        shares_stream: false,
        tasks: extensions.is_some_and(|extensions| extensions.get(TASKS).is_some()),
        security_schemes: security_schemes::are_known_to(headers),
        level: None,
        has_set: false,
    })
}

/// Checks the headers that repeat arguments, as the tool's schema says with `x-mcp-header`. Of a tool that
/// is not there for the caller nothing is disclosed, not even that.
fn check_header_params(
    headers: &headers::McpHeaders,
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<(), Error> {
    let name = params.get("name").and_then(Json::as_str);
    let entry = name.and_then(|name| find_tool(name, caller, catalog));
    for mirrored in entry
        .map(|entry| entry.header_params.as_slice())
        .unwrap_or_default()
    {
        let mut value = params.get("arguments");
        for member in &mirrored.path {
            value = value.and_then(|value| value.get(member));
        }
        let value = value.map(|value| value.to_value());
        let header = headers::one(headers, &mirrored.header);
        if !header.is_ok_and(|header| repeats(header, value.as_ref())) {
            return Err(differing_param());
        }
    }
    Ok(())
}

/// Whether a header repeats this argument, or is missing as that is.
pub(crate) fn repeats(header: Option<&str>, value: Option<&Value>) -> bool {
    let is_plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    match (header, value) {
        (None, value) => !value.is_some_and(is_plain),
        (Some(header), Some(value)) => decoded(header).is_some_and(|it| is_value(&it, value)),
        (Some(_), None) => false,
    }
}

/// A header is not what it repeats.
pub(crate) fn differing_param() -> Error {
    mismatch("A header Mcp-Param-... differs from the argument that it repeats.")
}

/// Whether the text of a header is this value; numbers are compared as such, however they are written.
fn is_value(header: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => header == text,
        Value::Bool(boolean) => header == boolean.to_string(),
        Value::Number(_) => {
            let number = |value| with_integers(Map::from_iter([(String::new(), value)]));
            let repeated = serde_json::from_str::<Number>(header).map(Value::Number);
            repeated.is_ok_and(|repeated| number(repeated) == number(value.clone()))
        }
        _ => false,
    }
}

/// Checks what a notification says of itself. It wants no answer, so it is read kindly: what it
/// leaves out is not missed.
pub(crate) fn check_notification(headers: &headers::McpHeaders, method: &str) -> Result<(), Error> {
    supported(version(headers)?)?;
    match headers::one(headers, METHOD_HEADER) {
        Ok(None) => Ok(()),
        _ => check_header_matches(headers, METHOD_HEADER, Some(method)),
    }
}

fn version(headers: &headers::McpHeaders) -> Result<&str, Error> {
    match headers::one(headers, headers::PROTOCOL_VERSION) {
        Ok(Some(version)) => Ok(version),
        Ok(None) => Err(mismatch("The header MCP-Protocol-Version is missing.")),
        Err(headers::Malformed) => Err(mismatch(
            "The header MCP-Protocol-Version is to be given once, as text.",
        )),
    }
}

fn supported(version: &str) -> Result<(), Error> {
    if version == Revision::V2026_07_28.name() {
        return Ok(());
    }
    let requested: String = version.chars().take(REQUESTED_CHARS).collect();
    let data = json!({"requested": requested, "supported": supported_versions()});
    let message = "This protocol version is not supported.";
    Err(Error::new(UNSUPPORTED_PROTOCOL_VERSION, message).with_data(data))
}

/// The same as JSON.
pub(crate) fn versions_as_json() -> String {
    json!(supported_versions()).to_string()
}

fn supported_versions() -> Vec<&'static str> {
    Revision::ALL.into_iter().map(Revision::name).collect()
}

fn mismatch(message: &'static str) -> Error {
    Error::new(HEADER_MISMATCH, message)
}

fn missing_meta() -> Error {
    Error::invalid_params(
        "The request's `_meta` must name protocolVersion and clientCapabilities, and its \
         clientInfo, if any, a name and a version.",
    )
}

/// Whether a header says the same as the body.
fn check_header_matches(
    headers: &headers::McpHeaders,
    header: &str,
    body: Option<&str>,
) -> Result<(), Error> {
    let value = match headers::one(headers, header) {
        Ok(Some(value)) => value,
        Ok(None) => return Err(mismatch("The header Mcp-Method or Mcp-Name is missing.")),
        Err(headers::Malformed) => {
            return Err(mismatch(
                "The headers Mcp-Method and Mcp-Name are to be given once, as text.",
            ));
        }
    };
    // Taken literally, as a proxy takes it. Only what no header can hold comes encoded.
    let fits = |body: &str| {
        body.bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    };
    match body {
        Some(body) if body == value => Ok(()),
        Some(body) if !fits(body) && decoded(value).is_some_and(|text| text == body) => Ok(()),
        Some(_) => Err(mismatch("A header differs from the body of the request.")),
        None => Err(Error::invalid_params(
            "The request does not name its object.",
        )),
    }
}

/// The value of a header: what is between `=?base64?` and `?=` is base64 of UTF-8, anything else
/// stands for itself (transports, value encoding).
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let encoded = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    match encoded {
        Some(encoded) => {
            let bytes = STANDARD.decode(encoded).ok()?;
            String::from_utf8(bytes).ok().map(Cow::Owned)
        }
        None => Some(Cow::Borrowed(value)),
    }
}

/// Answers `server/discover`.
pub(crate) fn discover(caller: &Caller, catalog: &Catalog) -> Map<String, Value> {
    let mut result = Map::new();
    let mut capabilities = lifecycle::capabilities(Revision::V2026_07_28, caller, catalog);
    if let (true, Value::Object(members)) = (has_tasks(caller, catalog), &mut capabilities) {
        members.insert("extensions".to_owned(), json!({TASKS: {}}));
    }
    result.insert("supportedVersions".to_owned(), json!(supported_versions()));
    result.insert("capabilities".to_owned(), capabilities);
    if let Some(instructions) = catalog.instructions() {
        result.insert("instructions".to_owned(), json!(instructions));
    }
    catalog.put_meta(&mut result);
    cacheable(&mut result, catalog.discovery_caching());
    result
}

/// The result of a call that goes on once these questions are answered.
pub(crate) fn input_required(
    questions: &BTreeMap<String, InputRequest>,
    state: String,
) -> Map<String, Value> {
    let requests = input_requests(questions);
    let mut result = Map::from_iter([
        ("resultType".to_owned(), json!("input_required")),
        ("inputRequests".to_owned(), Value::Object(requests)),
        ("requestState".to_owned(), Value::String(state)),
    ]);
    for question in questions.values() {
        question.put_result_meta(&mut result);
    }
    result
}

/// The questions, as requests without ids.
pub(crate) fn input_requests(questions: &BTreeMap<String, InputRequest>) -> Map<String, Value> {
    let requests = questions.iter().map(|(key, input_request)| {
        let mut request = Map::from_iter([("method".to_owned(), json!(input_request.method()))]);
        if let Some(params) = input_request.params(Revision::V2026_07_28, None) {
            request.insert("params".to_owned(), params);
        }
        (key.clone(), Value::Object(request))
    });
    requests.collect()
}

/// A call must ask what this client did not say that it can be asked.
pub(crate) fn missing_capability(required: Value) -> Error {
    let message = "This needs a capability that the client did not declare.";
    let data = json!({"requiredCapabilities": required});
    Error::new(MISSING_CLIENT_CAPABILITY, message).with_data(data)
}

/// How long a result may be kept, and for whom. Zero is not at all: the schema wants it said.
pub(crate) fn cacheable(result: &mut Map<String, Value>, caching: Caching) {
    let milliseconds = u64::try_from(caching.time.as_millis()).unwrap_or(u64::MAX);
    result.insert("ttlMs".to_owned(), json!(milliseconds));
    let scope = match caching.scope {
        CacheScope::Private => "private",
        CacheScope::Public => "public",
    };
    result.insert("cacheScope".to_owned(), json!(scope));
}

/// The status that goes with the error of a request.
pub(crate) fn status_of(error_code: Option<i32>) -> StatusCode {
    match error_code {
        None => StatusCode::OK,
        Some(Error::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(
            Error::INVALID_PARAMS
            | Error::INVALID_REQUEST
            | HEADER_MISMATCH
            | MISSING_CLIENT_CAPABILITY
            | UNSUPPORTED_PROTOCOL_VERSION,
        ) => StatusCode::BAD_REQUEST,
        // A fault of what was called is no fault of the request's.
        Some(_) => StatusCode::OK,
    }
}
