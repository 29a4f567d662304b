//! The jobs that fetch the document of a client, or its keys, and hand them to the hub (OAuth Client ID Metadata Document,
//! section 4; RFC 7517; threats H7 to H9).
//!
//! Its address comes from whoever asks, so it is dialled on the public internet only, and no redirect is followed.

use std::time::Duration;

use ::http::{Request, Response, header};
use bytes::Bytes;

use crate::{
    ask::{Awaiting, Fetch, FetchFault, FetchTarget},
    client_document::{self, ClientDocument, DocumentError},
    client_id_url::ClientIdUrl,
    client_keys::ClientKeys,
    config::DocumentSource,
    env::Env,
    event::Answer,
    hub::{ToHub, ToHubKind, ToSignedClients},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    step::{Cx, Progress},
};

/// What is fetched of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientFile {
    Document,
    Keys,
}

/// A document, or keys, are being fetched.
#[derive(Debug)]
pub(crate) struct FetchClientFile {
    file: ClientFile,
    url: ClientIdUrl,
    awaiting: Awaiting<Fetch>,
}

impl FetchClientFile {
    /// Asks for it.
    pub(crate) fn start(file: ClientFile, url: ClientIdUrl, cx: &mut Cx<'_>) -> Progress<Self> {
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, file.media_types())
            .body(Bytes::new());
        let Ok(request) = request else {
            return file.report(url, Err(DocumentError::Unreachable), cx);
        };
        let fetch = Fetch {
            target: target(&url, request, cx.env),
            body_limit: limits::CLIENT_DOCUMENT_BYTES,
            within: limits::CLIENT_DOCUMENT_TIMEOUT,
            kept_open: None,
        };
        let awaiting = cx.fetch(fetch);
        Progress::Pending(Self {
            file,
            url,
            awaiting,
        })
    }

    /// Hands the answer to the hub.
    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let answer = self.awaiting.into_answer(answer).map_err(error_of);
        self.file.report(self.url, answer, cx)
    }
}

impl ClientFile {
    fn media_types(self) -> &'static str {
        match self {
            Self::Document => "application/json",
            // RFC 7517 section 8.5.2.
            Self::Keys => "application/jwk-set+json, application/json",
        }
    }

    fn report(
        self,
        url: ClientIdUrl,
        answer: Result<Response<Bytes>, DocumentError>,
        cx: &mut Cx<'_>,
    ) -> Progress<FetchClientFile> {
        let lifetime = answer.as_ref().map_or(Duration::ZERO, |response| {
            client_document::lifetime(response.headers())
        });
        match self {
            Self::Document => {
                let document = answer.and_then(|response| read(&url, &response, cx));
                log(&url, &document, cx);
                let result = document.map(|document| (document, lifetime));
                cx.to_hub(ToHub(ToHubKind::ClientDocumentFetched(url, result)));
            }
            Self::Keys => {
                let keys = answer.and_then(|response| ClientKeys::read(&response));
                log(&url, &keys, cx);
                let fetched = ToSignedClients::KeysFetched(url, keys.map(|keys| (keys, lifetime)));
                cx.to_hub(ToHub(ToHubKind::SignedClients(fetched)));
            }
        }
        Progress::Ready(())
    }
}

/// Reads a document, which must be that of the client whose address it is at.
fn read(
    url: &ClientIdUrl,
    response: &Response<Bytes>,
    cx: &Cx<'_>,
) -> Result<ClientDocument, DocumentError> {
    match ClientDocument::read(url, response) {
        Err(DocumentError::OtherClient) if cx.env.server.has(Planted::DocumentsOfAnother) => {
            ClientDocument::read_as_its_own(response)
        }
        read => read,
    }
}

fn log<T>(url: &ClientIdUrl, result: &Result<T, DocumentError>, cx: &mut Cx<'_>) {
    cx.log(match result {
        Ok(_) => LogEvent::new(LogEventId::ClientDocumentFetched).with(Field::Host, url.host()),
        Err(error) => LogEvent::new(LogEventId::ClientDocumentRefused)
            .with(Field::Host, url.host())
            .with(Field::Reason, error.as_str()),
    });
}

/// The public internet. Where the operator says so, who may do it beside the development tenant only, also this
/// computer: a name that merely resolves to it is not enough.
fn target(url: &ClientIdUrl, request: Request<Bytes>, env: Env<'_>) -> FetchTarget {
    let source = env.server.config.client_documents.source;
    if source == DocumentSource::ThisComputer && url.is_loopback() {
        FetchTarget::Configured(request)
    } else {
        FetchTarget::PublicOnly(request)
    }
}

fn error_of(fault: FetchFault) -> DocumentError {
    match fault {
        FetchFault::Unreachable | FetchFault::TimedOut => DocumentError::Unreachable,
        FetchFault::TooLarge => DocumentError::TooLarge,
        FetchFault::Forbidden => DocumentError::NotPublic,
    }
}

#[cfg(test)]
mod tests {
    use ::http::Response;

    use super::*;
    use crate::{
        action::Action,
        ask::Ask,
        entropy::Seed,
        exchange::{Exchange, ExchangeId, Job, Output},
        hub::JobKind,
        testing::TestServer,
    };

    const URL: &str = "https://app.example/client.json";

    type Fetched = <Fetch as Ask>::Answer;

    /// Runs the job with this answer; what it asked for, and what the hub is told.
    fn run(
        server: &TestServer,
        url: &str,
        answer: Fetched,
    ) -> (Fetch, Result<(ClientDocument, Duration), DocumentError>) {
        let job = Job(JobKind::FetchClientDocument(
            ClientIdUrl::parse(url).unwrap(),
        ));
        let seed = Seed::new([1; 32]);
        let mut exchange = Exchange::job(ExchangeId(1), &seed, job, server.env());
        let (mut asked, mut told, mut ticket) = (None, None, None);
        let mut answer = Some(answer);
        loop {
            match exchange.poll() {
                Output::Do(Action::Fetch(new, fetch)) => (ticket, asked) = (Some(new), Some(fetch)),
                Output::Do(Action::ToHub(ToHub(ToHubKind::ClientDocumentFetched(of, result)))) => {
                    assert_eq!(of.as_str(), url);
                    told = Some(result);
                }
                Output::Do(Action::Log(_)) => {}
                Output::Do(other) => panic!("{other:?}"),
                Output::Wait(_) => {
                    let event = ticket.take().unwrap().answer(answer.take().unwrap());
                    exchange.handle(event, server.env()).unwrap();
                }
                Output::Done(_) => return (*asked.unwrap(), told.expect("the hub is told")),
            }
        }
    }

    fn ok(url: &str) -> Fetched {
        let body = format!(
            "{{\"client_id\":\"{url}\",\"client_name\":\"App\",\"redirect_uris\":[\"https://app.example/cb\"]}}"
        );
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("cache-control", "max-age=3600")
            .body(Bytes::from(body));
        Ok(response.unwrap())
    }

    fn is_public_only(fetch: &Fetch) -> bool {
        matches!(fetch.target, FetchTarget::PublicOnly(_))
    }

    // H7, H8
    #[test]
    fn document_is_asked_for_on_the_public_internet_without_credentials() {
        let server = TestServer::https();
        let (asked, told) = run(&server, URL, ok(URL));
        assert_eq!(asked.request().uri(), URL);
        assert_eq!(asked.request().method(), "GET");
        let names: Vec<_> = asked.request().headers().keys().collect();
        assert_eq!(names, ["accept"]);
        assert!(is_public_only(&asked));
        assert!(asked.within <= Duration::from_secs(5) && asked.body_limit <= 5 * 1024);
        let (document, lifetime) = told.unwrap();
        assert_eq!(document.client_name, "App");
        assert_eq!(lifetime.as_secs(), 3600);
    }

    // H7: what is let through for developers is let through where they say so, and there only to what is this
    // computer by its very name.
    #[test]
    fn loopback_document_is_fetched_only_where_the_operator_says_so() {
        let mut server = TestServer::dev();
        let local = "https://localhost:8443/client.json";
        assert!(is_public_only(&run(&server, local, ok(local)).0));
        server.server.config.client_documents.source = DocumentSource::ThisComputer;
        assert!(!is_public_only(&run(&server, local, ok(local)).0));
        for other in [URL, "https://localhost.example/c", "https://10.0.0.1/c"] {
            assert!(is_public_only(&run(&server, other, ok(other)).0), "{other}");
        }
    }

    // M15: the hub is told in any case, so nobody waits for ever.
    #[test]
    fn failed_fetch_of_a_document_is_reported_to_the_hub() {
        let server = TestServer::https();
        for (answer, expected) in [
            (Err(FetchFault::TimedOut), DocumentError::Unreachable),
            (Err(FetchFault::Forbidden), DocumentError::NotPublic),
            (Err(FetchFault::TooLarge), DocumentError::TooLarge),
            (Ok(Response::new(Bytes::new())), DocumentError::ContentType),
            (ok("https://app.example/other"), DocumentError::OtherClient),
        ] {
            assert_eq!(run(&server, URL, answer).1, Err(expected));
        }
    }
}
