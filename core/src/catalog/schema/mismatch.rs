//! What does not fit a schema, as a message that a model can act on: the member, and what would fit. The
//! value itself is not repeated: it may be long and is the client's own.

use entra_mcp_json_schema::{Error, Problem};
use serde_json::Value;

/// Says where a value does not fit, and what would.
pub(super) fn describe(error: &Error) -> String {
    if let Some(branch) = meant(error) {
        return describe(branch);
    }
    let message = match alternatives(error) {
        Some(choices) => Problem::Choice(choices).to_string(),
        None => error.problem.to_string(),
    };
    // Of a union the choice may be a member further in, as the tag of an enum is.
    let place = first_choice(error).map_or(&error.place, |choice| &choice.place);
    match place.is_empty() {
        true => message,
        false => format!("{place}: {message}"),
    }
}

/// The errors of a union, branch by branch, but for branches of another type altogether, such as the
/// `null` of an `Option`.
fn branches(error: &Error) -> Vec<&[Error]> {
    let Problem::Union(branches) = &error.problem else {
        return Vec::new();
    };
    let is_of_type = |branch: &&[Error]| {
        let is_type =
            |inner: &Error| matches!(inner.problem, Problem::Type(_)) && inner.place == error.place;
        !branch.iter().any(is_type)
    };
    branches
        .iter()
        .map(Vec::as_slice)
        .filter(is_of_type)
        .collect()
}

/// The error of the one branch of a union whose choices fit: the variant that was meant.
fn meant(error: &Error) -> Option<&Error> {
    let fits = |branch: &&[Error]| !branch.iter().any(is_choice);
    let mut branches = branches(error).into_iter().filter(fits);
    let only = branches.next().filter(|_| branches.next().is_none())?;
    only.first()
}

fn is_choice(error: &Error) -> bool {
    first_choice(error).is_some()
}

/// The error that a value is none of a choice, if it is that, or a union of such.
fn first_choice(error: &Error) -> Option<&Error> {
    if matches!(error.problem, Problem::Choice(_)) {
        return Some(error);
    }
    let branches = branches(error);
    let inner = branches.first()?.iter().find(|inner| is_choice(inner))?;
    first_choice(inner)
}

/// What would fit, if it is a choice, or a union of choices.
fn alternatives(error: &Error) -> Option<Vec<Value>> {
    if let Problem::Choice(choices) = &error.problem {
        return Some(choices.clone());
    }
    let mut all = Vec::new();
    for branch in branches(error) {
        let choice = branch.iter().find(|inner| is_choice(inner))?;
        all.extend(alternatives(choice)?);
    }
    Some(all).filter(|all| !all.is_empty())
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
        assert_eq!(mismatch(none, json!({"d": 1})), r#"/a: unknown member "d""#);
    }
}
