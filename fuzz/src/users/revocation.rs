//! A user who revokes the session while a call and a task of it are under way.

use std::time::Duration;

use serde_json::json;

use super::{LONG, SimUser};
use crate::client::{ClientError, Dialect};

/// How soon after the call began the session is revoked.
const BEFORE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

impl SimUser {
    /// Begins a call that goes on for minutes, revokes the session, and waits for what the call gives.
    pub(super) async fn revoke_amid_a_call(&mut self) -> Result<(), ClientError> {
        let with_task = self.client.dialect == Dialect::Modern;
        self.client.knows_tasks = with_task && self.world.choose(|choice| choice.chance(500));
        let params = json!({"name": "world_graph", "arguments": {},
            "_meta": {"progressToken": "revoked"}});
        let (_, request) = self.client.request_of("tools/call", params);
        self.client.knows_tasks = false;
        let mut call = self.client.peer.send(request);
        let before = self
            .world
            .choose(|choice| choice.between(BEFORE.0, BEFORE.1));
        self.world.sleep(before).await;
        let stream = self.client.take_stream();
        self.revoke().await?;
        let world = self.world.clone();
        // The checks see to it that nothing comes of it.
        let end = async {
            call.head().await?;
            call.rest().await
        };
        let _end = world.within(LONG * 2, end).await;
        drop(stream);
        Ok(())
    }
}
