//! The verdicts of the official test suite (`suite/README.md`) on draft 2020-12: all of them, but for schemas that are refused in words
//! because they are several documents, or need a table of Unicode's properties.

use std::collections::BTreeMap;

use entra_mcp_json_schema::Schema;
use serde_json::Value;

/// How many schemas of a file are refused.
const REFUSED: &[(&str, usize)] = &[
    ("anchor", 3),
    ("defs", 1),
    ("dynamicRef", 17),
    ("optional-ecmascript-regex", 4),
    ("optional-unknownKeyword", 1),
    ("pattern", 1),
    ("patternProperties", 1),
    ("ref", 13),
    ("unevaluatedItems", 1),
    ("unevaluatedProperties", 1),
];

const REASONS: [&str; 3] = [
    "begins another document, and a schema is one",
    "leads to another document, and none is fetched",
    "Unicode character classes are not supported",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its data")]
fn verdicts_are_those_of_the_official_suite() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite");
    let (mut refused, mut judged) = (BTreeMap::<String, usize>::new(), 0);
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read(&path).expect("text");
        let groups: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
        for group in &groups {
            let words = format!("{file}: {}", group["description"]);
            match Schema::new(group["schema"].clone()) {
                Ok(schema) => judged += agree(&schema, group, &words),
                Err(error) => {
                    let is_known = REASONS.iter().any(|reason| error.contains(reason));
                    assert!(is_known, "{words}: {error}");
                    *refused.entry(file.clone().into_owned()).or_default() += 1;
                }
            }
        }
    }
    let expected = REFUSED
        .iter()
        .map(|(file, count)| ((*file).to_owned(), *count));
    assert_eq!(refused, expected.collect());
    assert!(judged > 1200, "{judged}");
}

/// How many verdicts there were, all of them right.
fn agree(schema: &Schema, group: &Value, words: &str) -> usize {
    let tests = group["tests"].as_array().expect("tests");
    for test in tests {
        let errors = schema.errors(&test["data"]);
        assert_eq!(
            Some(errors.is_empty()),
            test["valid"].as_bool(),
            "{words}: {}: {errors:?}",
            test["description"]
        );
    }
    tests.len()
}
