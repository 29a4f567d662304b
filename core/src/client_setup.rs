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

/// The clients that are listed, and how the server is added to each under its name.
pub fn clients(public_url: &PublicUrl, name: &str) -> [Instructions; 4] {
    let name = short_name(name);
    let [mcp, _] = public_url.resources_of(public_url.first_endpoint());
    [
        Instructions {
            client: "VS Code",
            where_to_add: "In a terminal:",
            snippet: format!(r#"code --add-mcp '{{"name":"{name}","type":"http","url":"{mcp}"}}'"#),
            clear_registration: "In the command palette, run “Authentication: Remove Dynamic Authentication \
                     Providers”, choose this server, and start it again.",
        },
        Instructions {
            client: "Claude Code",
            where_to_add: "In a terminal, then /mcp in Claude to sign in:",
            snippet: format!("claude mcp add --transport http {name} {mcp}"),
            clear_registration: "Type /mcp, choose this server, and choose “Clear authentication”.",
        },
        Instructions {
            client: "Cursor",
            where_to_add: "In ~/.cursor/mcp.json:",
            snippet: format!(r#"{{ "mcpServers": {{ "{name}": {{ "url": "{mcp}" }} }} }}"#),
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

/// A name that can stand in a command and a file: letters, digits, hyphens and underscores.
fn short_name(name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let words = name.split(|character| !is_plain(character));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        true => "entra-mcp".to_owned(),
        false => words.join("-"),
    }
}

/// The settings of a real tenant, line by line.
pub const REAL_TENANT: [&str; 3] = [
    "AZURE_TENANT_ID=<directory (tenant) id>",
    "AZURE_CLIENT_ID=<application (client) id>",
    "AZURE_CLIENT_SECRET=<client secret>",
];
