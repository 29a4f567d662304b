//! `_meta`: what extensions of MCP say of a tool, a resource, a prompt, a content or a result.
//!
//! Source: MCP specification 2025-06-18, basic (`_meta`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::revision::Revision;

/// The members of `_meta`, by keys such as `com.example/color`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta(Map<String, Value>);

impl Meta {
    pub(super) fn insert(&mut self, key: String, value: Value) {
        self.0.insert(key, value);
    }

    /// What the JSON of a result says.
    pub(super) fn of(members: &Map<String, Value>) -> Self {
        let meta = members.get("_meta").and_then(Value::as_object);
        Self(meta.cloned().unwrap_or_default())
    }

    /// Takes it out of the JSON of parameters or of a result.
    pub(super) fn take_from(members: &mut Map<String, Value>) -> Self {
        match members.remove("_meta") {
            Some(Value::Object(members)) => Self(members),
            _ => Self::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Adds it to the JSON of a result, which has `_meta` in every revision.
    pub(super) fn put_into(&self, members: &mut Map<String, Value>) {
        if !self.is_empty() {
            members.insert("_meta".to_owned(), Value::Object(self.0.clone()));
        }
    }

    /// Adds it to the `_meta` that the JSON of a result has already.
    pub(super) fn join_into(&self, members: &mut Map<String, Value>) {
        if self.is_empty() {
            return;
        }
        let meta = members.entry("_meta").or_insert_with(|| Map::new().into());
        if let Value::Object(meta) = meta {
            meta.extend(self.0.clone());
        }
    }

    /// Adds it to the parameters of a notification, which have `_meta` since 2025-11-25.
    pub(super) fn put_into_params(&self, params: &mut Map<String, Value>, revision: Revision) {
        if revision.features().params_meta {
            self.put_into(params);
        }
    }

    /// Adds it to the JSON of what has `_meta` since 2025-06-18.
    pub(super) fn put_since(&self, members: &mut Map<String, Value>, revision: Revision) {
        if revision.features().meta {
            self.put_into(members);
        }
    }
}

/// Writes the method by which a member of `_meta` is set. The argument is the path of the field.
macro_rules! meta_method {
    ($($field:ident).+, $since:literal) => {
        #[doc = concat!("Sets a member of `_meta`, by a key such as `com.example/color`; ", $since, ". Extensions of MCP say what \
                         keys mean: the name in front of the slash is a domain of theirs, and `modelcontextprotocol` in it is MCP's own.")]
        #[must_use]
        pub fn meta(
            mut self,
            key: impl Into<String>,
            value: impl Into<::serde_json::Value>,
        ) -> Self {
            self.$($field).+.insert(key.into(), value.into());
            self
        }
    };
}
pub(super) use meta_method;
