//! Wrong set-ups fail at the start, in words.

use serde_json::json;

use super::*;

fn tool(_: &Call) -> Step<ToolResult> {
    Step::done("done")
}

fn built(fill: impl FnOnce(CatalogBuilder) -> CatalogBuilder) -> String {
    match fill(Catalog::builder()).build() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

const PURE: Handler<ToolResult> = Handler::Step(tool);

#[test]
fn an_invalid_catalog_is_an_error_in_words() {
    let twice = built(|catalog| {
        let add = || Tool::new("add", "Adds");
        catalog.tool(add(), PURE).tool(add(), PURE)
    });
    assert_eq!(twice, "Two tools are called `add`.");
    let schema = built(|catalog| {
        catalog.tool(
            Tool::new("add", "Adds").input_schema(json!({"type": "array"})),
            PURE,
        )
    });
    assert!(
        schema.contains("`add`") && schema.contains("\"type\": \"object\""),
        "{schema}"
    );
    let header = built(|catalog| {
        let schema = json!({"type": "object", "properties":
            {"a": {"type": "string", "x-mcp-header": "not a name"}}});
        catalog.tool(Tool::new("add", "Adds").input_schema(schema), PURE)
    });
    assert!(header.contains("x-mcp-header"), "{header}");
    let name = built(|catalog| catalog.tool(Tool::new("add numbers", "Adds"), PURE));
    assert!(name.contains("letters"), "{name}");
    let scope =
        built(|catalog| catalog.tool(Tool::new("add", "Adds").requires_scope("mail.read"), PURE));
    assert!(scope.contains("`mail.read`"), "{scope}");
    let icon = built(|catalog| {
        let icon = Icon::new("javascript:alert(1)");
        catalog.tool(Tool::new("add", "Adds").icon(icon), PURE)
    });
    assert!(icon.contains("https:"), "{icon}");
}

// C11: such a scope could never be granted, or would make every sign-in fail at Entra.
#[test]
fn a_scope_that_would_not_work_fails_at_the_start() {
    let of = |name: &str, graph: &str| {
        built(|catalog| {
            catalog.scope(ScopeDefinition {
                name: name.to_owned(),
                graph: graph.to_owned(),
                words: "Read.".to_owned(),
            })
        })
    };
    assert_eq!(of("mail.read", "Mail.Read"), "");
    for (name, graph) in [
        ("user.read", "User.Read"),
        ("openid", "Mail.Read"),
        ("Mail.Read", "Mail.Read"),
        ("mail.read", ""),
        ("mail.read", "https://graph.microsoft.com/Mail.Read"),
        ("mail.read", "Mail.Read Files.Read"),
        (&"x".repeat(513), "Mail.Read"),
    ] {
        let words = of(name, graph);
        assert!(!words.is_empty(), "{name} {graph}");
    }
}

// P1
#[test]
fn a_group_may_be_written_in_capitals() {
    let group = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01".to_owned();
    let tool = Tool::new("watch", "Watches").requires_group(group.to_uppercase());
    assert!(tool.is_for(&[], &[group]));
    assert!(!tool.is_for(&[], &[]));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    fn read(_: &Call) -> Step<Vec<ResourceContents>> {
        Step::failed(CallError::NotFound)
    }
    let words = built(|catalog| {
        catalog
            .resource(Resource::new("no uri", "x"), Handler::Step(read))
            .template(
                ResourceTemplate::new("a://{b}{c}", "x"),
                Handler::Step(read),
            )
            .complete_prompt("nobody", Handler::Runtime)
            .complete_template("a://{x}", Handler::Runtime)
            .page_size(0)
    });
    assert_eq!(words.lines().count(), 5, "{words}");
}
