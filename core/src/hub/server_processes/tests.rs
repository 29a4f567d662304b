use super::*;
use crate::{
    endpoint::Endpoint,
    hub::{FromHub, FromHubKind, HubAnswer},
};

const ALICE: PrincipalId = PrincipalId([1; 32]);
const PROCESS: ExchangeId = ExchangeId(1);

fn owner(principal: PrincipalId) -> Arc<ProcessOwner> {
    Arc::new(ProcessOwner {
        endpoint: Endpoint::MAIN,
        principal,
        session: SessionId::new([1; 16]),
        share: None,
        subject: "alice".to_owned(),
        environment: BTreeMap::new(),
    })
}

fn tell(table: &mut ServerProcesses, from: ExchangeId, message: ProcessMessage) -> Vec<HubOutput> {
    let mut out = VecDeque::new();
    table.handle(from, message, Instant(from.0), &mut out);
    out.into()
}

fn request() -> RawMessage {
    RawMessage::read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).unwrap()
}

fn send(
    table: &mut ServerProcesses,
    from: ExchangeId,
    to: OfProcess,
    principal: PrincipalId,
) -> Vec<HubOutput> {
    let message = ToServer {
        assertion: None,
        call: None,
        message: request(),
        listens: false,
        within: limits::PROCESS_IDLE,
    };
    let send = ProcessMessage::Send {
        ticket: Ticket::new(AskId(7)),
        to,
        owner: owner(principal),
        most: MostProcesses {
            in_all: 8,
            of_user: 4,
        },
        message: Box::new(message),
    };
    tell(table, from, send)
}

/// A process that runs and was sent a request.
fn called(from: ExchangeId) -> ServerProcesses {
    let mut table = ServerProcesses::default();
    let out = send(&mut table, from, OfProcess::New("one".into()), ALICE);
    assert!(matches!(out[..], [HubOutput::Spawn(_)]), "{out:?}");
    let begun = ProcessMessage::Runs("one".into(), RunsProcess::Begun);
    let out = tell(&mut table, PROCESS, begun);
    assert!(
        matches!(out[..], [HubOutput::Deliver(PROCESS, _)]),
        "{out:?}"
    );
    table
}

/// Whether the process may go on after it has said so much.
fn say(table: &mut ServerProcesses, call: ProcessCall, bytes: usize) -> bool {
    let data = "x".repeat(bytes);
    let text = format!(r#"{{"jsonrpc":"2.0","method":"n","params":{{"data":"{data}"}}}}"#);
    let deliver = RunsProcess::Deliver {
        ticket: Ticket::new(AskId(9)),
        call,
        message: Box::new(RawMessage::read(&text).unwrap()),
        is_answer: false,
    };
    let out = tell(table, PROCESS, ProcessMessage::Runs("one".into(), deliver));
    may_go_on(&out)
}

fn may_go_on(out: &[HubOutput]) -> bool {
    out.iter().any(|output| {
        let HubOutput::Deliver(PROCESS, FromHub(FromHubKind::Answer(answer))) = output else {
            return false;
        };
        matches!(answer, HubAnswer::DeliverToCall(_))
    })
}

fn read(table: &mut ServerProcesses, from: ExchangeId) -> Vec<HubOutput> {
    tell(
        table,
        from,
        ProcessMessage::Read(Ticket::new(AskId(8)), AskId(7)),
    )
}

// R17
#[test]
fn process_waits_while_nobody_takes_what_it_says() {
    let from = ExchangeId(5);
    let mut table = called(from);
    let call = (from, AskId(7));
    assert!(say(&mut table, call, 10), "somebody waits for it");
    assert!(say(&mut table, call, 10), "there is room");
    assert!(!say(&mut table, call, limits::PROCESS_WAITING_BYTES));
    let out = read(&mut table, from);
    assert!(may_go_on(&out) && out.len() == 2, "{out:?}");
    // Nobody reads now, so that it waits until its call is left.
    assert!(!say(&mut table, call, 2 * limits::PROCESS_WAITING_BYTES));
    let left = tell(&mut table, from, ProcessMessage::Leave(AskId(7)));
    assert!(may_go_on(&left) && left.len() == 2, "{left:?}");
    assert!(
        say(&mut table, call, limits::PROCESS_WAITING_BYTES),
        "nobody is there for it"
    );
    assert!(table.calls.is_empty());
}

// R5
#[test]
fn process_of_one_user_is_not_there_for_another_who_knows_its_name() {
    let mut table = called(ExchangeId(5));
    table.opened("one");
    let bob = PrincipalId([2; 32]);
    let to = OfProcess::Session("one".into());
    let out = send(&mut table, ExchangeId(6), to.clone(), bob);
    let Some(HubOutput::Deliver(_, FromHub(FromHubKind::Answer(HubAnswer::ReadProcess(answer))))) =
        out.first()
    else {
        panic!("an answer, not {out:?}");
    };
    assert!(matches!(answer.answer, ProcessOutput::Gone));
    let out = send(&mut table, ExchangeId(6), to, ALICE);
    assert!(
        matches!(out[..], [HubOutput::Deliver(PROCESS, _)]),
        "{out:?}"
    );
}

// R26
#[test]
fn processes_of_a_user_that_are_being_ended_are_no_room_of_others() {
    let mut table = ServerProcesses::default();
    let bob = PrincipalId([2; 32]);
    let begun = |table: &mut ServerProcesses, number: u64, principal| {
        let (from, name) = (ExchangeId(number), format!("process {number}"));
        let out = send(table, from, OfProcess::New(name.as_str().into()), principal);
        let is_begun = matches!(out[..], [HubOutput::Spawn(_)]);
        if is_begun {
            let mut out = VecDeque::new();
            table.forget(from, &mut out);
            let process = table.processes.get_mut(name.as_str()).unwrap();
            process.end(&mut out);
        }
        is_begun
    };
    let of_alice = (1..100).filter(|number| begun(&mut table, *number, ALICE));
    assert_eq!(of_alice.count(), 8, "twice what she may have at once");
    assert!(begun(&mut table, 200, bob));
}

#[test]
fn calls_of_a_process_that_is_no_more_have_failed() {
    let from = ExchangeId(5);
    let mut table = called(from);
    let mut out = VecDeque::new();
    table.forget(PROCESS, &mut out);
    let out = Vec::from(out);
    assert!(
        matches!(out[..], [HubOutput::Deliver(ExchangeId(5), _)]),
        "{out:?}"
    );
    assert!(table.processes.is_empty() && table.calls.is_empty());
}

#[test]
fn process_of_an_opening_that_died_is_ended() {
    let from = ExchangeId(5);
    for (is_opened, told) in [(false, 2), (true, 1)] {
        let mut table = called(from);
        if is_opened {
            table.opened("one");
        }
        let mut out = VecDeque::new();
        table.forget(from, &mut out);
        assert_eq!(out.len(), told, "that nobody waits, and to end: {out:?}");
    }
}
