//! The JSON Schema of types, in the keywords that every client accepts, model providers included.
//!
//! Source: JSON Schema 2020-12; MCP specification 2025-11-25, server/tools (`inputSchema`,
//! `outputSchema`).

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{ReplaceBoolSchemas, RestrictFormats, transform_subschemas},
};
use serde_json::{Value, json};

/// Returns the JSON Schema (2020-12) of what deserializes as a type, without references where that is
/// possible: not every client follows them.
///
/// ```
/// #[derive(schemars::JsonSchema)]
/// struct Add {
///     /// The first number.
///     a: f64,
/// }
/// let schema = entra_mcp_runtime::handlers::input_schema_of::<Add>();
/// assert_eq!(schema["type"], "object");
/// assert_eq!(schema["properties"]["a"]["description"], "The first number.");
/// ```
#[must_use]
pub fn input_schema_of<T: JsonSchema>() -> Value {
    schema_of::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// Returns the JSON Schema (2020-12) of what a type serializes as: that of a tool's structured result.
///
/// ```
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Page {
///     #[serde(default)]
///     items: Vec<String>,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     next: Option<String>,
/// }
/// let schema = entra_mcp_runtime::handlers::output_schema_of::<Page>();
/// assert_eq!(schema["required"], serde_json::json!(["items"]));
/// ```
#[must_use]
pub fn output_schema_of<T: JsonSchema>() -> Value {
    let mut schema = schema_of::<T>(SchemaSettings::draft2020_12().for_serialize());
    mark_as_object(&mut schema);
    schema
}

fn schema_of<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let mut booleans = ReplaceBoolSchemas::default();
    booleans.skip_additional_properties = true;
    let settings = settings
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(bound_integers)
        .with_transform(RestrictFormats::default())
        .with_transform(booleans);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The name of a type is nothing to a client, and some know no dialect but their own.
    schema.remove("title");
    schema.remove("$schema");
    schema.to_value()
}

/// Says what the name of an integer's format means, which no validator knows: what passes the schema
/// must deserialize.
fn bound_integers(schema: &mut Schema) {
    transform_subschemas(&mut bound_integers, schema);
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("int64" | "int") => (json!(i64::MIN), json!(i64::MAX)),
        Some("uint64" | "uint" | "uint128") => (json!(0), json!(u64::MAX)),
        // JSON has no larger ones here.
        Some("int128") => (json!(i64::MIN), json!(u64::MAX)),
        _ => return,
    };
    for (keyword, bound) in [("minimum", least), ("maximum", most)] {
        if schema.get(keyword).is_none() {
            schema.insert(keyword.to_owned(), bound);
        }
    }
}

/// A choice of several objects does not say by itself that it is one; clients before 2026-07-28 ask for
/// that.
pub(super) fn mark_as_object(schema: &mut Value) {
    let is_object = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "object");
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    let is_choice = choices
        .and_then(Value::as_array)
        .is_some_and(|choices| choices.iter().all(is_object));
    if let (true, Value::Object(members)) = (is_choice, schema) {
        members.entry("type").or_insert_with(|| json!("object"));
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct All {
        any: Value,
        list: Vec<Value>,
        #[serde(default)]
        count: u32,
        signed: i32,
        large: u64,
        #[schemars(range(max = 9))]
        small: i64,
        ratio: f32,
        #[schemars(extend("format" = "date-time"))]
        when: String,
    }

    // The TypeScript SDK refuses the whole list of tools for one boolean among the properties.
    #[test]
    fn schema_of_any_value_is_no_boolean() {
        let schema = input_schema_of::<All>();
        assert_eq!(schema["properties"]["any"], json!({}));
        assert_eq!(schema["properties"]["list"]["items"], json!({}));
        assert_eq!(input_schema_of::<Value>(), json!({}));
        let map = input_schema_of::<std::collections::BTreeMap<String, Value>>();
        assert_eq!(map, json!({"type": "object", "additionalProperties": true}));
    }

    #[test]
    fn integer_format_becomes_bounds() {
        let schema = input_schema_of::<All>();
        let field = |name: &str| schema["properties"][name].clone();
        for (name, minimum, maximum) in [
            ("count", json!(0), json!(u32::MAX)),
            ("signed", json!(i32::MIN), json!(i32::MAX)),
            ("large", json!(0), json!(u64::MAX)),
            ("small", json!(i64::MIN), json!(9)),
        ] {
            let field = field(name);
            assert_eq!(field["minimum"], minimum, "{field}");
            assert_eq!(field["maximum"], maximum, "{field}");
            assert_eq!(field.get("format"), None, "{field}");
        }
        assert_eq!(field("ratio"), json!({"type": "number"}));
        assert_eq!(field("when")["format"], "date-time");
    }

    #[test]
    fn output_schema_follows_serialization() {
        let required = |schema: Value| {
            let names = schema["required"].as_array().unwrap().clone();
            names.contains(&json!("count"))
        };
        assert!(required(output_schema_of::<All>()));
        assert!(!required(input_schema_of::<All>()));
    }

    #[test]
    fn output_schema_of_an_enum_is_an_object() {
        #[derive(Serialize, JsonSchema)]
        #[serde(tag = "kind")]
        #[expect(dead_code, reason = "only its schema matters")]
        enum Either {
            A { a: f64 },
            B { b: f64 },
        }
        assert_eq!(output_schema_of::<Either>()["type"], "object");
        let optional = output_schema_of::<Option<All>>();
        assert_eq!(optional["type"], json!(["object", "null"]));
    }
}
