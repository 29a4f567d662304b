use super::*;
use crate::{
    endpoint::Endpoint,
    gateway::KeptHeaderParams,
    hub::{FromHub, FromHubKind, HubAnswer, RefusesWithin},
    limits,
    revision::Revision,
    ticket::AskId,
};

const IDLE: std::time::Duration = std::time::Duration::from_millis(1000);
const ALICE: PrincipalId = PrincipalId([1; 32]);

fn owner(number: u8) -> BackendOwner {
    (ALICE, McpSessionId([number; 16]))
}

fn session(name: &str) -> BackendSession {
    BackendSession {
        endpoint: Endpoint::MAIN,
        id: Some(name.into()),
        revision: Revision::V2025_11_25,
        params: "{}".into(),
        said: None,
        idle: Some(IDLE),
        given: GivenCredentials::default(),
        header_params: KeptHeaderParams::default(),
        refuses: RefusesWithin::default(),
    }
}

/// What each exchange is told that is answered.
fn tell(
    table: &mut BackendSessions,
    from: u64,
    message: BackendSessionMessage,
) -> Vec<(u64, String)> {
    let mut out = VecDeque::new();
    table.handle(ExchangeId(from), message, Instant(from), &mut out);
    let over = table.take_over().into_iter();
    let over = over.map(|_| (0, "told".to_owned()));
    told(out).into_iter().chain(over).collect()
}

fn told(out: VecDeque<HubOutput>) -> Vec<(u64, String)> {
    let told = |output| match output {
        HubOutput::Deliver(
            to,
            FromHub(FromHubKind::Answer(HubAnswer::FindBackendSession(answered))),
        ) => match answered.answer {
            BackendSessionFound::Open(session) => (to.0, session.id.unwrap().to_string()),
            BackendSessionFound::ToOpen(None) => (to.0, "open it".to_owned()),
            BackendSessionFound::ToOpen(Some(_)) => (to.0, "open it again".to_owned()),
            BackendSessionFound::NotOpen => (to.0, "nothing".to_owned()),
        },
        other => panic!("an answer, not {other:?}"),
    };
    out.into_iter().map(told).collect()
}

fn find(table: &mut BackendSessions, from: u64, whose: BackendOwner) -> Vec<(u64, String)> {
    let ticket = Ticket::new(AskId(0));
    tell(
        table,
        from,
        BackendSessionMessage::Find(ticket, whose, Credentials::default()),
    )
}

fn opened(table: &mut BackendSessions, by: u64, whose: BackendOwner) -> Vec<(u64, String)> {
    opened_in(table, by, SessionId::new([1; 16]), whose)
}

fn opened_in(
    table: &mut BackendSessions,
    by: u64,
    sign_in: SessionId,
    whose: BackendOwner,
) -> Vec<(u64, String)> {
    let session = session(&format!("by {by}"));
    let opened = BackendSessionMessage::Opened(whose, sign_in, session);
    tell(table, by, opened)
}

fn is(number: u64, told: &str) -> Vec<(u64, String)> {
    vec![(number, told.to_owned())]
}

#[test]
fn session_is_opened_once_however_many_need_it() {
    let mut table = BackendSessions::default();
    assert_eq!(find(&mut table, 1, owner(1)), is(1, "open it"));
    assert!(find(&mut table, 2, owner(1)).is_empty());
    assert_eq!(opened(&mut table, 1, owner(1)), is(2, "by 1"));
    assert_eq!(find(&mut table, 3, owner(1)), is(3, "by 1"));
    assert!(table.opening.is_empty());
}

// R5
#[test]
fn session_of_one_owner_is_not_found_by_another() {
    let mut table = BackendSessions::default();
    opened(&mut table, 1, owner(1));
    let bob = (PrincipalId([2; 32]), owner(1).1);
    assert_eq!(find(&mut table, 2, bob), is(2, "open it"));
    assert_eq!(find(&mut table, 3, owner(2)), is(3, "open it"));
}

#[test]
fn next_opens_it_if_the_first_fails_or_dies() {
    let mut table = BackendSessions::default();
    find(&mut table, 1, owner(1));
    for waiting in [2, 3, 4] {
        find(&mut table, waiting, owner(1));
    }
    let failed = BackendSessionMessage::NotOpened(owner(1));
    assert_eq!(tell(&mut table, 1, failed), is(2, "open it"));
    let mut out = VecDeque::new();
    table.forget(ExchangeId(3), &mut out);
    assert!(out.is_empty());
    table.forget(ExchangeId(2), &mut out);
    assert_eq!(told(out), is(4, "open it"));
    let mut out = VecDeque::new();
    table.forget(ExchangeId(4), &mut out);
    assert!(out.is_empty() && table.entries.is_empty() && table.opening.is_empty());
}

#[test]
fn lost_session_is_opened_again_by_one_of_those_who_lost_it() {
    let mut table = BackendSessions::default();
    opened(&mut table, 1, owner(1));
    let mut lost = |from| {
        let ticket = Ticket::new(AskId(0));
        let lost = BackendSessionMessage::Lost(ticket, owner(1), session("by 1"));
        tell(&mut table, from, lost)
    };
    assert_eq!(lost(2), is(2, "open it again"));
    assert!(lost(3).is_empty());
    assert_eq!(opened(&mut table, 2, owner(1)), is(3, "by 2"));
    let ticket = Ticket::new(AskId(0));
    let late = BackendSessionMessage::Lost(ticket, owner(1), session("by 1"));
    assert_eq!(tell(&mut table, 4, late), is(4, "by 2"));
}

#[test]
fn ended_session_is_forgotten_and_the_backend_told() {
    let mut table = BackendSessions::default();
    opened(&mut table, 1, owner(1));
    table.end(owner(1));
    table.end(owner(2));
    assert_eq!(table.take_over().len(), 1);
    assert_eq!(find(&mut table, 2, owner(1)), is(2, "open it"));
}

// M5
#[test]
fn session_that_was_used_longest_ago_makes_room() {
    let mut table = BackendSessions::default();
    let most = u8::try_from(limits::BACKEND_SESSIONS_OF_PRINCIPAL).unwrap();
    for number in 0..most {
        opened(&mut table, u64::from(number) + 1, owner(number));
    }
    find(&mut table, 50, owner(0));
    assert_eq!(opened(&mut table, 51, owner(most)), is(0, "told"));
    assert_eq!(table.entries.len(), usize::from(most));
    assert!(table.entries.contains_key(&owner(0)) && !table.entries.contains_key(&owner(1)));
}

/// Time passes: how many sessions are over then.
fn over_at(table: &mut BackendSessions, milliseconds: u64) -> usize {
    table.tick(Instant(milliseconds));
    table.take_over().len()
}

#[test]
fn session_that_nobody_uses_is_over_and_opened_again_as_it_was() {
    let mut table = BackendSessions::default();
    opened(&mut table, 1, owner(1));
    let setting = BackendSetting::Subscribed("a://b".to_owned());
    tell(&mut table, 1, BackendSessionMessage::Set(owner(1), setting));
    table.forget(ExchangeId(1), &mut VecDeque::new());
    assert_eq!(over_at(&mut table, 1000), 0);
    assert_eq!(over_at(&mut table, 1001), 1);
    assert_eq!(over_at(&mut table, 5000), 0, "once");
    assert_eq!(find(&mut table, 6000, owner(1)), is(6000, "open it again"));
    opened(&mut table, 6000, owner(1));
    assert_eq!(over_at(&mut table, 60_000), 0, "it is used");
    table.forget(ExchangeId(6000), &mut VecDeque::new());
    assert_eq!(over_at(&mut table, 60_999), 0);
    assert_eq!(over_at(&mut table, 61_000), 1);
    // Ours ends: nothing is left to tell.
    table.end(owner(1));
    assert!(table.take_over().is_empty() && table.entries.is_empty());
    assert_eq!(find(&mut table, 70_000, owner(1)), is(70_000, "open it"));
}

#[test]
fn session_is_used_as_long_as_any_exchange_is_that_has_found_it() {
    let mut table = BackendSessions::default();
    opened(&mut table, 1, owner(1));
    for user in [2, 3] {
        find(&mut table, user, owner(1));
        find(&mut table, user, owner(1));
    }
    for user in [1, 2] {
        table.forget(ExchangeId(user), &mut VecDeque::new());
    }
    assert_eq!(over_at(&mut table, 9000), 0);
    table.forget(ExchangeId(3), &mut VecDeque::new());
    assert_eq!(over_at(&mut table, 9999), 0);
    assert_eq!(over_at(&mut table, 10_000), 1);
    assert!(table.users_are_forgotten());
}

#[test]
fn session_is_not_over_because_one_leaves_that_used_the_one_before_it() {
    let mut table = BackendSessions::default();
    opened(&mut table, 1, owner(1));
    table.end(owner(1));
    opened(&mut table, 2, owner(1));
    table.take_over();
    table.forget(ExchangeId(1), &mut VecDeque::new());
    assert_eq!(over_at(&mut table, 9000), 0);
    table.forget(ExchangeId(2), &mut VecDeque::new());
    assert_eq!(over_at(&mut table, 10_000), 1);
}
