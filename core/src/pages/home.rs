//! The front page: how to add this server to an MCP client, and which tenant is behind it.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::{
    Kind,
    html::{Html, Slot},
};
use crate::{client_setup, env::Env};

const HOME: &str = r#"<h1 class="wide">An MCP server with Microsoft Entra ID sign-in</h1>
{tenant}
<p>Add this address to an MCP client. The client finds out by itself how to sign in.</p>
{addresses}<p class="soft"><a href="{connections}">My connections</a> shows what may use this server as you, and ends it.</p>
{clients}
<h2>{switch}</h2>
<p>Register an application in Entra ID with the web redirect URI <code>{callback}</code>, and start
the server with these settings:</p>
<pre><code>{settings}</code></pre>"#;

const CLIENT: &str = "<h2>{client}</h2>\n<p class=\"soft\">{where_to_add}</p>\n\
                      <pre><code>{snippet}</code></pre>\n";

const DEV_TENANT: &str = r#"<div class="warn" role="note"><strong>This server uses the built-in
development tenant.</strong> It is not Microsoft Entra ID: its people are made up, and anybody can
sign in as any of them. Never use it for anything real.</div>"#;

const TENANT: &str = "<p class=\"soft\">Sign-in is with the Microsoft Entra ID tenant \
                      <code>{tenant}</code>.</p>";

const ADDRESS: &str = r#"<div class="place"><span>{of}</span><strong>{mcp}</strong></div>
<p class="soft">For clients that only know HTTP+SSE: <code>{sse}</code></p>
"#;

/// The front page.
pub(crate) fn respond(env: Env<'_>) -> Response<Bytes> {
    let config = &env.server.config;
    let mut addresses = Html::default();
    for endpoint in config.public_url.endpoints() {
        let [mcp, sse] = config.public_url.resources_of(endpoint);
        let of = config.name_of(endpoint).unwrap_or("MCP (Streamable HTTP)");
        let slots = [
            ("of", Slot::Text(of)),
            ("mcp", Slot::Text(mcp)),
            ("sse", Slot::Text(sse)),
        ];
        addresses.push(&Html::fill(ADDRESS, &slots));
    }
    let mut clients = Html::default();
    for instructions in client_setup::clients(&config.public_url, env.catalog.name()) {
        let slots = [
            ("client", Slot::Text(instructions.client)),
            ("where_to_add", Slot::Text(instructions.where_to_add)),
            ("snippet", Slot::Text(&instructions.snippet)),
        ];
        clients.push(&Html::fill(CLIENT, &slots));
    }
    let (tenant, switch) = match &config.dev_tenant {
        Some(_) => (Html::fill(DEV_TENANT, &[]), "Use your own tenant"),
        None => {
            let tenant = Slot::Text(&config.entra.tenant);
            (
                Html::fill(TENANT, &[("tenant", tenant)]),
                "Use another tenant",
            )
        }
    };
    let connections = config.public_url.base_path().join("/me");
    let slots = [
        ("tenant", Slot::Html(&tenant)),
        ("addresses", Slot::Html(&addresses)),
        ("connections", Slot::Text(&connections)),
        ("clients", Slot::Html(&clients)),
        ("switch", Slot::Text(switch)),
        (
            "callback",
            Slot::Text(&config.public_url.join("/auth/callback")),
        ),
        (
            "settings",
            Slot::Text(&client_setup::REAL_TENANT.join("\n")),
        ),
    ];
    let body = Html::fill(HOME, &slots);
    super::page(StatusCode::OK, "", &body, Kind::Plain, env)
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::Icon,
        testing::{self, TestServer},
    };

    #[test]
    fn front_page_shows_addresses_and_snippets() {
        let text = testing::text(&TestServer::https().get("/"));
        for part in [
            "https://mcp.example/mcp",
            "https://mcp.example/sse",
            "claude mcp add --transport http entra-mcp https://mcp.example/mcp",
            "code --add-mcp",
            "mcpServers",
            "inspector",
            "AZURE_CLIENT_SECRET",
            "https://mcp.example/auth/callback",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("development tenant"));
        assert!(!text.contains("entra client secret"));
    }

    // N3
    #[test]
    fn pages_and_paste_lines_have_the_name_of_the_server() {
        let mut server = TestServer::https();
        let catalog = crate::catalog::Catalog::builder().server("Tickets \"&\" more", "1.0.0");
        server.server.catalog = catalog.title("Tickets <for> all").build().unwrap();
        let text = testing::text(&server.get("/"));
        for part in [
            "<title>Tickets &lt;for&gt; all</title>",
            "<p class=\"brand\">Tickets &lt;for&gt; all</p>",
            "claude mcp add --transport http Tickets-more https://mcp.example/mcp",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let error = testing::text(&server.get("/authorize"));
        assert!(
            error.contains(" – Tickets &lt;for&gt; all</title>"),
            "{error}"
        );
        let metadata = testing::text(&server.get("/.well-known/oauth-protected-resource/mcp"));
        assert!(
            metadata.contains("\"resource_name\":\"Tickets <for> all\""),
            "{metadata}"
        );
    }

    // N2
    #[test]
    fn pages_have_the_picture_of_the_server_and_lead_to_its_website() {
        let mut server = TestServer::https();
        let catalog = crate::catalog::Catalog::builder()
            .website("https://depot.example/?a=1&b=\"2\"")
            .server_icon(Icon::new("https://depot.example/large.png"))
            .server_icon(Icon::new("data:image/png;base64,AAAA"));
        server.server.catalog = catalog.build().unwrap();
        for page in ["/", "/authorize"] {
            let text = testing::text(&server.get(page));
            for part in [
                "<link rel=\"icon\" href=\"data:image/png;base64,AAAA\">",
                "<p class=\"brand\"><img src=\"data:image/png;base64,AAAA\" alt=\"\"><a href=\"https://depot.example/?a=1&amp;b=&quot;2&quot;\" rel=\"noreferrer\">",
            ] {
                assert!(text.contains(part), "{part} in {text}");
            }
            assert!(!text.contains("large.png"), "{text}");
        }
    }

    #[test]
    fn front_page_warns_of_the_dev_tenant() {
        let mut server = TestServer::dev();
        server.server.config.dev_tenant = Some(Vec::new());
        assert!(testing::text(&server.get("/")).contains("Never use it for anything real"));
    }
}
