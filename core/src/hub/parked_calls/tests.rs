use super::*;
use crate::{hub::HubAnswer, id::ServerRequestId, ticket::AskId};

const ALICE: PrincipalId = PrincipalId([1; 32]);
const BOB: PrincipalId = PrincipalId([2; 32]);
const NAME: ParkedName = ServerRequestId([7; 16]);
const CALL: u64 = 1;

#[derive(Default)]
struct Table(ParkedCalls);

impl Table {
    /// Whom the table tells what.
    fn tell(&mut self, from: u64, message: ParkedMessage) -> Vec<(u64, String)> {
        let mut out = VecDeque::new();
        self.0.handle(ExchangeId(from), message, &mut out);
        told(out)
    }

    fn forget(&mut self, id: u64) -> Vec<(u64, String)> {
        let mut out = VecDeque::new();
        self.0.forget(ExchangeId(id), &mut out);
        told(out)
    }

    fn park(&mut self, from: u64, name: ParkedName, owner: PrincipalId) -> Vec<(u64, String)> {
        let ticket = Ticket::new(AskId(0));
        self.tell(from, ParkedMessage::Park(ticket, name, owner))
    }

    fn resume(&mut self, from: u64, name: ParkedName, owner: PrincipalId) -> Vec<(u64, String)> {
        let (ticket, answers) = (Ticket::new(AskId(0)), ParkedAnswers::new());
        self.tell(from, ParkedMessage::Resume(ticket, name, owner, answers))
    }

    fn say(&mut self, said: &str, end: Option<bool>) -> Vec<(u64, String)> {
        let end = end.map(|is_parked| ParkedEnd {
            response: "end".to_owned(),
            error_code: None,
            is_parked,
        });
        let said = [said].into_iter().filter(|said| !said.is_empty());
        let said = said.map(str::to_owned).collect();
        self.tell(CALL, ParkedMessage::Say(Ticket::new(AskId(0)), said, end))
    }

    fn read(&mut self, from: u64) -> Vec<(u64, String)> {
        self.tell(from, ParkedMessage::Read(Ticket::new(AskId(0))))
    }
}

fn told(out: VecDeque<HubOutput>) -> Vec<(u64, String)> {
    let text = |output| match output {
        HubOutput::Deliver(to, FromHub(FromHubKind::Answer(answer))) => match answer {
            HubAnswer::ParkCall(answered) => (to.0, format!("{:?}", answered.answer)),
            HubAnswer::SayParked(_) => (to.0, "taken".to_owned()),
            HubAnswer::ReadParked(answered) => match answered.answer {
                ParkedOutput::Gone => (to.0, "gone".to_owned()),
                ParkedOutput::Said(said) => (to.0, said.concat()),
                ParkedOutput::Ended(said, end) => {
                    (to.0, format!("{}{}", said.concat(), end.response))
                }
            },
            other => panic!("nothing of a parked call: {other:?}"),
        },
        HubOutput::Deliver(to, FromHub(FromHubKind::Call(message))) => match message {
            ToCall::Resumed(_) => (to.0, "resumed".to_owned()),
            ToCall::ClientLeft => (to.0, "left".to_owned()),
            other => panic!("nothing of a parked call: {other:?}"),
        },
        other => panic!("an answer, not {other:?}"),
    };
    out.into_iter().map(text).collect()
}

fn is(told: &[(u64, &str)]) -> Vec<(u64, String)> {
    let told = told.iter();
    told.map(|(to, text)| (*to, (*text).to_owned())).collect()
}

// R22
#[test]
fn call_is_resumed_once_and_by_its_owner_only() {
    let mut table = Table::default();
    assert_eq!(table.park(CALL, NAME, ALICE), is(&[(CALL, "Ok(())")]));
    assert_eq!(table.resume(2, NAME, BOB), is(&[(2, "gone")]));
    let other = ServerRequestId([8; 16]);
    assert_eq!(table.resume(3, other, ALICE), is(&[(3, "gone")]));
    assert_eq!(table.resume(4, NAME, ALICE), is(&[(CALL, "resumed")]));
    assert_eq!(table.resume(5, NAME, ALICE), is(&[(5, "gone")]));
}

#[test]
fn what_a_call_says_reaches_who_brought_the_answers_and_nothing_stays() {
    let mut table = Table::default();
    table.park(CALL, NAME, ALICE);
    table.resume(2, NAME, ALICE);
    assert_eq!(table.say("a", None), is(&[(2, "a"), (CALL, "taken")]));
    assert!(table.say("b", None).is_empty(), "nobody asks for more");
    assert_eq!(table.read(2), is(&[(2, "b"), (CALL, "taken")]));
    assert!(table.say("c", Some(false)).is_empty());
    assert!(table.forget(CALL).is_empty());
    assert_eq!(table.read(2), is(&[(2, "cend"), (CALL, "taken")]));
    assert!(table.0.calls.is_empty() && table.0.names.is_empty() && table.0.readers.is_empty());
}

#[test]
fn call_that_asks_again_waits_under_another_name() {
    let mut table = Table::default();
    table.park(CALL, NAME, ALICE);
    table.resume(2, NAME, ALICE);
    let next = ServerRequestId([8; 16]);
    assert_eq!(table.park(CALL, next, ALICE), is(&[(CALL, "Ok(())")]));
    assert_eq!(
        table.say("", Some(true)),
        is(&[(2, "end"), (CALL, "taken")])
    );
    assert!(table.forget(2).is_empty(), "it has what it wanted");
    assert_eq!(table.resume(3, NAME, ALICE), is(&[(3, "gone")]));
    assert_eq!(table.resume(3, next, ALICE), is(&[(CALL, "resumed")]));
}

#[test]
fn end_of_one_is_told_to_the_other() {
    let mut table = Table::default();
    table.park(CALL, NAME, ALICE);
    table.resume(2, NAME, ALICE);
    assert_eq!(table.forget(2), is(&[(CALL, "left")]));
    let mut table = Table::default();
    table.park(CALL, NAME, ALICE);
    table.resume(2, NAME, ALICE);
    assert_eq!(table.forget(CALL), is(&[(2, "gone")]));
    assert_eq!(table.0.len(), 0);
    assert!(table.0.readers.is_empty() && table.0.names.is_empty());
}

// M5
#[test]
fn calls_over_the_limit_are_not_parked() {
    let mut table = Table::default();
    let most = u64::try_from(limits::PARKED_CALLS_OF_PRINCIPAL).unwrap();
    let name = |number: u64| {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        ServerRequestId(name)
    };
    for number in 0..most {
        table.park(number, name(number), ALICE);
    }
    let full = table.park(most, name(most), ALICE);
    assert_eq!(full, is(&[(most, "Err(OfPrincipal)")]));
    assert_eq!(table.park(most, name(most), BOB), is(&[(most, "Ok(())")]));
    let all = u64::try_from(limits::PARKED_CALLS).unwrap();
    for number in most + 1..all {
        let mut owner = [3; 32];
        owner[..8].copy_from_slice(&number.to_be_bytes());
        table.park(number, name(number), PrincipalId(owner));
    }
    let full = table.park(all, name(all), PrincipalId([9; 32]));
    assert_eq!(full, is(&[(all, "Err(OfServer)")]));
}
