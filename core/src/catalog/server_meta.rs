//! `_meta` of what the server says of itself, and of its lists.
//!
//! Source: MCP specification 2025-11-25, schema, `InitializeResult` and `PaginatedResult`; 2026-07-28, `DiscoverResult`.

use serde_json::{Map, Value};

use super::{Catalog, CatalogBuilder, List};

impl CatalogBuilder {
    /// Sets a member of `_meta` of what the server says of itself, by a key such as `com.example/region`: of the results of `initialize`
    /// and, since 2026-07-28, of `server/discover`, where `io.modelcontextprotocol/serverInfo` is the server's own.
    #[must_use]
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.catalog.meta.insert(key.into(), value.into());
        self
    }

    /// Sets a member of `_meta` of each page of a list, in every revision. What a function that lists resources says there
    /// ([`ResourcePage::meta`](super::ResourcePage::meta)) is joined with it.
    #[must_use]
    pub fn list_meta(
        mut self,
        list: List,
        key: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        let meta = self.catalog.list_meta.entry(list).or_default();
        meta.insert(key.into(), value.into());
        self
    }
}

impl Catalog {
    /// Adds what the server says of itself to a result.
    pub(crate) fn put_meta(&self, result: &mut Map<String, Value>) {
        self.meta.put_into(result);
    }

    /// Adds what is said of a list to a page of it.
    pub(crate) fn put_list_meta(&self, list: List, page: &mut Map<String, Value>) {
        if let Some(meta) = self.list_meta.get(&list) {
            meta.put_into(page);
        }
    }
}
