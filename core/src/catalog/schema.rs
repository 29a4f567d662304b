//! JSON Schema 2020-12: what arguments must be, checked before a tool is called.
//!
//! A schema is compiled once, at the start; a reference to another document is refused there, so
//! nothing is ever fetched (threat P6).
//!
//! Source: MCP specification 2025-11-25, server/tools; 2026-07-28, transports (`x-mcp-header`).

mod mismatch;

use std::sync::Arc;

use serde_json::{Map, Number, Value};

/// The longest description of what does not fit, in characters.
const MESSAGE_CHARS: usize = 300;

/// A compiled schema.
#[derive(Clone)]
pub(crate) struct Schema(Arc<entra_mcp_json_schema::Schema>);

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema")
    }
}

impl Schema {
    /// Compiles; an error says what is wrong.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        let compiled = entra_mcp_json_schema::Schema::new(schema.clone());
        let compiled = compiled.map_err(|error| shortened(&error))?;
        Ok(Self(Arc::new(compiled)))
    }

    /// What does not fit, with where and what would fit; `None` if all does.
    pub(crate) fn first_error(&self, value: &Value) -> Option<String> {
        let errors = self.0.errors(value);
        Some(shortened(&mismatch::describe(errors.first()?)))
    }
}

/// The same members with whole numbers as integers: `5.0` is an integer in JSON Schema, not in serde.
pub(crate) fn with_integers(mut members: Map<String, Value>) -> Map<String, Value> {
    members.values_mut().for_each(make_integers);
    members
}

fn make_integers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = integer(number) {
                *number = integer;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_integers),
        Value::Object(members) => members.values_mut().for_each(make_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The integer that a number with a fraction of zero is.
fn integer(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // Rust writes a whole number without fraction and exponent, and reads back what fits.
    let text = format!("{float:.0}");
    let is_whole = float.fract() == 0.0;
    let integer = text.parse::<u64>().map(Number::from);
    let integer = integer.or_else(|_| text.parse::<i64>().map(Number::from));
    integer.ok().filter(|_| is_whole)
}

fn shortened(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS).collect()
}

/// A property that clients repeat in a header: `Mcp-Param-NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderParam {
    /// Where in the arguments: names of members, from the outside in.
    pub(crate) path: Vec<String>,
    /// The header, in lower case.
    pub(crate) header: String,
}

/// What is wrong with an annotation `x-mcp-header` of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderAnnotationError {
    /// It stands elsewhere than in a property of an object.
    Misplaced,
    /// Two properties have one name of a header.
    DuplicateName,
    /// It is no name of a header.
    InvalidName,
    /// Its property is of a type that a header cannot hold.
    InvalidType {
        /// The name of the header.
        name: String,
    },
}

impl std::fmt::Display for HeaderAnnotationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Misplaced => f.write_str(
                "`x-mcp-header` may stand only in a property of an object's `properties`",
            ),
            Self::DuplicateName => f.write_str("two properties have the same `x-mcp-header`"),
            Self::InvalidName => {
                f.write_str("`x-mcp-header` must be a name that a header can have")
            }
            Self::InvalidType { name } => {
                let problem = "stands on a property that is no string, integer or boolean";
                write!(f, "`x-mcp-header` {name} {problem}")
            }
        }
    }
}

impl std::error::Error for HeaderAnnotationError {}

/// The properties that are annotated with `x-mcp-header`, or why that annotation is not valid: the name
/// is a token (RFC 9110 section 5.6.2), unique whatever its case, and the property is a string, an integer
/// or a boolean, reached by `properties` alone.
pub(crate) fn header_params(schema: &Value) -> Result<Vec<HeaderParam>, HeaderAnnotationError> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found)?;
    let named = count_annotations(schema);
    if named != found.len() {
        return Err(HeaderAnnotationError::Misplaced);
    }
    let mut names: Vec<&str> = found.iter().map(|one| one.header.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() != found.len() {
        return Err(HeaderAnnotationError::DuplicateName);
    }
    Ok(found)
}

fn walk(
    schema: &Value,
    path: &mut Vec<String>,
    found: &mut Vec<HeaderParam>,
) -> Result<(), HeaderAnnotationError> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Ok(());
    };
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(header) = property.get("x-mcp-header") {
            found.push(HeaderParam {
                path: path.clone(),
                header: header_of(header, property)?,
            });
        }
        walk(property, path, found)?;
        path.pop();
    }
    Ok(())
}

fn header_of(header: &Value, property: &Value) -> Result<String, HeaderAnnotationError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = header
        .as_str()
        .filter(|name| !name.is_empty() && name.bytes().all(is_token))
        .ok_or(HeaderAnnotationError::InvalidName)?;
    match property.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "boolean") => Ok(format!("mcp-param-{}", name.to_lowercase())),
        _ => Err(HeaderAnnotationError::InvalidType {
            name: name.to_owned(),
        }),
    }
}

fn count_annotations(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => {
            let own =
                usize::from(members.contains_key("x-mcp-header") && !is_property_list(members));
            own + members.values().map(count_annotations).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(count_annotations).sum(),
        _ => 0,
    }
}

/// Whether these are properties, one of which happens to be called `x-mcp-header`.
fn is_property_list(members: &Map<String, Value>) -> bool {
    members.get("x-mcp-header").is_some_and(Value::is_object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn validation_error_names_place_and_problem() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "number"}},
            "required": ["a"], "additionalProperties": false});
        let schema = Schema::compile(&schema).unwrap();
        assert_eq!(schema.first_error(&json!({"a": 1})), None);
        let wrong = schema.first_error(&json!({"a": "very secret"})).unwrap();
        assert!(wrong.starts_with("/a: "), "{wrong}");
        assert!(!wrong.contains("very secret"), "{wrong}");
        let missing = schema.first_error(&json!({})).unwrap();
        assert!(missing.contains("\"a\""), "{missing}");
        assert!(
            schema
                .first_error(&json!({"a": 1, "b": 2}))
                .unwrap()
                .contains("b")
        );
    }

    #[test]
    fn whole_number_becomes_an_integer_and_others_do_not() {
        let value = json!({"a": [5.0, -3.0, 1e3, 0.5, 1e300, -0.0], "b": {"c": 2}});
        let integers = json!({"a": [5, -3, 1000, 0.5, 1e300, 0], "b": {"c": 2}});
        let with_integers = |mut value: Value| {
            make_integers(&mut value);
            value
        };
        assert_eq!(with_integers(value), integers);
        let large = json!(18_446_744_073_709_549_568.0_f64);
        assert_eq!(with_integers(large), json!(18_446_744_073_709_549_568_u64));
        assert_eq!(with_integers(json!(1e20)), json!(1e20));
    }

    // P6: nothing is fetched.
    #[test]
    fn remote_reference_fails_at_the_start() {
        for uri in ["https://example.com/schema.json", "file:///etc/passwd"] {
            let schema = json!({"type": "object", "properties": {"a": {"$ref": uri}}});
            assert!(Schema::compile(&schema).is_err(), "{uri}");
        }
        let inside = json!({"$defs": {"a": {"$anchor": "x", "type": "string"}},
            "type": "object", "properties": {"a": {"$ref": "#x"}}});
        assert!(Schema::compile(&inside).is_ok());
    }

    #[test]
    fn mirrored_property_needs_a_unique_valid_header_name() {
        let of = |schema: Value| header_params(&schema);
        let good = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "more": {"type": "object", "properties": {
                "n": {"type": "integer", "x-mcp-header": "N"}}}}});
        let found = of(good).unwrap();
        assert_eq!(found[0].path, ["more", "n"]);
        assert_eq!(found[1].header, "mcp-param-region");
        for bad in [
            json!({"properties": {"a": {"type": "string", "x-mcp-header": ""}}}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": "a b"}}}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": 1}}}),
            json!({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": "A"},
                "b": {"type": "string", "x-mcp-header": "a"}}}),
            json!({"properties": {"a": {"type": "array", "items":
                {"type": "string", "x-mcp-header": "A"}}}}),
        ] {
            assert!(of(bad.clone()).is_err(), "{bad}");
        }
    }
}
