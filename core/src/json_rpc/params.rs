//! The parameters of a request.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::document::{Document, Json};

/// Parameters whose members are the tool's own, or the user's: there `null` is a value.
const OPAQUE: [&str; 2] = ["arguments", "inputResponses"];

/// The member `params`, an object, of which nothing was copied yet.
///
/// What is `null` is as if left out. No parameter of MCP has it as a value, but many clients write it for what they
/// do not give.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    document: Arc<Document>,
    /// Where they stand in the document, unless they are left out.
    index: Option<usize>,
}

impl Params {
    /// Those of a message; `None` if they are no object.
    pub(super) fn of(message: Json<'_>, document: &Arc<Document>) -> Option<Self> {
        let index = match message.get("params") {
            None => None,
            Some(params) if params.is_object() => Some(params.index),
            Some(_) => return None,
        };
        let document = Arc::clone(document);
        Some(Self { document, index })
    }

    /// The body in which they stand, with all its messages.
    pub(crate) fn body(&self) -> &str {
        &self.document.text
    }

    /// A parameter.
    pub(crate) fn get(&self, name: &str) -> Option<Json<'_>> {
        self.document.at(self.index?).get(name)
    }

    /// All of them, without what is `null` at any depth where that is no value.
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let params = self.index.map(|index| self.document.at(index));
        let mut members = params.and_then(Json::to_map).unwrap_or_default();
        drop_nulls(&mut members);
        members
    }
}

fn drop_nulls(members: &mut Map<String, Value>) {
    members.retain(|_, value| !value.is_null());
    for (name, value) in members.iter_mut() {
        if let (Value::Object(members), false) = (value, OPAQUE.contains(&name.as_str())) {
            drop_nulls(members);
        }
    }
}
