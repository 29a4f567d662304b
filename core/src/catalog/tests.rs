//! Wrong set-ups fail at the start.

use serde_json::json;

use super::*;

fn tool(_: &Call) -> Step<ToolResult> {
    Step::done("done")
}

fn errors(fill: impl FnOnce(CatalogBuilder) -> CatalogBuilder) -> Vec<CatalogError> {
    match fill(Catalog::builder()).build() {
        Ok(_) => Vec::new(),
        Err(errors) => errors.as_slice().to_vec(),
    }
}

const PURE: Handler<ToolResult> = Handler::Step(tool);

#[test]
fn invalid_tool_is_an_error_that_names_it() {
    let add = || Tool::new("add", "Adds");
    let name = || "add".to_owned();
    let tool = name;
    let twice = errors(|catalog| catalog.tool(add(), PURE).tool(add(), PURE));
    assert_eq!(twice, [CatalogError::DuplicateTool { name: name() }]);
    assert_eq!(twice[0].to_string(), "Two tools are called `add`.");
    let schema = errors(|catalog| catalog.tool(add().input_schema(json!({"type": "array"})), PURE));
    assert_eq!(schema, [CatalogError::InputNotObject { tool: tool() }]);
    let header = errors(|catalog| {
        let schema = json!({"type": "object", "properties":
            {"a": {"type": "string", "x-mcp-header": "not a name"}}});
        catalog.tool(add().input_schema(schema), PURE)
    });
    let invalid = CatalogError::InvalidHeaderAnnotation {
        tool: tool(),
        problem: HeaderAnnotationError::InvalidName,
    };
    assert_eq!(header, [invalid]);
    let spaced = errors(|catalog| catalog.tool(Tool::new("add numbers", "Adds"), PURE));
    let name = "add numbers".to_owned();
    assert_eq!(spaced, [CatalogError::InvalidToolName { name }]);
    let unknown = errors(|catalog| catalog.tool(add().requires_scope("mail.read"), PURE));
    let scope = "mail.read".to_owned();
    let entry = CatalogEntry::Tool(tool());
    assert_eq!(unknown, [CatalogError::UnknownScope { entry, scope }]);
    let src = "javascript:alert(1)".to_owned();
    let icon = errors(|catalog| catalog.tool(add().icon(Icon::new(&*src)), PURE));
    let entry = CatalogEntry::Tool("add".to_owned());
    assert_eq!(icon, [CatalogError::InvalidIcon { entry, src }]);
}

// C11: such a scope could never be granted, or would make every sign-in fail at Entra.
#[test]
fn invalid_scope_fails_at_the_start() {
    let of = |name: &str, graph: &str| {
        errors(|catalog| {
            catalog.scope(ScopeDefinition {
                name: name.to_owned(),
                permission: graph.to_owned(),
                description: "Read.".to_owned(),
            })
        })
    };
    assert_eq!(of("mail.read", "Mail.Read"), []);
    assert_eq!(of("orders.read", "api://orders/Orders.Read"), []);
    for (name, graph) in [
        ("user.read", "User.Read"),
        ("openid", "Mail.Read"),
        ("Mail.Read", "Mail.Read"),
        ("mail.read", ""),
        ("mail.read", "https://graph.microsoft.com/Mail.Read"),
        ("mail.read", "Mail.Read Files.Read"),
        ("orders.read", "api://orders/Orders Read"),
        ("orders.read", "api://orders/"),
        ("orders.read", "orders/Orders.Read"),
        ("orders.read", "/Orders.Read"),
        (&"x".repeat(513), "Mail.Read"),
    ] {
        let errors = of(name, graph);
        assert!(!errors.is_empty(), "{name} {graph}");
    }
}

// P1
#[test]
fn group_id_in_capitals_is_accepted() {
    let group = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01".to_owned();
    let tool = Tool::new("watch", "Watches").requires_group(group.to_uppercase());
    let none = Names::default();
    assert!(tool.audience().includes(&none, &Names::from_iter([group])));
    assert!(!tool.audience().includes(&none, &none));
}

#[test]
fn all_errors_of_a_catalog_are_reported_at_once() {
    fn read(_: &Call) -> Step<ReadResult> {
        Step::failed(CallError::NotFound)
    }
    let errors = errors(|catalog| {
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
    let text = str::to_owned;
    assert_eq!(
        errors,
        [
            CatalogError::InvalidResourceUri {
                uri: text("no uri")
            },
            CatalogError::InvalidTemplate {
                uri_template: text("a://{b}{c}")
            },
            CatalogError::UnknownPrompt {
                name: text("nobody")
            },
            CatalogError::UnknownTemplate {
                uri_template: text("a://{x}")
            },
            CatalogError::PageSizeZero,
        ]
    );
    let message = CatalogErrors::new(errors).to_string();
    assert_eq!(message.lines().count(), 5, "{message}");
}
