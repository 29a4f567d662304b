//! The job that fetches Entra's metadata and signing keys, and hands them to the hub.
//!
//! ```text
//! AwaitingMetadata --read--> AwaitingKeys --read--> sent to the hub
//!     \--anything else--/--> the hub is told that the fetch failed
//! ```
//!
//! Where access tokens of version 1.0 are taken, the same is done for those once more; if that fails, the rest is of use
//! all the same.
//!
//! Keys come from the address that the metadata of the configured tenant names and from nowhere
//! else, whatever a token says (threat D9).

use ::http::{Request, StatusCode, header};
use bytes::Bytes;
use url::Url;

use crate::{
    ask::{Ask, Awaiting, Fetch, FetchTarget},
    config::TokenVersion,
    event::Answer,
    hub::{ToHub, ToHubKind},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    provider_metadata::{self, DiscoveryDocument, ProviderMetadata},
    step::{Cx, Progress},
};

/// What is waited for.
#[derive(Debug)]
pub(crate) enum FetchMetadata {
    /// The metadata is being fetched.
    AwaitingMetadata(Awaiting<Fetch>),
    /// The metadata is known, the keys are being fetched.
    AwaitingKeys(Box<DiscoveryDocument>, Awaiting<Fetch>),
    /// All is known but the metadata of version 1.0.
    AwaitingV1Metadata(Box<ProviderMetadata>, Awaiting<Fetch>),
    /// All is known but its keys.
    AwaitingV1Keys(
        Box<ProviderMetadata>,
        Box<DiscoveryDocument>,
        Awaiting<Fetch>,
    ),
}

impl FetchMetadata {
    pub(crate) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        let address =
            provider_metadata::metadata_address(&cx.env.server.config.entra, TokenVersion::V2);
        match get(&address) {
            Some(fetch) => Progress::Pending(Self::AwaitingMetadata(cx.fetch(fetch))),
            None => fail("the authority is no address", cx),
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingMetadata(awaiting) => Self::keys(awaiting.into_answer(answer), cx),
            Self::AwaitingKeys(metadata, awaiting) => {
                receive_keys(*metadata, awaiting.into_answer(answer), cx)
            }
            Self::AwaitingV1Metadata(known, awaiting) => {
                let entra = &cx.env.server.config.entra;
                let body = body_of(awaiting.into_answer(answer), NO_V1);
                let metadata = body.and_then(|body| DiscoveryDocument::read(&body, entra));
                let fetch = metadata.and_then(|metadata| {
                    let fetch = get(&metadata.jwks_uri).ok_or(NO_V1)?;
                    Ok((Box::new(metadata), fetch))
                });
                match fetch {
                    Ok((metadata, fetch)) => {
                        let awaiting = cx.fetch(fetch);
                        Progress::Pending(Self::AwaitingV1Keys(known, metadata, awaiting))
                    }
                    Err(reason) => without_v1(known, reason, cx),
                }
            }
            Self::AwaitingV1Keys(mut known, metadata, awaiting) => {
                let body = body_of(awaiting.into_answer(answer), NO_V1);
                match body.and_then(|body| provider_metadata::read_keys(&body)) {
                    Ok(keys) => {
                        known.v1 = Some(metadata.into_v1(keys));
                        report(Some(known), cx)
                    }
                    Err(reason) => without_v1(known, reason, cx),
                }
            }
        }
    }

    fn keys(answer: <Fetch as Ask>::Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let entra = &cx.env.server.config.entra;
        let body = body_of(answer, "Entra ID does not know the tenant");
        let metadata = match body.and_then(|body| DiscoveryDocument::read(&body, entra)) {
            Ok(metadata) => metadata,
            Err(reason) => return fail(reason, cx),
        };
        match get(&metadata.jwks_uri) {
            Some(fetch) => {
                Progress::Pending(Self::AwaitingKeys(Box::new(metadata), cx.fetch(fetch)))
            }
            None => fail("the metadata names no address for the keys", cx),
        }
    }
}

fn receive_keys(
    metadata: DiscoveryDocument,
    answer: <Fetch as Ask>::Answer,
    cx: &mut Cx<'_>,
) -> Progress<FetchMetadata> {
    let body = body_of(answer, "Entra ID does not serve its signing keys");
    match body.and_then(|body| provider_metadata::read_keys(&body)) {
        Ok(keys) => {
            cx.log(LogEventId::EntraMetadataFetched);
            let known = Box::new(metadata.with_keys(keys));
            let config = &cx.env.server.config;
            let takes_v1 = config.entra_tokens.as_ref();
            let takes_v1 = takes_v1.is_some_and(|taken| taken.has_version(TokenVersion::V1));
            let address = provider_metadata::metadata_address(&config.entra, TokenVersion::V1);
            match get(&address).filter(|_| takes_v1) {
                Some(fetch) => {
                    let awaiting = cx.fetch(fetch);
                    Progress::Pending(FetchMetadata::AwaitingV1Metadata(known, awaiting))
                }
                None => report(Some(known), cx),
            }
        }
        Err(reason) => fail(reason, cx),
    }
}

const NO_V1: &str = "Entra ID does not say what tokens of version 1.0 are signed with";

/// Tokens of version 2.0 can be verified nevertheless.
fn without_v1(
    known: Box<ProviderMetadata>,
    reason: &'static str,
    cx: &mut Cx<'_>,
) -> Progress<FetchMetadata> {
    cx.log(LogEvent::new(LogEventId::EntraMetadataUnavailable).with(Field::Reason, reason));
    report(Some(known), cx)
}

fn fail(reason: &'static str, cx: &mut Cx<'_>) -> Progress<FetchMetadata> {
    cx.log(LogEvent::new(LogEventId::EntraMetadataUnavailable).with(Field::Reason, reason));
    report(None, cx)
}

fn report(metadata: Option<Box<ProviderMetadata>>, cx: &mut Cx<'_>) -> Progress<FetchMetadata> {
    cx.to_hub(ToHub(ToHubKind::MetadataFetched(metadata)));
    Progress::Ready(())
}

fn get(address: &Url) -> Option<Fetch> {
    let request = Request::get(address.as_str())
        .header(header::ACCEPT, "application/json")
        .body(Bytes::new())
        .ok()?;
    Some(Fetch {
        target: FetchTarget::Configured(request),
        body_limit: limits::FETCH_BODY_BYTES,
        within: limits::FETCH_TIMEOUT,
        kept_open: None,
    })
}

/// The body of a 200; in an error, why there is none: `refused` if Entra does not have it.
fn body_of(answer: <Fetch as Ask>::Answer, refused: &'static str) -> Result<Bytes, &'static str> {
    let response = answer.map_err(|fault| fault.as_str())?;
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err("Entra ID is busy"),
        // For the metadata AADSTS90002 and its like: the usual mistake in a new configuration.
        status if status.is_client_error() => Err(refused),
        _ => Err("Entra ID answered with an error"),
    }
}

#[cfg(test)]
mod tests {
    use ::http::Response;

    use super::*;
    use crate::{
        action::Action,
        ask::{FetchFault, Ticket},
        entropy::Seed,
        exchange::{Exchange, ExchangeId, Job, Outcome, Output},
        hub::JobKind,
        testing::TestServer,
    };

    const METADATA: &str = r#"{"issuer":"https://login.example/t/v2.0",
        "authorization_endpoint":"https://login.example/t/authorize",
        "token_endpoint":"https://login.example/t/token","jwks_uri":"https://login.example/keys"}"#;
    const KEYS: &str = r#"{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}"#;

    type Answer = <Fetch as Ask>::Answer;

    /// Runs the job with these answers; what it asked for, and what it sent to the hub and the log.
    fn run(answers: Vec<Answer>) -> (Vec<String>, Option<Box<ProviderMetadata>>, Vec<LogEvent>) {
        run_of(&TestServer::dev(), answers)
    }

    fn run_of(
        server: &TestServer,
        answers: Vec<Answer>,
    ) -> (Vec<String>, Option<Box<ProviderMetadata>>, Vec<LogEvent>) {
        let job = Job(JobKind::RefreshEntraMetadata);
        let seed = Seed::new([1; 32]);
        let mut exchange = Exchange::job(ExchangeId(1), &seed, job, server.env());
        let (mut asked, mut fetched, mut logged) = (Vec::new(), None, Vec::new());
        let mut answers = answers.into_iter();
        let mut ticket: Option<Ticket<Fetch>> = None;
        loop {
            match exchange.poll() {
                Output::Do(Action::Fetch(new, fetch)) => {
                    assert_eq!(fetch.request().method(), "GET");
                    asked.push(fetch.request().uri().to_string());
                    ticket = Some(new);
                }
                Output::Do(Action::ToHub(ToHub(ToHubKind::MetadataFetched(metadata)))) => {
                    assert!(fetched.replace(metadata).is_none(), "it is sent once");
                }
                Output::Do(Action::Log(line)) => logged.push(line),
                Output::Do(other) => panic!("{other:?}"),
                Output::Wait(_) => {
                    let answer = answers.next().expect("an answer is left");
                    let event = ticket.take().unwrap().answer(answer);
                    exchange.handle(event, server.env()).unwrap();
                }
                Output::Done(outcome) => {
                    assert_eq!(outcome, Outcome::Answered);
                    return (asked, fetched.expect("it is sent to the hub"), logged);
                }
            }
        }
    }

    fn ok(body: &'static str) -> Answer {
        Ok(Response::new(Bytes::from_static(body.as_bytes())))
    }

    fn status(status: u16) -> Answer {
        let mut response = Response::new(Bytes::from_static(METADATA.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(response)
    }

    #[test]
    fn keys_are_fetched_from_where_the_metadata_says() {
        let (asked, fetched, _) = run(vec![ok(METADATA), ok(KEYS)]);
        assert!(asked[0].ends_with("/v2.0/.well-known/openid-configuration"));
        assert_eq!(asked[1..], ["https://login.example/keys"]);
        let metadata = fetched.unwrap();
        assert_eq!(metadata.issuer, "https://login.example/t/v2.0");
        assert!(metadata.key("k").is_some() && metadata.key("other").is_none());
    }

    // D14: the hub gets a message in any case, so nobody waits for ever.
    #[test]
    fn failed_discovery_is_reported_to_the_hub_and_logged() {
        let broken = vec![
            vec![Err(FetchFault::Unreachable)],
            vec![Err(FetchFault::TooLarge)],
            vec![status(400)],
            vec![status(302)],
            vec![status(503)],
            vec![ok("<html>")],
            vec![ok(METADATA), Err(FetchFault::TimedOut)],
            vec![ok(METADATA), status(500)],
            vec![ok(METADATA), ok("{}")],
        ];
        for answers in broken {
            let (_, fetched, logged) = run(answers);
            assert_eq!(fetched, None);
            let [line] = logged.as_slice() else {
                panic!("{logged:?}")
            };
            assert_eq!(line.id(), LogEventId::EntraMetadataUnavailable);
            assert!(!line.field(Field::Reason).unwrap().is_empty());
        }
    }

    // D14: an operator who reads that the tenant is wrong must be able to believe it.
    #[test]
    fn busy_entra_is_not_logged_as_a_wrong_tenant() {
        for (code, is_tenant) in [(400, true), (404, true), (408, false), (429, false)] {
            let (_, _, logged) = run(vec![status(code)]);
            let says_tenant = logged[0].field(Field::Reason).unwrap().contains("tenant");
            assert_eq!(says_tenant, is_tenant, "{code}");
        }
        let (_, _, logged) = run(vec![ok(METADATA), status(404)]);
        assert!(
            !logged[0].field(Field::Reason).unwrap().contains("tenant"),
            "these are the keys"
        );
    }

    const V1_METADATA: &str = r#"{"issuer":"https://sts.example/t/",
        "authorization_endpoint":"https://login.example/t/oauth2/authorize",
        "token_endpoint":"https://login.example/t/oauth2/token","jwks_uri":"https://login.example/v1/keys"}"#;
    const V1_KEYS: &str = r#"{"keys":[{"kty":"RSA","kid":"old","n":"AQAB","e":"AQAB"}]}"#;

    // D16: each version has keys of its own, and that of the other may be down.
    #[test]
    fn keys_of_version_1_are_fetched_where_its_tokens_are_taken() {
        let mut server = TestServer::dev();
        let mut accepted = crate::config::AcceptedEntraTokens::default();
        accepted.add_version(TokenVersion::V1);
        server.server.config.entra_tokens = Some(accepted);
        let answers = vec![ok(METADATA), ok(KEYS), ok(V1_METADATA), ok(V1_KEYS)];
        let (asked, fetched, _) = run_of(&server, answers);
        let of_tenant = "11111111-1111-1111-1111-111111111111/.well-known/openid-configuration";
        assert!(asked[2].ends_with(of_tenant), "{asked:?}");
        assert_eq!(asked[3], "https://login.example/v1/keys");
        let metadata = fetched.unwrap();
        let v1 = metadata.v1.as_ref().unwrap();
        assert_eq!(v1.issuer, "https://sts.example/t/");
        assert!(v1.keys[0].kid == "old" && metadata.key("old").is_none());
        for (metadata, keys) in [(status(404), None), (ok(V1_METADATA), Some(status(500)))] {
            let answers = [ok(METADATA), ok(KEYS), metadata].into_iter().chain(keys);
            let (_, fetched, logged) = run_of(&server, answers.collect());
            assert_eq!(fetched.unwrap().v1, None);
            assert_eq!(logged[1].id(), LogEventId::EntraMetadataUnavailable);
        }
    }
}
