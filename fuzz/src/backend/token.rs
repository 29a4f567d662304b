//! The access tokens of Entra's by which some backends are told who calls: each for the application that the backend is, of the user
//! who calls, until it ends. A backend may want more of one: that it is newer, or that its user has satisfied an authentication context
//! (Microsoft identity platform, "Claims challenges, claims requests, and client capabilities"; threats R2, R3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use entra_mcp_core::config::BackendIdentity;
use entra_mcp_dev_tenant::{ORDERS_ID, ORDERS_URI};
use http::Response;
use serde_json::{Value, json};

use super::{Key, identity::Caller, policy, talks::Said};
use crate::{
    checks::{self, Failure},
    clock::{self, SimInstant},
    ids::ExchangeRef,
    observation::Observation,
    world::State,
};

/// What such tokens are labelled.
pub(super) const NAME: &str = "an access token for the backend";

/// The tool for which the user has to have satisfied [`CONTEXT`].
pub(crate) const GUARDED: &str = "guarded";

/// An authentication context.
const CONTEXT: &str = "c1";

/// How often a backend wants newer tokens of a user at most, in seconds.
const SELDOM: u64 = 180;

/// A token that a backend was sent.
pub(super) struct Shown {
    claims: Value,
    pub(super) caller: Caller,
}

/// The same with an access token of Entra's.
pub(super) fn identity(with: BackendIdentity) -> BackendIdentity {
    BackendIdentity {
        entra: Some(format!("{ORDERS_URI}/Orders.Read")),
        ..with
    }
}

/// Whether these scopes are asked for of Entra to call the backend.
pub(crate) fn is_asked_for(scope: &str) -> bool {
    scope.contains(ORDERS_URI)
}

/// What a token of Entra's is labelled that an answer has under this name.
pub(crate) fn name_of_token<'a>(name: &'a str, token: &str) -> &'a str {
    match checks::claims(token) {
        Some(claims) if claims.get("aud") == Some(&json!(ORDERS_ID)) => NAME,
        _ => name,
    }
}

impl State {
    /// What is shown to a backend that takes tokens; nothing else is shown to it, and to none of the others anything.
    pub(super) fn shown_token(
        &self,
        key: Key,
        token: Option<&str>,
    ) -> Result<Option<Shown>, Failure> {
        let kind = self.backends.get(key).map(|backend| backend.kind);
        if !kind.is_some_and(|kind| kind.takes_tokens()) {
            return Ok(None);
        }
        let Some(token) = token else {
            return Err(Failure::new("calls are signed", "there is no token"));
        };
        let ledger = self.checks.ledger();
        let label = ledger.secrets.get(token.as_bytes());
        let label = label.filter(|label| label.name == NAME);
        let (Some(label), Some(claims)) = (label, checks::claims(token)) else {
            let what = format!("the backend is shown {:.40}", token);
            return Err(Failure::new("tokens of their audience", what));
        };
        let text = |name: &str| Some(claims.get(name)?.as_str()?.to_owned());
        let oid = text("oid").unwrap_or_default();
        let who = ExchangeRef::new(key.0, key.1);
        let case = ledger.case(who);
        let user = case.and_then(|case| case.user.clone());
        if label.user.as_ref() != Some(&oid) || user.is_some_and(|user| user != oid) {
            let what = format!(
                "{who} of {:?} shows the token of {oid}",
                case.map(|case| &case.user)
            );
            return Err(Failure::new("tokens of their users", what));
        }
        let now = clock::read(self.moment, SimInstant::default(), 0).unix.0;
        let ends = claims.get("exp").and_then(Value::as_u64);
        if ends.is_none_or(|ends| ends < now) {
            let what = format!("{who} shows a token that ended at {ends:?}, and it is {now}");
            return Err(Failure::new("tokens until they end", what));
        }
        let bearer = case.and_then(|case| checks::claims(case.bearer.as_deref()?));
        let client = bearer.and_then(|bearer| Some(bearer.get("client_id")?.as_str()?.to_owned()));
        let caller = Caller {
            oid,
            client: client.unwrap_or_default(),
            name: text("preferred_username").unwrap_or_default(),
            // A token of Entra's says nothing of what the client was granted here.
            scope: policy::SCOPE.to_owned(),
        };
        Ok(Some(Shown { claims, caller }))
    }

    /// What the backend wants of a token before it takes it for this request.
    pub(super) fn wanted_claims(
        &mut self,
        key: Key,
        shown: &Shown,
        message: &Value,
    ) -> Option<Value> {
        let now = clock::read(self.moment, SimInstant::default(), 0).unix.0;
        let backend = self.backends.of(key)?;
        let since = backend.not_before.get(&shown.caller.oid).copied();
        let is_long_ago = since.is_none_or(|since| since + SELDOM < now);
        if is_long_ago && self.choice.chance(backend.weather.challenges) {
            backend.not_before.insert(shown.caller.oid.clone(), now);
        }
        let since = backend.not_before.get(&shown.caller.oid).copied();
        let issued = shown.claims.get("iat").and_then(Value::as_u64);
        if let Some(since) = since.filter(|since| issued < Some(*since)) {
            let nbf = json!({"essential": true, "value": since.to_string()});
            return Some(json!({"access_token": {"nbf": nbf}}));
        }
        let is_called = message.get("method") == Some(&json!("tools/call"))
            && message.pointer("/params/name") == Some(&json!(GUARDED));
        let has = shown.claims.get("acrs").and_then(Value::as_array);
        let has = has.is_some_and(|has| has.contains(&json!(CONTEXT)));
        let acrs = json!({"essential": true, "value": CONTEXT});
        (is_called && !has).then(|| json!({"access_token": {"acrs": acrs}}))
    }

    /// Refuses a token, and says what is wanted of it.
    pub(super) fn challenge(&mut self, key: Key, wanted: &Value, is_to_listen: bool) {
        let who = ExchangeRef::new(key.0, key.1);
        self.note("backend", &format!("= wants {wanted}"));
        let case = self.checks.ledger().case(who);
        let listens = is_to_listen || case.is_none_or(|case| case.method != "POST");
        self.see(&Observation::BackendChallenged {
            who,
            wanted,
            listens,
        });
        let claims = STANDARD.encode(wanted.to_string());
        let challenge = format!(
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
             error=\"insufficient_claims\", claims=\"{claims}\""
        );
        let head = Response::builder()
            .status(401)
            .header("www-authenticate", challenge);
        self.say(
            key,
            std::time::Duration::ZERO,
            Said::Head(head.body(()).expect("a head")),
        );
        self.say(
            key,
            std::time::Duration::ZERO,
            Said::Piece(Bytes::from("Unauthorized")),
        );
        self.say(key, std::time::Duration::ZERO, Said::End(Ok(())));
    }
}
