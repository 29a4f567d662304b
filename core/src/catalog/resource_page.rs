//! A page of resources that a function lists for who calls.
//!
//! Source: MCP specification 2025-11-25, server/utilities/pagination.

use serde_json::{Map, Value};

use super::{
    Resource,
    meta::{Meta, meta_method},
};
use crate::limits;

/// A page of resources, and where the next one begins.
///
/// ```
/// use entra_mcp_core::catalog::{Resource, ResourcePage};
/// let page = ResourcePage::new([Resource::new("notes://7", "lunch")]).next("8");
/// assert_eq!(page.resources().len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcePage {
    resources: Vec<Resource>,
    next: Option<String>,
    meta: Meta,
}

impl ResourcePage {
    /// A page with these resources, the last one unless [`ResourcePage::next`] says otherwise. No more than 1000: more fail the call.
    #[must_use]
    pub fn new(resources: impl IntoIterator<Item = Resource>) -> Self {
        Self {
            resources: resources.into_iter().collect(),
            next: None,
            meta: Meta::default(),
        }
    }

    meta_method!(meta, "in every revision");

    /// Says where the next page begins: a text of at most 1024 bytes, which is given to the function that lists it. Clients send it back
    /// and may change it: it proves nothing.
    #[must_use]
    pub fn next(mut self, cursor: impl Into<String>) -> Self {
        self.next = Some(cursor.into());
        self
    }

    /// Returns the resources.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    pub(crate) fn cursor(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Adds what is said of it to a page of a list.
    pub(crate) fn put_meta(&self, page: &mut Map<String, Value>) {
        self.meta.join_into(page);
    }

    /// What is wrong with it, for the log.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.resources.len() > limits::LISTED_RESOURCES {
            return Some(format!("it has {} resources", self.resources.len()));
        }
        let mut uris = self.resources.iter().map(Resource::uri);
        if let Some(uri) = uris.find(|uri| url::Url::parse(uri).is_err()) {
            return Some(format!("{uri:?} is no URI"));
        }
        let cursor = self.next.as_ref().map_or(0, String::len);
        (cursor > limits::LIST_CURSOR_BYTES).then(|| "its cursor is too long".to_owned())
    }
}
