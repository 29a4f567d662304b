//! What reading a resource results in.
//!
//! Source: MCP specification 2025-11-25, server/resources.

use serde_json::{Map, Value};

use super::{
    ResourceContents,
    meta::{Meta, meta_method},
};
use crate::revision::Revision;

/// The contents of a resource, and what extensions of MCP say of the whole. Most functions return the contents alone.
///
/// ```
/// use entra_mcp_core::catalog::{ReadResult, ResourceContents};
/// let read = ReadResult::new([ResourceContents::text("notes://7", "lunch")]).meta("com.example/age", 3);
/// assert_eq!(read.contents().len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadResult {
    contents: Vec<ResourceContents>,
    meta: Meta,
}

impl ReadResult {
    /// These contents.
    #[must_use]
    pub fn new(contents: impl IntoIterator<Item = ResourceContents>) -> Self {
        Self {
            contents: contents.into_iter().collect(),
            meta: Meta::default(),
        }
    }

    meta_method!(meta, "in every revision");

    /// Returns the contents.
    #[must_use]
    pub fn contents(&self) -> &[ResourceContents] {
        &self.contents
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let contents = self.contents.iter().map(|one| one.to_json(revision));
        let mut members = Map::from_iter([("contents".to_owned(), contents.collect())]);
        self.meta.put_into(&mut members);
        members
    }
}

impl From<Vec<ResourceContents>> for ReadResult {
    fn from(contents: Vec<ResourceContents>) -> Self {
        Self::new(contents)
    }
}
