//! Many requests at once, on two replicas, over a network of any temper.

#![expect(
    clippy::disallowed_types,
    reason = "the rules of the core are not those of a test that looks at it from outside"
)]

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use entra_mcp_fuzz::{
    choice::Choice,
    client::{Client, ClientError, Dialect, Tokens},
    fixture::{Fixture, LATEST},
    options::Options,
    world::World,
};

const AT_ONCE: usize = 20;

fn restless(seed: u64) -> World {
    let mut options = Options::faultless().with_replicas(2);
    options.latency = (Duration::from_millis(1), Duration::from_millis(300));
    World::new(options, Choice::seeded(seed))
}

/// Another handle to the same client: the same program, doing two things at once.
fn twin(client: &Client) -> Client {
    let mut twin = Client::new(client.peer.world(), client.peer.name(), client.dialect);
    twin.redirect_uri.clone_from(&client.redirect_uri);
    twin.discovered.clone_from(&client.discovered);
    twin.registration.clone_from(&client.registration);
    twin.tokens.clone_from(&client.tokens);
    twin
}

type Outcomes = Rc<RefCell<Vec<Result<Tokens, ClientError>>>>;

fn wait_for(world: &World, outcomes: &Outcomes) -> Vec<Result<Tokens, ClientError>> {
    while world.actors() > 0 {
        world.run(world.sleep(Duration::from_secs(1)));
    }
    outcomes.take()
}

// E3
#[test]
fn code_redeemed_twenty_times_at_once_gives_one_token() {
    for seed in 0..20 {
        let world = restless(seed);
        let mut fixture = Fixture::of(&world, "alice", LATEST);
        let (begun, code) = fixture.until_code();
        let outcomes = Outcomes::default();
        for _ in 0..AT_ONCE {
            let mut twin = twin(&fixture.client);
            let (begun, code, outcomes) = (begun.clone(), code.clone(), Rc::clone(&outcomes));
            world.spawn(async move {
                let redeemed = twin.redeem(&begun, &code).await;
                let tokens = redeemed.map(|()| twin.tokens.expect("it has them"));
                outcomes.borrow_mut().push(tokens);
            });
        }
        let outcomes = wait_for(&world, &outcomes);
        let given = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(given <= 1, "seed {seed}: {given} tokens for one code");
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(error.error(), Some("invalid_grant"), "seed {seed}: {error}");
        }
        world.end();
    }
}

// E3, E6: nobody is logged out by it.
#[test]
fn refresh_token_used_twenty_times_at_once_gives_one_successor() {
    for seed in 0..20 {
        let world = restless(seed);
        let mut fixture = Fixture::of(&world, "alice", LATEST);
        fixture.use_tools().unwrap();
        fixture.wait(Duration::from_secs(30));
        let token = fixture.refresh_token();
        let outcomes = Outcomes::default();
        for _ in 0..AT_ONCE {
            let (twin, token) = (twin(&fixture.client), token.clone());
            let outcomes = Rc::clone(&outcomes);
            world.spawn(async move {
                let tokens = twin.refresh_with(&token).await;
                outcomes.borrow_mut().push(tokens);
            });
        }
        let outcomes = wait_for(&world, &outcomes);
        let tokens: Vec<Tokens> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert!(!tokens.is_empty(), "seed {seed}");
        let successors: BTreeSet<_> = tokens.iter().map(|tokens| &tokens.refresh_token).collect();
        assert_eq!(successors.len(), 1, "seed {seed}");
        fixture.client.tokens = tokens.into_iter().next();
        fixture.use_tools().unwrap();
        fixture.refresh().unwrap();
        fixture.use_tools().unwrap();
        world.end();
    }
}

// Tools that renew Entra's token at the same time, while the client refreshes its own.
#[test]
fn parallel_calls_that_need_a_new_entra_token_all_succeed() {
    for seed in 0..10 {
        let world = restless(seed);
        let mut fixture = Fixture::of(&world, "alice", Dialect::Modern);
        fixture.use_tools().unwrap();
        fixture.wait(Duration::from_secs(3400));
        let calls = Rc::new(RefCell::new(Vec::new()));
        for number in 0..AT_ONCE {
            let mut twin = twin(&fixture.client);
            let calls = Rc::clone(&calls);
            world.spawn(async move {
                let done = if number == 7 {
                    twin.refresh().await
                } else {
                    twin.get_user_details().await.map(|_| ())
                };
                calls.borrow_mut().push(done);
            });
        }
        while world.actors() > 0 {
            world.run(world.sleep(Duration::from_secs(1)));
        }
        for call in calls.take() {
            call.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        world.end();
    }
}

// M4
#[test]
fn streams_of_a_user_are_bounded() {
    let world = World::faultless();
    let mut fixture = Fixture::of(&world, "alice", Dialect::Sse);
    fixture.use_tools().unwrap();
    let mut others: Vec<Client> = (0..40).map(|_| twin(&fixture.client)).collect();
    let mut open = 1;
    for other in &mut others {
        match world.run(other.connect()) {
            Ok(()) => open += 1,
            Err(error) => assert_eq!(error.status(), Some(429), "{error}"),
        }
    }
    assert_eq!(open, entra_mcp_core::limits::STREAMS_PER_PRINCIPAL);
    fixture.ask().unwrap();
    drop(others);
    fixture.wait(Duration::from_secs(1));
    fixture.use_tools().unwrap();
}
