//! `client add --for PLATFORM`: makes an id and a secret for a client that is registered beforehand, and says what to
//! write into the file of clients and what to type in on the platform. Nothing is changed.

use entra_mcp_core::{
    config::{Config, SecretHash},
    secret::Secret,
};

use crate::{settings::Given, start_error::StartError};

/// How many characters of randomness an id ends with: it need not be secret, only another one each time.
const ID_CHARS: usize = 8;

/// A platform that has an id and a secret typed in.
#[derive(Debug)]
pub(crate) struct Platform {
    name: &'static str,
    /// What users are told that its clients are called.
    label: &'static str,
    redirect_uri: &'static str,
    /// Where to type what follows.
    place: &'static str,
    /// The fields, and what goes into each.
    fields: &'static [(&'static str, Value)],
    note: &'static str,
}

/// What goes into a field.
#[derive(Clone, Copy, Debug)]
enum Value {
    Server,
    Id,
    Secret,
    Authorization,
    Token,
    Text(&'static str),
}

/// Below it the Power Platform makes an address for each tool.
const SHARED: &str = "https://global.consent.azure-apim.net/redirect/*";

const SHARED_NOTE: &str = "The platform makes the redirect URI once the tool is there; the entry lets in all that it makes. If \
                           you would rather list that one alone, leave redirect_uris out, sign in once, and take the \
                           address from the page of this server.";

const PLATFORMS: [Platform; 5] = [
    Platform {
        name: "copilot-studio",
        label: "Copilot Studio",
        redirect_uri: SHARED,
        place: "Copilot Studio, a new tool of the kind Model Context Protocol, authentication OAuth 2.0, Manual",
        fields: &[
            ("Server URL", Value::Server),
            ("Client ID", Value::Id),
            ("Client secret", Value::Secret),
            ("Authorization URL", Value::Authorization),
            ("Token URL template", Value::Token),
            ("Refresh URL", Value::Token),
            (
                "Scopes",
                Value::Text("(leave it empty, or the scopes of the tools, separated by spaces)"),
            ),
        ],
        note: SHARED_NOTE,
    },
    Platform {
        name: "power-platform",
        label: "Power Platform",
        redirect_uri: SHARED,
        place: "Power Platform, custom connector, security OAuth 2.0, identity provider Generic OAuth 2",
        fields: &[
            ("Client id", Value::Id),
            ("Client secret", Value::Secret),
            ("Authorization URL", Value::Authorization),
            ("Token URL", Value::Token),
            ("Refresh URL", Value::Token),
            (
                "Scope",
                Value::Text("(leave it empty, or the scopes of the tools, separated by spaces)"),
            ),
        ],
        note: SHARED_NOTE,
    },
    Platform {
        name: "foundry",
        label: "Azure AI Foundry",
        redirect_uri: SHARED,
        place: "Azure AI Foundry, a tool of the kind MCP, authentication OAuth identity passthrough, custom",
        fields: &[
            ("Remote MCP server endpoint", Value::Server),
            ("Client ID", Value::Id),
            ("Client secret", Value::Secret),
            ("Auth URL", Value::Authorization),
            ("Token URL", Value::Token),
            ("Refresh URL", Value::Token),
            (
                "Scopes",
                Value::Text("(leave it empty, or the scopes of the tools, separated by spaces)"),
            ),
        ],
        note: SHARED_NOTE,
    },
    Platform {
        name: "m365",
        label: "Microsoft 365 Copilot",
        redirect_uri: "https://teams.microsoft.com/api/platform/v1.0/oAuthRedirect",
        place: "Teams developer portal, Tools, OAuth client registration, usable by any Teams app",
        fields: &[
            ("Base URL", Value::Server),
            ("Client ID", Value::Id),
            ("Client secret", Value::Secret),
            ("Authorization endpoint", Value::Authorization),
            ("Token endpoint", Value::Token),
            ("Refresh endpoint", Value::Token),
            ("Scope", Value::Text("user.read")),
            ("PKCE", Value::Text("(leave it on)")),
        ],
        note: "The registration's id goes into the manifest of the agent, as reference_id of an OAuthPluginVault.",
    },
    Platform {
        name: "chatgpt",
        label: "ChatGPT",
        redirect_uri: "https://chatgpt.com/connector_platform_oauth_redirect",
        place: "ChatGPT, a new connector, authentication OAuth, with a client of your own",
        fields: &[
            ("MCP server URL", Value::Server),
            ("OAuth client ID", Value::Id),
            ("OAuth client secret", Value::Secret),
            (
                "Token endpoint auth method",
                Value::Text("client_secret_post"),
            ),
        ],
        note: "With --response-iss off, ChatGPT returns to an address of its own for each connector: the page of this server \
               names it.",
    },
];

/// Takes the command out of the arguments; `None` if it is not there.
///
/// # Errors
///
/// It is not complete, or for a platform that is not known.
pub(crate) fn take(given: &mut Given) -> Result<Option<&'static Platform>, StartError> {
    if given.arguments.first().map(String::as_str) != Some("client") {
        return Ok(None);
    }
    given.arguments.remove(0);
    let is_add = given.arguments.first().map(String::as_str) == Some("add");
    if is_add {
        given.arguments.remove(0);
    }
    let wanted = given.take("--for")?;
    let platform = PLATFORMS
        .iter()
        .find(|platform| wanted.as_deref() == Some(platform.name));
    match platform {
        Some(platform) if is_add => Ok(Some(platform)),
        _ => Err(StartError::InvalidClientCommand {
            platforms: PLATFORMS.map(|platform| platform.name).to_vec(),
        }),
    }
}

/// What to write and what to type. The secret stands in it once, and nowhere else.
pub(crate) fn text(platform: &Platform, config: &Config, id: [u8; 32], secret: [u8; 32]) -> String {
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    let suffix: String = hex(id).chars().take(ID_CHARS).collect();
    let id = format!("{}-{suffix}", platform.name);
    let secret = Secret::new(hex(secret));
    let file = match &config.clients {
        Some(file) => format!("Add this to {}, which a running server reads again by itself:", file.display()),
        None => "Write this to a file, such as clients.toml, and start the server with --clients clients.toml:".to_owned(),
    };
    let mut text = format!(
        "{file}\n\n[[client]]\nid = {id:?}\nname = {:?}\nsecret_sha256 = \"{}\"\nredirect_uris = [{:?}]\n\nType this in: {}\n\n",
        platform.label,
        SecretHash::of(&secret),
        platform.redirect_uri,
        platform.place,
    );
    let endpoint = config.public_url.endpoints().next().unwrap_or_default();
    let [server, _] = config.public_url.resources_of(endpoint);
    let [authorize, token] = ["/authorize", "/token"].map(|path| config.public_url.join(path));
    let width = platform
        .fields
        .iter()
        .map(|(field, _)| field.len())
        .max()
        .unwrap_or_default();
    for (field, value) in platform.fields {
        let value = match value {
            Value::Server => server,
            Value::Id => &id,
            Value::Secret => secret.expose(),
            Value::Authorization => &authorize,
            Value::Token => &token,
            Value::Text(text) => *text,
        };
        text.push_str(&format!("  {field:<width$}  {value}\n"));
    }
    text + "\nThe secret is shown here once: the file holds its hash, from which nobody gets it back.\n"
        + platform.note
        + "\n"
}

#[cfg(test)]
mod tests;
