//! How long the lists may be kept, and for whom.
//!
//! Source: MCP specification 2026-07-28, schema, `CacheableResult`.

use std::time::Duration;

use super::{
    Catalog, CatalogBuilder,
    audience::{Audience, EVERYBODY},
    cache::{CacheScope, Caching},
};

impl CatalogBuilder {
    /// Lets clients keep the lists, and what the server can do, for so long; not at all unless this says
    /// so. Since 2026-07-28.
    #[must_use]
    pub fn cache_lists_for(mut self, time: Duration) -> Self {
        self.catalog.lists_caching.time = time;
        self
    }

    /// Says for whom; for the user alone unless this says so. A list of which something is for some users only, or that a function
    /// computes, is for the user alone all the same. Since 2026-07-28.
    #[must_use]
    pub fn cache_lists_scope(mut self, scope: CacheScope) -> Self {
        self.catalog.lists_caching.scope = scope;
        self
    }
}

impl Catalog {
    /// How long clients may keep a list of these entries.
    pub(crate) fn list_caching<'a>(
        &self,
        mut entries: impl Iterator<Item = &'a Audience>,
    ) -> Caching {
        match entries.all(|audience| *audience == EVERYBODY) {
            true => self.lists_caching,
            false => self.lists_caching.private(),
        }
    }

    /// How long clients may keep what the server can do: for which it matters what is offered to whom.
    pub(crate) fn discovery_caching(&self) -> Caching {
        let tools = self.tools.iter().map(|entry| entry.tool.audience());
        let prompts = self.prompts.iter().map(|entry| entry.prompt.audience());
        self.list_caching(tools.chain(prompts).chain(self.resource_audiences()))
    }

    /// For whom resources and templates are.
    pub(crate) fn resource_audiences(&self) -> impl Iterator<Item = &Audience> {
        let resources = self.resources.iter().map(|(one, _)| one.audience());
        let templates = self.templates.iter().map(|(one, _)| one.audience());
        resources.chain(templates)
    }
}
