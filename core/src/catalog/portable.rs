//! Schemas that every client accepts. JSON Schema allows more than the clients' own validators and the
//! providers of models do; a client that meets the rest refuses the whole list of tools, or the provider
//! every request with it.
//!
//! Source: JSON Schema 2020-12 (core; validation section 7.3, formats); the TypeScript SDK's types for
//! tools, in which a property is an object, and its validator, which knows one dialect only.

use serde_json::{Map, Value};

/// What some clients or providers of models refuse in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonportableSchema {
    /// A keyword that chooses between schemas stands at the top.
    KeywordAtTop {
        /// The keyword.
        keyword: &'static str,
    },
    /// The schema names a dialect.
    Dialect,
    /// A schema is a boolean.
    Boolean {
        /// A JSON Pointer to it.
        place: String,
        /// The boolean.
        value: bool,
    },
    /// A schema of arguments refers to another: providers of models refuse it, or do not follow it.
    Reference {
        /// A JSON Pointer to it.
        place: String,
    },
    /// A format is none of JSON Schema.
    UnknownFormat {
        /// A JSON Pointer to it.
        place: String,
        /// The format.
        format: String,
    },
}

impl std::fmt::Display for NonportableSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeywordAtTop { keyword } => {
                let problem = "stands at the top, where providers of models refuse it: \
                             let a property be the choice";
                write!(f, "`{keyword}` {problem}")
            }
            Self::Dialect => f.write_str(
                "`$schema` names a dialect, which validators of some clients do not know: \
                 leave it out",
            ),
            Self::Boolean { place, value } => {
                let instead = if *value { "{}" } else { "{\"not\": {}}" };
                write!(f, "`{place}` is the schema `{value}`: write `{instead}`")
            }
            Self::Reference { place } => {
                let problem = "refers to another schema, which some providers of models refuse or do not follow: \
                               write that one in its place, and let no type contain itself";
                write!(f, "`{place}` {problem}")
            }
            Self::UnknownFormat { place, format } => {
                let problem = "which JSON Schema does not have: leave it out";
                write!(f, "`{place}` is `{format}`, {problem}")
            }
        }
    }
}

impl std::error::Error for NonportableSchema {}

/// Everything in a schema of arguments that some refuse.
pub(super) fn input(schema: &Value, wrong: &mut impl FnMut(NonportableSchema)) {
    for keyword in AT_THE_TOP {
        if schema.get(keyword).is_some() {
            wrong(NonportableSchema::KeywordAtTop { keyword });
        }
    }
    walk(
        schema,
        "",
        &mut |place, members| {
            for keyword in ["$ref", "$dynamicRef"] {
                if members.contains_key(keyword) {
                    let place = format!("{place}/{keyword}");
                    return Some(NonportableSchema::Reference { place });
                }
            }
            None
        },
        wrong,
    );
}

/// Everything in a schema of results that some refuse.
pub(super) fn output(schema: &Value, wrong: &mut impl FnMut(NonportableSchema)) {
    if schema.get("$schema").is_some() {
        wrong(NonportableSchema::Dialect);
    }
    walk(schema, "", &mut |_, _| None, wrong);
}

/// What providers of models refuse beside `"type": "object"`.
const AT_THE_TOP: [&str; 5] = ["oneOf", "anyOf", "allOf", "enum", "not"];

/// Keywords whose value is a schema.
const ONE: [&str; 7] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "contentSchema",
];

/// Keywords whose value is a schema, or a boolean that every client knows.
const ONE_OR_BOOLEAN: [&str; 4] = [
    "additionalProperties",
    "unevaluatedProperties",
    "items",
    "unevaluatedItems",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value holds schemas by name.
const NAMED: [&str; 5] = [
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
];

/// The formats of JSON Schema.
const FORMATS: [&str; 19] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];

/// What is wrong with the schema of these members at this place, if anything is.
type Look = dyn FnMut(&str, &Map<String, Value>) -> Option<NonportableSchema>;

/// Looks at a schema and all within it, each also by `also`.
fn walk(schema: &Value, place: &str, also: &mut Look, wrong: &mut dyn FnMut(NonportableSchema)) {
    let members = match schema {
        Value::Bool(boolean) => {
            return wrong(NonportableSchema::Boolean {
                place: place.to_owned(),
                value: *boolean,
            });
        }
        Value::Object(members) => members,
        // Schemas that are none were reported before.
        _ => return,
    };
    if let Some(problem) = also(place, members) {
        wrong(problem);
    }
    if let Some(Value::String(format)) = members.get("format")
        && !FORMATS.contains(&format.as_str())
    {
        wrong(NonportableSchema::UnknownFormat {
            place: format!("{place}/format"),
            format: format.clone(),
        });
    }
    for (place, schema) in children(members, place) {
        walk(schema, &place, also, wrong);
    }
}

/// The schemas within a schema, and where they are.
fn children<'a>(members: &'a Map<String, Value>, place: &str) -> Vec<(String, &'a Value)> {
    let mut children = Vec::new();
    for (keyword, value) in members {
        let place = format!("{place}/{keyword}");
        let is = |keywords: &[&str]| keywords.contains(&keyword.as_str());
        match value {
            value if is(&ONE) => children.push((place, value)),
            Value::Object(_) if is(&ONE_OR_BOOLEAN) => children.push((place, value)),
            Value::Array(list) if is(&LIST) => {
                let numbered = list.iter().enumerate();
                children.extend(numbered.map(|(n, schema)| (format!("{place}/{n}"), schema)));
            }
            Value::Object(named) if is(&NAMED) => {
                let named = named.iter();
                children.extend(named.map(|(name, schema)| (format!("{place}/{name}"), schema)));
            }
            _ => {}
        }
    }
    children
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(schema: &Value) -> Vec<NonportableSchema> {
        let mut problems = Vec::new();
        input(schema, &mut |problem| problems.push(problem));
        problems
    }

    #[test]
    fn portable_schema_has_no_errors() {
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {
            "any": {}, "when": {"type": "string", "format": "date-time"},
            "list": {"type": "array", "prefixItems": [{}], "items": false},
            "format": {"type": "string", "default": true},
            "choice": {"oneOf": [{"const": true}, {"type": "null"}]}}});
        assert_eq!(problems(&schema), []);
    }

    #[test]
    fn boolean_schema_is_an_error_with_its_place() {
        for (schema, place, value) in [
            (json!({"properties": {"a": true}}), "/properties/a", true),
            (
                json!({"properties": {"a": {"not": true}}}),
                "/properties/a/not",
                true,
            ),
            (
                json!({"$defs": {"a": {"prefixItems": [false]}}}),
                "/$defs/a/prefixItems/0",
                false,
            ),
            (
                json!({"properties": {"a": {"items": {"anyOf": [true]}}}}),
                "/properties/a/items/anyOf/0",
                true,
            ),
        ] {
            let place = place.to_owned();
            assert_eq!(
                problems(&schema),
                [NonportableSchema::Boolean { place, value }]
            );
        }
    }

    #[test]
    fn reference_is_an_error_in_arguments_only() {
        let schema =
            json!({"properties": {"a": {"items": {"$ref": "#/$defs/b"}}}, "$defs": {"b": {}}});
        let place = "/properties/a/items/$ref".to_owned();
        assert_eq!(problems(&schema), [NonportableSchema::Reference { place }]);
        let mut problems = Vec::new();
        output(&schema, &mut |problem| problems.push(problem));
        assert_eq!(problems, []);
    }

    #[test]
    fn unknown_format_is_an_error() {
        let schema = json!({"properties": {"a": {"items": {"format": "uint32"}}}});
        let unknown = NonportableSchema::UnknownFormat {
            place: "/properties/a/items/format".to_owned(),
            format: "uint32".to_owned(),
        };
        assert_eq!(problems(&schema), [unknown]);
    }

    #[test]
    fn union_at_the_top_is_an_error_in_arguments_only() {
        for keyword in AT_THE_TOP {
            let schema = json!({"type": "object", keyword: [{}]});
            assert_eq!(
                problems(&schema),
                [NonportableSchema::KeywordAtTop { keyword }]
            );
        }
        let mut problems = Vec::new();
        let choice = json!({"type": "object", "oneOf": [{}]});
        output(&choice, &mut |problem| problems.push(problem));
        assert_eq!(problems, []);
        output(&json!({"$schema": "x"}), &mut |problem| {
            problems.push(problem)
        });
        assert_eq!(problems, [NonportableSchema::Dialect]);
    }

    #[test]
    fn nonportable_schema_is_named_with_what_to_write_instead() {
        let (place, format) = ("/properties/a".to_owned(), "uint".to_owned());
        for (wrong, parts) in [
            (
                NonportableSchema::KeywordAtTop { keyword: "oneOf" },
                ["`oneOf`", "let a property be the choice"],
            ),
            (NonportableSchema::Dialect, ["`$schema`", "leave it out"]),
            (
                NonportableSchema::Boolean {
                    place: place.clone(),
                    value: true,
                },
                ["`/properties/a`", "write `{}`"],
            ),
            (
                NonportableSchema::UnknownFormat { place, format },
                ["`/properties/a` is `uint`", "leave it out"],
            ),
        ] {
            let words = wrong.to_string();
            assert!(parts.iter().all(|part| words.contains(part)), "{words}");
        }
    }
}
