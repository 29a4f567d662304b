//! Replicas that are cut off from the store, from the others, or from both, for a while, and come back.

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_core::limits;

use crate::{clock::SimInstant, users::Shared, world::World};

/// From what a replica is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// From the store.
    Store,
    /// From the other replicas.
    Others,
    /// From both.
    Both,
}

/// Which replicas are cut off, and since when the others no longer are.
#[derive(Debug, Default)]
pub struct Partitions {
    cut: BTreeMap<usize, Cut>,
    /// Since when a replica is without the store.
    without_store: BTreeMap<usize, SimInstant>,
    joined: BTreeMap<usize, SimInstant>,
}

impl Partitions {
    pub(crate) fn begin(&mut self, replica: usize, cut: Cut, moment: SimInstant) {
        self.cut.insert(replica, cut);
        match self.is_without_store(replica) {
            true => {
                self.without_store.entry(replica).or_insert(moment);
            }
            false => self.end_without_store(replica, moment),
        }
    }

    fn end_without_store(&mut self, replica: usize, moment: SimInstant) {
        if self.without_store.remove(&replica).is_some() {
            self.joined.insert(replica, moment);
        }
    }

    pub(crate) fn end(&mut self, replica: usize, moment: SimInstant) {
        if self.cut.remove(&replica).is_some() {
            self.joined.insert(replica, moment);
            self.without_store.remove(&replica);
        }
    }

    pub(crate) fn is_without_store(&self, replica: usize) -> bool {
        matches!(self.cut.get(&replica), Some(Cut::Store | Cut::Both))
    }

    pub(crate) fn is_without_others(&self, replica: usize) -> bool {
        matches!(self.cut.get(&replica), Some(Cut::Others | Cut::Both))
    }

    /// Since when a replica knows what is in the store, or takes it that it does not.
    pub(crate) fn knows_since(&self, replica: usize) -> SimInstant {
        match self.without_store.get(&replica) {
            Some(since) => since.after(limits::UNVERIFIED_SESSION),
            None => self.joined.get(&replica).copied().unwrap_or_default(),
        }
    }
}

/// Cuts replicas off until the faults stop: two at once now and then, so that each is alone.
pub async fn cut_off_replicas(world: World, shared: Shared) {
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(600));
    while !shared.borrow().faults_stopped {
        let wait = world.choose(|choice| choice.between(least, most));
        world.sleep(wait).await;
        if shared.borrow().faults_stopped {
            return;
        }
        let replicas = world.replicas() as u64;
        let drawn = world.choose(|choice| choice.below(replicas));
        let replica = usize::try_from(drawn).expect("an index");
        let cut = world.choose(|choice| *choice.pick(&[Cut::Store, Cut::Others, Cut::Both]));
        world.cut_off(replica, cut);
        let away = world.choose(|choice| choice.between(least, Duration::from_secs(120)));
        if world.choose(|choice| choice.chance(300)) {
            continue;
        }
        world.sleep(away).await;
        for replica in 0..world.replicas() {
            world.join(replica);
        }
    }
}
