use std::collections::BTreeMap;

use ::http::Response;

use super::*;
use crate::{
    action::Action,
    ask::{AssertionFault, FetchFault},
    config::IdentityEndpoint,
    entropy::Seed,
    exchange::{Exchange, ExchangeId, Job, Outcome, Output},
    hub::JobKind,
    testing::TestServer,
};

const IDENTITY: &str = "7c2be0d4-51a6-4f0b-8d37-d3e7e4a70003";
const KEY_FILE: &str = "/var/opt/azcmagent/tokens/one.key";

type Answer = <Fetch as Ask>::Answer;

/// What a run of the job asked for, and what it led to.
struct Ran {
    requests: Vec<::http::Request<Bytes>>,
    files: Vec<String>,
    token: Option<Box<IdentityToken>>,
    logged: Vec<LogEvent>,
}

fn endpoint(text: &str) -> IdentityEndpoint {
    IdentityEndpoint::parse(text).unwrap()
}

fn metadata() -> IdentityHost {
    let endpoint = IdentityEndpoint::instance_metadata().unwrap();
    IdentityHost::InstanceMetadata { endpoint }
}

fn arc() -> IdentityHost {
    let endpoint = endpoint("http://localhost:40342/metadata/identity/oauth2/token");
    IdentityHost::Arc { endpoint }
}

fn run(host: IdentityHost, answers: Vec<Answer>) -> Ran {
    run_in("https://login.microsoftonline.com/", host, answers)
}

fn run_in(authority: &str, host: IdentityHost, answers: Vec<Answer>) -> Ran {
    let mut server = TestServer::dev();
    let entra = &mut server.server.config.entra;
    entra.authority_host = Url::parse(authority).unwrap();
    let identity = ManagedIdentity::new(IDENTITY, host).unwrap();
    entra.credential = ClientCredential::ManagedIdentity(identity);
    let job = Job(JobKind::FetchIdentityToken);
    let mut exchange = Exchange::job(ExchangeId(1), &Seed::new([1; 32]), job, server.env());
    let mut answers = answers.into_iter();
    let (mut event, mut sent) = (None, None);
    let (mut requests, mut files, mut logged) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match exchange.poll() {
            Output::Do(Action::Fetch(ticket, fetch)) => {
                assert!(!format!("{fetch:?}").contains("secret"), "O3");
                let FetchTarget::Configured(request) = fetch.target else {
                    panic!("the operator's machine named it");
                };
                requests.push(request);
                event = Some(ticket.answer(answers.next().expect("an answer is left")));
            }
            Output::Do(Action::Assert(ticket, ClientAssertion::ArcKey(path))) => {
                let key = match path.as_str() {
                    KEY_FILE => Ok(Secret::new("secret-of-the-file".to_owned())),
                    _ => Err(AssertionFault::ArcKey),
                };
                files.push(path);
                event = Some(ticket.answer(key));
            }
            Output::Do(Action::ToHub(ToHub(ToHubKind::IdentityToken(
                IdentityTokenMessage::Fetched(token),
            )))) => {
                assert!(sent.replace(token).is_none(), "it is sent once");
            }
            Output::Do(Action::Log(line)) => logged.push(line),
            Output::Do(other) => panic!("{other:?}"),
            Output::Wait(_) => exchange
                .handle(event.take().unwrap(), server.env())
                .unwrap(),
            Output::Done(outcome) => {
                assert_eq!(outcome, Outcome::Answered);
                let token = sent.expect("the hub is told in any case");
                return Ran {
                    requests,
                    files,
                    token,
                    logged,
                };
            }
        }
    }
}

fn ok(body: &str) -> Answer {
    Ok(Response::new(Bytes::copy_from_slice(body.as_bytes())))
}

fn token() -> Answer {
    ok(&format!(
        r#"{{"access_token":"a.b.c","expires_in":"3599","client_id":"{IDENTITY}"}}"#
    ))
}

fn refused(status: u16, body: &'static str) -> Answer {
    let response = Response::builder().status(status);
    Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap())
}

fn challenged(value: &str) -> Answer {
    let response = Response::builder()
        .status(401)
        .header("www-authenticate", value);
    Ok(response.body(Bytes::new()).unwrap())
}

fn query(request: &::http::Request<Bytes>) -> BTreeMap<String, String> {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

#[test]
fn each_host_is_asked_in_its_own_way_for_the_audience_of_a_federated_credential() {
    let app_service = IdentityHost::AppService {
        endpoint: endpoint("http://169.254.129.5:8081/msi/token"),
        header: Secret::new("secret header".to_owned()),
    };
    let hosts = [
        (
            metadata(),
            "169.254.169.254",
            "/metadata/identity/oauth2/token",
            "2018-02-01",
        ),
        (app_service, "169.254.129.5", "/msi/token", "2019-08-01"),
        (
            arc(),
            "localhost",
            "/metadata/identity/oauth2/token",
            "2020-06-01",
        ),
    ];
    for (host, name, path, version) in hosts {
        let is_app_service = matches!(host, IdentityHost::AppService { .. });
        let ran = run(host, vec![token()]);
        let [request] = ran.requests.as_slice() else {
            panic!("{:?}", ran.requests);
        };
        assert_eq!(
            (request.method().as_str(), request.uri().path()),
            ("GET", path)
        );
        assert_eq!(request.uri().host(), Some(name));
        let query = query(request);
        assert_eq!(query["api-version"], version);
        assert_eq!(query["resource"], "api://AzureADTokenExchange");
        assert_eq!(query["client_id"], IDENTITY);
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        assert_eq!(header("metadata").is_some(), !is_app_service);
        assert_eq!(
            header("x-identity-header"),
            is_app_service.then_some("secret header")
        );
        assert!(ran.token.is_some());
        assert_eq!(ran.logged[0].id(), LogEventId::EntraManagedIdentityFetched);
    }
}

#[test]
fn national_cloud_has_its_own_audience() {
    for (authority, audience) in [
        (
            "https://login.microsoftonline.us/",
            "api://AzureADTokenExchangeUSGov",
        ),
        (
            "https://login.partner.microsoftonline.cn/",
            "api://AzureADTokenExchangeChina",
        ),
    ] {
        let ran = run_in(authority, metadata(), vec![token()]);
        assert_eq!(query(&ran.requests[0])["resource"], audience);
    }
}

#[test]
fn agent_of_azure_arc_is_shown_what_its_file_holds_once() {
    for challenge in [
        format!("Basic realm={KEY_FILE}"),
        format!("basic realm=\"{KEY_FILE}\""),
    ] {
        let ran = run(arc(), vec![challenged(&challenge), token()]);
        assert_eq!(ran.files, [KEY_FILE]);
        assert!(!ran.requests[0].headers().contains_key("authorization"));
        let shown = &ran.requests[1].headers()["authorization"];
        assert_eq!(shown, "Basic secret-of-the-file");
        assert!(ran.token.is_some());
    }
    // A second challenge is a refusal, not another file to read.
    let challenge = format!("Basic realm={KEY_FILE}");
    let ran = run(arc(), vec![challenged(&challenge), challenged(&challenge)]);
    assert_eq!((ran.files.len(), ran.requests.len()), (1, 2));
    assert!(ran.token.is_none());
}

#[test]
fn file_that_is_not_to_be_read_ends_the_fetch() {
    let ran = run(arc(), vec![challenged("Basic realm=/etc/shadow")]);
    assert_eq!(ran.requests.len(), 1, "nothing is sent");
    assert!(ran.token.is_none());
    for nonsense in ["Basic", "Basic realm", "Bearer realm=/x", ""] {
        let ran = run(arc(), vec![challenged(nonsense)]);
        assert!(ran.files.is_empty() && ran.token.is_none(), "{nonsense}");
    }
    // Only the agent of Azure Arc asks for that.
    let ran = run(
        metadata(),
        vec![challenged(&format!("Basic realm={KEY_FILE}"))],
    );
    assert!(ran.files.is_empty() && ran.token.is_none());
}

// O1: what the machine says in sentences is not repeated.
#[test]
fn fetch_without_a_token_is_explained_in_the_log() {
    let hint = r#"{"error":"invalid_request","error_description":"Identity not found alice@contoso.example"}"#;
    let service = r#"{"statusCode":500,"message":"alice@contoso.example"}"#;
    let cloud = r#"{"error":{"code":"ManagedIdentityNotFound","message":"alice"}}"#;
    let cases = [
        (
            refused(400, hint),
            "assign the user-assigned identity",
            "invalid_request",
        ),
        (
            refused(400, cloud),
            "assign the user-assigned identity",
            "ManagedIdentityNotFound",
        ),
        (refused(403, ""), "group himds", "HTTP 403"),
        (refused(410, ""), "at the moment", "HTTP 410"),
        (refused(429, ""), "at the moment", "HTTP 429"),
        (refused(500, service), "at the moment", "HTTP 500"),
        (
            refused(400, r#"{"error":"alice says"}"#),
            "assign the user",
            "HTTP 400",
        ),
        (refused(302, ""), "did not give out a token", "HTTP 302"),
        (
            Err(FetchFault::Unreachable),
            "does this machine run in Azure",
            "unreachable",
        ),
        (ok("<html>"), "not JSON", ""),
    ];
    for (answer, words, error) in cases {
        let ran = run(metadata(), vec![answer]);
        assert!(ran.token.is_none());
        let [line] = ran.logged.as_slice() else {
            panic!("{:?}", ran.logged);
        };
        assert_eq!(line.id(), LogEventId::EntraManagedIdentityUnavailable);
        assert!(line.field(Field::Reason).unwrap().contains(words), "{line}");
        assert_eq!(line.field(Field::Error).unwrap_or_default(), error);
        assert!(!line.to_string().contains("alice"), "{line}");
    }
    let ran = run(
        arc(),
        vec![ok(r#"{"access_token":"a.b.c","expires_in":1}"#)],
    );
    assert!(
        ran.token.is_none(),
        "an old agent overlooks which identity is asked for"
    );
}
