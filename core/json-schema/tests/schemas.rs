//! Schemas that are none, and errors in words.

use entra_mcp_json_schema::Schema;
use serde_json::{Value, json};

fn first_error(schema: Value, value: &Value) -> String {
    let errors = Schema::new(schema).expect("a schema").errors(value);
    let error = errors.first().expect("an error");
    format!("{}: {}", error.place, error.problem)
}

#[test]
fn keyword_with_a_value_of_another_kind_is_refused() {
    for schema in [
        json!(1),
        json!({"type": "text"}),
        json!({"type": []}),
        json!({"enum": "a"}),
        json!({"multipleOf": 0}),
        json!({"minimum": "1"}),
        json!({"maxLength": -1}),
        json!({"minItems": 0.5}),
        json!({"uniqueItems": 1}),
        json!({"required": "a"}),
        json!({"required": ["a", "a"]}),
        json!({"dependentRequired": {"a": "b"}}),
        json!({"properties": []}),
        json!({"properties": {"a": 1}}),
        json!({"items": [{}]}),
        json!({"anyOf": []}),
        json!({"pattern": "("}),
        json!({"patternProperties": {"[": {}}}),
        json!({"$anchor": "#a"}),
        json!({"title": 1}),
    ] {
        assert!(Schema::new(schema.clone()).is_err(), "{schema}");
    }
}

#[test]
fn reference_that_leads_nowhere_or_elsewhere_is_refused() {
    for reference in [
        "https://example.com/schema.json",
        "file:///etc/passwd",
        "other.json#/a",
        "#/$defs/missing",
        "#missing",
        "#/$defs/%zz",
    ] {
        let schema = json!({"$defs": {}, "properties": {"a": {"$ref": reference}}});
        let error = Schema::new(schema).unwrap_err();
        assert!(error.contains(reference), "{error}");
    }
    let twice = json!({"properties": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}});
    assert!(Schema::new(twice).is_err());
    let documents = json!({"properties": {"a": {"$id": "https://example.com/a"}}});
    assert!(Schema::new(documents).is_err());
}

#[test]
fn reference_leads_to_a_place_an_anchor_or_the_root() {
    let schema = json!({"$id": "https://example.com/s", "properties": {
        "place": {"$ref": "#/$defs/a~1b%25"}, "anchor": {"$ref": "https://example.com/s#x"},
        "root": {"$ref": "#"}, "odd": {"$ref": "#/odd/schema"}},
        "$defs": {"a/b%": {"type": "string"}, "other": {"$anchor": "x", "type": "null"}},
        "odd": {"schema": {"type": "number"}}});
    for (value, place) in [
        (json!({"place": 1}), "/place"),
        (json!({"anchor": 1}), "/anchor"),
        (json!({"root": {"place": 1}}), "/root/place"),
        (json!({"odd": "1"}), "/odd"),
    ] {
        let errors = Schema::new(schema.clone()).unwrap().errors(&value);
        assert_eq!(errors[0].place, place);
    }
}

#[test]
fn circle_that_never_looks_inside_the_value_is_refused() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"anyOf": [{"not": {"$ref": "#/$defs/a"}}], "$defs": {"a": {"$ref": "#"}}}),
        json!({"if": {"dependentSchemas": {"x": {"$ref": "#"}}}}),
    ] {
        let error = Schema::new(schema).unwrap_err();
        assert!(error.contains("circle"), "{error}");
    }
    let tree = json!({"properties": {"children": {"items": {"$ref": "#"}}}, "required": ["name"]});
    let value = json!({"name": 1, "children": [{"name": 2, "children": [{}]}]});
    let expected = r#"/children/0/children/0: the member "name" is missing"#;
    assert_eq!(first_error(tree, &value), expected);
}

#[test]
fn error_says_what_would_fit_and_not_what_came() {
    for (schema, value, expected) in [
        (
            json!({"type": ["integer", "null"]}),
            json!("secret"),
            "expected an integer or null",
        ),
        (
            json!({"exclusiveMinimum": 0}),
            json!(0),
            "expected more than 0",
        ),
        (json!({"maximum": 1.5}), json!(2), "expected at most 1.5"),
        (
            json!({"multipleOf": 5}),
            json!(7),
            "expected a multiple of 5",
        ),
        (
            json!({"minLength": 2}),
            json!("ä"),
            "expected at least 2 characters",
        ),
        (
            json!({"pattern": "^a"}),
            json!("secret"),
            "expected text that matches \"^a\"",
        ),
        (
            json!({"maxItems": 1}),
            json!([1, 2]),
            "expected at most 1 items",
        ),
        (
            json!({"uniqueItems": true}),
            json!([1, 1.0]),
            "expected items that are different",
        ),
        (
            json!({"contains": {"type": "null"}}),
            json!([1]),
            "expected at least 1 items that fit `contains`",
        ),
        (
            json!({"minProperties": 1}),
            json!({}),
            "expected at least 1 members",
        ),
        (json!({"not": {}}), json!(1), "expected something else"),
        (
            json!({"enum": [1, "a"]}),
            json!(2),
            "expected one of 1, \"a\"",
        ),
        (
            json!({"properties": {"b": {}}, "additionalProperties": false}),
            json!({"secret": 1, "c": 2}),
            "unknown member \"c\",\"secret\", expected \"b\"",
        ),
    ] {
        assert_eq!(first_error(schema, &value), format!(": {expected}"));
    }
}

#[test]
fn errors_of_a_large_value_are_bounded() {
    let schema = Schema::new(json!({"items": {"type": "null"}})).unwrap();
    let value: Value = (0..100_000).collect();
    assert!(schema.errors(&value).len() < 100);
}
