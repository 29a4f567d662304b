//! Who may sign in, and with which client.

use serde_json::json;

use super::{AtEntra, header, is_clearing};
use crate::{
    config::{AllowedBy, ClientEntry},
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

const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

/// Alice is at Entra, and only whom this names may sign in.
fn at_entra_of(by: AllowedBy, text: &str) -> AtEntra {
    let mut alice = AtEntra::new();
    let config = &mut alice.world.server.server.config;
    assert!(config.allowed_users.add(by, text));
    config.contact = Some("it@contoso.com".to_owned());
    alice
}

// D20: before there is a session, and the page says whom to ask.
#[test]
fn user_whom_no_setting_names_gets_a_page_and_the_client_no_code() {
    for (by, text, own) in [
        (AllowedBy::Group, GROUP, json!({"groups": [ALICE]})),
        (AllowedBy::Role, "Mcp.User", json!({"roles": ["mcp.user"]})),
        (AllowedBy::User, "bob@contoso.example", json!({})),
        (
            AllowedBy::Domain,
            "fabrikam.example",
            json!({"email": "a@fabrikam.example"}),
        ),
        (
            AllowedBy::Domain,
            "contoso.example",
            json!({"idp": "live.com"}),
        ),
    ] {
        let mut alice = at_entra_of(by, text);
        let response = alice.finish(&alice.tokens(own));
        assert_eq!(response.status(), 403, "{text}");
        assert_eq!(header(&response, "location"), "");
        assert!(is_clearing(&response) && !alice.has_session());
        let page = testing::text(&response);
        assert!(page.contains("Ask it@contoso.com"), "{page}");
        assert!(!page.contains(text), "who may is nobody's business: {page}");
        let line = alice.world.logged.last().unwrap();
        assert_eq!(line.id(), LogEventId::SignInUserNotAllowed);
        assert!(page.contains(line.field(Field::RequestId).unwrap()));
    }
}

// D20
#[test]
fn user_whom_a_setting_names_signs_in() {
    for (by, text, own) in [
        (AllowedBy::Group, GROUP, json!({"groups": [ALICE, GROUP]})),
        (AllowedBy::Role, "Mcp.User", json!({"roles": ["Mcp.User"]})),
        (AllowedBy::User, ALICE, json!({"idp": "live.com"})),
        (AllowedBy::Domain, "contoso.example", json!({})),
    ] {
        let mut alice = at_entra_of(by, text);
        let response = alice.finish(&alice.tokens(own));
        assert_eq!(response.status(), 303, "{text}");
        assert!(header(&response, "location").contains("?code="));
    }
}
