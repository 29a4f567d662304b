//! What the policy says of a request, before the backend hears of it (threat R7).

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    admit::caller::Caller,
    env::Server,
    gateway::RawMessage,
    json_rpc::Error,
    limits,
    log_event::is_invisible,
    mcp::resolve::{RESOURCE_NOT_FOUND, no_such_tool},
    planted::Planted,
    policy::{Policy, PolicyKind, PolicyRule},
};

/// What is to be done with a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It goes to the backend.
    Passes,
    /// It goes there once the user has said yes to this.
    Asks(String),
    /// The caller may not know of what it is about, which is of this kind.
    Hidden(PolicyKind),
    /// It is answered with this error.
    Error(Error),
    /// It is a call, and its result says this.
    Refused(String),
}

impl Verdict {
    /// The same, unless the server has a bug that a test has planted.
    pub(super) fn with_bug(self, server: &Server) -> Self {
        match self {
            Self::Hidden(_) if server.has(Planted::HiddenToolsCalled) => Self::Passes,
            Self::Asks(_) if server.has(Planted::ConfirmationsNotAwaited) => Self::Passes,
            Self::Refused(_) if server.has(Planted::ArgumentsNotJudged) => Self::Passes,
            verdict => verdict,
        }
    }
}

/// What a request is about.
pub(super) type Object<'a> = (PolicyKind, Cow<'a, str>);

/// Names by which other readers may find another object than this one.
const READ: [&str; 5] = ["name", "uri", "arguments", "ref", "params"];

/// What a request is about; `None` if it is about nothing by name, and an error if it names that in no way that can be read.
pub(super) fn object<'a>(
    method: &str,
    message: &'a RawMessage,
) -> Option<Result<Object<'a>, Error>> {
    let named = |kind, path: &'static [&'static str]| {
        let name = message.param_at(path).and_then(crate::gateway::text_of);
        Some(name.map(|name| (kind, name)).ok_or_else(unreadable))
    };
    match method {
        "tools/call" => named(PolicyKind::Tool, &["name"]),
        "prompts/get" => named(PolicyKind::Prompt, &["name"]),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            named(PolicyKind::Resource, &["uri"])
        }
        "completion/complete" => {
            let kind = message
                .param_at(&["ref", "type"])
                .and_then(crate::gateway::text_of);
            match kind.as_deref() {
                Some("ref/prompt") => named(PolicyKind::Prompt, &["ref", "name"]),
                Some("ref/resource") => named(PolicyKind::Resource, &["ref", "uri"]),
                _ => Some(Err(unreadable())),
            }
        }
        _ => None,
    }
}

fn unreadable() -> Error {
    Error::invalid_params("The parameters do not say in one way what the request is about.")
}

/// What there is no such thing of; of what is hidden the same is said, byte for byte.
pub(super) fn unknown(kind: PolicyKind) -> Error {
    match kind {
        PolicyKind::Tool => no_such_tool(),
        PolicyKind::Prompt => Error::invalid_params("There is no such prompt."),
        PolicyKind::Resource => Error::new(RESOURCE_NOT_FOUND, "There is no such resource."),
    }
}

/// What the policy says of a request.
pub(super) fn judge(
    policy: &Policy,
    method: &str,
    message: &RawMessage,
    caller: &Caller,
) -> Verdict {
    if policy.is_empty() && !policy.denies_others {
        return Verdict::Passes;
    }
    let object = match object(method, message) {
        None => return Verdict::Passes,
        Some(Err(error)) => return Verdict::Error(error),
        Some(Ok(object)) => object,
    };
    let is_looked_at = [None, Some(&[][..]), Some(&["ref"][..])];
    if is_looked_at
        .into_iter()
        .any(|path| message.has_lookalike(path, &READ))
    {
        return Verdict::Error(unreadable());
    }
    let (kind, name) = object;
    if !is_shown(policy, kind, &name, caller) {
        return Verdict::Hidden(kind);
    }
    match policy.rule(kind, &name) {
        Some(rule) if method == "tools/call" => of_call(rule, message),
        _ => Verdict::Passes,
    }
}

/// Whether the caller may know of something.
pub(super) fn is_shown(policy: &Policy, kind: PolicyKind, name: &str, caller: &Caller) -> bool {
    let profile = &caller.session.user.profile;
    policy.shows(kind, name, (&profile.roles, &profile.groups))
}

/// The scopes that a call of a tool needs; `None` if the caller may not know of the tool.
pub(crate) fn needed_scopes<'a>(
    policy: &'a Policy,
    tool: &str,
    caller: &Caller,
) -> Option<&'a [String]> {
    let rule = policy.rule(PolicyKind::Tool, tool);
    let is_shown = is_shown(policy, PolicyKind::Tool, tool, caller);
    rule.filter(|_| is_shown).map(|rule| &*rule.scopes)
}

/// The arguments of the call, and the question.
fn of_call(rule: &PolicyRule, message: &RawMessage) -> Verdict {
    let value = |name: &str| -> Option<Value> {
        serde_json::from_str(message.param_at(&["arguments", name])?).ok()
    };
    if !rule.arguments.is_empty() || rule.confirmation.is_some() {
        let names: Vec<&str> = rule.arguments.iter().map(|rule| &*rule.argument).collect();
        let has_arguments = message
            .param_at(&["arguments"])
            .is_some_and(|text| text != "null");
        // Two of one name are none.
        let can_be_read = message.has_members(&["arguments"]);
        if has_arguments && (!can_be_read || message.has_lookalike(Some(&["arguments"]), &names)) {
            return Verdict::Error(unreadable());
        }
    }
    let mut refused = rule
        .arguments
        .iter()
        .filter(|rule| !rule.admits(value(&rule.argument).as_ref()));
    if let Some(rule) = refused.next() {
        return Verdict::Refused(format!(
            "The policy of this gateway does not allow this call: {}",
            rule.words()
        ));
    }
    match &rule.confirmation {
        None => Verdict::Passes,
        Some(question) => Verdict::Asks(question.text(|name| shown(value(name)))),
    }
}

/// A value within a question: of one line, and not without end.
fn shown(value: Option<Value>) -> String {
    let text = match value {
        None => "(nothing)".to_owned(),
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
    };
    let plain = |letter: &char| !letter.is_control() && !is_invisible(*letter);
    let mut letters = text.chars().filter(plain);
    let mut shown: String = letters
        .by_ref()
        .take(limits::CONFIRMATION_VALUE_CHARS)
        .collect();
    if letters.next().is_some() {
        shown.push_str("...");
    }
    shown
}
