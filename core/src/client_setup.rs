//! How each MCP client is given this server's address and made to forget a registration: in one place, for the front
//! page, the error page and the terminal.

use crate::config::PublicUrl;

/// What a user does in one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// The client.
    pub client: &'static str,
    /// Where to paste what follows.
    pub where_to_add: &'static str,
    /// What to paste.
    pub snippet: String,
    /// How to clear a registration that is not known here any more.
    pub clear_registration: &'static str,
}

/// The clients that are listed.
pub fn clients(public_url: &PublicUrl) -> [Instructions; 4] {
    let [mcp, _] = public_url.resources();
    [
        Instructions {
            client: "VS Code",
            where_to_add: "In a terminal:",
            snippet: format!(
                r#"code --add-mcp '{{"name":"entra-mcp","type":"http","url":"{mcp}"}}'"#
            ),
            clear_registration: "In the command palette, run “Authentication: Remove Dynamic Authentication \
                     Providers”, choose this server, and start it again.",
        },
        Instructions {
            client: "Claude Code",
            where_to_add: "In a terminal, then /mcp in Claude to sign in:",
            snippet: format!("claude mcp add --transport http entra-mcp {mcp}"),
            clear_registration: "Type /mcp, choose this server, and choose “Clear authentication”.",
        },
        Instructions {
            client: "Cursor",
            where_to_add: "In ~/.cursor/mcp.json:",
            snippet: format!(r#"{{ "mcpServers": {{ "entra-mcp": {{ "url": "{mcp}" }} }} }}"#),
            clear_registration: "In the command palette, run “Clear All MCP Tokens”, or remove the server from \
                     mcp.json and add it again.",
        },
        Instructions {
            client: "MCP Inspector",
            where_to_add: "In a terminal:",
            snippet: format!(
                "npx @modelcontextprotocol/inspector --transport http --server-url {mcp}"
            ),
            clear_registration: "Open the authentication settings and press “Clear OAuth State”.",
        },
    ]
}

/// The settings of a real tenant, line by line.
pub const REAL_TENANT: [&str; 3] = [
    "AZURE_TENANT_ID=<directory (tenant) id>",
    "AZURE_CLIENT_ID=<application (client) id>",
    "AZURE_CLIENT_SECRET=<client secret>",
];
