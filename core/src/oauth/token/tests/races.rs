//! Many requests at once, on as many replicas as one likes: the store answers in an order that a
//! seed decides.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    action::Action,
    admit::admit,
    ask::{Fetch, Store, Ticket},
    entropy::{Entropy, Seed},
    exchange::{Exchange, ExchangeId, Output},
    oauth::testing::{REDIRECT_URI, SignedIn, VERIFIER, text},
    request_id::RequestId,
    testing::{entropy, json},
};

/// What an exchange waits for.
enum Pending {
    Store(Ticket<Store>, Store),
    Fetch(Ticket<Fetch>, Box<Fetch>),
}

/// Posts the form to the token endpoint many times at once; the answers, as they came.
fn at_once(alice: &mut SignedIn, form: &[(&str, &str)], times: u64, seed: u8) -> Vec<Value> {
    let mut random = entropy(seed);
    let mut exchanges = Vec::new();
    let mut pending = Vec::new();
    let mut answers = Vec::new();
    for id in 0..times {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = alice.world.server.request("POST", "/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(body)).unwrap();
        let seed = Seed::new(random.bytes());
        let env = alice.world.server.env();
        let (head, body) = request.into_parts();
        let admission = admit(head, env.server, env.now, RequestId::own(1)).unwrap();
        let mut exchange = admission.begin(ExchangeId(id), &seed, body, env);
        drain(&mut exchange, exchanges.len(), &mut pending, &mut answers);
        exchanges.push(exchange);
    }
    while !pending.is_empty() {
        let (whose, what) = pending.swap_remove(chosen(&mut random, pending.len()));
        let event = match what {
            Pending::Store(ticket, store) => ticket.answer(alice.world.ask(store)),
            Pending::Fetch(ticket, fetch) => ticket.answer(alice.world.fetched(*fetch)),
        };
        let exchange: &mut Exchange = &mut exchanges[whose];
        exchange.handle(event, alice.world.server.env()).unwrap();
        drain(exchange, whose, &mut pending, &mut answers);
    }
    assert_eq!(answers.len(), exchanges.len(), "every exchange is answered");
    answers
}

fn chosen(random: &mut Entropy, length: usize) -> usize {
    let [byte] = random.bytes();
    usize::from(byte) % length
}

fn drain(
    exchange: &mut Exchange,
    whose: usize,
    pending: &mut Vec<(usize, Pending)>,
    answers: &mut Vec<Value>,
) {
    while let Output::Do(action) = exchange.poll() {
        match action {
            Action::Store(ticket, store) => pending.push((whose, Pending::Store(ticket, store))),
            Action::Fetch(ticket, fetch) => pending.push((whose, Pending::Fetch(ticket, fetch))),
            Action::Respond(response) => answers.push(json(&response)),
            _ => {}
        }
    }
}

/// How often tokens were given; all others got the same answer.
fn given(answers: &[Value]) -> Vec<&Value> {
    let (given, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.get("access_token").is_some());
    assert!(
        refused
            .iter()
            .all(|answer| text(answer, "error") == "invalid_grant")
    );
    given
}

// E3. A code that comes twice was stolen, so what it gave ends.
#[test]
fn twenty_concurrent_redemptions_of_one_code_give_one_success() {
    for seed in 0..20 {
        let mut alice = SignedIn::new();
        let (client, code) = (alice.client.clone(), alice.code.clone());
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", code.as_str()),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT_URI),
        ];
        let answers = at_once(&mut alice, &form, 20, seed);
        assert_eq!(given(&answers).len(), 1);
        assert!(!alice.is_alive());
    }
}

// E3, E6. All get the same successor, and nobody is signed out.
#[test]
fn twenty_concurrent_refreshes_give_one_successor() {
    for (seed, later) in (0..20).flat_map(|seed| [(seed, 0), (seed, 3000)]) {
        let mut alice = SignedIn::new();
        let tokens = alice.redeem();
        alice.later(std::time::Duration::from_secs(later));
        let client = alice.client.clone();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", text(&tokens, "refresh_token")),
        ];
        let answers = at_once(&mut alice, &form, 20, seed);
        let given = given(&answers);
        assert_eq!(given.len(), 20);
        let successor = text(given[0], "refresh_token");
        assert!(
            given
                .iter()
                .all(|answer| text(answer, "refresh_token") == successor)
        );
        assert_eq!(alice.refresh(successor, &[]).status(), 200);
        assert!(alice.is_alive());
    }
}
