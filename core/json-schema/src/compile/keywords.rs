//! That the value of a keyword is of its kind (the meta-schema of 2020-12).

use std::collections::BTreeSet;

use serde_json::Value;

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Says what is wrong with the value of a keyword. A keyword that is not known means nothing.
pub(super) fn check(keyword: &str, argument: &Value) -> Result<(), String> {
    match keyword {
        "type" => types(argument),
        "enum" if !argument.is_array() => Err("is no list".to_owned()),
        "multipleOf" if !argument.as_f64().is_some_and(|number| number > 0.0) => {
            Err("is no number above 0".to_owned())
        }
        "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum"
            if !argument.is_number() =>
        {
            Err("is no number".to_owned())
        }
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxContains" | "minContains"
        | "maxProperties" | "minProperties" => count(argument),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" if !argument.is_boolean() => {
            Err("is neither true nor false".to_owned())
        }
        "required" => names(argument),
        "dependentRequired" => match argument.as_object() {
            Some(members) => members.values().try_for_each(names),
            None => Err("is no object".to_owned()),
        },
        "$anchor" | "$dynamicAnchor" => anchor(argument),
        "$ref" | "$dynamicRef" | "$id" | "$schema" | "$comment" | "title" | "description"
        | "format" | "pattern" | "contentEncoding" | "contentMediaType"
            if !argument.is_string() =>
        {
            Err("is no text".to_owned())
        }
        "allOf" | "anyOf" | "oneOf" | "prefixItems"
            if argument.as_array().is_none_or(Vec::is_empty) =>
        {
            Err("is no list of schemas".to_owned())
        }
        "$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties"
            if !argument.is_object() =>
        {
            Err("is no object".to_owned())
        }
        _ => Ok(()),
    }
}

fn types(argument: &Value) -> Result<(), String> {
    let wrong = || "is none of JSON's types".to_owned();
    let is_type = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    let is_right = match argument {
        Value::Array(types) => !types.is_empty() && types.iter().all(is_type),
        one => is_type(one),
    };
    is_right.then_some(()).ok_or_else(wrong)
}

fn count(argument: &Value) -> Result<(), String> {
    let number = argument.as_f64();
    let is_right = number.is_some_and(|number| number >= 0.0 && number.fract() == 0.0);
    is_right
        .then_some(())
        .ok_or_else(|| "is no number of things".to_owned())
}

fn names(argument: &Value) -> Result<(), String> {
    let wrong = || "is no list of different names".to_owned();
    let list = argument.as_array().ok_or_else(wrong)?;
    let names: Option<BTreeSet<_>> = list.iter().map(Value::as_str).collect();
    let is_right = names.is_some_and(|names| names.len() == list.len());
    is_right.then_some(()).ok_or_else(wrong)
}

fn anchor(argument: &Value) -> Result<(), String> {
    let name = argument.as_str().unwrap_or_default();
    let is_right = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .chars()
            .all(|other| other.is_ascii_alphanumeric() || "-_.".contains(other));
    is_right
        .then_some(())
        .ok_or_else(|| "is no name".to_owned())
}
