//! The job that tries, when the server starts, whether Entra accepts its credential: a wrong one is known before the
//! first user meets it.
//!
//! ```text
//! AwaitingMetadata --known--> AwaitingTokens --> a line of the log
//!         \--unknown--> a line of the log: Entra is out of reach
//! ```
//!
//! A token of the application itself is asked for (Microsoft identity platform, "OAuth 2.0 client credentials flow"), and
//! thrown away. It needs no permission.

use super::{
    awaiting_metadata::AwaitingMetadata,
    error::{EntraError, Step},
    token_endpoint::{Grant, TokenResponse},
    token_request::TokenRequest,
};
use crate::{
    event::Answer,
    log_event::LogEventId,
    step::{Cx, Progress},
};

/// What is waited for.
#[derive(Debug)]
pub(crate) enum CredentialCheck {
    /// Where Entra's token endpoint is.
    AwaitingMetadata(AwaitingMetadata<()>),
    /// The token, or why there is none.
    AwaitingTokens(TokenRequest),
}

impl CredentialCheck {
    pub(crate) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        match AwaitingMetadata::known((), cx) {
            Progress::Pending(awaiting) => Progress::Pending(Self::AwaitingMetadata(awaiting)),
            Progress::Ready(((), _)) => Self::ask(cx),
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingMetadata(awaiting) => {
                let ((), _) = awaiting.handle(answer, cx);
                Self::ask(cx)
            }
            Self::AwaitingTokens(request) => match request.handle(answer, cx) {
                Progress::Pending(request) => Progress::Pending(Self::AwaitingTokens(request)),
                Progress::Ready(result) => finish(result, cx),
            },
        }
    }

    fn ask(cx: &mut Cx<'_>) -> Progress<Self> {
        let scope = cx.env.server.config.entra.graph.join(".default");
        let scope = scope.map_or_else(|_| String::new(), String::from);
        // An application that is in no tenant of its own gets no token of its own.
        let Some(tenant) = cx.env.server.config.entra.tenant_of_application() else {
            return Progress::Ready(());
        };
        let grant = Grant::client_credentials(scope).at_tenant(tenant);
        match TokenRequest::start(grant, cx) {
            Some(request) => Progress::Pending(Self::AwaitingTokens(request)),
            None => {
                cx.log(LogEventId::EntraCredentialUntried);
                Progress::Ready(())
            }
        }
    }
}

fn finish(result: Result<TokenResponse, EntraError>, cx: &mut Cx<'_>) -> Progress<CredentialCheck> {
    match result {
        Ok(_) => cx.log(LogEventId::EntraCredentialAccepted),
        Err(error) => cx.log(error.log_event(Step::CredentialCheck)),
    }
    Progress::Ready(())
}

#[cfg(test)]
mod tests {
    use ::http::Response;
    use bytes::Bytes;

    use super::*;
    use crate::{
        action::Action,
        ask::{Ask, Fetch, FetchFault},
        entropy::Seed,
        env::EntraSnapshot,
        event::Event,
        exchange::{Exchange, ExchangeId, Job, Output},
        hub::{ToHub, ToHubKind},
        log_event::{Field, LogEvent},
        testing::TestServer,
    };

    /// Runs the job with this answer of the token endpoint; what was sent there, and the line of the log.
    fn run(server: &TestServer, answer: <Fetch as Ask>::Answer) -> (String, LogEvent) {
        let (job, seed) = (Job::check_credential(), Seed::new([1; 32]));
        let mut exchange = Exchange::job(ExchangeId(1), &seed, job, server.env());
        let (mut body, mut logged) = (String::new(), Vec::new());
        let (mut answer, mut event) = (Some(answer), None);
        loop {
            match exchange.poll() {
                Output::Do(Action::Fetch(ticket, fetch)) => {
                    body = String::from_utf8(fetch.request().body().to_vec()).unwrap();
                    event = Some(ticket.answer(answer.take().expect("one request")));
                }
                Output::Do(Action::ToHub(ToHub(ToHubKind::NeedMetadata { ticket, .. }))) => {
                    event = Some(Event::FromHub(ticket.answer(false)));
                }
                Output::Do(Action::Log(line)) => logged.push(line),
                Output::Do(other) => panic!("{other:?}"),
                Output::Wait(_) => exchange
                    .handle(event.take().unwrap(), server.env())
                    .unwrap(),
                Output::Done(_) => {
                    assert_eq!(logged.len(), 1, "{logged:?}");
                    return (body, logged.remove(0));
                }
            }
        }
    }

    fn answer(status: u16, body: &'static str) -> <Fetch as Ask>::Answer {
        let response = Response::builder().status(status);
        Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap())
    }

    #[test]
    fn credential_is_tried_for_the_application_itself() {
        let token = answer(200, r#"{"access_token":"t","expires_in":3599}"#);
        let (body, line) = run(&TestServer::dev(), token);
        assert!(body.contains("grant_type=client_credentials"), "{body}");
        assert!(
            body.ends_with("scope=https%3A%2F%2Fgraph.example%2F.default"),
            "{body}"
        );
        assert_eq!(line.id(), LogEventId::EntraCredentialAccepted);
    }

    #[test]
    fn refused_credential_is_the_operators_whatever_entra_calls_it() {
        for body in [
            r#"{"error":"invalid_client","error_codes":[7000215]}"#,
            r#"{"error":"invalid_grant","suberror":"message_only","error_codes":[53003]}"#,
        ] {
            let (_, line) = run(&TestServer::dev(), answer(401, body));
            assert_eq!(line.id(), LogEventId::EntraMisconfigured);
            assert_eq!(line.field(Field::Step), Some("credential_check"));
        }
    }

    #[test]
    fn entra_out_of_reach_is_a_warning_and_no_failure() {
        let (_, line) = run(&TestServer::dev(), Err(FetchFault::Unreachable));
        assert_eq!(line.id(), LogEventId::EntraUnavailable);
        let mut server = TestServer::dev();
        server.known = EntraSnapshot::default();
        let (body, line) = run(&server, Err(FetchFault::Unreachable));
        assert_eq!(line.id(), LogEventId::EntraCredentialUntried);
        assert!(body.is_empty(), "nobody knows where to send it");
    }
}
