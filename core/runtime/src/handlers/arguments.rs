//! Arguments as types: their JSON Schema, and their values.
//!
//! Source: MCP specification 2025-11-25, server/tools (`inputSchema`); JSON Schema 2020-12.

use std::any::TypeId;

use entra_mcp_core::catalog::{CallError, Prompt, PromptArgument, Tool};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The JSON Schema (2020-12) of a type, without references where that is possible: not every client
/// follows them.
///
/// ```
/// #[derive(schemars::JsonSchema)]
/// struct Add {
///     /// The first number.
///     a: f64,
/// }
/// let schema = entra_mcp_runtime::handlers::schema_of::<Add>();
/// assert_eq!(schema["type"], "object");
/// assert_eq!(schema["properties"]["a"]["description"], "The first number.");
/// ```
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The name of a type is nothing to a client.
    schema.remove("title");
    schema.to_value()
}

/// The tool with the schema of its arguments' type; unless the type says nothing of them, as `()` and
/// a `serde_json::Map`: then the tool's own stays.
pub(super) fn describe<A: JsonSchema>(tool: Tool) -> Tool {
    let mut schema = schema_of::<A>();
    let Some(members) = schema.as_object_mut() else {
        return tool;
    };
    let says_nothing = match members.get("type").and_then(Value::as_str) {
        Some("null") => true,
        Some("object") => {
            let others = members.get("additionalProperties");
            !members.contains_key("properties") && others.is_none_or(Value::is_boolean)
        }
        Some(_) => false,
        None => members.is_empty(),
    };
    if says_nothing {
        return tool;
    }
    // A choice of several objects does not say by itself that it is one.
    members.entry("type").or_insert_with(|| json!("object"));
    tool.input_schema(schema)
}

/// The prompt with the fields of its arguments' type; unless it has arguments already.
pub(super) fn describe_prompt<A: JsonSchema>(mut prompt: Prompt) -> Prompt {
    let schema = schema_of::<A>();
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties.filter(|_| prompt.arguments().is_empty()) else {
        return prompt;
    };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, schema) in properties {
        let mut argument = PromptArgument::new(name);
        if let Some(words) = schema.get("description").and_then(Value::as_str) {
            argument = argument.description(words);
        }
        if required.is_some_and(|names| names.contains(&json!(name))) {
            argument = argument.required();
        }
        prompt = prompt.argument(argument);
    }
    prompt
}

/// The arguments as their type; `()` takes any.
pub(super) fn read<A: DeserializeOwned + 'static>(
    arguments: &Map<String, Value>,
) -> Result<A, CallError> {
    let value = if TypeId::of::<A>() == TypeId::of::<()>() {
        Value::Null
    } else {
        Value::Object(arguments.clone())
    };
    serde_json::from_value(value)
        .map_err(|error| CallError::Message(format!("The arguments do not fit: {error}.")))
}

/// What is to be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionRequest {
    /// The argument of the prompt, or the variable of the template.
    pub argument: String,
    /// What was entered of it so far.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Add {
        a: f64,
        b: Option<Inner>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Inner {
        c: String,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "only its schema matters")]
    enum Either {
        A { a: f64 },
        B { b: f64 },
    }

    fn described<A: JsonSchema>() -> Tool {
        describe::<A>(Tool::new("x", "x").input_schema(json!({"own": 1})))
    }

    #[test]
    fn the_schema_of_arguments_is_that_of_their_type_without_references() {
        let schema = schema_of::<Add>();
        assert_eq!(schema["required"], json!(["a"]));
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        assert_eq!(described::<Add>(), Tool::new("x", "x").input_schema(schema));
    }

    #[test]
    fn a_choice_of_objects_is_an_object() {
        let mut schema = schema_of::<Either>();
        schema["type"] = json!("object");
        assert_eq!(
            described::<Either>(),
            Tool::new("x", "x").input_schema(schema)
        );
    }

    #[test]
    fn a_type_that_says_nothing_leaves_the_schema_of_the_tool() {
        let own = Tool::new("x", "x").input_schema(json!({"own": 1}));
        assert_eq!(described::<()>(), own);
        assert_eq!(described::<Map<String, Value>>(), own);
        assert_eq!(described::<Value>(), own);
        assert_ne!(described::<Vec<String>>(), own);
    }

    #[test]
    fn the_arguments_of_a_prompt_are_the_fields_of_their_type() {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema matters")]
        struct Review {
            /// The code.
            code: String,
            language: Option<String>,
        }
        let prompt = || Prompt::new("review", "Reviews");
        let code = PromptArgument::new("code");
        let described = prompt()
            .argument(code.clone().description("The code.").required())
            .argument(PromptArgument::new("language"));
        assert_eq!(describe_prompt::<Review>(prompt()), described);
        let own = prompt().argument(code);
        assert_eq!(describe_prompt::<Review>(own.clone()), own);
        assert_eq!(describe_prompt::<()>(prompt()), prompt());
    }

    #[test]
    fn arguments_are_read_as_their_type() {
        let arguments = Map::from_iter([("a".to_owned(), json!(2))]);
        assert!(read::<()>(&arguments).is_ok());
        assert_eq!(read::<Map<String, Value>>(&arguments).unwrap(), arguments);
        assert!(matches!(
            read::<Inner>(&arguments),
            Err(CallError::Message(_))
        ));
    }
}
