//! Questions to the client: elicitation of the person, sampling of the model, and the client's roots.
//!
//! Before 2026-07-28 each is a request of the server's; since then a result that says what input is
//! required. A tool asks in the same words either way.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots;
//! 2026-07-28, basic/patterns (multi round-trip requests).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Form;

/// What is asked.
///
/// ```
/// use entra_mcp_core::catalog::{Field, Form, Question};
/// let form = Form::new().field("days", Field::integer().title("Days").default(5));
/// let question = Question::form("How long will you be away?", form);
/// # let _ = question;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Question(pub(crate) Asks);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asks {
    Form { message: String, form: Form },
    Url { message: String, url: String },
    Sample(Map<String, Value>),
    Roots,
}

/// What a client must be able to do, to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    ElicitForm,
    ElicitUrl,
    Sample,
    Roots,
}

impl Ability {
    /// As `requiredCapabilities` tells it.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::ElicitForm => json!({"elicitation": {"form": {}}}),
            Self::ElicitUrl => json!({"elicitation": {"url": {}}}),
            Self::Sample => json!({"sampling": {}}),
            Self::Roots => json!({"roots": {}}),
        }
    }
}

/// What the client answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The person filled in the form, or went to the URL (then there is nothing in it). The values fit
    /// the form.
    Accepted(Map<String, Value>),
    /// The person said no.
    Declined,
    /// The person dismissed the question.
    Cancelled,
    /// What the model said: `role`, `content`, `model`, `stopReason`.
    Sampled(Map<String, Value>),
    /// The client's roots: each a `uri`, perhaps a `name`.
    Roots(Vec<Value>),
}

impl Answer {
    /// The value of a field, if the person accepted and gave it.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        match self {
            Self::Accepted(values) => values.get(field),
            _ => None,
        }
    }

    /// The text that the model said, if it was asked and said text.
    #[must_use]
    pub fn sampled_text(&self) -> Option<&str> {
        let Self::Sampled(message) = self else {
            return None;
        };
        let content = message.get("content")?;
        let block = content.as_array().map_or(Some(content), |all| all.first());
        block?.get("text")?.as_str()
    }

    /// Accepted, declined or cancelled, as the protocol writes it; empty for other answers.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accept",
            Self::Declined => "decline",
            Self::Cancelled => "cancel",
            Self::Sampled(_) | Self::Roots(_) => "",
        }
    }
}

impl Question {
    /// Asks the person to fill in a form. Never ask for secrets in this way.
    #[must_use]
    pub fn form(message: impl Into<String>, form: Form) -> Self {
        let message = message.into();
        Self(Asks::Form { message, form })
    }

    /// Asks the person to go to a web page, where what they enter does not pass through the client;
    /// since 2025-11-25.
    #[must_use]
    pub fn url(message: impl Into<String>, url: impl Into<String>) -> Self {
        let (message, url) = (message.into(), url.into());
        Self(Asks::Url { message, url })
    }

    /// Asks the client's model.
    #[must_use]
    pub fn sample(text: impl Into<String>, max_tokens: u32) -> Self {
        let message = json!({"role": "user", "content": {"type": "text", "text": text.into()}});
        let mut params = Map::new();
        params.insert("messages".to_owned(), json!([message]));
        params.insert("maxTokens".to_owned(), json!(max_tokens));
        Self(Asks::Sample(params))
    }

    /// Asks the client's model in the protocol's own words: the parameters of
    /// `sampling/createMessage`.
    #[must_use]
    pub fn sample_with(params: Map<String, Value>) -> Self {
        Self(Asks::Sample(params))
    }

    /// Asks which folders the client works in.
    #[must_use]
    pub fn roots() -> Self {
        Self(Asks::Roots)
    }

    pub(crate) fn needs(&self) -> Ability {
        match &self.0 {
            Asks::Form { .. } => Ability::ElicitForm,
            Asks::Url { .. } => Ability::ElicitUrl,
            Asks::Sample(_) => Ability::Sample,
            Asks::Roots => Ability::Roots,
        }
    }

    /// The question for a revision with plain forms only; `None` if it cannot be asked there.
    pub(crate) fn plain(&self) -> Option<Self> {
        match &self.0 {
            Asks::Form { message, form } => Some(Self::form(message.clone(), form.plain()?)),
            Asks::Url { .. } | Asks::Sample(_) | Asks::Roots => Some(self.clone()),
        }
    }

    pub(crate) fn method(&self) -> &'static str {
        match &self.0 {
            Asks::Form { .. } | Asks::Url { .. } => "elicitation/create",
            Asks::Sample(_) => "sampling/createMessage",
            Asks::Roots => "roots/list",
        }
    }

    /// The parameters; `elicitation_id` is wanted by 2025-11-25 for a URL. `None`: there are none.
    pub(crate) fn params(&self, elicitation_id: Option<&str>) -> Option<Value> {
        match &self.0 {
            Asks::Form { message, form } => {
                Some(json!({"message": message, "requestedSchema": form.to_json()}))
            }
            Asks::Url { message, url } => {
                let mut params = json!({"mode": "url", "message": message, "url": url});
                if let (Some(id), Value::Object(members)) = (elicitation_id, &mut params) {
                    members.insert("elicitationId".to_owned(), json!(id));
                }
                Some(params)
            }
            Asks::Sample(params) => Some(Value::Object(params.clone())),
            Asks::Roots => None,
        }
    }

    /// Reads the client's answer; `None` if it does not answer this question.
    pub(crate) fn read(&self, result: &Value) -> Option<Answer> {
        let result = result.as_object()?;
        match &self.0 {
            Asks::Form { form, .. } => match action(result)? {
                Action::Accept => {
                    let content = result.get("content")?.as_object()?;
                    form.read(content).map(Answer::Accepted)
                }
                other => Some(other.refused()),
            },
            Asks::Url { .. } => Some(match action(result)? {
                Action::Accept => Answer::Accepted(Map::new()),
                other => other.refused(),
            }),
            Asks::Sample(_) => {
                let is_text = |name| result.get(name).is_some_and(Value::is_string);
                let fits = is_text("role") && is_text("model") && result.contains_key("content");
                fits.then(|| Answer::Sampled(result.clone()))
            }
            Asks::Roots => {
                let roots = result.get("roots")?.as_array()?;
                let fits = |root: &Value| root.get("uri").is_some_and(Value::is_string);
                roots.iter().all(fits).then(|| Answer::Roots(roots.clone()))
            }
        }
    }
}

enum Action {
    Accept,
    Decline,
    Cancel,
}

impl Action {
    fn refused(self) -> Answer {
        match self {
            Self::Decline => Answer::Declined,
            Self::Accept | Self::Cancel => Answer::Cancelled,
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
