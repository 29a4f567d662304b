//! Announcing that something changed.

use super::Cx;
use crate::{action::Action, catalog::ChangeNotification, replicas};

impl Cx<'_> {
    /// Announces that something changed to whoever listens for it, on whichever replica.
    pub(crate) fn announce(&mut self, change: ChangeNotification) {
        let (here, elsewhere) = replicas::announced(
            (change, None),
            self.env.server,
            self.env.now.unix,
            self.entropy,
        );
        self.to_hub(here);
        if let Some(sealed) = elsewhere {
            self.out.push(Action::Publish(sealed));
        }
    }
}
