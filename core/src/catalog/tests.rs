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

const PURE: Performer<ToolResult> = Performer::Pure(tool);

#[test]
fn a_wrong_set_up_is_told_in_words() {
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

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    fn read(_: &Call) -> Step<Vec<ResourceContents>> {
        Step::failed(Failure::NotFound)
    }
    let words = built(|catalog| {
        catalog
            .resource(Resource::new("no uri", "x"), Performer::Pure(read))
            .template(
                ResourceTemplate::new("a://{b}{c}", "x"),
                Performer::Pure(read),
            )
            .complete_prompt("nobody", Performer::Native)
            .complete_template("a://{x}", Performer::Native)
            .page_size(0)
    });
    assert_eq!(words.lines().count(), 5, "{words}");
}
