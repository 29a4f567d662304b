//! Forms: the restricted JSON Schema of elicitation, flat and of plain values.
//!
//! Source: MCP specification 2025-11-25, client/elicitation (requested schema; SEP-1034, SEP-1330).

use serde_json::{Map, Value, json};

use super::schema::with_integers;

/// What a user is asked to fill in.
///
/// ```
/// use entra_mcp_core::catalog::{FieldSchema, ElicitationSchema};
/// let form = ElicitationSchema::new()
///     .field("reason", FieldSchema::text().description("Why?"))
///     .field("kind", FieldSchema::one_of(["holiday", "illness"]).optional());
/// # let _ = form;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElicitationSchema {
    properties: Map<String, Value>,
    required: Vec<String>,
}

/// A field of a form; it must be filled in unless it is [`FieldSchema::optional`] or has a default.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSchema {
    schema: Map<String, Value>,
    required: bool,
}

impl ElicitationSchema {
    /// Without fields yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, field: FieldSchema) -> Self {
        let name = name.into();
        if field.required {
            self.required.push(name.clone());
        }
        self.properties.insert(name, Value::Object(field.schema));
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut schema = json!({"type": "object", "properties": self.properties});
        if let (false, Value::Object(members)) = (self.required.is_empty(), &mut schema) {
            members.insert("required".to_owned(), json!(self.required));
        }
        schema
    }

    /// The form for a revision whose choices have their titles in a list apart, `enumNames`, and which
    /// knows no defaults but of yes and no; `None` if it lets choose several values, which no such
    /// revision knows (SEP-1034, SEP-1330).
    pub(crate) fn plain(&self) -> Option<Self> {
        let mut plain = self.clone();
        for field in plain.properties.values_mut() {
            let field = field.as_object_mut()?;
            match field.get("type").and_then(Value::as_str) {
                Some("array") => return None,
                Some("boolean") => {}
                // Others have defaults since 2025-11-25 (SEP-1034).
                _ => drop(field.remove("default")),
            }
            let Some(Value::Array(choices)) = field.remove("oneOf") else {
                continue;
            };
            let all = |name: &str| choices.iter().filter_map(|one| one.get(name)).collect();
            let (values, titles): (Vec<_>, Vec<_>) = (all("const"), all("title"));
            field.insert("enum".to_owned(), json!(values));
            field.insert("enumNames".to_owned(), json!(titles));
        }
        Some(plain)
    }

    /// The values that belong to the form; `None` if one is missing or does not fit. What was not
    /// asked for is left out, and so is `null`, which many write for a field that is not filled in.
    pub(crate) fn read(&self, content: &Map<String, Value>) -> Option<Map<String, Value>> {
        // A whole number may be written 30.0 (JSON Schema, `integer`).
        let content = with_integers(content.clone());
        let mut values = Map::new();
        for (name, schema) in &self.properties {
            match content.get(name).filter(|value| !value.is_null()) {
                Some(value) if fits(schema, value) => {
                    values.insert(name.clone(), value.clone());
                }
                Some(_) => return None,
                None if self.required.contains(name) => return None,
                None => {}
            }
        }
        Some(values)
    }
}

impl FieldSchema {
    /// Returns a field for text.
    #[must_use]
    pub fn text() -> Self {
        Self::of(json!({"type": "string"}))
    }

    /// A whole number.
    #[must_use]
    pub fn integer() -> Self {
        Self::of(json!({"type": "integer"}))
    }

    /// Returns a field for a number.
    #[must_use]
    pub fn number() -> Self {
        Self::of(json!({"type": "number"}))
    }

    /// Yes or no.
    #[must_use]
    pub fn boolean() -> Self {
        Self::of(json!({"type": "boolean"}))
    }

    /// One of these.
    #[must_use]
    pub fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        Self::of(json!({"type": "string", "enum": values}))
    }

    /// One of these values, each with the title that people see.
    #[must_use]
    pub fn one_of_titled<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::of(json!({"type": "string", "oneOf": titled(values)}))
    }

    /// Several of these; since 2025-11-25.
    #[must_use]
    pub fn some_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        Self::of(json!({"type": "array", "items": {"type": "string", "enum": values}}))
    }

    /// Several of these values, each with the title that people see; since 2025-11-25.
    #[must_use]
    pub fn some_of_titled<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::of(json!({"type": "array", "items": {"anyOf": titled(values)}}))
    }

    /// A title for people.
    #[must_use]
    pub fn title(self, title: &str) -> Self {
        self.with("title", json!(title))
    }

    /// What it is for.
    #[must_use]
    pub fn description(self, description: &str) -> Self {
        self.with("description", json!(description))
    }

    /// What it is unless the user changes it. It need not be filled in.
    #[must_use]
    pub fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value.into()).optional()
    }

    /// It need not be filled in.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Another keyword of the schema, such as `format`, `minLength`, `maximum` or `enumNames`.
    #[must_use]
    pub fn with(mut self, keyword: &str, value: Value) -> Self {
        self.schema.insert(keyword.to_owned(), value);
        self
    }

    fn of(schema: Value) -> Self {
        let schema = match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        };
        Self {
            schema,
            required: true,
        }
    }
}

fn titled<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    let titled = |(value, title)| json!({"const": value, "title": title});
    values.into_iter().map(titled).collect()
}

/// Whether a value is of the type and among the choices of a field. Lengths, formats and bounds are
/// hints for the client, which shows the form.
fn fits(schema: &Value, value: &Value) -> bool {
    let chosen = |schema: &Value, value: &Value| {
        let listed = schema.get("enum").and_then(Value::as_array);
        let titled = schema.get("oneOf").or_else(|| schema.get("anyOf"));
        let titled = titled.and_then(Value::as_array);
        match (listed, titled) {
            (Some(listed), _) => listed.contains(value),
            (None, Some(titled)) => titled.iter().any(|one| one.get("const") == Some(value)),
            (None, None) => true,
        }
    };
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => value.is_string() && chosen(schema, value),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let fits = |one: &Value| one.is_string() && chosen(items, one);
            value.as_array().is_some_and(|all| all.iter().all(fits))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &ElicitationSchema, content: Value) -> Option<Value> {
        let content = content.as_object()?.clone();
        form.read(&content).map(Value::Object)
    }

    #[test]
    fn unrequested_member_is_dropped_and_invalid_value_is_refused() {
        let form = ElicitationSchema::new()
            .field("name", FieldSchema::text())
            .field("age", FieldSchema::integer().default(30))
            .field(
                "kind",
                FieldSchema::one_of_titled([("a", "First"), ("b", "Second")]).optional(),
            )
            .field("more", FieldSchema::some_of(["x", "y"]).optional());
        let good = json!({"name": "Alice", "kind": "b", "more": ["x"], "else": 1});
        let accepted = json!({"name": "Alice", "kind": "b", "more": ["x"]});
        assert_eq!(read(&form, good), Some(accepted));
        for odd in [
            json!({}),
            json!({"name": 12345}),
            json!({"name": "Alice", "age": 1.5}),
            json!({"name": null}),
            json!({"name": "Alice", "kind": "c"}),
            json!({"name": "Alice", "more": ["z"]}),
            json!({"name": "Alice", "more": "x"}),
        ] {
            assert_eq!(read(&form, odd.clone()), None, "{odd}");
        }
    }

    #[test]
    fn value_that_the_schema_allows_is_accepted() {
        let form = ElicitationSchema::new()
            .field("age", FieldSchema::integer())
            .field("note", FieldSchema::text().optional());
        for age in [json!(30), json!(30.0), json!(3e1)] {
            let content = json!({"age": age, "note": null});
            assert_eq!(read(&form, content), Some(json!({"age": 30})));
        }
    }

    #[test]
    fn older_client_gets_enum_names_and_no_multi_select() {
        let kinds = || FieldSchema::one_of_titled([("a", "First"), ("b", "Second")]);
        let form = ElicitationSchema::new()
            .field("kind", kinds())
            .field("days", FieldSchema::integer().default(5))
            .field("sure", FieldSchema::boolean().default(true));
        let plain = form.plain().unwrap().to_json();
        let kind = json!({"type": "string", "enum": ["a", "b"], "enumNames": ["First", "Second"]});
        assert_eq!(plain["properties"]["kind"], kind);
        assert_eq!(plain["properties"]["days"], json!({"type": "integer"}));
        assert_eq!(plain["properties"]["sure"]["default"], true);
        assert_eq!(plain["required"], json!(["kind"]));
        for several in [
            FieldSchema::some_of(["x"]),
            FieldSchema::some_of_titled([("x", "X")]),
        ] {
            assert_eq!(form.clone().field("more", several).plain(), None);
        }
    }

    #[test]
    fn field_with_a_default_is_not_required() {
        let form = ElicitationSchema::new()
            .field("a", FieldSchema::text())
            .field("b", FieldSchema::number().default(1.5));
        assert_eq!(form.to_json()["required"], json!(["a"]));
        assert_eq!(form.to_json()["properties"]["b"]["default"], 1.5);
    }
}
