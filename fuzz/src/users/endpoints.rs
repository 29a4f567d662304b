//! Users of a server with several endpoints: each client uses one of them at a time.

use super::SimUser;
use crate::{client::Dialect, world::World};

/// An endpoint and a revision that can be used there.
pub(crate) fn choose(world: &World) -> (Option<&'static str>, Dialect) {
    let all = world.options(|options| options.backends());
    let drawn = match all.as_slice() {
        [] => None,
        [one] => Some(one),
        several => Some(world.choose(|choice| choice.pick(several))),
    };
    let dialects = drawn.map_or(&Dialect::ALL[..], |(_, kind)| kind.dialects());
    let dialect = world.choose(|choice| *choice.pick(dialects));
    (drawn.and_then(|(place, _)| place.name), dialect)
}

impl SimUser {
    /// The same at this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: Option<&'static str>) -> Self {
        self.client.endpoint = endpoint;
        self
    }

    /// Goes on at another endpoint, as the client that it is registered as.
    pub(super) fn may_move(&mut self) {
        let all = self.world.options(|options| options.backends());
        let client = &mut self.client;
        let other = all.iter().find(|(place, kind)| {
            place.name != client.endpoint && kind.dialects().contains(&client.dialect)
        });
        let Some((place, _)) = other else {
            return;
        };
        if self.world.choose(|choice| choice.chance(150)) {
            self.world
                .note(client.peer.name(), &format!("= goes on at {place:?}"));
            client.tokens = None;
            client.discovered = None;
            client.disconnect();
            client.endpoint = place.name;
        }
    }
}
