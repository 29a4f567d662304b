//! Everything that MCP has works in every revision that has it, in a world where nothing breaks; and
//! with any one fault nobody is kept out for long, and nothing wrong happens (the checks see to it).

use std::time::Duration;

use entra_mcp_fuzz::{
    client::{Dialect, Use},
    options::Options,
    scene::Scene,
    world::World,
};

fn world() -> World {
    let options = Options::calm().with_replicas(2).with_everything();
    World::new(options, entra_mcp_fuzz::choice::Choice::seeded(7))
}

#[test]
fn everything_works_in_every_revision() {
    for dialect in Dialect::ALL {
        let world = world();
        let mut scene = Scene::of(&world, "alice", dialect);
        scene.client.is_sticky = true;
        scene.client.is_calm = true;
        scene.sign_in().unwrap();
        for wanted in Use::ALL {
            for _ in 0..4 {
                let used = async {
                    scene.client.connect().await?;
                    scene.client.put_to_use(wanted).await
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
