//! Clients that only some users may use.

use serde_json::json;

use super::{AtEntra, header, is_clearing};
use crate::{
    config::ClientEntry,
    entra::testing::ALICE,
    log_event::{Field, LogEventId},
    mcp::testing::World,
    testing,
};

const ID: &str = "copilot-studio";

/// Alice is at Entra, with a client that these users may use.
fn at_entra(users: &[&str]) -> AtEntra {
    let mut world = World::new();
    world.store.clear();
    let entry = ClientEntry {
        position: 1,
        id: ID.to_owned(),
        users: users.iter().map(|user| (*user).to_owned()).collect(),
        ..ClientEntry::default()
    };
    world.server = world.server.with_clients(vec![entry]);
    AtEntra::begin(world, ID.to_owned(), 1)
}

// H15
#[test]
fn user_who_is_not_listed_gets_a_page_and_the_client_no_code() {
    let mut alice = at_entra(&["bob@contoso.example"]);
    let response = alice.finish(&alice.tokens(json!({})));
    assert_eq!(response.status(), 403);
    assert_eq!(header(&response, "location"), "");
    assert!(is_clearing(&response) && !alice.has_session());
    let page = testing::text(&response);
    assert!(
        page.contains("Ask the operator") && page.contains(ID),
        "{page}"
    );
    let line = alice.world.logged.last().unwrap();
    assert_eq!(line.id(), LogEventId::SignInUserNotListed);
    assert_eq!(line.field(Field::ClientId), Some(ID));
    assert!(page.contains(line.field(Field::RequestId).unwrap()));
}

// H15
#[test]
fn listed_user_signs_in_by_object_id_or_name() {
    for user in [ALICE, "ALICE@contoso.example"] {
        let mut alice = at_entra(&["bob@contoso.example", user]);
        let response = alice.finish(&alice.tokens(json!({})));
        assert_eq!(response.status(), 303, "{user}");
        assert!(header(&response, "location").contains("?code="));
    }
}
