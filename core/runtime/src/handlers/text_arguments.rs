//! Arguments that are texts, as those of prompts and the variables of templates, as types: a field may be text, a number, a boolean or a
//! choice, and an `Option` of each. What no text can become is found at the start.
//!
//! Source: MCP specification 2025-11-25, server/prompts (arguments are strings); RFC 6570 for variables.

use std::any::TypeId;

use entra_mcp_core::catalog::{ArgumentProblem, CallError};
use schemars::JsonSchema;
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value, json};

use super::schema::input_schema_of;

/// The names of the arguments that something is called with.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) all: Vec<&'a str>,
    /// Those that may be left out.
    pub(super) optional: Vec<&'a str>,
}

/// Everything that is wrong with a type that is to be read from such arguments. `()` takes none, a map any.
pub(super) fn problems<A: JsonSchema>(given: &Given<'_>) -> Vec<ArgumentProblem> {
    let schema = input_schema_of::<A>();
    let kind = schema.get("type").and_then(Value::as_str);
    if kind == Some("null") || schema.as_object().is_some_and(Map::is_empty) {
        return Vec::new();
    }
    if kind != Some("object") {
        return vec![ArgumentProblem::NoFields];
    }
    let nothing = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.unwrap_or(&nothing);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.contains(&json!(name)));
    let mut problems = Vec::new();
    for (name, schema) in properties {
        let field = || name.clone();
        if !is_of_text(schema) {
            problems.push(ArgumentProblem::NotText { field: field() });
        }
        if !given.all.contains(&name.as_str()) {
            problems.push(ArgumentProblem::NotGiven { field: field() });
        }
        if given.optional.contains(&name.as_str()) && is_required(name) {
            problems.push(ArgumentProblem::NotOptional { field: field() });
        }
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        let untaken = given
            .all
            .iter()
            .filter(|name| !properties.contains_key(**name));
        problems.extend(untaken.map(|name| ArgumentProblem::NotTaken {
            name: (*name).to_owned(),
        }));
    }
    problems
}

/// Whether some text can become what this schema is of.
fn is_of_text(schema: &Value) -> bool {
    let is_kind = |kind: &Value| {
        let kind = kind.as_str().unwrap_or_default();
        matches!(kind, "string" | "integer" | "number" | "boolean" | "null")
    };
    let each = |keyword: &str, fits: &dyn Fn(&Value) -> bool| match schema.get(keyword) {
        Some(Value::Array(all)) => all.iter().all(fits),
        Some(one) => fits(one),
        None => true,
    };
    let is_choice = |value: &Value| value.is_string() || value.is_null();
    each("type", &is_kind)
        && each("enum", &is_choice)
        && each("const", &is_choice)
        && each("anyOf", &is_of_text)
        && each("oneOf", &is_of_text)
        && schema.get("$ref").is_none()
}

/// The arguments as their type; `()` takes any.
pub(super) fn read<A: DeserializeOwned + 'static>(
    arguments: &Map<String, Value>,
) -> Result<A, CallError> {
    let read = if TypeId::of::<A>() == TypeId::of::<()>() {
        A::deserialize(Value::Null).map_err(|error| error.to_string())
    } else {
        let texts = arguments.iter().map(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            (name.as_str(), Text { name, text })
        });
        let read = A::deserialize(MapDeserializer::new(texts));
        read.map_err(|error: Error| error.to_string())
    };
    read.map_err(|error| CallError::Message(format!("The arguments do not fit: {error}.")))
}

/// A text that becomes what a field is.
#[derive(Clone, Copy)]
struct Text<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'de> IntoDeserializer<'de> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Text<'_> {
    fn no_number(&self) -> Error {
        Error::custom(format_args!("`{}` is not a number", self.name))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $kind:literal;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let parsed = self.text.trim().parse();
            visitor.$visit(parsed.map_err(|_| {
                Error::custom(format_args!("`{}` is not {}", self.name, $kind))
            })?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.text)
    }

    parsed! {
        deserialize_bool visit_bool "true or false";
        deserialize_i8 visit_i8 "a whole number that fits";
        deserialize_i16 visit_i16 "a whole number that fits";
        deserialize_i32 visit_i32 "a whole number that fits";
        deserialize_i64 visit_i64 "a whole number that fits";
        deserialize_i128 visit_i128 "a whole number that fits";
        deserialize_u8 visit_u8 "a whole number that fits";
        deserialize_u16 visit_u16 "a whole number that fits";
        deserialize_u32 visit_u32 "a whole number that fits";
        deserialize_u64 visit_u64 "a whole number that fits";
        deserialize_u128 visit_u128 "a whole number that fits";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let parsed = self.text.trim().parse::<f32>().ok();
        visitor.visit_f32(
            parsed
                .filter(|n| n.is_finite())
                .ok_or_else(|| self.no_number())?,
        )
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let parsed = self.text.trim().parse::<f64>().ok();
        visitor.visit_f64(
            parsed
                .filter(|n| n.is_finite())
                .ok_or_else(|| self.no_number())?,
        )
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.text.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Tone {
        Formal,
        Friendly,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Letter {
        to: String,
        pages: u8,
        width: Option<f64>,
        urgent: bool,
        tone: Option<Tone>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Nested {
        letter: Letter,
        lines: Vec<String>,
    }

    fn texts(texts: &[(&str, &str)]) -> Map<String, Value> {
        let texts = texts.iter();
        texts
            .map(|(name, text)| ((*name).to_owned(), json!(text)))
            .collect()
    }

    fn problems_of<A: JsonSchema>(all: &[&'static str]) -> Vec<String> {
        let given = Given {
            all: all.to_vec(),
            optional: vec!["width", "pages"],
        };
        let problems = problems::<A>(&given).into_iter();
        problems.map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn texts_become_numbers_booleans_and_choices() {
        let given = texts(&[
            ("to", "7"),
            ("pages", "12"),
            ("width", "0.5"),
            ("urgent", "true"),
            ("tone", "friendly"),
        ]);
        let letter = Letter {
            to: "7".to_owned(),
            pages: 12,
            width: Some(0.5),
            urgent: true,
            tone: Some(Tone::Friendly),
        };
        assert_eq!(read::<Letter>(&given), Ok(letter));
        assert_eq!(read::<()>(&given), Ok(()));
        assert_eq!(read::<Map<String, Value>>(&given).unwrap(), given);
        let numbers = read::<BTreeMap<String, u32>>(&texts(&[("a", "1")]));
        assert_eq!(numbers.unwrap()["a"], 1);
    }

    // JSON has no such numbers either.
    #[test]
    fn number_that_is_not_finite_is_refused() {
        for number in ["NaN", "inf", "-infinity", "1e999"] {
            assert!(read::<BTreeMap<String, f64>>(&texts(&[("a", number)])).is_err());
            assert!(read::<BTreeMap<String, f32>>(&texts(&[("a", number)])).is_err());
        }
    }

    #[test]
    fn text_that_is_not_what_its_field_is_is_told_with_its_name() {
        for (pages, urgent, named) in [("300", "true", "`pages`"), ("3", "yes", "`urgent`")] {
            let given = texts(&[("to", "x"), ("pages", pages), ("urgent", urgent)]);
            let Err(CallError::Message(told)) = read::<Letter>(&given) else {
                panic!("they do not fit");
            };
            assert!(told.contains(named), "{told}");
        }
    }

    #[test]
    fn type_that_no_text_can_become_is_told_at_the_start() {
        let all = ["to", "pages", "urgent", "tone", "width"];
        assert_eq!(problems_of::<()>(&all), [""; 0]);
        assert_eq!(problems_of::<Map<String, Value>>(&all), [""; 0]);
        assert_eq!(problems_of::<String>(&all).len(), 1);
        let left_out = problems_of::<Letter>(&all);
        assert_eq!(left_out.len(), 1, "{left_out:?}");
        assert!(
            left_out[0].contains("`pages` may be left out"),
            "{left_out:?}"
        );
        let missing = problems_of::<Letter>(&["to", "urgent", "tone", "width"]);
        assert!(
            missing
                .iter()
                .any(|told| told.contains("the field `pages`")),
            "{missing:?}"
        );
        let nested = problems_of::<Nested>(&["letter", "lines", "other"]);
        assert_eq!(nested.len(), 3, "{nested:?}");
        for (told, name) in nested.iter().zip(["`letter`", "`lines`", "`other`"]) {
            assert!(told.contains(name), "{nested:?}");
        }
    }
}
