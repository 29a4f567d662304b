//! A sign-in and what follows, once more for each single thing that can go wrong at each single
//! point: nothing wrong comes of it, and the user gets through.

use std::time::Duration;

use entra_mcp_fuzz::{
    choice::Choice,
    client::Dialect,
    fixture::Fixture,
    options::{Fault, Options},
    world::World,
};

/// Signs in, uses a tool, refreshes, uses a tool again; patiently.
fn gets_through(fault: Fault, point: u64, dialect: Dialect) -> bool {
    let mut options = Options::faultless();
    options.once = Some((fault, point));
    let world = World::new(options, Choice::of_bytes(&[]));
    let mut fixture = Fixture::of(&world, "alice", dialect);
    let mut done = 0;
    for _ in 0..8 {
        let client = &mut fixture.client;
        let walk = async {
            client.use_as(&mut fixture.browser, &fixture.human).await?;
            client.refresh().await?;
            client.use_as(&mut fixture.browser, &fixture.human).await
        };
        let walked = world.run(world.within(Duration::from_secs(90), walk));
        match walked {
            Some(Ok(details)) => {
                assert_eq!(details.user_principal_name, "alice@contoso.example");
                done += 1;
                break;
            }
            Some(Err(error))
                if matches!(error.status(), Some(401))
                    || error.error() == Some("invalid_grant") =>
            {
                fixture.client.tokens = None;
            }
            _ => {}
        }
        fixture.client.disconnect();
        fixture.wait(Duration::from_secs(10));
    }
    assert_eq!(
        done,
        1,
        "{fault:?} at {point}, {dialect:?}:\n{}",
        world.tail(60)
    );
    let struck = world.options(|options| options.once.is_none());
    world.end();
    struck
}

#[test]
fn sign_in_survives_one_fault_at_any_point() {
    for dialect in [
        Dialect::Sse,
        Dialect::Streamable("2025-11-25"),
        Dialect::Modern,
    ] {
        for fault in Fault::ALL {
            let points = (0..).take_while(|point| gets_through(fault, *point, dialect));
            let count = points.count();
            println!("{dialect:?}: {fault:?} at {count} points");
            // One replica has nobody to tell anything.
            let is_rare = matches!(fault, Fault::StoreConflict | Fault::MessageLost);
            assert!(count > 0 || is_rare);
        }
    }
}
