//! Who the client of a user is to the server.

use crate::{
    client::{Client, Identity},
    listed,
    world::World,
};

/// What a client asks for that wants to change orders, too.
const WITH_SCOPE: &str = "user.read orders.write";

/// Draws who the client is, and what it asks for. Half of all clients register.
pub(super) fn choose(client: &mut Client, name: &str, account: &str, world: &World) {
    let is_gateway = world.options(|options| options.backend.is_some());
    if is_gateway && world.choose(|choice| choice.chance(500)) {
        client.scope = Some(WITH_SCOPE.to_owned());
    }
    match world.choose(|choice| choice.below(10)) {
        5 | 6 => client.is_described(name, world),
        7 => client.signs(name, false, world),
        8 => client.signs(name, true, world),
        9 => {
            let listed = listed::CLIENTS.iter().rev();
            let mut listed = listed.filter(|client| client.admits(account));
            if let Some(listed) = listed.next() {
                client.identity = Identity::Listed(listed.id);
                listed.redirect_uri.clone_into(&mut client.redirect_uri);
            }
        }
        _ => return,
    }
    let line = format!("= is {:?}", client.identity);
    world.note(name, &line);
}
