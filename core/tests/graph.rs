//! What a tool does when Graph or Entra says no.

use std::time::Duration;

use entra_mcp_fuzz::{
    client::{ClientError, Dialect},
    fixture::Fixture,
    world::World,
};

fn signed_in(dialect: Dialect) -> Fixture {
    let mut fixture = Fixture::of(&World::faultless(), "alice", dialect);
    fixture.use_tools().expect("alice signs in");
    fixture
}

// P5: a message of ours, nothing of the upstream call.
#[test]
fn graph_error_is_a_tool_error_and_the_next_call_works() {
    for dialect in Dialect::ALL {
        for status in [403, 404, 429, 500, 502, 503, 504] {
            let mut fixture = signed_in(dialect);
            fixture
                .world
                .entra(|entra| entra.fail_graph(status, Some(1), 8));
            let error = fixture.ask().unwrap_err();
            let ClientError::Tool(message) = &error else {
                panic!("{dialect:?} {status}: {error}")
            };
            assert!(!message.contains("error"), "{message}");
            fixture.world.entra(entra_mcp_fuzz::entra::Entra::recover);
            // Graph asked to be left alone for a second.
            let retry_after = Duration::from_secs(2);
            fixture.world.run(fixture.world.sleep(retry_after));
            fixture.ask().unwrap();
        }
    }
}

#[test]
fn token_rejected_by_graph_is_renewed_once() {
    let mut fixture = signed_in(Dialect::Modern);
    fixture.world.entra(|entra| entra.fail_graph(401, None, 1));
    fixture.ask().unwrap();
}

#[test]
fn unreachable_entra_is_a_tool_error_and_ends_no_session() {
    for dialect in Dialect::ALL {
        let mut fixture = signed_in(dialect);
        fixture.world.entra(|entra| entra.set_down(true));
        let error = fixture.ask().unwrap_err();
        assert!(
            matches!(error, ClientError::Tool(_)),
            "{dialect:?}: {error}"
        );
        fixture.world.entra(|entra| entra.set_down(false));
        fixture.ask().unwrap();
    }
}

#[test]
fn entra_token_is_renewed_before_it_expires() {
    let mut fixture = signed_in(Dialect::Modern);
    fixture.wait(Duration::from_secs(3500));
    fixture.ask().unwrap();
}
