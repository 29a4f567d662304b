//! What a tool returns of what Graph sends: one table says where it is read, what it is called, and what schema it has.

use serde_json::{Map, Value, json};

/// A member of what a tool returns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// A JSON Pointer to it in what Graph sends.
    at: &'static str,
    kind: Kind,
    description: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Flag,
    Number,
    /// Texts: this pointer in each item of an array.
    Texts(&'static str),
}

/// A text.
pub(super) const fn text(name: &'static str, at: &'static str, description: &'static str) -> Field {
    let kind = Kind::Text;
    Field {
        name,
        at,
        kind,
        description,
    }
}

/// Yes or no.
pub(super) const fn flag(name: &'static str, at: &'static str, description: &'static str) -> Field {
    let kind = Kind::Flag;
    Field {
        name,
        at,
        kind,
        description,
    }
}

/// A whole number.
pub(super) const fn number(
    name: &'static str,
    at: &'static str,
    description: &'static str,
) -> Field {
    let kind = Kind::Number;
    Field {
        name,
        at,
        kind,
        description,
    }
}

/// Texts: `each` in each item of an array.
pub(super) const fn texts(
    name: &'static str,
    at: &'static str,
    each: &'static str,
    description: &'static str,
) -> Field {
    let kind = Kind::Texts(each);
    Field {
        name,
        at,
        kind,
        description,
    }
}

impl Field {
    fn read(&self, item: &Value) -> Value {
        let found = item.pointer(self.at);
        match self.kind {
            Kind::Text => json!(found.and_then(Value::as_str)),
            Kind::Flag => json!(found.and_then(Value::as_bool)),
            Kind::Number => json!(found.and_then(Value::as_u64)),
            Kind::Texts(each) => {
                let items = found.and_then(Value::as_array).into_iter().flatten();
                let texts = items.filter_map(|item| item.pointer(each)?.as_str());
                json!(texts.collect::<Vec<_>>())
            }
        }
    }

    fn schema(&self) -> Value {
        let one = |kind: &str| json!({"type": [kind, "null"], "description": self.description});
        match self.kind {
            Kind::Text => one("string"),
            Kind::Flag => one("boolean"),
            Kind::Number => one("integer"),
            Kind::Texts(_) => json!({
                "type": "array",
                "items": {"type": "string"},
                "description": self.description,
            }),
        }
    }
}

/// The chosen members of what Graph sent, and nothing else (threat P5).
pub(super) fn pick(fields: &[Field], item: &Value) -> Map<String, Value> {
    let members = fields.iter();
    members
        .map(|field| (field.name.to_owned(), field.read(item)))
        .collect()
}

/// The schema of what [`pick`] gives.
pub(super) fn schema(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), field.schema()))
        .collect();
    let required: Vec<_> = fields.iter().map(|field| field.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
