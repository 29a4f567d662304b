//! What a message has in one era and not in the other: the members that every request of 2026-07-28 says of its client, and that every
//! result of it has. All else stays the same bytes.
//!
//! Source: MCP specification 2026-07-28, basic (`_meta`, results) and basic/patterns (multi round-trip requests).

use super::{
    RawMessage, raw_edit,
    raw_json::{self, JsonFault, Members},
};
use crate::{json_rpc::Id, revision::Revision};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// What only 2026-07-28 says in the `_meta` of requests.
const OF_REQUESTS: [&str; 4] = [VERSION, CAPABILITIES, CLIENT_INFO, LOG_LEVEL];

/// What only its results have.
const OF_RESULTS: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

/// What a client says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared<'a> {
    pub(crate) capabilities: &'a str,
    pub(crate) info: Option<&'a str>,
}

impl<'a> Declared<'a> {
    /// In the parameters of `initialize`.
    pub(crate) fn of_initialize(params: &'a str) -> Option<Self> {
        let members = Members::of(params, 0..params.len()).ok()?;
        Some(Self {
            capabilities: params.get(members.get("capabilities")?)?,
            info: members.get("clientInfo").and_then(|info| params.get(info)),
        })
    }

    /// The parameters of `initialize` that say the same.
    pub(crate) fn to_initialize(self, revision: Revision) -> String {
        let own = concat!(
            r#"{"name":"entra-mcp","version":""#,
            env!("CARGO_PKG_VERSION"),
            r#""}"#
        );
        let capabilities = without_each(self.capabilities, &[&["extensions"]]);
        format!(
            r#"{{"protocolVersion":"{}","capabilities":{capabilities},"clientInfo":{}}}"#,
            revision.name(),
            self.info.unwrap_or(own)
        )
    }
}

/// A text without the members at these paths.
fn without_each(text: &str, paths: &[&[&str]]) -> String {
    let cut = |text: String, path: &&[&str]| raw_edit::without_member(&text, path).unwrap_or(text);
    paths.iter().fold(text.to_owned(), cut)
}

/// What a client is to answer before a request is complete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InputRequired {
    pub(crate) requests: Vec<RawInputRequest>,
    /// As it is written.
    pub(crate) state: Option<String>,
}

/// One of the requests within.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawInputRequest {
    pub(crate) key: String,
    pub(crate) method: String,
    /// As they are written.
    pub(crate) params: Option<String>,
}

impl RawMessage {
    /// What this client, of 2026-07-28, says of itself in a request.
    pub(crate) fn declared(&self) -> Option<Declared<'_>> {
        Some(Declared {
            capabilities: self.declared_capabilities()?,
            info: self.param_at(&["_meta", CLIENT_INFO]),
        })
    }

    /// The capabilities among that.
    pub(crate) fn declared_capabilities(&self) -> Option<&str> {
        self.param_at(&["_meta", CAPABILITIES])
    }

    /// The members of the object that is at this path of the parameters, as they are written.
    pub(crate) fn members_at(&self, path: &[&str]) -> Option<Vec<(String, String)>> {
        let object = self.param_at(path)?;
        let members = Members::of(object, 0..object.len()).ok()?;
        let written = |name: &str| object.get(members.get(name)?);
        let members = members
            .names()
            .map(|name| Some((name.to_owned(), written(name)?.to_owned())));
        members.collect()
    }

    /// The request of 2026-07-28 by which a client of this is told of lists that change.
    pub(crate) fn listening_to_lists(declared: Declared<'_>, id: &Id) -> Option<Self> {
        let lists =
            r#"{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}"#;
        let id = serde_json::to_string(id).ok()?;
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{{"notifications":{lists}}}}}"#
        );
        Self::read(&text).ok()?.for_stateless(declared, None)
    }

    /// From which level on a request of 2026-07-28 wants lines of the log.
    pub(crate) fn wanted_level(&self) -> Option<std::borrow::Cow<'_, str>> {
        raw_json::string(self.param_at(&["_meta", LOG_LEVEL])?)
    }

    /// A request of a client with a session as 2026-07-28 writes it; `None` if it cannot be read.
    pub(crate) fn for_stateless(
        &self,
        declared: Declared<'_>,
        level: Option<&str>,
    ) -> Option<Self> {
        let capabilities = without_each(declared.capabilities, &[&["tasks"], &["extensions"]]);
        let version = format!("\"{}\"", Revision::V2026_07_28.name());
        let level = level.map(raw_edit::quoted);
        let said = [
            (VERSION, Some(&*version)),
            (CAPABILITIES, Some(&*capabilities)),
            (CLIENT_INFO, declared.info),
            (LOG_LEVEL, level.as_deref()),
        ];
        let mut text = self.text().to_owned();
        for (name, value) in said {
            if let Some(value) = value {
                text = raw_edit::with_member(&text, &["params", "_meta", name], value).ok()?;
            }
        }
        Self::read(&text).ok()
    }

    /// The same request with the answers that it was asked for, and the state that came with the questions.
    pub(crate) fn with_input(
        &self,
        responses: &[(String, String)],
        state: Option<&str>,
    ) -> Option<Self> {
        let mut text = self.text().to_owned();
        let responses: Vec<String> = responses
            .iter()
            .map(|(key, value)| format!("{}:{value}", raw_edit::quoted(key)))
            .collect();
        if !responses.is_empty() {
            let responses = format!("{{{}}}", responses.join(","));
            text = raw_edit::with_member(&text, &["params", "inputResponses"], &responses).ok()?;
        }
        if let Some(state) = state {
            text = raw_edit::with_member(&text, &["params", "requestState"], state).ok()?;
        }
        Self::read(&text).ok()
    }

    /// A request of 2026-07-28 as the revisions with sessions write it.
    pub(crate) fn for_session(&self) -> Option<Self> {
        let mut text = self.text().to_owned();
        for name in OF_REQUESTS {
            text = raw_edit::without_member(&text, &["params", "_meta", name]).ok()?;
        }
        for name in ["inputResponses", "requestState"] {
            text = raw_edit::without_member(&text, &["params", name]).ok()?;
        }
        Self::read(&text).ok()
    }

    /// A response of 2026-07-28 as clients with sessions get it.
    pub(crate) fn of_stateless(self) -> Self {
        let without = |at| raw_edit::without_members(self.text(), at, &OF_RESULTS).ok();
        let text = self.result_at().and_then(without);
        text.and_then(|text| Self::of_checked(&text).ok())
            .unwrap_or(self)
    }

    /// A response of a revision with sessions as clients of 2026-07-28 get it; whether the result of this method may be cached, which
    /// it says that it may not.
    pub(crate) fn of_session(self, is_cacheable: bool) -> Self {
        let said = [
            ("resultType", "\"complete\""),
            ("ttlMs", "0"),
            ("cacheScope", "\"private\""),
        ];
        let said = said.get(..if is_cacheable { 3 } else { 1 });
        let with = |at| raw_edit::with_members(self.text(), at, said.unwrap_or_default()).ok();
        let text = self.result_at().and_then(with);
        text.and_then(|text| Self::of_checked(&text).ok())
            .unwrap_or(self)
    }

    /// What the result of a request of 2026-07-28 asks for; `None` if it is complete.
    pub(crate) fn input_required(&self) -> Option<Result<InputRequired, JsonFault>> {
        let result = self.result()?;
        let members = match Members::of(result, 0..result.len()) {
            Ok(members) => members,
            Err(fault) => return Some(Err(fault)),
        };
        let kind = result.get(members.get("resultType")?)?;
        (raw_json::string(kind)? == "input_required").then(|| read_input(result, &members))
    }
}

fn read_input(result: &str, members: &Members<'_>) -> Result<InputRequired, JsonFault> {
    let written = |at| result.get::<std::ops::Range<usize>>(at).unwrap_or_default();
    let state = members.get("requestState").map(|at| written(at).to_owned());
    let mut requests = Vec::new();
    if let Some(at) = members.get("inputRequests") {
        let asked = Members::of(result, at)?;
        for key in asked.names() {
            let at = asked.get(key).ok_or(JsonFault::NotJson)?;
            let request = Members::of(result, at)?;
            let method = request
                .get("method")
                .and_then(|at| raw_json::string(written(at)));
            requests.push(RawInputRequest {
                key: key.to_owned(),
                method: method.ok_or(JsonFault::NotJson)?.into_owned(),
                params: request.get("params").map(|at| written(at).to_owned()),
            });
        }
    }
    Ok(InputRequired { requests, state })
}

/// The result of `initialize` for a client of this revision, from that of `server/discover`; `None` if the server does not know 2026-07-28.
/// Whether it can be listened to for changed lists.
pub(crate) fn initialize_of_discover(
    discovered: &str,
    revision: Revision,
    is_heard: bool,
) -> Option<String> {
    let members = Members::of(discovered, 0..discovered.len()).ok()?;
    let written = |name| discovered.get(members.get(name)?);
    let versions = members.get("supportedVersions")?;
    let mut versions = raw_json::elements(discovered, versions).ok()?.into_iter();
    let wanted = Revision::V2026_07_28.name();
    let is_it = |at| discovered.get(at).and_then(raw_json::string).as_deref() == Some(wanted);
    versions.any(is_it).then_some(())?;
    let info = || {
        let meta = members.get("_meta")?;
        let meta = Members::of(discovered, meta).ok()?;
        discovered.get(meta.get("io.modelcontextprotocol/serverInfo")?)
    };
    let info = info().unwrap_or(r#"{"name":"unknown","version":""}"#);
    let capabilities =
        capabilities_across(written("capabilities").unwrap_or("{}"), is_heard, false);
    let instructions = written("instructions").map(|text| format!(r#","instructions":{text}"#));
    Some(format!(
        r#"{{"protocolVersion":"{}","capabilities":{capabilities},"serverInfo":{info}{}}}"#,
        revision.name(),
        instructions.unwrap_or_default()
    ))
}

/// The result of `server/discover` from that of `initialize`: with these revisions, which the gateway serves.
/// Whether it can be listened to.
pub(crate) fn discover_of_initialize(
    initialized: &str,
    versions: &str,
    is_heard: bool,
) -> Option<String> {
    let members = Members::of(initialized, 0..initialized.len()).ok()?;
    let written = |name| initialized.get(members.get(name)?);
    let capabilities = capabilities_across(written("capabilities")?, is_heard, is_heard);
    let instructions = written("instructions").map(|text| format!(r#","instructions":{text}"#));
    let info = written("serverInfo")?;
    Some(format!(
        r#"{{"supportedVersions":{versions},"capabilities":{capabilities}{},"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{{"io.modelcontextprotocol/serverInfo":{info}}}}}"#,
        instructions.unwrap_or_default()
    ))
}

/// The capabilities that are kept across eras: extensions and tasks are of one era only; that lists change and that single resources do, if
/// there is somebody who hears of it.
fn capabilities_across(capabilities: &str, hears_lists: bool, hears_resources: bool) -> String {
    const LISTS: [&[&str]; 3] = [
        &["tools", "listChanged"],
        &["prompts", "listChanged"],
        &["resources", "listChanged"],
    ];
    const RESOURCES: [&[&str]; 1] = [&["resources", "subscribe"]];
    let mut kept = without_each(capabilities, &[&["extensions"], &["tasks"]]);
    if !hears_lists {
        kept = without_each(&kept, &LISTS);
    }
    if !hears_resources {
        kept = without_each(&kept, &RESOURCES);
    }
    kept
}

#[cfg(test)]
mod tests;
