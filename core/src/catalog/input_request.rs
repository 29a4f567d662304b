//! Questions to the client: elicitation of the user, sampling of the model, and the client's roots.
//!
//! Before 2026-07-28 each is a request of the server's; since then a result that says what input is
//! required. A tool asks the same way in both.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots;
//! 2026-07-28, basic/patterns (multi round-trip requests).

use serde_json::{Map, Value, json};

use super::{
    ElicitationSchema, InputResponse, InputResult,
    meta::{Meta, meta_method},
};
use crate::revision::Revision;

/// What is asked.
///
/// ```
/// use entra_mcp_core::catalog::{FieldSchema, ElicitationSchema, InputRequest};
/// let form = ElicitationSchema::new().field("days", FieldSchema::integer().title("Days").default(5));
/// let question = InputRequest::form("How long will you be away?", form);
/// # let _ = question;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InputRequest {
    kind: InputRequestKind,
    meta: Meta,
    result_meta: Meta,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InputRequestKind {
    Form {
        message: String,
        form: ElicitationSchema,
    },
    Url {
        message: String,
        url: String,
    },
    Sampling(Map<String, Value>),
    Roots,
}

/// What a client must be able to do, to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientCapability {
    ElicitationForm,
    ElicitationUrl,
    Sampling,
    Roots,
}

impl ClientCapability {
    /// As in `requiredCapabilities`.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::ElicitationForm => json!({"elicitation": {"form": {}}}),
            Self::ElicitationUrl => json!({"elicitation": {"url": {}}}),
            Self::Sampling => json!({"sampling": {}}),
            Self::Roots => json!({"roots": {}}),
        }
    }
}

impl InputRequest {
    /// Asks the user to fill in a form. Never ask for secrets in this way.
    #[must_use]
    pub fn form(message: impl Into<String>, form: ElicitationSchema) -> Self {
        let message = message.into();
        InputRequestKind::Form { message, form }.into()
    }

    /// Asks the user to go to a web page, where what they enter does not pass through the client;
    /// since 2025-11-25.
    #[must_use]
    pub fn url(message: impl Into<String>, url: impl Into<String>) -> Self {
        let (message, url) = (message.into(), url.into());
        InputRequestKind::Url { message, url }.into()
    }

    /// Asks the client's model.
    #[must_use]
    pub fn sample(text: impl Into<String>, max_tokens: u32) -> Self {
        let message = json!({"role": "user", "content": {"type": "text", "text": text.into()}});
        let mut params = Map::new();
        params.insert("messages".to_owned(), json!([message]));
        params.insert("maxTokens".to_owned(), json!(max_tokens));
        InputRequestKind::Sampling(params).into()
    }

    /// Asks the client's model, with the protocol's own members: the parameters of
    /// `sampling/createMessage`. What they say in `_meta` is as if [`InputRequest::meta`] had said it.
    #[must_use]
    pub fn sample_with(mut params: Map<String, Value>) -> Self {
        let meta = Meta::take_from(&mut params);
        let kind = InputRequestKind::Sampling(params);
        Self {
            meta,
            ..kind.into()
        }
    }

    /// Asks which folders the client works in.
    #[must_use]
    pub fn roots() -> Self {
        InputRequestKind::Roots.into()
    }

    meta_method!(meta, "in 2025-11-25, and for roots in every revision");

    /// Sets a member of `_meta` of the result that asks, since 2026-07-28, where a question itself has none. What several questions of
    /// one round say is joined. Before that, and of a task, a question comes in no result.
    #[must_use]
    pub fn result_meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.result_meta.insert(key.into(), value.into());
        self
    }

    /// Adds what the result that asks says in `_meta`.
    pub(crate) fn put_result_meta(&self, result: &mut Map<String, Value>) {
        self.result_meta.join_into(result);
    }

    pub(crate) fn needs(&self) -> ClientCapability {
        match &self.kind {
            InputRequestKind::Form { .. } => ClientCapability::ElicitationForm,
            InputRequestKind::Url { .. } => ClientCapability::ElicitationUrl,
            InputRequestKind::Sampling(_) => ClientCapability::Sampling,
            InputRequestKind::Roots => ClientCapability::Roots,
        }
    }

    /// The question for a revision with plain forms only; `None` if it cannot be asked there.
    pub(crate) fn plain(&self) -> Option<Self> {
        match &self.kind {
            InputRequestKind::Form { message, form } => {
                let plain = Self::form(message.clone(), form.plain()?);
                Some(Self {
                    meta: self.meta.clone(),
                    ..plain
                })
            }
            InputRequestKind::Url { .. }
            | InputRequestKind::Sampling(_)
            | InputRequestKind::Roots => Some(self.clone()),
        }
    }

    pub(crate) fn method(&self) -> &'static str {
        match &self.kind {
            InputRequestKind::Form { .. } | InputRequestKind::Url { .. } => "elicitation/create",
            InputRequestKind::Sampling(_) => "sampling/createMessage",
            InputRequestKind::Roots => "roots/list",
        }
    }

    /// The parameters, as a revision has them; `None`: there are none. Before 2026-07-28, with the id that 2025-11-25 wants of a URL.
    pub(crate) fn params(&self, revision: Revision, elicitation_id: Option<&str>) -> Option<Value> {
        let params = match &self.kind {
            InputRequestKind::Form { message, form } => {
                json!({"message": message, "requestedSchema": form.to_json()})
            }
            InputRequestKind::Url { message, url } => {
                let mut params = json!({"mode": "url", "message": message, "url": url});
                if let (Some(id), Value::Object(members)) = (elicitation_id, &mut params) {
                    members.insert("elicitationId".to_owned(), json!(id));
                }
                params
            }
            InputRequestKind::Sampling(params) => Value::Object(params.clone()),
            InputRequestKind::Roots if self.meta.is_empty() => return None,
            InputRequestKind::Roots => json!({}),
        };
        let Value::Object(mut params) = params else {
            return Some(params);
        };
        match self.kind {
            InputRequestKind::Roots => self.meta.put_into(&mut params),
            // 2026-07-28 has questions without it.
            _ if revision.features().stateless => {}
            _ => self.meta.put_into_params(&mut params, revision),
        }
        Some(Value::Object(params))
    }

    /// Reads the client's answer; `None` if it does not answer this question.
    pub(crate) fn read(&self, result: &Value) -> Option<InputResult> {
        let result = result.as_object()?;
        Some(InputResult::of_result(self.response(result)?, result))
    }

    fn response(&self, result: &Map<String, Value>) -> Option<InputResponse> {
        match &self.kind {
            InputRequestKind::Form { form, .. } => match action(result)? {
                Action::Accept => {
                    // Where nothing had to be filled in, there may be no content.
                    let none = Map::new();
                    let content = match result.get("content") {
                        None | Some(Value::Null) => &none,
                        Some(content) => content.as_object()?,
                    };
                    form.read(content).map(InputResponse::Accepted)
                }
                other => Some(other.refused()),
            },
            InputRequestKind::Url { .. } => Some(match action(result)? {
                Action::Accept => InputResponse::Accepted(Map::new()),
                other => other.refused(),
            }),
            InputRequestKind::Sampling(_) => {
                let is_text = |name| result.get(name).is_some_and(Value::is_string);
                let fits = is_text("role") && is_text("model") && result.contains_key("content");
                fits.then(|| InputResponse::Sampled(result.clone()))
            }
            InputRequestKind::Roots => {
                let roots = result.get("roots")?.as_array()?;
                let fits = |root: &Value| root.get("uri").is_some_and(Value::is_string);
                roots
                    .iter()
                    .all(fits)
                    .then(|| InputResponse::Roots(roots.clone()))
            }
        }
    }
}

impl From<InputRequestKind> for InputRequest {
    fn from(kind: InputRequestKind) -> Self {
        Self {
            kind,
            meta: Meta::default(),
            result_meta: Meta::default(),
        }
    }
}

enum Action {
    Accept,
    Decline,
    Cancel,
}

impl Action {
    fn refused(self) -> InputResponse {
        match self {
            Self::Decline => InputResponse::Declined,
            Self::Accept | Self::Cancel => InputResponse::Cancelled,
        }
    }
}

fn action(result: &Map<String, Value>) -> Option<Action> {
    match result.get("action")?.as_str()? {
        "accept" => Some(Action::Accept),
        "decline" => Some(Action::Decline),
        "cancel" => Some(Action::Cancel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::FieldSchema;

    #[test]
    fn accepted_form_without_content_is_valid_if_all_is_optional() {
        let ask = |field| {
            let form = ElicitationSchema::new().field("note", field);
            InputRequest::form("Anything else?", form)
        };
        for answer in [
            json!({"action": "accept"}),
            json!({"action": "accept", "content": null}),
            json!({"action": "accept", "content": {}}),
        ] {
            let optional = ask(FieldSchema::text().optional());
            let read = optional.read(&answer);
            let accepted = InputResponse::Accepted(Map::new());
            assert_eq!(read, Some(accepted.into()), "{answer}");
            assert_eq!(ask(FieldSchema::text()).read(&answer), None, "{answer}");
        }
    }

    #[test]
    fn meta_of_a_question_is_where_its_schema_has_it() {
        let form = ElicitationSchema::new().field("note", FieldSchema::text());
        let sampling = InputRequest::sample("Hello", 9);
        for (question, is_everywhere) in [
            (InputRequest::form("?", form), false),
            (InputRequest::url("?", "https://mcp.example/"), false),
            (sampling, false),
            (InputRequest::roots(), true),
        ] {
            let question = question.meta("com.example/a", 1);
            for revision in Revision::ALL {
                let params = question.params(revision, Some("7"));
                let meta = params.as_ref().and_then(|params| params.get("_meta"));
                let has = is_everywhere || revision == Revision::V2025_11_25;
                let expected = json!({"com.example/a": 1});
                assert_eq!(meta, Some(&expected).filter(|_| has), "{question:?}");
            }
        }
        let roots = InputRequest::roots().params(Revision::V2025_11_25, Some("7"));
        assert_eq!(roots, None);
    }

    #[test]
    fn meta_of_sampling_parameters_is_joined_with_what_is_set_besides() {
        let params = json!({"messages": [], "maxTokens": 9, "_meta": {"a/b": 1, "c/d": 2}});
        let params = params.as_object().unwrap().clone();
        let question = InputRequest::sample_with(params).meta("c/d", 3);
        let params = question.params(Revision::V2025_11_25, None).unwrap();
        assert_eq!(params["_meta"], json!({"a/b": 1, "c/d": 3}));
        for without in [Revision::V2025_06_18, Revision::V2026_07_28] {
            let params = question.params(without, None).unwrap();
            assert_eq!(params.get("_meta"), None, "{without:?}");
        }
    }
}
