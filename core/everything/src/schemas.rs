//! Tools whose schemas are what matters: one with the keywords of JSON Schema 2020-12, one with an
//! argument that clients repeat in a header.

use entra_mcp_core::catalog::{Call, CatalogBuilder, Handler, Step, Tool, ToolResult};
use serde_json::{Value, json};

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    let header = json!({
        "type": "object",
        "properties": {"value": {"type": "string", "x-mcp-header": "Value"}},
        "required": ["value"],
    });
    let full = Tool::new(
        "json_schema_2020_12_tool",
        "Has a schema with all that there is",
    )
    .input_schema(full_schema())
    .allow_nonportable_schemas();
    let header = Tool::new(
        "test_custom_header",
        "Has an argument that a header repeats",
    )
    .input_schema(header)
    .meta("com.example/color", "red");
    catalog
        .tool(full, Handler::Step(taken))
        .tool(header, Handler::Step(taken))
}

fn full_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

fn taken(call: &Call) -> Step<ToolResult> {
    let arguments = Value::Object(call.arguments().clone());
    Step::done(format!("These arguments fit: {arguments}"))
}
