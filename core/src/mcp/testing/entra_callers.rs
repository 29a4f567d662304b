//! Callers with access tokens of Entra's, in place of session tokens.

use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::World;
use crate::{
    config::{AcceptedEntraTokens, TokenVersion},
    entra::testing::{Signer, access_claims},
};

impl World {
    /// The server takes access tokens of Entra's of version 2, as this sets it.
    pub(crate) fn taking_entra_tokens(set: impl FnOnce(&mut AcceptedEntraTokens)) -> Self {
        let mut world = Self::new();
        let mut accepted = AcceptedEntraTokens::default();
        accepted.add_version(TokenVersion::V2);
        set(&mut accepted);
        world.server.server.config.entra_tokens = Some(accepted);
        world
    }

    /// An access token of Alice's, with these changes.
    pub(crate) fn access_token(&self, changes: &Value) -> String {
        Signer::known().jwt(&access_claims(&self.server, changes))
    }

    /// So much time goes by, on both clocks.
    pub(crate) fn pass(&mut self, time: Duration) {
        let now = &mut self.server.now;
        now.instant = now.instant.after(time);
        now.unix = now.unix.after(time);
    }

    /// A request with any token.
    pub(crate) fn request_with(
        &self,
        token: &str,
        (method, target): (&str, &str),
        fields: &[(&str, &str)],
        body: &str,
    ) -> Request<Bytes> {
        let mut request = self.request("alice", method, target, fields, body);
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        request
    }

    /// POST /mcp with any token.
    pub(crate) fn post_with(
        &mut self,
        token: &str,
        fields: &[(&str, &str)],
        body: impl AsRef<str>,
    ) -> Response<Bytes> {
        let request = self.request_with(token, ("POST", "/mcp"), fields, body.as_ref());
        self.send(request)
    }

    /// Begins an MCP session with any token, and gives its id.
    pub(crate) fn initialize_by(&mut self, token: &str) -> String {
        let response = self.post_with(token, &[], super::initialize("2025-11-25"));
        assert_eq!(response.status(), 200);
        crate::testing::header(&response, "mcp-session-id").to_owned()
    }

    /// Calls `getUserDetails` in that session.
    pub(crate) fn details(&mut self, token: &str, mcp_session: &str) -> Response<Bytes> {
        let call = json!({"name": "getUserDetails", "arguments": {}});
        let body = super::rpc(7, "tools/call", &call);
        self.post_with(token, &[("mcp-session-id", mcp_session)], body)
    }
}
