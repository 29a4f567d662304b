//! Arguments as types: what a tool or a prompt says of them, and their values.
//!
//! Source: MCP specification 2025-11-25, server/tools (`inputSchema`), server/prompts.

use std::any::TypeId;

use entra_mcp_core::catalog::{CallError, Prompt, PromptArgument, Tool};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::schema::{input_schema_of, mark_as_object};

/// The tool with the schema of its arguments' type. A type that says nothing of them leaves the tool's
/// own schema: that is `()`, or a map of anything, which means any arguments if the tool has none.
pub(super) fn describe<A: JsonSchema>(tool: Tool) -> Tool {
    let mut schema = input_schema_of::<A>();
    mark_as_object(&mut schema);
    let Some(members) = schema.as_object_mut() else {
        return tool;
    };
    let has = |keyword: &&str| members.contains_key(*keyword);
    let is_plain = !["properties", "oneOf", "anyOf", "allOf"].iter().any(has);
    let kind = members.get("type").and_then(Value::as_str);
    match (kind, members.get("additionalProperties")) {
        (Some("null"), _) => return tool,
        (Some("object"), None | Some(Value::Bool(false))) if is_plain => return tool,
        (Some("object"), Some(Value::Bool(true))) if is_plain => return takes_anything(tool),
        (None, _) if members.is_empty() => return takes_anything(tool),
        // Some want to see properties, if only none.
        (Some("object"), _) => drop(members.entry("properties").or_insert_with(|| json!({}))),
        _ => {}
    }
    tool.input_schema(schema)
}

fn takes_anything(tool: Tool) -> Tool {
    let any = json!({"type": "object", "properties": {}, "additionalProperties": true});
    match tool.has_input_schema() {
        true => tool,
        false => tool.input_schema(any),
    }
}

/// The prompt with the fields of its arguments' type; unless it has arguments already.
pub(super) fn describe_prompt<A: JsonSchema>(mut prompt: Prompt) -> Prompt {
    let schema = input_schema_of::<A>();
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties.filter(|_| prompt.arguments().is_empty()) else {
        return prompt;
    };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, schema) in properties {
        let mut argument = PromptArgument::new(name);
        if let Some(description) = schema.get("description").and_then(Value::as_str) {
            argument = argument.description(description);
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
    let read = if TypeId::of::<A>() == TypeId::of::<()>() {
        A::deserialize(Value::Null)
    } else {
        A::deserialize(arguments)
    };
    read.map_err(|error| CallError::Message(format!("The arguments do not fit: {error}.")))
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
    use std::collections::BTreeMap;

    use entra_mcp_core::catalog::{Catalog, Handler};
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

    #[derive(JsonSchema)]
    struct Nothing {}

    fn described<A: JsonSchema>() -> Tool {
        describe::<A>(Tool::new("x", "x").input_schema(json!({"own": 1})))
    }

    #[test]
    fn arguments_schema_comes_from_their_type_without_references() {
        let schema = input_schema_of::<Add>();
        assert_eq!(schema["required"], json!(["a"]));
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        assert_eq!(described::<Add>(), Tool::new("x", "x").input_schema(schema));
    }

    // Model providers refuse it; the error says that, and not that it is no object.
    #[test]
    fn arguments_of_an_enum_fail_at_the_start() {
        let tool = describe::<Either>(Tool::new("x", "x"));
        let catalog = Catalog::builder().tool(tool, Handler::Runtime).build();
        let message = catalog.unwrap_err().to_string();
        assert!(message.contains("`oneOf`"), "{message}");
        assert!(!message.contains("must be of"), "{message}");
    }

    #[test]
    fn untyped_arguments_leave_the_schema_of_the_tool() {
        let own = Tool::new("x", "x").input_schema(json!({"own": 1}));
        assert_eq!(described::<()>(), own);
        assert_eq!(described::<Map<String, Value>>(), own);
        assert_eq!(described::<Value>(), own);
        assert_ne!(described::<Vec<String>>(), own);
        let none = || Tool::new("x", "x");
        assert_eq!(describe::<()>(none()), none());
        assert_eq!(describe::<Nothing>(none()), none());
    }

    #[test]
    fn map_as_arguments_accepts_members_of_its_value_type() {
        let none = || Tool::new("x", "x");
        let any = json!({"type": "object", "properties": {}, "additionalProperties": true});
        let any = none().input_schema(any);
        assert_eq!(describe::<Map<String, Value>>(none()), any);
        assert_eq!(describe::<BTreeMap<String, Value>>(none()), any);
        assert_eq!(describe::<Value>(none()), any);
        let texts = json!({"type": "object", "properties": {},
            "additionalProperties": {"type": "string"}});
        let texts = none().input_schema(texts);
        assert_eq!(describe::<BTreeMap<String, String>>(none()), texts);
    }

    #[test]
    fn prompt_arguments_are_the_fields_of_their_type() {
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
    fn arguments_are_deserialized_as_their_type() {
        let arguments = Map::from_iter([("a".to_owned(), json!(2))]);
        assert!(read::<()>(&arguments).is_ok());
        assert_eq!(read::<Map<String, Value>>(&arguments).unwrap(), arguments);
        assert!(matches!(
            read::<Inner>(&arguments),
            Err(CallError::Message(_))
        ));
    }
}
