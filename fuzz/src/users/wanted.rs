//! What a user wants next.

use super::SimUser;
use crate::{client::Feature, unkindness::Unkindness};

impl SimUser {
    /// Anything; or a task, where attackers look for those.
    pub(super) fn wanted(&self) -> Feature {
        match self.is(Unkindness::TasksOfOthers) {
            true => Feature::Tasks,
            false => self.world.choose(|choice| *choice.pick(&Feature::ALL)),
        }
    }
}
