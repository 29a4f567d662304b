//! Calls that are made by hand, for tests of what is called.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Call, Client, ClientCapabilities, EffectResult, InputResult, Principal};
use crate::{request_id::RequestId, revision::Revision};

impl Call {
    /// A call of this name, without arguments, by nobody: for tests of what is called.
    ///
    /// ```
    /// use entra_mcp_core::catalog::{InputResponse, Call, EffectResult, Principal};
    /// use serde_json::json;
    ///
    /// let call = Call::new("steep")
    ///     .with_argument("minutes", json!(3))
    ///     .with_principal(Principal { oid: "alice".to_owned(), ..Principal::default() })
    ///     .with_answer("sure", InputResponse::Declined)
    ///     .with_result(EffectResult::Done);
    /// assert_eq!(call.results().len(), 1);
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: Map::new(),
            principal: Arc::default(),
            client: Client::of_revision(Revision::V2025_11_25, ClientCapabilities::default()),
            meta: Map::new(),
            request_id: RequestId::own(0),
            answers: BTreeMap::new(),
            results: Vec::new(),
        }
    }

    /// The same with this argument.
    #[must_use]
    pub fn with_argument(mut self, name: impl Into<String>, value: Value) -> Self {
        self.arguments.insert(name.into(), value);
        self
    }

    /// The same by this user.
    #[must_use]
    pub fn with_principal(mut self, principal: Principal) -> Self {
        self.principal = Arc::new(principal);
        self
    }

    /// The same from a client that can be asked this.
    #[must_use]
    pub fn with_abilities(mut self, client_capabilities: ClientCapabilities) -> Self {
        self.client.capabilities = client_capabilities;
        self
    }

    /// The same from this client.
    #[must_use]
    pub fn with_client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// The same with this member of `_meta`.
    #[must_use]
    pub fn with_meta(mut self, key: impl Into<String>, value: Value) -> Self {
        self.meta.insert(key.into(), value);
        self
    }

    /// Returns the same call after this input request got its response.
    #[must_use]
    pub fn with_answer(mut self, key: impl Into<String>, answer: impl Into<InputResult>) -> Self {
        self.answers.insert(key.into(), answer.into());
        self
    }

    /// Returns the same call after one more effect was performed.
    #[must_use]
    pub fn with_result(mut self, result: EffectResult) -> Self {
        self.results.push(result);
        self
    }
}
