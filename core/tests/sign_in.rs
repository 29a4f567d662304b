//! Signing in, from the client's first request to `getUserDetails`, with no I/O at all.

use entra_mcp_fuzz::{
    browser::Browser,
    client::{Client, Dialect},
    human::Human,
    net::Role,
    world::World,
};

fn browser(world: &World) -> Browser {
    Browser::new(world.peer("browser", Role::Browser))
}

#[test]
fn a_person_who_denies_access_sends_the_client_an_error_and_never_reaches_entra() {
    let world = World::calm();
    let mut client = Client::new(&world, "client", Dialect::Streamable("2025-11-25"));
    let mut human = Human::new("ada@contoso.example");
    human.approves = false;
    let mut browser = browser(&world);
    let trouble = world.run(client.sign_in(&mut browser, &human)).unwrap_err();
    assert_eq!(trouble.error(), Some("access_denied"), "{trouble}");
}
