use super::*;
use crate::{
    endpoint::Endpoint,
    gateway::{BackendRequest, Credentials, TellingKind},
    hub::{
        BackendSession, BackendSessionMessage, FromHub, FromHubKind, HubAnswer, Job, JobKind,
        StreamKind, StreamOutput,
    },
    id::{McpSessionId, PrincipalId, SessionId, UserId},
    revision::Revision,
    ticket::AskId,
    time::{Instant, UnixTime},
};

const ALICE: PrincipalId = PrincipalId([1; 32]);
const OWNER: BackendOwner = (ALICE, McpSessionId([1; 16]));

#[derive(Default)]
struct World {
    subscriptions: BackendSubscriptions,
    sessions: BackendSessions,
    streams: Streams,
    tellings: Tellings,
    out: VecDeque<HubOutput>,
}

/// What an exchange was given.
#[derive(Debug, PartialEq, Eq)]
enum Given {
    Subscribe(u64, SubscribeFirst),
    Stream(u64, StreamOutput),
    Told(Option<String>, String),
}

use SubscribeFirst::{IsSubscribed, ToSubscribe, TooMany};

impl World {
    /// With a session of the backend and these streams, each of which has asked for what comes next.
    fn new(streams: &[u64]) -> Self {
        let mut world = Self::default();
        world.opens_session("theirs");
        for id in streams {
            let (id, kind) = (
                ExchangeId(*id),
                StreamKind::Subscription(SubscriptionFilter::default()),
            );
            let whose = (SessionId::new([1; 16]), UnixTime(9));
            let user = UserId::of("tenant", "alice");
            world.streams.open(id, (ALICE, user), whose, kind).unwrap();
            world.reads(id.0);
        }
        world
    }

    fn opens_session(&mut self, name: &str) {
        let session = BackendSession {
            endpoint: Endpoint::MAIN,
            id: Some(name.into()),
            revision: Revision::V2025_11_25,
            params: "{}".into(),
            said: None,
            idle: None,
            given: crate::gateway::GivenCredentials::default(),
            header_params: crate::gateway::KeptHeaderParams::default(),
            refuses: crate::hub::RefusesWithin::default(),
        };
        let opened = BackendSessionMessage::Opened(OWNER, SessionId::new([1; 16]), session);
        let (out, now) = (&mut self.out, Instant(0));
        self.sessions.handle(ExchangeId(9), opened, now, out);
    }

    fn reads(&mut self, id: u64) {
        let waiter = Waiter::new(ExchangeId(id), Ticket::new(AskId(0)));
        self.streams.read(waiter, &mut self.out);
    }

    fn send(&mut self, from: u64, message: BackendSubscriptionMessage) -> Vec<Given> {
        let tables = Tables {
            sessions: &mut self.sessions,
            streams: &mut self.streams,
            tellings: &mut self.tellings,
            out: &mut self.out,
        };
        self.subscriptions.handle(ExchangeId(from), message, tables);
        self.given()
    }

    fn forget(&mut self, id: u64) -> Vec<Given> {
        let mut tables = Tables {
            sessions: &mut self.sessions,
            streams: &mut self.streams,
            tellings: &mut self.tellings,
            out: &mut self.out,
        };
        self.subscriptions.forget(ExchangeId(id), &mut tables);
        self.given()
    }

    fn given(&mut self) -> Vec<Given> {
        let given = self.out.drain(..).map(|output| match output {
            HubOutput::Deliver(id, FromHub(FromHubKind::Answer(answer))) => match answer {
                HubAnswer::SubscribeAtBackend(answered) => Given::Subscribe(id.0, answered.answer),
                HubAnswer::ReadStream(answered) => Given::Stream(id.0, answered.answer),
                other => panic!("{other:?}"),
            },
            HubOutput::Spawn(Job(JobKind::TellBackend(_, telling))) => {
                let session = telling.request.session.as_deref().map(str::to_owned);
                Given::Told(session, telling.request.body.clone())
            }
            other => panic!("{other:?}"),
        });
        given.collect()
    }

    fn subscribe(&mut self, from: u64, uri: &str) -> Vec<Given> {
        let ticket = Ticket::new(AskId(0));
        self.send(
            from,
            BackendSubscriptionMessage::Subscribe(ticket, OWNER, uri.to_owned()),
        )
    }

    fn subscribed(&mut self, from: u64, uri: &str, is_accepted: bool) -> Vec<Given> {
        let uri = uri.to_owned();
        self.send(
            from,
            BackendSubscriptionMessage::Subscribed(OWNER, uri, is_accepted),
        )
    }

    fn join(&mut self, from: u64, filter: &SubscriptionFilter) -> Vec<Given> {
        self.send(
            from,
            BackendSubscriptionMessage::Join(OWNER, filter.clone()),
        )
    }

    fn heard(&mut self, from: u64, hearing: Hearing) -> Vec<Given> {
        self.send(from, BackendSubscriptionMessage::Heard(OWNER, hearing))
    }

    fn changed(&mut self, from: u64, change: ChangeNotification) -> Vec<Given> {
        let changed = BackendSubscriptionMessage::Changed(OWNER, change);
        self.send(from, changed)
    }

    fn leave(&mut self, from: u64, uris: &[&str]) -> Vec<Given> {
        let told = uris.iter().map(|uri| {
            let revision = Revision::V2025_03_26;
            let request =
                BackendRequest::post(Some("before".into()), revision, format!("not {uri}"));
            let (kind, nobody) = (TellingKind::OfClient, Credentials::default());
            let telling = Telling::message(kind, Endpoint::MAIN, request, nobody);
            ((*uri).to_owned(), telling)
        });
        let told = told.collect();
        self.send(from, BackendSubscriptionMessage::Leave(OWNER, told))
    }

    /// What would be subscribed to again in the next session.
    fn kept(&mut self) -> Vec<String> {
        let (lost, ticket) = (
            self.sessions.open_one(OWNER).unwrap(),
            Ticket::new(AskId(0)),
        );
        let lost = BackendSessionMessage::Lost(ticket, OWNER, lost);
        self.sessions
            .handle(ExchangeId(9), lost, Instant(0), &mut self.out);
        self.next_settings()
    }

    /// What is set in a session that is to be opened again.
    fn next_settings(&mut self) -> Vec<String> {
        let found = self.out.pop_back();
        let Some(HubOutput::Deliver(_, FromHub(FromHubKind::Answer(answer)))) = found else {
            panic!("{found:?}");
        };
        let HubAnswer::FindBackendSession(answered) = answer else {
            panic!("{answer:?}");
        };
        let crate::hub::BackendSessionFound::ToOpen(Some(lost)) = answered.answer else {
            panic!("it is to be opened again");
        };
        lost.settings.requests(1)
    }
}

fn filter(tools: bool, uris: &[&str]) -> SubscriptionFilter {
    SubscriptionFilter {
        tools,
        uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        ..SubscriptionFilter::default()
    }
}

fn acknowledged(filter: &SubscriptionFilter) -> StreamOutput {
    StreamOutput {
        acknowledged: Some(filter.clone()),
        ..StreamOutput::default()
    }
}

fn told(changes: &[ChangeNotification]) -> StreamOutput {
    StreamOutput {
        changes: changes.iter().cloned().collect(),
        ..StreamOutput::default()
    }
}

const TOOLS: ChangeNotification = ChangeNotification::Tools;

fn resource(uri: &str) -> ChangeNotification {
    ChangeNotification::Resource(uri.to_owned())
}

#[test]
fn backend_is_subscribed_to_by_the_first_and_told_once_the_last_has_left() {
    let mut world = World::new(&[]);
    assert_eq!(
        world.subscribe(1, "a://1"),
        [Given::Subscribe(1, ToSubscribe)]
    );
    // While the first asks, the second waits.
    assert_eq!(world.subscribe(2, "a://1"), []);
    assert_eq!(
        world.subscribed(1, "a://1", true),
        [Given::Subscribe(2, IsSubscribed)]
    );
    assert_eq!(
        world.subscribe(3, "a://1"),
        [Given::Subscribe(3, IsSubscribed)]
    );
    assert_eq!(world.leave(1, &["a://1"]), []);
    assert_eq!(world.forget(2), []);
    world.opens_session("another");
    let expected = Given::Told(Some("another".to_owned()), "not a://1".to_owned());
    assert_eq!(world.leave(3, &["a://1"]), [expected]);
    assert!(world.kept().is_empty());
    assert!(world.subscriptions.sessions.is_empty() && world.subscriptions.owners.is_empty());
}

#[test]
fn subscription_that_is_refused_or_whose_exchange_has_died_is_tried_by_the_next_that_waits() {
    let mut world = World::new(&[]);
    for (from, given) in [
        (1, vec![Given::Subscribe(1, ToSubscribe)]),
        (2, vec![]),
        (3, vec![]),
    ] {
        assert_eq!(world.subscribe(from, "a://1"), given);
    }
    assert_eq!(
        world.subscribed(1, "a://1", false),
        [Given::Subscribe(2, ToSubscribe)]
    );
    // Who does not ask cannot answer for the backend.
    assert_eq!(world.subscribed(3, "a://1", true), []);
    assert_eq!(world.forget(2), [Given::Subscribe(3, ToSubscribe)]);
    assert_eq!(world.subscribed(3, "a://1", false), []);
    world.forget(1);
    world.forget(3);
    assert!(world.subscriptions.sessions.is_empty());
}

#[test]
fn what_is_subscribed_to_is_kept_for_the_next_session() {
    let mut world = World::new(&[]);
    for uri in ["a://1", "a://2"] {
        world.subscribe(1, uri);
        world.subscribed(1, uri, true);
    }
    world.subscribe(2, "a://2");
    world.forget(1);
    let kept = world.kept();
    assert!(kept.len() == 1 && kept[0].contains("a://2"), "{kept:?}");
}

// R31
#[test]
fn resources_of_one_session_are_bounded() {
    let mut world = World::new(&[]);
    for uri in 0..limits::SUBSCRIPTIONS {
        let uri = format!("a://{uri}");
        assert_eq!(world.subscribe(1, &uri), [Given::Subscribe(1, ToSubscribe)]);
    }
    assert_eq!(world.subscribe(2, "b://1"), [Given::Subscribe(2, TooMany)]);
    world.subscribed(1, "a://1", true);
    assert_eq!(
        world.subscribe(2, "a://1"),
        [Given::Subscribe(2, IsSubscribed)]
    );
    world.forget(1);
    let long = "x".repeat(limits::BACKEND_SETTINGS_BYTES);
    assert_eq!(world.subscribe(2, &long), [Given::Subscribe(2, TooMany)]);
}

// R31
#[test]
fn each_stream_is_told_what_its_filter_lets_through_once_it_was_acknowledged() {
    let mut world = World::new(&[1, 2]);
    let (lists, one) = (filter(true, &[]), filter(false, &["a://1"]));
    assert_eq!(world.join(1, &lists), []);
    assert_eq!(world.changed(1, TOOLS), [], "it was not acknowledged");
    assert_eq!(
        world.heard(1, Hearing::Begins),
        [Given::Stream(1, acknowledged(&lists))]
    );
    assert_eq!(world.join(2, &one), [Given::Stream(2, acknowledged(&one))]);
    world.reads(1);
    world.reads(2);
    assert_eq!(world.changed(1, TOOLS), [Given::Stream(1, told(&[TOOLS]))]);
    assert_eq!(
        world.changed(1, resource("a://1")),
        [Given::Stream(2, told(&[resource("a://1")]))]
    );
    assert_eq!(world.changed(1, resource("a://2")), []);
    // Whoever reads slowly is told once, and nobody waits for that.
    world.reads(2);
    for _ in 0..3 {
        world.changed(1, TOOLS);
        world.changed(1, resource("a://1"));
    }
    world.reads(1);
    assert_eq!(world.given(), [Given::Stream(1, told(&[TOOLS]))]);
}

#[test]
fn nothing_is_lost_between_two_that_hear_the_backend() {
    let mut world = World::new(&[1, 2, 3]);
    let wanted = filter(true, &["a://1"]);
    for stream in [1, 2] {
        world.join(stream, &wanted);
    }
    assert_eq!(world.heard(1, Hearing::Begins).len(), 2);
    world.reads(2);
    world.forget(1);
    let all = told(&[TOOLS, resource("a://1")]);
    assert_eq!(world.heard(2, Hearing::Begins), [Given::Stream(2, all)]);
    world.reads(2);
    // The same one hears it again: that is between it and the backend, unless it knows that it has missed something.
    assert_eq!(world.heard(2, Hearing::Begins), []);
    let all = told(&[TOOLS, resource("a://1")]);
    assert_eq!(world.heard(2, Hearing::GoesOn), [Given::Stream(2, all)]);
    let new = world.join(3, &wanted);
    assert_eq!(new, [Given::Stream(3, acknowledged(&wanted))]);
}

#[test]
fn where_a_backend_sends_nothing_of_its_own_accord_nothing_is_acknowledged() {
    let mut world = World::new(&[1, 2]);
    let nothing = SubscriptionFilter::default();
    world.join(1, &filter(true, &[]));
    let expected = |stream| [Given::Stream(stream, acknowledged(&nothing))];
    assert_eq!(world.heard(1, Hearing::Nothing), expected(1));
    assert_eq!(world.join(2, &filter(true, &["a://1"])), expected(2));
}

#[test]
fn session_in_which_somebody_listens_makes_no_room_and_is_opened_again_after_its_sign_in_was_revoked()
 {
    let mut world = World::new(&[]);
    world.subscribe(1, "a://1");
    world.subscribed(1, "a://1", true);
    let find = |number: u8| {
        let owner = (ALICE, McpSessionId([number; 16]));
        BackendSessionMessage::Find(Ticket::new(AskId(0)), owner, Credentials::default())
    };
    for number in 2..40 {
        let exchange = ExchangeId(u64::from(number));
        let (now, out) = (Instant(u64::from(number)), &mut world.out);
        world.sessions.handle(exchange, find(number), now, out);
    }
    assert!(world.sessions.open_one(OWNER).is_some());
    world.sessions.end_sign_in(SessionId::new([1; 16]));
    assert!(world.sessions.open_one(OWNER).is_none());
    world.out.clear();
    let (now, out) = (Instant(50), &mut world.out);
    world.sessions.handle(ExchangeId(50), find(1), now, out);
    let kept = world.next_settings();
    assert!(kept.len() == 1 && kept[0].contains("a://1"), "{kept:?}");
}
