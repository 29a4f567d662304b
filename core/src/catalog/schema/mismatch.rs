//! What does not fit a schema, as a message that a model can act on: the member, and what would fit. The
//! value itself is not repeated: it may be long and is the client's own.

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

/// Says where a value does not fit, and what would. `schema` is the whole one.
pub(super) fn describe(error: &ValidationError<'_>, schema: &Value) -> String {
    if let Some(branch) = meant(error) {
        return describe(branch, schema);
    }
    let place = error.instance_path().to_string();
    let message = match alternatives(error) {
        Some(choices) => expected(&choices),
        None => match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                unknown_members(unexpected, error, schema)
            }
            // The validator's word where no member is known and none allowed.
            ValidationErrorKind::FalseSchema => "there are no members".to_owned(),
            _ => error.masked().to_string(),
        },
    };
    // Of a union the choice may be a member further in, as the tag of an enum is.
    let place = first_choice(error).map_or(place, |choice| choice.instance_path().to_string());
    match place.is_empty() {
        true => message,
        false => format!("{place}: {message}"),
    }
}

fn expected(choices: &[String]) -> String {
    match choices {
        [only] => format!("expected {only}"),
        several => format!("expected one of {}", several.join(", ")),
    }
}

fn unknown_members(names: &[String], error: &ValidationError<'_>, schema: &Value) -> String {
    let unknown = Value::from(names).to_string();
    let unknown = unknown.trim_matches(['[', ']']);
    let keyword = error.schema_path().to_string();
    let known = keyword.strip_suffix("/additionalProperties");
    let known = known.and_then(|place| schema.pointer(&format!("{place}/properties")));
    let known = known.and_then(Value::as_object);
    let known: Vec<_> = known
        .into_iter()
        .flat_map(|members| {
            members
                .keys()
                .map(|name| Value::from(name.as_str()).to_string())
        })
        .collect();
    match known.is_empty() {
        true => format!("unknown member {unknown}"),
        false => format!("unknown member {unknown}, {}", expected(&known)),
    }
}

/// The errors of a union, branch by branch, but for branches of another type altogether, such as the
/// `null` of an `Option`.
fn branches<'a>(error: &'a ValidationError<'_>) -> Vec<&'a [ValidationError<'static>]> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return Vec::new();
    };
    let is_of_type = |branch: &&[ValidationError<'static>]| {
        let is_type = |inner: &ValidationError<'_>| {
            matches!(inner.kind(), ValidationErrorKind::Type { .. })
                && inner.instance_path() == error.instance_path()
        };
        !branch.iter().any(is_type)
    };
    context
        .iter()
        .map(Vec::as_slice)
        .filter(is_of_type)
        .collect()
}

/// The error of the one branch of a union whose choices fit: the variant that was meant.
fn meant<'a>(error: &'a ValidationError<'_>) -> Option<&'a ValidationError<'static>> {
    let fits = |branch: &&[ValidationError<'static>]| !branch.iter().any(is_choice);
    let mut branches = branches(error).into_iter().filter(fits);
    let only = branches.next().filter(|_| branches.next().is_none())?;
    only.first()
}

fn is_choice(error: &ValidationError<'_>) -> bool {
    first_choice(error).is_some()
}

/// The error that a value is none of a choice, if it is that, or a union of such.
fn first_choice<'a, 'b>(error: &'a ValidationError<'b>) -> Option<&'a ValidationError<'b>>
where
    'static: 'b,
{
    match error.kind() {
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => Some(error),
        _ => {
            let branches = branches(error);
            let inner = branches.first()?.iter().find(|inner| is_choice(inner))?;
            first_choice(inner)
        }
    }
}

/// What would fit, if it is a choice, or a union of choices.
fn alternatives(error: &ValidationError<'_>) -> Option<Vec<String>> {
    match error.kind() {
        ValidationErrorKind::Enum { options } => {
            Some(options.as_array()?.iter().map(Value::to_string).collect())
        }
        ValidationErrorKind::Constant { expected_value } => Some(vec![expected_value.to_string()]),
        _ => {
            let mut all = Vec::new();
            for branch in branches(error) {
                let choice = branch.iter().find(|inner| is_choice(inner))?;
                all.extend(alternatives(choice)?);
            }
            Some(all).filter(|all| !all.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::catalog::schema::Schema;

    fn mismatch(property: serde_json::Value, value: serde_json::Value) -> String {
        let schema = json!({"type": "object", "properties": {"a": property},
            "additionalProperties": false});
        let schema = Schema::compile(&schema).unwrap();
        schema.first_error(&json!({"a": value})).unwrap()
    }

    #[test]
    fn value_outside_an_enum_gets_the_alternatives() {
        let plain = json!({"type": "string", "enum": ["x", "y"]});
        let titled = json!({"oneOf": [{"const": "x", "description": "X"}, {"enum": ["y"]}]});
        let optional = json!({"anyOf": [titled, {"type": "null"}]});
        for property in [plain, titled, optional] {
            let message = mismatch(property, json!("z"));
            assert_eq!(message, r#"/a: expected one of "x", "y""#);
        }
        assert_eq!(mismatch(json!({"const": 1}), json!(2)), "/a: expected 1");
    }

    #[test]
    fn object_of_no_variant_gets_the_tags_or_the_missing_member() {
        let variant = |tag: &str, member: &str| {
            json!({"type": "object", "required": ["kind", member],
                "properties": {"kind": {"const": tag}, member: {"type": "number"}}})
        };
        let shape = json!({"oneOf": [variant("circle", "radius"), variant("square", "side")]});
        let message = mismatch(shape.clone(), json!({"kind": "line", "radius": 1}));
        assert_eq!(message, r#"/a/kind: expected one of "circle", "square""#);
        let message = mismatch(shape.clone(), json!({"kind": "square", "side": "secret"}));
        assert!(
            message.starts_with("/a/side: ") && message.contains("number"),
            "{message}"
        );
        assert!(!message.contains("secret"), "{message}");
        let message = mismatch(shape, json!({"kind": "circle"}));
        assert!(message.contains(r#""radius""#), "{message}");
    }

    #[test]
    fn unknown_member_gets_the_known_ones() {
        let inner = json!({"type": "object", "properties": {"b": {}, "c": {}},
            "additionalProperties": false});
        let message = mismatch(inner, json!({"d": 1}));
        assert_eq!(
            message,
            r#"/a: unknown member "d", expected one of "b", "c""#
        );
        let none = json!({"type": "object", "additionalProperties": false});
        let empty = json!({"type": "object", "properties": {}, "additionalProperties": false});
        for (schema, message) in [
            (none, "/a: there are no members"),
            (empty, r#"/a: unknown member "d""#),
        ] {
            assert_eq!(mismatch(schema, json!({"d": 1})), message);
        }
    }
}
