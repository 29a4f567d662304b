//! What a server says of itself.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle (`serverInfo`, `instructions`).

use entra_mcp_core::catalog::{Icon, List};
use serde_json::Value;

use super::{Server, ServerRuntime};

impl<R: ServerRuntime> Server<R> {
    /// Names the server: towards clients, on the pages that users see, and in the lines by which it is added to a client.
    #[must_use]
    pub fn server_info(self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let (name, version) = (name.into(), version.into());
        self.catalog(|catalog| catalog.server(name, version))
    }

    /// Says how people read its name: in clients, and above the pages that they see when they sign in.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        let title = title.into();
        self.catalog(|catalog| catalog.title(title))
    }

    /// Says where a web page about the server is. Clients are told, and the name on the pages leads there.
    #[must_use]
    pub fn website(self, url: impl Into<String>) -> Self {
        let url = url.into();
        self.catalog(|catalog| catalog.website(url))
    }

    /// Gives the server a picture, which clients show; call it once for each. The first that is a `data:` URI is on the pages, too, which
    /// load nothing from elsewhere.
    #[must_use]
    pub fn icon(self, icon: Icon) -> Self {
        self.catalog(|catalog| catalog.server_icon(icon))
    }

    /// Gives the model instructions of how to use the server.
    #[must_use]
    pub fn instructions(self, instructions: impl Into<String>) -> Self {
        let instructions = instructions.into();
        self.catalog(|catalog| catalog.instructions(instructions))
    }

    /// Sets a member of `_meta` of what the server says of itself, by a key such as `com.example/region`: of the results of `initialize`
    /// and `server/discover`.
    #[must_use]
    pub fn meta(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.catalog(|catalog| catalog.meta(key, value))
    }

    /// Sets a member of `_meta` of each page of a list. What a function that lists resources says there is joined with it.
    #[must_use]
    pub fn list_meta(self, list: List, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.catalog(move |catalog| catalog.list_meta(list, key, value))
    }
}
