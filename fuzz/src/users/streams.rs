//! A user whose client listens to what the server says of its own accord.

use std::{rc::Rc, time::Duration};

use super::{LONG, PATIENCE, SimUser};
use crate::{
    client::{ClientError, Dialect},
    net::Call,
    unkindness::Unkindness,
};

/// How long a stream is held open while its user goes on, at most.
const HELD: Duration = Duration::from_secs(1500);

impl SimUser {
    /// Holds the stream of Streamable HTTP open: for a while, or, where a backend is heard on it, while other things are done.
    pub(super) async fn listen(&mut self) -> Result<(), ClientError> {
        if !matches!(self.client.dialect, Dialect::Streamable(_)) {
            return Ok(());
        }
        self.call().await?;
        let stream = self.client.listen().await?;
        let is_gateway = self.world.options(|options| options.backend.is_some());
        let is_held = self.is(Unkindness::RolesTaken);
        if is_gateway && (is_held || self.world.choose(|choice| choice.chance(500))) {
            self.hold(stream);
            return Ok(());
        }
        let most = self
            .world
            .choose(|choice| choice.between(PATIENCE, LONG / 2));
        let world = self.world.clone();
        world.within(most, read(stream)).await;
        Ok(())
    }

    fn hold(&self, stream: Call) {
        let (world, shared) = (self.world.clone(), Rc::clone(&self.shared));
        self.world.spawn(async move {
            let mut reading = Box::pin(read(stream));
            let end = world.moment().after(HELD);
            while world.moment() < end && !shared.borrow().faults_stopped {
                if world.within(LONG / 3, &mut reading).await.is_some() {
                    return;
                }
            }
        });
    }
}

async fn read(mut stream: Call) {
    while let Ok(Some(_)) = stream.piece().await {}
}
