//! `GET /readyz`: whether this replica is to be given requests. It has its keys since it has started; the store must
//! answer, and Entra's metadata be known, without which nobody can sign in; and it must not be about to end. Of a server behind the
//! gateway it says whether that answers, and is ready all the same.

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::{
    ask::{Awaiting, Key, Store},
    config::Endpoint,
    entra::awaiting_metadata::{AwaitingMetadata, WithMetadata},
    env::Env,
    event::Answer,
    http::response,
    hub::{
        AskReadiness, KnownBackends, KnownReadiness, NotReady, ReadinessMessage, ToHub, ToHubKind,
    },
    step::{Cx, Progress},
};

/// A record that nobody writes.
const KEY: &str = "readiness";

/// In how many seconds to ask again.
const RETRY_AFTER: &str = "1";

/// What is looked at.
#[derive(Debug)]
pub(crate) enum ReadinessCheck {
    Hub(Awaiting<AskReadiness>),
    Store(Awaiting<Store>, KnownBackends),
    Entra(AwaitingMetadata<()>, KnownBackends),
}

impl ReadinessCheck {
    pub(super) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        let backends = cx.env.server.config.gateways();
        let backends = backends.filter(|(_, gateway)| gateway.command().is_none());
        let backends = backends.map(|(endpoint, _)| endpoint).collect();
        let ask = |ticket| ToHubKind::Readiness(ReadinessMessage::Ask { ticket, backends });
        Progress::Pending(Self::Hub(cx.ask_hub(ask)))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Hub(awaiting) => match awaiting.into_answer(answer) {
                KnownReadiness::Known(found, backend) => cx.done(respond(found, &backend, cx.env)),
                KnownReadiness::Look(backend) => {
                    let store = cx.store(Store::Get(Key(KEY.to_owned())));
                    Progress::Pending(Self::Store(store, backend))
                }
            },
            Self::Store(awaiting, backend) => match awaiting.into_answer(answer) {
                Ok(_) => match AwaitingMetadata::known((), cx) {
                    Progress::Pending(awaiting) => {
                        Progress::Pending(Self::Entra(awaiting, backend))
                    }
                    Progress::Ready(known) => finish(&known, backend, cx),
                },
                Err(_) => found(Some(NotReady::Store), backend, cx),
            },
            Self::Entra(awaiting, backend) => {
                let known = awaiting.handle(answer, cx);
                finish(&known, backend, cx)
            }
        }
    }
}

fn finish(
    (_, metadata): &WithMetadata<()>,
    backend: KnownBackends,
    cx: &mut Cx<'_>,
) -> Progress<ReadinessCheck> {
    let missing = metadata.is_none().then_some(NotReady::Entra);
    found(missing, backend, cx)
}

fn found(
    not_ready: Option<NotReady>,
    backend: KnownBackends,
    cx: &mut Cx<'_>,
) -> Progress<ReadinessCheck> {
    cx.to_hub(ToHub(ToHubKind::Readiness(ReadinessMessage::Found(
        not_ready,
    ))));
    cx.done(respond(not_ready, &backend, cx.env))
}

fn respond(not_ready: Option<NotReady>, backends: &KnownBackends, env: Env<'_>) -> Response<Bytes> {
    let reason = match not_ready {
        None => {
            let lines = backends
                .iter()
                .map(|(endpoint, answers)| line(*endpoint, *answers, env));
            let text = std::iter::once("ready\n".to_owned()).chain(lines);
            let mut response = response::text(StatusCode::OK, "");
            *response.body_mut() = Bytes::from(text.collect::<String>());
            return response;
        }
        Some(NotReady::ShuttingDown) => "not ready: this server is shutting down\n",
        Some(NotReady::Unknown) => "not ready: nothing is known yet\n",
        Some(NotReady::Store) => "not ready: the store does not answer\n",
        Some(NotReady::Entra) => "not ready: the metadata of Microsoft Entra ID is not known\n",
    };
    let mut response = response::text(StatusCode::SERVICE_UNAVAILABLE, reason);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    response
}

/// What is known of a backend.
fn line(endpoint: Endpoint, answers: Option<bool>, env: Env<'_>) -> String {
    let name = env.server.config.name_of(endpoint);
    let name = name.unwrap_or("the server behind this gateway");
    let known = match answers {
        None => "was not asked yet",
        Some(true) => "answers",
        Some(false) => "does not answer",
    };
    format!("{name} {known}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::PullFault, backend::gateway_of_tests, config::BackendIdentity, id::ExchangeId,
        mcp::testing::World,
    };

    /// What a probe is answered.
    fn probe(world: &mut World) -> (u16, String) {
        let request = ::http::Request::get("/readyz").header(header::HOST, "10.0.0.7");
        let response = world.send(request.body(Bytes::new()).unwrap());
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        let is_retried = response.headers().contains_key(header::RETRY_AFTER);
        assert_eq!(is_retried, response.status() == 503);
        (response.status().as_u16(), body)
    }

    #[test]
    fn replica_is_ready_once_its_store_answers_and_entras_metadata_is_known() {
        let mut world = World::new();
        world.forget_entra();
        let (status, body) = probe(&mut world);
        assert!(status == 503 && body.contains("Entra"), "{body}");
        let mut world = World::new();
        assert_eq!(probe(&mut world), (200, "ready\n".to_owned()));
        world.store_is_down = true;
        assert_eq!(probe(&mut world).0, 200, "it was asked a moment ago");
        world.wait(1);
        let (status, body) = probe(&mut world);
        assert!(status == 503 && body.contains("store"), "{body}");
        world.store_is_down = false;
        world.wait(1);
        assert_eq!(probe(&mut world).0, 200);
    }

    #[test]
    fn state_of_the_backend_is_told_and_is_no_reason_to_be_unready() {
        let mut world = World::new();
        world.has_backend(gateway_of_tests(BackendIdentity::ASSERTION));
        let (status, body) = probe(&mut world);
        assert!(status == 200 && body.contains("not asked yet"), "{body}");
        // In nobody's name, and whatever it answers.
        let sent = world.pulled();
        assert!(sent.header("entra-mcp-assertion").is_none());
        world.answers(sent, 401, "");
        assert!(probe(&mut world).1.contains(" answers"));
        assert!(world.pulls.is_empty(), "it was asked a moment ago");
        world.wait(10);
        probe(&mut world);
        let sent = world.pulled();
        world.end(sent, Err(PullFault::Unreachable));
        let (status, body) = probe(&mut world);
        assert!(status == 200 && body.contains("does not answer"), "{body}");
    }

    #[test]
    fn server_that_shuts_down_is_not_ready_at_once() {
        let mut world = World::new();
        assert_eq!(probe(&mut world).0, 200);
        let now = world.server.now;
        world.hub.handle(ExchangeId(999), ToHub::shut_down(), now);
        let (status, body) = probe(&mut world);
        assert!(status == 503 && body.contains("shutting down"), "{body}");
    }
}
