//! What happens to the machines: processes are killed and started, clocks jump, Entra is away.

use std::time::Duration;

use crate::{
    entra::{Entra, Spoil},
    honest::Stage,
    world::World,
};

/// Blows until the curtain.
pub async fn blow(world: World, stage: Stage) {
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(900));
    // Some runs have no weather of some kinds at all.
    let kinds: Vec<bool> = (0..5)
        .map(|_| world.choose(|choice| choice.chance(500)))
        .collect();
    while !stage.borrow().curtain {
        let wait = world.choose(|choice| choice.between(least, most));
        world.sleep(wait).await;
        let kind = world.choose(|choice| choice.below(5));
        let happens = usize::try_from(kind).ok().and_then(|kind| kinds.get(kind));
        if stage.borrow().curtain || happens != Some(&true) {
            continue;
        }
        let replicas = world.replicas() as u64;
        let replica = world.choose(|choice| choice.below(replicas));
        let replica = usize::try_from(replica).expect("an index");
        let while_away = world.choose(|choice| choice.between(least, Duration::from_secs(60)));
        match kind {
            0 => {
                world.kill(replica);
                world.sleep(while_away).await;
                world.start(replica);
            }
            1 => {
                // What NTP corrects at most; more is what a broken clock does.
                let seconds = world.choose(|choice| *choice.pick(&[-50, -5, 5, 50]));
                world.note(
                    "weather",
                    &format!("= clock of r{replica} is {seconds} s off"),
                );
                world.skew(replica, seconds);
            }
            2 => {
                world.note("weather", "= Entra is away");
                world.entra(|entra| entra.set_down(true));
                world.sleep(while_away).await;
                world.entra(|entra| entra.set_down(false));
            }
            3 => {
                let spoil = world.choose(|choice| *choice.pick(&Spoil::ALL));
                world.note("weather", &format!("= an ID token is spoiled: {spoil:?}"));
                world.entra(|entra| entra.spoil(spoil));
            }
            _ => {
                let status = world.choose(|choice| *choice.pick(&[401, 403, 429, 500, 503]));
                world.note("weather", &format!("= Graph says {status}"));
                world.entra(|entra| entra.fail_graph(status, Some(2)));
            }
        }
    }
}

/// The sky clears: everything runs, clocks are right.
pub fn clear(world: &World) {
    world.entra(Entra::recover);
    for replica in 0..world.replicas() {
        world.start(replica);
        world.skew(replica, 0);
    }
}
