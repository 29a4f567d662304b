//! Questions as types: the form that asks for a value of a type, and the answer as that type.
//!
//! Source: MCP specification 2025-11-25, client/elicitation (requested schema: a flat object of plain
//! values).

use entra_mcp_core::catalog::{CallError, ElicitationSchema, FieldSchema, InputResponse};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::schema::input_schema_of;

/// What came of asking the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElicitResult<T> {
    /// The user filled in the form.
    Accepted(T),
    /// The user said no.
    Declined,
    /// The user dismissed the input request.
    Cancelled,
    /// The client answered with an error, or with what does not fit; the message is the client's own.
    Refused(String),
    /// The client did not answer in time.
    TimedOut,
}

impl<T> ElicitResult<T> {
    /// What the user filled in, if anything.
    #[must_use]
    pub fn accepted(self) -> Option<T> {
        match self {
            Self::Accepted(value) => Some(value),
            Self::Declined | Self::Cancelled | Self::Refused(_) | Self::TimedOut => None,
        }
    }
}

impl<T: DeserializeOwned> ElicitResult<T> {
    /// Reads an answer to the form of the type.
    ///
    /// # Errors
    ///
    /// The values do not fit; the message is for the model to act on.
    pub fn read(answer: InputResponse) -> Result<Self, CallError> {
        match answer {
            InputResponse::Accepted(values) => serde_json::from_value(Value::Object(values))
                .map(Self::Accepted)
                .map_err(|error| CallError::Message(format!("The answer does not fit: {error}."))),
            InputResponse::Declined => Ok(Self::Declined),
            InputResponse::Refused(why) => Ok(Self::Refused(why)),
            InputResponse::TimedOut => Ok(Self::TimedOut),
            _ => Ok(Self::Cancelled),
        }
    }
}

/// The form that asks for the fields of a type: text, numbers, yes or no, choices, several of a choice,
/// and an `Option` of each.
///
/// ```
/// use schemars::JsonSchema;
///
/// #[derive(JsonSchema)]
/// struct Leave {
///     /// How many days?
///     days: u8,
///     kind: Kind,
///     note: Option<String>,
/// }
///
/// #[derive(JsonSchema)]
/// enum Kind {
///     Holiday,
///     Illness,
/// }
///
/// assert!(entra_mcp_runtime::handlers::elicitation_schema_of::<Leave>().is_ok());
/// ```
///
/// # Errors
///
/// The type is none that a form can ask for; the message says why.
pub fn elicitation_schema_of<T: JsonSchema>() -> Result<ElicitationSchema, CallError> {
    let schema = input_schema_of::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties else {
        return Err(CallError::internal(
            "A form asks for the fields of a struct.",
        ));
    };
    let required = schema.get("required").and_then(Value::as_array);
    let mut form = ElicitationSchema::new();
    for (name, schema) in properties {
        let keywords = plain(schema).ok_or_else(|| {
            let allowed = "a form holds text, numbers, yes or no, and choices";
            CallError::Internal(format!(
                "The field `{name}` cannot be asked for: {allowed}."
            ))
        })?;
        let mut field = FieldSchema::text();
        for (keyword, value) in keywords {
            field = field.with(&keyword, value);
        }
        let is_required = required.is_some_and(|names| names.contains(&json!(name)));
        form = form.field(name, if is_required { field } else { field.optional() });
    }
    Ok(form)
}

/// What forms know besides type and choices.
const FORM_KEYWORDS: [&str; 10] = [
    "title",
    "description",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];

/// The formats that forms know.
const FORMATS: [&str; 4] = ["email", "uri", "date", "date-time"];

/// The schema of a field as forms have it; `None` if they have nothing for it.
fn plain(schema: &Value) -> Option<Map<String, Value>> {
    let members = present(schema)?;
    let mut property = Map::new();
    if let Some(choices) = choices(members) {
        property.insert("type".to_owned(), json!("string"));
        property.extend(choices);
    } else {
        let kind = kind(members)?;
        match kind {
            "string" | "integer" | "number" | "boolean" => {}
            "array" => {
                let items = present(members.get("items")?)?;
                property.insert("items".to_owned(), several(choices(items)?));
            }
            _ => return None,
        }
        property.insert("type".to_owned(), json!(kind));
    }
    // Of an `Option`, the description stands outside.
    for source in [Some(members), schema.as_object()].into_iter().flatten() {
        for keyword in FORM_KEYWORDS {
            if let Some(value) = source.get(keyword).filter(|value| !value.is_null()) {
                property.insert(keyword.to_owned(), value.clone());
            }
        }
        if let Some(format) = source.get("format")
            && FORMATS.iter().any(|known| format == known)
        {
            property.insert("format".to_owned(), format.clone());
        }
    }
    Some(property)
}

/// The schema of what is in an `Option`, or the schema itself.
fn present(schema: &Value) -> Option<&Map<String, Value>> {
    let is_null = |schema: &&Value| schema.get("type").is_some_and(|kind| kind == "null");
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(either) if either.iter().any(|one| is_null(&one)) => {
            let mut others = either.iter().filter(|one| !is_null(one));
            let only = others.next().filter(|_| others.next().is_none())?;
            only.as_object()
        }
        _ => schema.as_object(),
    }
}

/// The one type besides `null`.
fn kind(members: &Map<String, Value>) -> Option<&str> {
    match members.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter(|kind| *kind != "null");
            let only = kinds.next().filter(|_| kinds.next().is_none())?;
            only.as_str()
        }
        _ => None,
    }
}

/// `enum`, or `oneOf` with titles, if it is a choice of texts.
fn choices(members: &Map<String, Value>) -> Option<Map<String, Value>> {
    if let Some(values) = members.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().filter(|value| !value.is_null()).collect();
        let is_text = values.iter().all(|value| value.is_string());
        return is_text.then(|| Map::from_iter([("enum".to_owned(), json!(values))]));
    }
    let mut titled = Vec::new();
    for one in members.get("oneOf")?.as_array()? {
        let title = |value: &Value| {
            let label = one.get("title").or_else(|| one.get("description"));
            label.unwrap_or(value).clone()
        };
        if let Some(value) = one.get("const").filter(|value| value.is_string()) {
            titled.push(json!({"const": value, "title": title(value)}));
        } else {
            // The variants without documentation stand together.
            for value in one.get("enum")?.as_array()? {
                titled.push(json!({"const": value.as_str()?, "title": value}));
            }
        }
    }
    Some(Map::from_iter([("oneOf".to_owned(), json!(titled))]))
}

/// The items of several choices.
fn several(mut choices: Map<String, Value>) -> Value {
    match choices.remove("oneOf") {
        Some(titled) => json!({"anyOf": titled}),
        None => {
            choices.insert("type".to_owned(), json!("string"));
            Value::Object(choices)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Leave {
        /// How many days?
        days: u8,
        kind: Kind,
        #[serde(default)]
        paid: bool,
        note: Option<String>,
        /// Who knows of it?
        notify: Option<Vec<Who>>,
        instead: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    enum Kind {
        Holiday,
        Illness,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    enum Who {
        /// The team
        Team,
        Everybody,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Nested {
        leave: Leave,
    }

    #[test]
    fn elicited_type_becomes_a_form() {
        let kinds = ["Holiday", "Illness"];
        let who = [("Everybody", "Everybody"), ("Team", "The team")];
        let form = ElicitationSchema::new()
            .field(
                "days",
                FieldSchema::integer()
                    .description("How many days?")
                    .with("minimum", json!(0))
                    .with("maximum", json!(255)),
            )
            .field("instead", FieldSchema::one_of(kinds).optional())
            .field("kind", FieldSchema::one_of(kinds))
            .field("note", FieldSchema::text().optional())
            .field("paid", FieldSchema::boolean().default(false))
            .field(
                "notify",
                FieldSchema::some_of_titled(who)
                    .description("Who knows of it?")
                    .optional(),
            );
        assert_eq!(elicitation_schema_of::<Leave>(), Ok(form));
    }

    #[test]
    fn type_that_no_form_holds_is_an_error() {
        let Err(CallError::Internal(message)) = elicitation_schema_of::<Nested>() else {
            panic!("a form is flat");
        };
        assert!(message.contains("`leave`"), "{message}");
        assert!(elicitation_schema_of::<String>().is_err());
    }

    #[test]
    fn form_content_is_deserialized_as_the_type() {
        let values = json!({"days": 3, "kind": "Illness", "notify": ["Team"]});
        let Value::Object(values) = values else {
            panic!("an object");
        };
        let leave = ElicitResult::<Leave>::read(InputResponse::Accepted(values)).unwrap();
        let leave = leave.accepted().unwrap();
        assert_eq!((leave.days, leave.kind), (3, Kind::Illness));
        assert_eq!(
            ElicitResult::<Leave>::read(InputResponse::Declined),
            Ok(ElicitResult::Declined)
        );
        let empty = ElicitResult::<Leave>::read(InputResponse::Accepted(Map::new()));
        assert!(matches!(empty, Err(CallError::Message(_))));
    }
}
