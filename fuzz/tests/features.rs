//! Everything that MCP has works in every revision that has it, in a world where nothing breaks; and
//! with any one fault nobody is kept out for long, and nothing wrong happens (the checks see to it).

use std::time::Duration;

use entra_mcp_fuzz::{
    client::{Dialect, Feature},
    fixture::Fixture,
    options::{Fault, Options},
    world::World,
};

fn world() -> World {
    let options = Options::faultless().with_replicas(2).with_everything();
    World::new(options, entra_mcp_fuzz::choice::Choice::seeded(7))
}

#[test]
fn every_feature_works_in_every_revision() {
    for dialect in Dialect::ALL {
        let world = world();
        let mut fixture = Fixture::of(&world, "alice", dialect);
        fixture.client.is_sticky = true;
        fixture.client.expects_no_faults = true;
        fixture.sign_in().unwrap();
        for wanted in Feature::ALL {
            for _ in 0..4 {
                let used = async {
                    fixture.client.connect().await?;
                    fixture.client.use_feature(wanted).await
                };
                let used = world.run(world.within(Duration::from_secs(200), used));
                assert_eq!(
                    used,
                    Some(Ok(())),
                    "{dialect:?} {wanted:?}\n{}",
                    world.tail(60)
                );
            }
        }
        world.end();
    }
}

#[test]
fn response_stream_cut_anywhere_is_resumed() {
    let mut cuts = 0;
    for point in 0.. {
        let world = world();
        let mut fixture = Fixture::of(&world, "alice", Dialect::Streamable("2025-11-25"));
        fixture.client.is_sticky = true;
        fixture.client.expects_no_faults = true;
        fixture.sign_in().unwrap();
        world.run(fixture.client.connect()).unwrap();
        world.options(|options| options.once = Some((Fault::CutIn, point)));
        let used = world.run(fixture.client.use_feature(Feature::Progress));
        let struck = world.options(|options| options.once.is_none());
        world.end();
        // Who has not heard the head, or the first event, knows of nothing to come back for.
        if point > 1 {
            assert_eq!(used, Ok(()), "cut at {point}");
        }
        if !struck {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 4, "{cuts}");
}

// Q9: by the message of the replica that took it, or else by the store.
#[test]
fn what_one_replica_has_taken_holds_on_the_others_though_no_message_arrives() {
    for message_lost in [0, 1000] {
        for revision in ["2025-03-26", "2025-11-25"] {
            let mut options = Options::faultless().with_replicas(3).with_everything();
            options.faults.message_lost = message_lost;
            let world = World::new(options, entra_mcp_fuzz::choice::Choice::seeded(8));
            let mut fixture = Fixture::of(&world, "alice", Dialect::Streamable(revision));
            fixture.client.expects_no_faults = true;
            fixture.sign_in().unwrap();
            for wanted in [Feature::Subscription, Feature::Logging].repeat(6) {
                let used = async {
                    fixture.client.connect().await?;
                    fixture.client.use_feature(wanted).await
                };
                let used = world.run(used);
                assert_eq!(used, Ok(()), "{revision} {wanted:?}\n{}", world.tail(60));
            }
            world.end();
        }
    }
}
