//! What a user wants next.

use super::{LONG, PATIENCE, SimUser};
use crate::{
    client::{ClientError, Feature},
    unkindness::Unkindness,
};

/// The action that is to use something.
const USE: u64 = 16;

impl SimUser {
    /// What is done next.
    pub(super) fn action(&self) -> u64 {
        let action = self.world.choose(|choice| choice.below(27));
        match self.is(Unkindness::RolesTaken) {
            true => USE,
            false => action,
        }
    }

    /// Anything; or a task, where attackers look for those; or what takes roles, where these come and go.
    pub(super) fn wanted(&self) -> Feature {
        if self.is(Unkindness::TasksOfOthers) {
            return Feature::Tasks;
        }
        match self.is(Unkindness::RolesTaken) {
            true => Feature::Patience,
            false => self.world.choose(|choice| *choice.pick(&Feature::ALL)),
        }
    }

    /// Uses what takes the user besides the client.
    pub(super) async fn use_with_user(&mut self, wanted: Feature) -> Result<(), ClientError> {
        match wanted {
            Feature::Patience if self.is(Unkindness::RolesTaken) => {
                self.listen().await?;
                // So long ago may be what a refresh gives.
                let world = self.world.clone();
                world.sleep(LONG + PATIENCE).await;
                self.refresh().await?;
                self.client.use_feature(wanted).await
            }
            Feature::Patience => self.widen_scope().await,
            Feature::Failures => self.use_guarded().await,
            _ => Ok(()),
        }
    }
}
