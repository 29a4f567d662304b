use super::*;
use crate::{
    gateway::{BackendRequest, Credentials},
    revision::Revision,
};

const FROM: ExchangeId = ExchangeId(1);

fn telling(kind: TellingKind, session: Option<&str>, body: &str) -> Box<Telling> {
    let revision = Revision::V2025_11_25;
    let request = BackendRequest::post(session.map(Arc::from), revision, body.to_owned());
    Telling::message(kind, Endpoint::MAIN, request, Credentials::default())
}

/// What jobs were begun for: their names, and what each tells.
fn begun(out: &mut VecDeque<HubOutput>) -> Vec<(TellingName, Box<Telling>)> {
    let jobs = out.drain(..).map(|output| match output {
        HubOutput::Spawn(Job(JobKind::TellBackend(name, telling))) => (name, telling),
        other => panic!("a job, not {other:?}"),
    });
    jobs.collect()
}

fn tell(table: &mut Tellings, telling: Box<Telling>) -> Vec<(TellingName, Box<Telling>)> {
    let mut out = VecDeque::new();
    table.tell(FROM, telling, &mut out);
    begun(&mut out)
}

fn end(table: &mut Tellings, name: TellingName) -> Vec<(TellingName, Box<Telling>)> {
    let (job, mut out) = (ExchangeId(1000 + name.0), VecDeque::new());
    table.begun(job, name);
    table.forget(job, &mut out);
    begun(&mut out)
}

// R17: what is told at once is bounded, and so is what waits.
#[test]
fn session_that_asks_without_end_is_told_little_at_once_and_little_waits() {
    let mut table = Tellings::default();
    let mut jobs = Vec::new();
    for _ in 0..100_000 {
        jobs.extend(tell(
            &mut table,
            telling(TellingKind::AtOnce, Some("s"), "{}"),
        ));
    }
    assert_eq!(jobs.len(), limits::BACKEND_TELLINGS_OF_SESSION);
    let most = limits::BACKEND_TELLINGS_OF_SESSION + limits::BACKEND_TELLINGS_WAITING_OF_SESSION;
    assert_eq!(table.len(), most);
    // Those that wait follow, each when one has ended; and it is said what was dropped.
    let (mut told, mut dropped) = (0, 0);
    while let Some((name, telling)) = jobs.pop() {
        told += 1;
        dropped += telling.dropped;
        jobs.extend(end(&mut table, name));
    }
    assert_eq!((told, table.len()), (most, 0));
    assert_eq!(dropped, 100_000 - most as u64);
    assert!(table.backends.is_empty() && table.jobs.is_empty() && table.starting.is_empty());
}

// R17: a flood of questions drops no answer of a user.
#[test]
fn what_a_user_answers_takes_the_place_of_what_is_answered_at_once() {
    let mut table = Tellings::default();
    let mut jobs = Vec::new();
    for _ in 0..1000 {
        jobs.extend(tell(
            &mut table,
            telling(TellingKind::AtOnce, Some("s"), "{}"),
        ));
    }
    let answer = telling(TellingKind::OfClient, Some("s"), "the answer");
    assert!(tell(&mut table, answer).is_empty());
    let mut told = Vec::new();
    while let Some((name, telling)) = jobs.pop() {
        told.push(telling.request.body);
        jobs.extend(end(&mut table, name));
    }
    let most = limits::BACKEND_TELLINGS_OF_SESSION + limits::BACKEND_TELLINGS_WAITING_OF_SESSION;
    assert!(told.len() == most && told.iter().any(|told| told == "the answer"));
}

#[test]
fn session_that_is_over_is_told_nothing_else() {
    let mut table = Tellings::default();
    let mut jobs = Vec::new();
    for _ in 0..1000 {
        jobs.extend(tell(
            &mut table,
            telling(TellingKind::OfClient, Some("s"), "{}"),
        ));
    }
    let session = Some(Arc::from("s"));
    let over = Telling::session_over(Endpoint::MAIN, session, Revision::V2025_11_25);
    assert!(tell(&mut table, Box::new(over)).is_empty());
    assert_eq!(table.len(), limits::BACKEND_TELLINGS_OF_SESSION + 1);
    let next = end(&mut table, jobs[0].0);
    assert_eq!(next[0].1.kind, TellingKind::SessionOver);
}

// R17: no session takes the turns of the others, and all together have an end.
#[test]
fn sessions_take_turns_and_all_together_are_bounded() {
    let mut table = Tellings::default();
    let mut jobs = Vec::new();
    let sessions = limits::BACKEND_TELLINGS / limits::BACKEND_TELLINGS_OF_SESSION;
    for number in 0..sessions {
        for _ in 0..50 {
            let name = format!("session {number}");
            jobs.extend(tell(
                &mut table,
                telling(TellingKind::AtOnce, Some(&name), "{}"),
            ));
        }
    }
    assert_eq!(jobs.len(), limits::BACKEND_TELLINGS);
    assert!(
        tell(
            &mut table,
            telling(TellingKind::OfClient, Some("one more"), "{}")
        )
        .is_empty()
    );
    let mut told = Vec::new();
    for (name, _) in jobs {
        told.extend(end(&mut table, name));
    }
    let place = |name: &str| {
        let mut told = told.iter();
        told.position(|(_, telling)| telling.request.session.as_deref() == Some(name))
    };
    assert!(place("one more").unwrap() <= sessions);
    for number in 0..200 {
        for _ in 0..100 {
            let name = format!("further {number}");
            tell(&mut table, telling(TellingKind::AtOnce, Some(&name), "{}"));
        }
    }
    let most = limits::BACKEND_TELLINGS + limits::BACKEND_TELLINGS_WAITING;
    assert!(table.len() <= most, "{}", table.len());
}

#[test]
fn bytes_that_wait_are_bounded() {
    let mut table = Tellings::default();
    let body = "a".repeat(1024 * 1024);
    for number in 0..1000 {
        let name = format!("session {}", number % 100);
        tell(
            &mut table,
            telling(TellingKind::OfClient, Some(&name), &body),
        );
    }
    let backend = &table.backends[&Endpoint::MAIN];
    assert_eq!(backend.bytes, limits::BACKEND_TELLING_BYTES);
    let of_lanes: usize = backend.lanes.values().map(|lane| lane.bytes).sum();
    assert_eq!(of_lanes, backend.bytes);
    let most = limits::BACKEND_TELLING_BYTES_OF_SESSION;
    assert!(backend.lanes.values().all(|lane| lane.bytes <= most));
}

#[test]
fn place_of_a_job_that_was_never_begun_is_free_again() {
    let mut table = Tellings::default();
    for _ in 0..=limits::BACKEND_TELLINGS_OF_SESSION {
        tell(&mut table, telling(TellingKind::OfClient, None, "{}"));
    }
    let mut out = VecDeque::new();
    table.tick(Instant(59_999), &mut out);
    assert!(out.is_empty());
    table.tick(Instant(60_000), &mut out);
    assert_eq!(begun(&mut out).len(), 1);
    table.tick(Instant(120_000), &mut out);
    assert!(out.is_empty() && table.backends.is_empty());
}
