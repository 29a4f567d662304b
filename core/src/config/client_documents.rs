//! Which documents of clients are used: those that are fetched, and copies that are pinned.
//!
//! A pinned copy is used without asking its site. The sites of some clients refuse the addresses of many clouds, and
//! one forbids to keep its document; so the copies that matter most come with the server. Each says when it was
//! seen.

use crate::{
    client_document::{ClientDocument, KeySource},
    client_id_url::ClientIdUrl,
};

/// What stands in a pinned URL, and in its redirect URIs, for a part that differs from server to server.
const ID: &str = "{id}";

/// Which documents of clients are used (OAuth Client ID Metadata Document).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDocuments {
    /// Where they may come from.
    pub source: DocumentSource,
    /// The copies that are used without asking anybody.
    pub pinned: Vec<PinnedClient>,
}

/// Where documents of clients may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentSource {
    /// From nowhere: a `client_id` that is a URL is unknown.
    Nowhere,
    /// From the pinned copies only.
    Pinned,
    /// From the public internet, too.
    PublicInternet,
    /// From this computer, too, where a URL names it as such: for the development of clients. It must not be used
    /// where others reach the server, who could have it connect to what listens here.
    ThisComputer,
}

/// A copy of a client's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedClient {
    /// The `client_id`, which may hold one `{id}`.
    url: String,
    /// What the client calls itself.
    name: String,
    /// Where it returns to; `{id}` is what stood there in the URL.
    redirect_uris: Vec<String>,
    /// Where its keys are, if it can prove itself by them; it may go without.
    jwks_uri: Option<&'static str>,
    /// When the document was seen, or who wrote it here.
    seen: String,
}

impl Default for ClientDocuments {
    fn default() -> Self {
        let well_known = WELL_KNOWN.iter();
        Self {
            source: DocumentSource::PublicInternet,
            pinned: well_known.map(PinnedClient::of_row).collect(),
        }
    }
}

impl ClientDocuments {
    /// Whether clients may come with a document at all.
    pub(crate) fn are_used(&self) -> bool {
        self.source != DocumentSource::Nowhere
    }

    /// Whether they may be fetched.
    pub(crate) fn are_fetched(&self) -> bool {
        matches!(
            self.source,
            DocumentSource::PublicInternet | DocumentSource::ThisComputer
        )
    }

    /// The pinned copy for this URL, and when it was seen.
    pub(crate) fn pinned(&self, url: &ClientIdUrl) -> Option<(ClientDocument, &str)> {
        // A client's own URL goes before one that is one of many.
        let mut pins: Vec<_> = self.pinned.iter().collect();
        pins.sort_by_key(|pin| pin.url.contains(ID));
        pins.into_iter()
            .find_map(|pin| Some((pin.document(url)?, pin.seen.as_str())))
    }

    /// Pins a client, or takes away what is pinned for its URL: `URL REDIRECT_URI REDIRECT_URI ...`, or the URL alone.
    /// `None` if that is not what the text is.
    #[must_use]
    pub fn with(mut self, text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace().map(str::to_owned);
        let url = words.next()?;
        let redirect_uris: Vec<_> = words.collect();
        let known = self.pinned.len();
        self.pinned.retain(|pin| pin.url != url);
        if redirect_uris.is_empty() {
            return (self.pinned.len() < known).then_some(self);
        }
        let name = ClientIdUrl::parse(&url)?.host().to_owned();
        let are_good = redirect_uris
            .iter()
            .all(|uri| uri.contains(':') && !uri.contains(ID));
        self.pinned.push(PinnedClient {
            url,
            name,
            redirect_uris,
            jwks_uri: None,
            seen: String::new(),
        });
        are_good.then_some(self)
    }
}

impl PinnedClient {
    fn of_row(row: &Row) -> Self {
        let redirect_uris = row.redirect_uris.iter();
        Self {
            url: row.url.to_owned(),
            name: row.name.to_owned(),
            redirect_uris: redirect_uris.map(|uri| (*uri).to_owned()).collect(),
            jwks_uri: row.jwks_uri,
            seen: row.seen.to_owned(),
        }
    }

    /// The document at this URL, if it is the one that is pinned or one of those.
    fn document(&self, url: &ClientIdUrl) -> Option<ClientDocument> {
        let id = match self.url.split_once(ID) {
            None => (self.url == url.as_str()).then_some("")?,
            Some((before, after)) => {
                let id = url.as_str().strip_prefix(before)?.strip_suffix(after)?;
                let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                (!id.is_empty() && id.bytes().all(is_id)).then_some(id)?
            }
        };
        let redirect_uris = self.redirect_uris.iter();
        Some(ClientDocument {
            client_name: self.name.clone(),
            redirect_uris: redirect_uris.map(|uri| uri.replace(ID, id)).collect(),
            keys: self
                .jwks_uri
                .and_then(ClientIdUrl::parse)
                .map(KeySource::At),
            must_sign: false,
        })
    }
}

/// A row of the table below.
struct Row {
    url: &'static str,
    name: &'static str,
    redirect_uris: &'static [&'static str],
    jwks_uri: Option<&'static str>,
    seen: &'static str,
}

/// The documents that come with the server. Each allows a client without authentication.
const WELL_KNOWN: [Row; 7] = [
    // claude.ai answers some clouds with 403.
    Row {
        url: "https://claude.ai/oauth/mcp-oauth-client-metadata",
        name: "Claude",
        redirect_uris: &["https://claude.ai/api/mcp/auth_callback"],
        jwks_uri: None,
        seen: "2026-09-29",
    },
    Row {
        url: "https://claude.ai/oauth/claude-code-client-metadata",
        name: "Claude Code",
        redirect_uris: &["http://localhost/callback", "http://127.0.0.1/callback"],
        jwks_uri: None,
        seen: "2026-09",
    },
    // vscode.dev forbids to keep its document.
    Row {
        url: "https://vscode.dev/oauth/client-metadata.json",
        name: "Visual Studio Code",
        redirect_uris: &["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        jwks_uri: None,
        seen: "2026-10-02",
    },
    // chatgpt.com refuses some clouds, and has documents of its own for each server.
    Row {
        url: "https://chatgpt.com/oauth/client.json",
        name: "ChatGPT",
        redirect_uris: &["https://chatgpt.com/connector_platform_oauth_redirect"],
        jwks_uri: Some("https://chatgpt.com/oauth/jwks.json"),
        seen: "2026-09",
    },
    Row {
        url: "https://chatgpt.com/oauth/{id}/client.json",
        name: "ChatGPT",
        redirect_uris: &["https://chatgpt.com/connector/oauth/{id}"],
        jwks_uri: Some("https://chatgpt.com/oauth/jwks.json"),
        seen: "2026-09",
    },
    Row {
        url: "https://chatgpt.com/oauth/codex/client.json",
        name: "Codex",
        redirect_uris: &["http://127.0.0.1/callback", "http://localhost/callback"],
        jwks_uri: None,
        seen: "2026-09",
    },
    Row {
        url: "https://chatgpt.com/oauth/codex/{id}/client.json",
        name: "Codex",
        redirect_uris: &["http://127.0.0.1/callback/{id}"],
        jwks_uri: None,
        seen: "2026-09",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(documents: &ClientDocuments, url: &str) -> Option<(String, Vec<String>)> {
        let (document, _) = documents.pinned(&ClientIdUrl::parse(url).unwrap())?;
        Some((document.client_name, document.redirect_uris))
    }

    #[test]
    fn well_known_client_is_pinned_with_its_redirect_uris_and_a_date() {
        let documents = ClientDocuments::default();
        for row in &WELL_KNOWN {
            assert!(row.seen.starts_with("2026-"), "{}", row.seen);
            assert!(
                ClientIdUrl::parse(&row.url.replace(ID, "a")).is_some(),
                "{}",
                row.url
            );
        }
        for (url, name, redirect_uri) in [
            (
                "https://vscode.dev/oauth/client-metadata.json",
                "Visual Studio Code",
                "https://vscode.dev/redirect",
            ),
            (
                "https://chatgpt.com/oauth/client.json",
                "ChatGPT",
                "https://chatgpt.com/connector_platform_oauth_redirect",
            ),
            (
                "https://chatgpt.com/oauth/a_b-1/client.json",
                "ChatGPT",
                "https://chatgpt.com/connector/oauth/a_b-1",
            ),
            (
                "https://chatgpt.com/oauth/codex/client.json",
                "Codex",
                "http://127.0.0.1/callback",
            ),
            (
                "https://chatgpt.com/oauth/codex/x1/client.json",
                "Codex",
                "http://127.0.0.1/callback/x1",
            ),
        ] {
            let (found, redirect_uris) = pinned(&documents, url).unwrap();
            assert_eq!(found, name, "{url}");
            assert!(
                redirect_uris.contains(&redirect_uri.to_owned()),
                "{url} {redirect_uris:?}"
            );
        }
    }

    // H9: what stands for an id reaches into no other part of an address.
    #[test]
    fn url_that_is_not_pinned_has_no_copy() {
        let documents = ClientDocuments::default();
        for url in [
            "https://chatgpt.com/oauth/a/b/client.json",
            "https://chatgpt.com/oauth/a.b/client.json",
            "https://chatgpt.com/oauth//client.json",
            "https://chatgpt.com/oauth/a%2Fb/client.json",
            "https://chatgpt.com/oauth/a?b/client.json",
            "https://chatgpt.com:8443/oauth/client.json",
            "https://vscode.dev/oauth/client-metadata.json?",
            "https://vscode.dev.example/oauth/client-metadata.json",
            "https://insiders.vscode.dev/oauth/client-metadata.json",
        ] {
            assert_eq!(pinned(&documents, url), None, "{url}");
        }
    }

    #[test]
    fn operator_adds_replaces_and_removes_pinned_clients() {
        let vscode = "https://vscode.dev/oauth/client-metadata.json";
        let documents = ClientDocuments::default();
        let documents = documents
            .with("https://app.example/c https://app.example/cb http://127.0.0.1/cb")
            .unwrap();
        let documents = documents
            .with(&format!("{vscode} https://vscode.dev/other"))
            .unwrap();
        let (name, redirect_uris) = pinned(&documents, "https://app.example/c").unwrap();
        assert_eq!(name, "app.example");
        assert_eq!(
            redirect_uris,
            ["https://app.example/cb", "http://127.0.0.1/cb"]
        );
        assert_eq!(
            pinned(&documents, vscode).unwrap().1,
            ["https://vscode.dev/other"]
        );
        let documents = documents.with(vscode).unwrap();
        assert_eq!(pinned(&documents, vscode), None);
        for wrong in [
            "",
            "https://app.example/other",
            "app.example/c https://app.example/cb",
            "https://app.example https://app.example/cb",
            "https://app.example/d cb",
            "https://app.example/{id} https://app.example/cb",
        ] {
            assert!(documents.clone().with(wrong).is_none(), "{wrong}");
        }
        assert!(
            documents
                .with("https://chatgpt.com/oauth/codex/{id}/client.json")
                .is_some()
        );
    }
}
