//! Several replicas of the server of a test.

use super::World;
use crate::{
    config::{RedisEndpoint, RedisServer, StoreLocation},
    hub::Hub,
};

impl World {
    /// From now on it is one of several replicas that share the store.
    pub(crate) fn share_store(&mut self) {
        self.server.server.config.store = StoreLocation::Redis(RedisServer {
            endpoint: RedisEndpoint::Unix("redis.sock".into()),
            database: 0,
            user: None,
            password: None,
            prefix: String::new(),
        });
    }

    /// The next requests come to another replica, which has done nothing yet; the hub of the one before.
    pub(crate) fn go_to_another_replica(&mut self) -> Hub {
        let before = std::mem::replace(&mut self.hub, Hub::new());
        self.hub.publish(self.server.known.clone());
        before
    }
}
