//! The assertion that goes with a request: one that was signed a moment ago, or a new one.
//!
//! ```text
//! Finding --there--> Ready
//!    \--not--> AwaitingKeys --> Signing --> Ready
//! ```

use std::sync::Arc;

use crate::{
    admit::caller::Caller,
    ask::{Awaiting, Sign, Signed},
    config::Gateway,
    event::Answer,
    gateway::assertion::{self, AssertionClaims, Parties},
    hub::{AssertionMessage, FindAssertion, NeedSigningKeys, ToHub, ToHubKind},
    secret::Secret,
    session::token::ClientRef,
    step::{Cx, Progress},
};

/// There are no keys, or nothing is signed: whoever calls is told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAssertion;

/// What is waited for.
#[derive(Debug)]
pub(crate) struct AssertUser {
    digest: [u8; 32],
    claims: Arc<AssertionClaims>,
    state: State,
}

#[derive(Debug)]
enum State {
    Finding(Awaiting<FindAssertion>),
    AwaitingKeys(Awaiting<NeedSigningKeys>),
    Signing(String, Awaiting<Sign>),
}

/// The assertion, and what it says: to say it again when this one is over.
type Asserted = (Arc<Secret<String>>, Arc<AssertionClaims>);

type Step = Progress<AssertUser, Result<Asserted, NoAssertion>>;

impl AssertUser {
    /// Begins to assert who this caller is.
    pub(crate) fn start(caller: &Caller, gateway: &Gateway, cx: &mut Cx<'_>) -> Self {
        let server = cx.env.server;
        let client = ClientRef::of(&caller.session.outline.client).to_string();
        let parties = Parties {
            issuer: server.config.public_url.issuer(),
            audience: &gateway.audience,
            client: &client,
        };
        let claims = AssertionClaims::new(parties, &caller.principal);
        Self::again(Arc::new(claims), cx)
    }

    /// Begins to assert what was asserted before.
    pub(crate) fn again(claims: Arc<AssertionClaims>, cx: &mut Cx<'_>) -> Self {
        let digest = claims.digest();
        let find = |ticket| ToHubKind::Assertion(AssertionMessage::Find(ticket, digest));
        let state = State::Finding(cx.ask_hub(find));
        Self {
            digest,
            claims,
            state,
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Step {
        let (digest, claims) = (self.digest, self.claims);
        let state = match self.state {
            State::Finding(find) => match find.into_answer(answer) {
                Some(assertion) => return Progress::Ready(Ok((assertion, claims))),
                None => {
                    let need = |ticket| ToHubKind::Assertion(AssertionMessage::NeedKeys(ticket));
                    State::AwaitingKeys(cx.ask_hub(need))
                }
            },
            State::AwaitingKeys(keys) => {
                let keys = keys.into_answer(answer);
                let now = cx.env.now.unix;
                let Some(key) = keys.as_deref().and_then(|keys| keys.signing(now)) else {
                    return Progress::Ready(Err(NoAssertion));
                };
                let input =
                    claims.signing_input(&cx.env.server.keys, &key.kid(), cx.entropy.bytes(), now);
                let sign = Sign::With {
                    key: key.private.clone(),
                    input: input.clone().into_bytes(),
                };
                State::Signing(input, cx.sign(sign))
            }
            State::Signing(input, signed) => match signed.into_answer(answer) {
                Ok(Signed::Signature(signature)) => {
                    let assertion = Arc::new(assertion::jwt(&input, &signature));
                    let signed = AssertionMessage::Signed(digest, Arc::clone(&assertion));
                    cx.to_hub(ToHub(ToHubKind::Assertion(signed)));
                    return Progress::Ready(Ok((assertion, claims)));
                }
                Ok(Signed::Key { .. }) | Err(_) => return Progress::Ready(Err(NoAssertion)),
            },
        };
        Progress::Pending(Self {
            digest,
            claims,
            state,
        })
    }
}
