//! Which clients come in by themselves, and not by the operator's list: all, those of places that are known, or none
//! (threat A10).
//!
//! A client is known by where it returns to, for whoever may call itself anything gets its codes there and nowhere
//! else. The places of well-known clients come with the server, and the operator adds others or takes some away.

use crate::{client_id_url::ClientIdUrl, redirect_uri::RedirectUri};

/// Which clients come in by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Any that may register at all.
    Open,
    /// Those that return to one of these places, or that one of them vouches for.
    Listed(ClientPlaces),
    /// None: only clients that the operator has registered beforehand.
    Closed,
}

/// The places: hosts of web sites, `localhost` for programs on the user's own computer, schemes of apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPlaces(Vec<String>);

const THIS_COMPUTER: &str = "localhost";

/// Takes all places away that come with the server.
const ALL: &str = "all";

impl Registration {
    /// Whether clients may register by themselves, or describe themselves.
    pub(crate) fn is_possible(&self) -> bool {
        *self != Self::Closed
    }

    /// Whether a client may come in that returns there.
    pub(crate) fn admits(&self, redirect_uri: &RedirectUri) -> bool {
        self.admits_place(redirect_uri.place())
    }

    /// Whether programs may come in of which nobody knows which they are: those that return to the user's own computer.
    pub(crate) fn admits_programs(&self) -> bool {
        self.admits_place(THIS_COMPUTER)
    }

    /// Whether a client may come in that is described there: the site vouches for where it returns to.
    pub(crate) fn admits_document(&self, url: &ClientIdUrl) -> bool {
        self.admits_place(url.host())
    }

    fn admits_place(&self, place: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Listed(ClientPlaces(places)) => places.iter().any(|listed| listed == place),
            Self::Closed => false,
        }
    }
}

impl Default for ClientPlaces {
    /// Those that come with the server.
    fn default() -> Self {
        Self(
            KNOWN
                .iter()
                .map(|(place, ..)| (*place).to_owned())
                .collect(),
        )
    }
}

impl ClientPlaces {
    /// Adds a place, or takes one away that has a `-` before it: `-all` those that come with the server. `None` if it
    /// is no place, or not one that could be taken away.
    #[must_use]
    pub fn with(mut self, text: &str) -> Option<Self> {
        let Some(taken) = text.strip_prefix('-') else {
            let is_place = !text.is_empty() && !text.contains(['/', '*', '@']);
            self.0.push(text.to_owned());
            return is_place.then_some(self);
        };
        let before = self.0.len();
        let is_known = |place: &str| KNOWN.iter().any(|(known, ..)| *known == place);
        match taken {
            ALL => self.0.retain(|place| !is_known(place)),
            taken => self.0.retain(|place| place != taken),
        }
        (self.0.len() < before).then_some(self)
    }
}

/// The places that well-known clients return to, who does, and when that was seen. Of programs that listen on the user's
/// own computer and of apps it is not known which one it is that asks, as the consent page says.
const KNOWN: [(&str, &str, &str); 27] = [
    (
        THIS_COMPUTER,
        "programs on the user's own computer: VS Code, Claude Code, Codex, Zed, Goose",
        "2026-09",
    ),
    ("claude.ai", "Claude", "2026-09-29"),
    ("claude.com", "Claude", "2026-09-11"),
    ("chatgpt.com", "ChatGPT", "2026-09"),
    ("vscode.dev", "VS Code", "2026-10-02"),
    ("insiders.vscode.dev", "VS Code Insiders", "2026-10-02"),
    (
        "www.cursor.com",
        "Cursor, as an agent in the cloud",
        "2026-10-01",
    ),
    (
        "global.consent.azure-apim.net",
        "Copilot Studio, Power Platform, Azure AI Foundry",
        "2026-07-31",
    ),
    ("teams.microsoft.com", "Microsoft 365 Copilot", "2026-08-28"),
    ("grok.com", "Grok", "2026-10-09"),
    ("oauth2.slack.com", "Slackbot", "2026-09"),
    ("claude", "Claude's app", "2026-09-17"),
    ("code-oss", "builds of VS Code's source", "2026-06"),
    ("codex", "Codex", "2026-06"),
    ("copilot", "Copilot", "2026-06"),
    ("cursor", "Cursor", "2026-10-01"),
    ("cursor-nightly", "Cursor", "2026-06"),
    ("goose", "Goose", "2026-06"),
    ("jetbrains", "JetBrains' editors", "2026-06"),
    ("kiro", "Kiro", "2026-06"),
    ("raycast", "Raycast", "2026-06"),
    ("trae", "Trae", "2026-06"),
    ("vscode", "VS Code", "2026-10-02"),
    ("vscode-insiders", "VS Code Insiders", "2026-10-02"),
    ("vscodium", "VSCodium", "2026-06"),
    ("windsurf", "Windsurf", "2026-06"),
    ("zed", "Zed", "2026-06"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(registration: &Registration, uri: &str) -> bool {
        registration.admits(&RedirectUri::parse(uri).unwrap_or_else(|| panic!("{uri}")))
    }

    fn listed(changes: &[&str]) -> Registration {
        let places = ClientPlaces::default();
        let with = |places: ClientPlaces, text: &&str| places.with(text).unwrap();
        Registration::Listed(changes.iter().fold(places, with))
    }

    // A10
    #[test]
    fn listed_places_are_those_of_known_clients() {
        let listed = listed(&[]);
        for uri in [
            "http://127.0.0.1:5000/callback",
            "http://[::1]/cb",
            "https://localhost:8443/cb",
            "https://claude.ai/api/mcp/auth_callback",
            "https://vscode.dev/redirect",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://global.consent.azure-apim.net/redirect/a",
        ] {
            assert!(admits(&listed, uri), "{uri}");
        }
        for uri in [
            "https://evil.example/cb",
            "https://claude.ai.evil.example/cb",
            "https://claude.ai:8443/cb",
            "https://CLAUDE.ai/cb",
            "https://www.claude.ai/cb",
            "com.example.app:/cb",
        ] {
            assert!(!admits(&listed, uri), "{uri}");
            assert!(admits(&Registration::Open, uri), "{uri}");
        }
        assert!(!admits(&Registration::Closed, "http://127.0.0.1/cb"));
        let known = KNOWN
            .iter()
            .all(|(_, client, seen)| !client.is_empty() && seen.starts_with("2026-"));
        assert!(known);
    }

    // A10
    #[test]
    fn document_on_a_listed_site_vouches_for_its_client() {
        let url = |text| ClientIdUrl::parse(text).unwrap();
        let listed = listed(&["agent.contoso.com"]);
        assert!(listed.admits_document(&url("https://agent.contoso.com/client.json")));
        assert!(!listed.admits_document(&url("https://evil.example/client.json")));
        assert!(!Registration::Closed.admits_document(&url("https://claude.ai/c")));
    }

    #[test]
    fn operator_adds_places_and_takes_some_away() {
        let more = listed(&[
            "agent.contoso.com",
            "com.contoso.agent",
            "-localhost",
            "-chatgpt.com",
        ]);
        for (uri, expected) in [
            ("https://agent.contoso.com/cb", true),
            ("com.contoso.agent:/cb", true),
            ("https://vscode.dev/redirect", true),
            ("http://localhost:1/cb", false),
            ("http://127.0.0.1:1/cb", false),
            ("https://chatgpt.com/cb", false),
        ] {
            assert_eq!(admits(&more, uri), expected, "{uri}");
        }
        let own = listed(&["agent.contoso.com", "-all"]);
        assert!(admits(&own, "https://agent.contoso.com/cb"));
        assert!(!admits(&own, "https://claude.ai/cb") && !admits(&own, "http://localhost/cb"));
        for wrong in [
            "",
            "-",
            "https://vscode.dev/",
            "*.contoso.com",
            "a@b",
            "-contoso.com",
        ] {
            assert_eq!(ClientPlaces::default().with(wrong), None, "{wrong}");
        }
    }
}
