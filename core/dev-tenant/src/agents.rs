//! Agents: a blueprint gets the token by which one of its agents proves who it is, and the agent gets access tokens as itself, on
//! behalf of a user, and as the account of its own.
//!
//! Source: Microsoft Entra Agent ID, "Agent OAuth flows: on behalf of", "Agent user impersonation protocol" and "Agent token
//! claims".
//!
//! ```text
//! blueprint --client_credentials, fmi_path = agent--> a token to exchange, for the agent
//! agent --client_credentials, that token for a client assertion--> a token to exchange, of the agent; or its access token
//! agent --jwt-bearer, the access token of a user for the blueprint--> an access token of the user
//! agent --user_fic, the token to exchange of the agent--> an access token of its account
//! ```

use serde_json::{Map, Value, json};

use super::{
    AGENT_ID, AGENT_USER, BLUEPRINT_ID, DevTenant, EXPIRES_IN, Reply,
    aadsts_error::AadstsError,
    client::Client,
    client_assertion::TOKEN_EXCHANGE,
    issue::bearer,
    on_behalf_of::AssertionClaims,
    request_context::RequestContext,
    sealed::{SignIn, Wanted},
    token::Grant,
    unsigned_response,
};

impl DevTenant {
    /// A token to exchange: for an agent of the blueprint, or of the agent for its account.
    pub(super) fn for_agents(
        &self,
        client: Client,
        tenant: &str,
        cx: &mut RequestContext<'_>,
    ) -> Result<Reply, AadstsError> {
        let agent = cx.form.one("fmi_path").ok().flatten();
        if client == Client::Blueprint && !agent.is_some_and(|id| id.eq_ignore_ascii_case(AGENT_ID))
        {
            let text = "fmi_path must be the id of an agent that was made from this blueprint.";
            return Err(AadstsError::new("invalid_request", 82_001, text));
        }
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        let issuer = format!("{}/{tenant}/v2.0", self.config.origin);
        set("iss", json!(issuer));
        set("aud", json!(TOKEN_EXCHANGE));
        set("azp", json!(client.id()));
        set("sub", json!(AGENT_ID));
        set("oid", json!(client.id()));
        set("tid", json!(tenant));
        set("ver", json!("2.0"));
        set("idtyp", json!("app"));
        set("iat", json!(cx.now));
        set("nbf", json!(cx.now));
        set("exp", json!(cx.now.saturating_add(EXPIRES_IN)));
        set("uti", json!(cx.entropy.token::<16>()));
        let mut body = bearer(EXPIRES_IN);
        let token = self.signed(claims, None, "access_token", &mut body);
        Ok(unsigned_response::reply(token.into_iter().collect(), body))
    }

    /// An agent proves who it is by a token that its blueprint got for it.
    pub(super) fn check_agent(
        &self,
        assertion: Option<&str>,
        cx: &RequestContext<'_>,
    ) -> Result<(), AadstsError> {
        let Some(assertion) = assertion else {
            let text = "Agents prove who they are by a client assertion.";
            return Err(AadstsError::new("invalid_client", 7_000_218, text));
        };
        match self.to_exchange(assertion, BLUEPRINT_ID, cx) {
            Some(_) => Ok(()),
            None => {
                let text =
                    "No matching federated identity record found for presented assertion subject.";
                Err(AadstsError::new("invalid_client", 700_213, text))
            }
        }
    }

    /// The agent acts as the account of its own, which nobody signs in to.
    pub(super) fn as_agent_user(
        &self,
        credential: &str,
        cx: &mut RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        if self.to_exchange(credential, AGENT_ID, cx).is_none() {
            let text = "Assertion failed signature validation.";
            return Err(AadstsError::new("invalid_grant", 50_013, text));
        }
        let one = |name| cx.form.one(name).ok().flatten();
        let account = match (one("username"), one("user_id")) {
            (Some(name), None) => self.directory.by_username(name),
            (None, Some(oid)) => self.directory.by_oid(oid),
            _ => return Err(AadstsError::missing("username")),
        };
        let Some(account) = account.filter(|account| account.user.oid == AGENT_USER.oid) else {
            let text = "The user is not the account of this agent.";
            return Err(AadstsError::new("invalid_grant", 50_034, text));
        };
        let sign_in = SignIn::now(account, Wanted::default(), cx);
        Ok(Grant::of(Client::Agent, sign_in))
    }

    /// The claims of a token to exchange for the agent, which was issued to this client.
    fn to_exchange(
        &self,
        token: &str,
        issued_to: &str,
        cx: &RequestContext<'_>,
    ) -> Option<AssertionClaims> {
        self.claims_of(token).filter(|claims| {
            claims.aud == TOKEN_EXCHANGE
                && claims.sub == AGENT_ID
                && claims.azp.as_deref() == Some(issued_to)
                && cx.now < claims.exp
        })
    }
}
