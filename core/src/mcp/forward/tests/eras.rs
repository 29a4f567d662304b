//! Every kind of client in front of every kind of backend: what of each passes.

mod backend;
mod client;
mod parked_calls;
mod stateless_backend;

use self::{
    backend::{Backend, LARGE, Transport},
    client::{CLIENTS, Client},
};
use super::*;
use crate::gateway::testing::parsed_by;

/// The kinds of backends: the newest revision that each knows. It knows those before as well, as far as they begin sessions.
const BACKENDS: [(Transport, &str); 8] = [
    (Transport::Http, "2024-11-05"),
    (Transport::Http, "2025-03-26"),
    (Transport::Http, "2025-06-18"),
    (Transport::Http, "2025-11-25"),
    (Transport::Http, "2026-07-28"),
    (Transport::Stdio, "2024-11-05"),
    (Transport::Stdio, "2025-11-25"),
    (Transport::Stdio, "2026-07-28"),
];

const ALL: &str = "list call progress log question cancel";

/// What passes between each client and each backend, in their order.
const PASSES: [[&str; BACKENDS.len()]; CLIENTS.len()] = [[ALL; BACKENDS.len()]; CLIENTS.len()];

/// What passes between these two.
fn passes(client: Client, transport: Transport, newest: &'static str) -> String {
    let mut world = World::new();
    let mut backend = Backend::of(transport, newest, &mut world);
    let Some(mut session) = client.open(&mut world, &mut backend) else {
        return "refused".to_owned();
    };
    let done = ALL.split(' ').filter(|what| match *what {
        "list" => session.lists(&mut world, &mut backend),
        "call" => session.calls(&mut world, &mut backend),
        "progress" => session.hears(&mut world, &mut backend, "notifications/progress"),
        "log" => session.hears(&mut world, &mut backend, "notifications/message"),
        "question" => session.is_asked(&mut world, &mut backend),
        _ => session.cancels(&mut world, &mut backend),
    });
    done.collect::<Vec<_>>().join(" ")
}

#[test]
fn client_of_each_revision_uses_backend_of_each() {
    let mut wrong = Vec::new();
    for (client, expected) in CLIENTS.into_iter().zip(PASSES) {
        for ((transport, newest), expected) in BACKENDS.into_iter().zip(expected) {
            let found = passes(client, transport, newest);
            if found != expected {
                wrong.push(format!(
                    "{client:?} in front of {transport:?} {newest}: {found:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// A large answer is parsed once, whatever is changed in it.
#[test]
fn answer_is_parsed_once_between_all_eras() {
    for client in CLIENTS {
        for (transport, newest) in BACKENDS {
            let mut world = World::new();
            let mut backend = Backend::of(transport, newest, &mut world);
            let mut session = client.open(&mut world, &mut backend).unwrap();
            let (is_there, parsed) = parsed_by(|| session.gets_large(&mut world, &mut backend));
            let pair = format!("{client:?} in front of {transport:?} {newest}");
            assert!(is_there, "{pair}");
            let once = LARGE..LARGE + LARGE / 4;
            assert!(once.contains(&parsed), "{pair}: {parsed} bytes");
        }
    }
}
