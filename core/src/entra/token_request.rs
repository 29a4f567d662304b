//! A request to Entra's token endpoint, with the proof that this server is its application.
//!
//! ```text
//! start --secret------------------------------------> AwaitingTokens --> the tokens, or why there are none
//!   \--certificate or federated token--> MakingAssertion ---/
//!   \--managed identity, once a day--> FetchingIdentityToken
//! ```

use super::{
    error::EntraError,
    token_endpoint::{self, Authentication, Grant, TokenResponse},
};
use crate::{
    ask::{AssertionClaims, Awaiting, ClientAssertion, Fetch},
    config::ClientCredential,
    event::Answer,
    hub::{IdentityTokenMessage, NeedIdentityToken, ToHubKind},
    limits,
    step::{Cx, Progress},
};

/// A request under way.
#[derive(Debug)]
pub(crate) struct TokenRequest(State);

#[derive(Debug)]
enum State {
    /// The runtime makes the client assertion.
    MakingAssertion(Grant, Awaiting<ClientAssertion>),
    /// A token of the managed identity is fetched.
    FetchingIdentityToken(Grant, Awaiting<NeedIdentityToken>),
    /// Entra is asked.
    AwaitingTokens(Awaiting<Fetch>),
}

/// How far the request is, and what it results in.
pub(crate) type TokenProgress = Progress<TokenRequest, Result<TokenResponse, EntraError>>;

impl TokenRequest {
    /// Sends a grant; `None` if Entra's metadata is not known.
    pub(crate) fn start(grant: Grant, cx: &mut Cx<'_>) -> Option<Self> {
        let entra = &cx.env.server.config.entra;
        let assertion = match &entra.credential {
            ClientCredential::Secret(secret) => {
                let secret = Authentication::Secret(&secret.value);
                let fetch = token_endpoint::post(&grant, secret, cx.env)?;
                return Some(Self(State::AwaitingTokens(cx.fetch(fetch))));
            }
            ClientCredential::Certificate(_) => ClientAssertion::Signed(AssertionClaims {
                audience: token_endpoint::address(&grant, cx.env)?.into(),
                client_id: entra.client_id.clone(),
                id: cx.entropy.token::<16>(),
                issued: cx.env.now.unix,
                expires: cx.env.now.unix.after(limits::CLIENT_ASSERTION_LIFETIME),
            }),
            ClientCredential::FederatedToken(_) => ClientAssertion::FederatedToken,
            ClientCredential::ManagedIdentity(_) => return Self::of_identity(grant, cx),
        };
        let awaiting = cx.assert(assertion);
        Some(Self(State::MakingAssertion(grant, awaiting)))
    }

    /// Sends a grant with the token of the managed identity. One that ages is used, and another fetched meanwhile.
    fn of_identity(grant: Grant, cx: &mut Cx<'_>) -> Option<Self> {
        let now = cx.env.now.instant;
        let known = cx.env.entra.identity_token.clone();
        let Some(token) = known.as_ref().and_then(|known| known.usable(now)) else {
            return Some(Self(State::FetchingIdentityToken(
                grant,
                need_identity_token(cx),
            )));
        };
        let fetch = token_endpoint::post(&grant, Authentication::Assertion(token), cx.env)?;
        if known.as_ref().is_some_and(|known| known.is_ageing(now)) {
            // Nobody waits for the answer.
            drop(need_identity_token(cx));
        }
        Some(Self(State::AwaitingTokens(cx.fetch(fetch))))
    }

    /// Takes an answer.
    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> TokenProgress {
        match self.0 {
            State::MakingAssertion(grant, awaiting) => {
                let assertion = match awaiting.into_answer(answer) {
                    Ok(assertion) => assertion,
                    Err(fault) => return Progress::Ready(Err(EntraError::of_assertion(fault))),
                };
                let authentication = Authentication::Assertion(&assertion);
                match token_endpoint::post(&grant, authentication, cx.env) {
                    Some(fetch) => Progress::Pending(Self(State::AwaitingTokens(cx.fetch(fetch)))),
                    None => Progress::Ready(Err(EntraError::unreadable())),
                }
            }
            State::FetchingIdentityToken(grant, awaiting) => {
                awaiting.into_answer(answer);
                let known = cx.env.entra.identity_token.clone();
                let now = cx.env.now.instant;
                let Some(token) = known.as_ref().and_then(|known| known.usable(now)) else {
                    return Progress::Ready(Err(EntraError::no_identity_token()));
                };
                match token_endpoint::post(&grant, Authentication::Assertion(token), cx.env) {
                    Some(fetch) => Progress::Pending(Self(State::AwaitingTokens(cx.fetch(fetch)))),
                    None => Progress::Ready(Err(EntraError::unreadable())),
                }
            }
            State::AwaitingTokens(awaiting) => {
                Progress::Ready(token_endpoint::read(awaiting.into_answer(answer)))
            }
        }
    }
}

fn need_identity_token(cx: &mut Cx<'_>) -> Awaiting<NeedIdentityToken> {
    let newer_than = cx.env.entra.identity_tokens;
    cx.ask_hub(|ticket| ToHubKind::IdentityToken(IdentityTokenMessage::Need { ticket, newer_than }))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc, time::Duration};

    use super::*;
    use crate::{
        action::Action,
        ask::{AssertionFault, Ticket},
        config::{IdentityEndpoint, IdentityHost, ManagedIdentity},
        env::Env,
        event::{Event, Input},
        hub::ToHub,
        identity_token::IdentityToken,
        request_id::RequestId,
        secret::Secret,
        step::Outbox,
        testing::{TestServer, entropy},
        time::Instant,
    };

    /// A server that proves its identity so, and the asks of one request.
    struct Table {
        server: TestServer,
        out: Outbox,
    }

    impl Table {
        fn with(credential: ClientCredential) -> Self {
            let mut server = TestServer::dev();
            server.server.config.entra.credential = credential;
            let out = Outbox::new(Instant(0), RequestId::own(1));
            Self { server, out }
        }

        fn step<T>(&mut self, step: impl FnOnce(&mut Cx<'_>) -> T) -> T {
            let env: Env<'_> = self.server.env();
            let mut entropy = entropy(1);
            step(&mut Cx {
                env,
                entropy: &mut entropy,
                out: &mut self.out,
            })
        }

        fn start(&mut self) -> TokenRequest {
            let code = Secret::new("the code".to_owned());
            let verifier = Secret::new("the verifier".to_owned());
            let scope = self.server.server.scopes.default();
            self.step(|cx| {
                let grant = Grant::code(
                    &code,
                    &verifier,
                    scope.to_entra_scope(&cx.env.server.config.entra),
                    cx.env,
                );
                TokenRequest::start(grant, cx).unwrap()
            })
        }

        fn asked(&mut self) -> (Ticket<ClientAssertion>, ClientAssertion) {
            match self.out.pop() {
                Some(Action::Assert(ticket, assertion)) => (ticket, assertion),
                other => panic!("{other:?}"),
            }
        }
    }

    fn answer_of(event: Event) -> Answer {
        match event.into_input() {
            Input::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn form(action: Option<Action>) -> BTreeMap<String, String> {
        let Some(Action::Fetch(_, fetch)) = action else {
            panic!("{action:?}");
        };
        url::form_urlencoded::parse(fetch.request().body())
            .into_owned()
            .collect()
    }

    // RFC 7523 section 2.2
    #[test]
    fn grant_with_a_certificate_carries_a_signed_assertion_and_no_secret() {
        let mut table = Table::with(ClientCredential::Certificate(
            std::path::PathBuf::from("client.pem").into(),
        ));
        let request = table.start();
        let (ticket, assertion) = table.asked();
        let ClientAssertion::Signed(claims) = assertion else {
            panic!("{assertion:?}");
        };
        let endpoint = "https://login.example/tenant/oauth2/v2.0/token";
        assert_eq!(claims.audience, endpoint);
        assert_eq!(claims.client_id, table.server.server.config.entra.client_id);
        assert_eq!(claims.issued, table.server.now.unix);
        assert_eq!(claims.expires.0 - claims.issued.0, 600);
        let signed = ticket.answer(Ok(Secret::new("a.b.c".to_owned())));
        let request = table.step(|cx| request.handle(answer_of(signed), cx));
        assert!(matches!(request, Progress::Pending(_)));
        let form = form(table.out.pop());
        assert_eq!(form["client_assertion"], "a.b.c");
        assert_eq!(
            form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        assert_eq!(form["code"], "the code");
        assert!(!form.contains_key("client_secret"));
    }

    #[test]
    fn grant_with_a_federated_token_carries_what_the_file_holds() {
        let mut table = Table::with(ClientCredential::FederatedToken("token".into()));
        let request = table.start();
        let (ticket, assertion) = table.asked();
        assert_eq!(assertion, ClientAssertion::FederatedToken);
        let read = ticket.answer(Ok(Secret::new("d.e.f".to_owned())));
        let _ = table.step(|cx| request.handle(answer_of(read), cx));
        assert_eq!(form(table.out.pop())["client_assertion"], "d.e.f");
    }

    #[test]
    fn grant_without_its_assertion_is_not_sent_and_the_operator_must_act() {
        for fault in [AssertionFault::Certificate, AssertionFault::FederatedToken] {
            let mut table = Table::with(ClientCredential::FederatedToken("token".into()));
            let request = table.start();
            let (ticket, _) = table.asked();
            let result = table.step(|cx| request.handle(answer_of(ticket.answer(Err(fault))), cx));
            assert!(matches!(
                result,
                Progress::Ready(Err(EntraError::Configuration(_)))
            ));
            assert!(table.out.pop().is_none(), "nothing is sent");
        }
    }

    // O3
    #[test]
    fn assertion_is_not_printed() {
        let mut table = Table::with(ClientCredential::FederatedToken("token".into()));
        let _request = table.start();
        let (ticket, _) = table.asked();
        let event = ticket.answer(Ok(Secret::new("d.e.f".to_owned())));
        assert!(!format!("{event:?}").contains("d.e.f"));
    }

    fn with_identity() -> Table {
        let host = IdentityHost::InstanceMetadata {
            endpoint: IdentityEndpoint::instance_metadata().unwrap(),
        };
        let client_id = "7c2be0d4-51a6-4f0b-8d37-d3e7e4a70003";
        let identity = ManagedIdentity::new(client_id, host).unwrap();
        Table::with(ClientCredential::ManagedIdentity(identity))
    }

    fn know_identity_token(table: &mut Table) {
        let body = br#"{"access_token":"g.h.i","expires_in":3600}"#;
        let token = IdentityToken::read(body, None, table.server.now).unwrap();
        table.server.known.identity_token = Some(Arc::new(token));
        table.server.known.identity_tokens = 1;
    }

    fn asked_hub(table: &mut Table) -> Option<(Ticket<NeedIdentityToken>, u64)> {
        match table.out.pop() {
            Some(Action::ToHub(ToHub(ToHubKind::IdentityToken(IdentityTokenMessage::Need {
                ticket,
                newer_than,
            })))) => Some((ticket, newer_than)),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn grant_with_a_managed_identity_waits_for_its_token_once() {
        let mut table = with_identity();
        let request = table.start();
        let (ticket, newer_than) = asked_hub(&mut table).unwrap();
        assert_eq!(newer_than, 0);
        know_identity_token(&mut table);
        let answer = answer_of(Event::FromHub(ticket.answer(true)));
        assert!(matches!(
            table.step(|cx| request.handle(answer, cx)),
            Progress::Pending(_)
        ));
        assert_eq!(form(table.out.pop())["client_assertion"], "g.h.i");
        // From now on it is at hand.
        let _request = table.start();
        let form = form(table.out.pop());
        assert_eq!(form["client_assertion"], "g.h.i");
        assert!(!form.contains_key("client_secret") && asked_hub(&mut table).is_none());
    }

    #[test]
    fn identity_token_that_ages_is_used_while_another_is_fetched_and_one_at_its_end_is_not() {
        let mut table = with_identity();
        know_identity_token(&mut table);
        table.server.now.instant = table.server.now.instant.after(Duration::from_secs(1800));
        let _request = table.start();
        assert_eq!(asked_hub(&mut table).unwrap().1, 1);
        assert_eq!(form(table.out.pop())["client_assertion"], "g.h.i");
        table.server.now.instant = table.server.now.instant.after(Duration::from_secs(1500));
        let request = table.start();
        let (ticket, _) = asked_hub(&mut table).unwrap();
        let answer = answer_of(Event::FromHub(ticket.answer(false)));
        let result = table.step(|cx| request.handle(answer, cx));
        assert!(matches!(
            result,
            Progress::Ready(Err(EntraError::Unavailable(_)))
        ));
        assert!(table.out.pop().is_none(), "nothing is sent");
    }
}
