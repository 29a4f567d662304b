//! What the compiler says of what people get wrong: each time a note has the cure.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

/// A mistake of `mistakes/`, and what is said of it.
const MISTAKES: [(&str, &str, &str); 6] = [
    (
        "result_without_json",
        "a tool cannot return `Sum`",
        "return `Json(value)` and derive `serde::Serialize` and `schemars::JsonSchema` for it",
    ),
    (
        "error_of_text",
        "this function cannot perform calls of this runtime",
        "an error in words is `Err(\"Try another.\".into())`",
    ),
    (
        "parameter_without_type",
        "type annotations needed",
        "consider giving this closure parameter an explicit type",
    ),
    (
        "arguments_without_schema",
        "`Add` cannot be the arguments of a function",
        "derive `serde::Deserialize` and `schemars::JsonSchema` for it",
    ),
    (
        "context_by_reference",
        "this function cannot perform calls of this runtime",
        "with entra-mcp-smol the function is async and takes `Context`",
    ),
    (
        "future_that_stays_on_its_thread",
        "this function cannot perform calls of this runtime",
        "such as an `Rc` or the guard of a lock",
    ),
];

/// The errors of each example, as people read them.
fn errors() -> BTreeMap<String, String> {
    // The folder in which this test was built has all that the examples need.
    let program = Path::new(env!("CARGO_BIN_EXE_embedding"));
    let target = program.ancestors().nth(2).unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--examples", "--features", "mistakes"])
        .args([
            "--keep-going",
            "--message-format",
            "json",
            "--manifest-path",
        ])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .output()
        .unwrap();
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    for line in String::from_utf8(built.stdout).unwrap().lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        if let (Some(name), Some(text)) = (
            said["target"]["name"].as_str(),
            said["message"]["rendered"].as_str(),
        ) {
            *errors.entry(name.to_owned()).or_default() += text;
        }
    }
    assert!(
        !errors.is_empty(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    errors
}

#[test]
fn compiler_says_what_is_wrong_and_how_to_mend_it() {
    let errors = errors();
    for (name, wrong, cure) in MISTAKES {
        let said = errors.get(name).map_or("", String::as_str);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(wrong), "{name}: {said}");
        assert!(said.contains(cure), "{name}: {said}");
    }
}
