//! What happens to the machines and at Entra: processes are killed and started, clocks jump, Entra
//! is down, slow or throttled, rolls its keys over, spoils ID tokens, or disables users.

use std::time::Duration;

use entra_mcp_dev_tenant::{Control, IdTokenFault};

use crate::{
    backend::policy,
    entra::{Entra, ID_TOKEN_FAULTS},
    sites::Answers,
    unkindness::Unkindness,
    users::Shared,
    world::World,
};

/// How many kinds of faults there are.
const KINDS: usize = 11;

/// What Entra's token endpoint may say: expired, revoked, throttled, second factor, policy, busy.
const REFUSALS: [u32; 6] = [70_008, 50_173, 50_196, 50_076, 53_003, 90_033];

/// By how many seconds a wall clock may step: it is set right by small steps.
const STEPS: [i64; 4] = [-50, -5, 5, 50];

/// By how many seconds a wall clock is off that was set wrong, or that ran free and is set right.
const FAR_STEPS: [i64; 9] = [-86_400, -3600, -300, -20, 0, 20, 300, 3600, 86_400];

/// Injects faults until the faults stop.
pub async fn inject_faults(world: World, shared: Shared) {
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(600));
    // Swarm testing: some runs lack some kinds altogether.
    let kinds: Vec<bool> = (0..KINDS)
        .map(|_| world.choose(|choice| choice.chance(500)))
        .collect();
    while !shared.borrow().faults_stopped {
        let wait = world.choose(|choice| choice.between(least, most));
        world.sleep(wait).await;
        let kind = world.choose(|choice| choice.below(KINDS as u64));
        let is_enabled = usize::try_from(kind).ok().and_then(|kind| kinds.get(kind));
        if !shared.borrow().faults_stopped && is_enabled == Some(&true) {
            let away = world.choose(|choice| choice.between(least, Duration::from_secs(60)));
            match kind {
                0 | 1 => machines(&world, kind, away).await,
                9 => keys(&world, away).await,
                10 => change_a_site(&world),
                _ => at_entra(&world, kind, away).await,
            }
        }
    }
}

async fn machines(world: &World, kind: u64, away: Duration) {
    let replicas = world.replicas() as u64;
    let replica = world.choose(|choice| choice.below(replicas));
    let replica = usize::try_from(replica).expect("an index");
    if kind == 0 {
        world.kill(replica);
        world.sleep(away).await;
        world.start(replica);
    } else {
        skew(world, replica, &STEPS);
    }
}

fn skew(world: &World, replica: usize, steps: &[i64]) {
    let seconds = world.choose(|choice| *choice.pick(steps));
    world.note(
        "faults",
        &format!("= r{replica}'s clock is {seconds} s off"),
    );
    world.skew(replica, seconds);
}

/// Steps the wall clocks of all replicas both ways, by seconds, minutes and a day, in every run.
pub async fn step_wall_clocks(world: World, shared: Shared) {
    let (least, most) = (Duration::from_secs(10), Duration::from_secs(900));
    while !shared.borrow().faults_stopped {
        let wait = world.choose(|choice| choice.between(least, most));
        world.sleep(wait).await;
        if shared.borrow().faults_stopped {
            return;
        }
        let replicas = world.replicas() as u64;
        let replica = world.choose(|choice| choice.below(replicas));
        skew(
            &world,
            usize::try_from(replica).expect("an index"),
            &FAR_STEPS,
        );
    }
}

/// Lets Graph be busy again and again, for minutes each time.
pub async fn throttle_often(world: World, shared: Shared) {
    while !shared.borrow().faults_stopped {
        world.note("faults", "= Graph is busy");
        world.entra(|entra| entra.fail_graph(429, Some(300), 1));
        world.sleep(Duration::from_secs(60)).await;
    }
}

/// Lets Graph want claims of the next token, once or twice, again and again.
pub async fn challenge_often(world: World, shared: Shared) {
    while !shared.borrow().faults_stopped {
        let times = world.choose(|choice| *choice.pick(&[1, 2]));
        world.note("faults", "= Graph wants claims");
        world.entra(|entra| entra.challenge(times));
        world.sleep(Duration::from_secs(60)).await;
    }
}

/// Takes the role or the group of users away at Entra, and gives it back, again and again.
pub async fn take_roles(world: World, shared: Shared) {
    let is_often = world.options(|options| options.has(Unkindness::RolesTaken));
    // The one has a role, and the other is in a group.
    let limited = Entra::accounts().users.get(..2).unwrap_or_default();
    let given = Duration::from_secs(if is_often { 60 } else { 900 });
    while !shared.borrow().faults_stopped {
        let username = world.choose(|choice| *choice.pick(limited));
        for (is_taken, least, most) in [
            (true, given / 10, given),
            (false, Duration::from_secs(300), Duration::from_secs(1200)),
        ] {
            let wait = world.choose(|choice| choice.between(least, most));
            wait_while_faults(&world, &shared, wait).await;
            let is_meant = |user: &&&str| is_often || **user == username;
            for username in limited.iter().filter(is_meant) {
                if !shared.borrow().faults_stopped {
                    world.control(policy::takes(username, is_taken));
                }
            }
        }
    }
}

/// Lets the next ID token name a tenant that is not the one of its issuer, again and again.
pub async fn mix_up_tenants(world: World, shared: Shared) {
    while !shared.borrow().faults_stopped {
        world.note("faults", "= an ID token will name another tenant");
        world.entra(|entra| entra.spoil_id_token(IdTokenFault::TenantId));
        wait_while_faults(&world, &shared, Duration::from_secs(300)).await;
    }
}

/// Disables each user in turn while all clocks are a day behind.
pub async fn disable_with_clocks_back(world: World, shared: Shared) {
    for username in Entra::accounts().users.iter().cycle() {
        wait_while_faults(&world, &shared, Duration::from_secs(200)).await;
        if shared.borrow().faults_stopped {
            return;
        }
        for replica in 0..world.replicas() {
            world.skew(replica, -86_400);
        }
        let username = (*username).to_owned();
        world.control(Control::Disable {
            username: username.clone(),
        });
        wait_while_faults(&world, &shared, Duration::from_secs(600)).await;
        world.control(Control::Enable { username });
        for replica in 0..world.replicas() {
            world.skew(replica, 0);
        }
    }
}

/// Waits, but no longer than faults go on.
async fn wait_while_faults(world: &World, shared: &Shared, most: Duration) {
    let end = world.moment().after(most);
    while world.moment() < end && !shared.borrow().faults_stopped {
        world.sleep(Duration::from_secs(10)).await;
    }
}

/// The master key is changed as the README says: first every replica learns to open with the new one, then
/// every replica seals with it. All that was sealed before stays good.
async fn keys(world: &World, away: Duration) {
    for step in ["opens with", "seals with"] {
        world.note(
            "faults",
            &format!("= every replica {step} a new master key"),
        );
        world.change_keys();
        for replica in 0..world.replicas() {
            world.kill(replica);
            world.start(replica);
            world.sleep(away / 10).await;
        }
    }
}

/// The site of a client says something else from now on.
fn change_a_site(world: &World) {
    let addresses = world.published();
    if !addresses.is_empty() {
        let address = world.choose(|choice| choice.pick(&addresses).clone());
        let answers = world.choose(|choice| *choice.pick(&Answers::ALL));
        world.change_site(&address, answers);
    }
}

async fn at_entra(world: &World, kind: u64, away: Duration) {
    let somebody = || {
        let users = Entra::accounts().users;
        world.choose(|choice| (*choice.pick(users)).to_owned())
    };
    match kind {
        2 => {
            world.note("faults", "= Entra is away");
            world.entra(|entra| entra.set_down(true));
            world.sleep(away).await;
            world.entra(|entra| entra.set_down(false));
        }
        3 => {
            for _ in 0..3 {
                let lie = world.choose(|choice| *choice.pick(&ID_TOKEN_FAULTS));
                world.note("faults", &format!("= an ID token will be spoiled: {lie:?}"));
                world.entra(|entra| entra.spoil_id_token(lie));
            }
        }
        4 => {
            let status = world.choose(|choice| *choice.pick(&[401, 403, 429, 500, 503]));
            world.note("faults", &format!("= Graph says {status}"));
            let after = world.choose(|choice| *choice.pick(&[2, 30]));
            let times = world.choose(|choice| *choice.pick(&[1, 2, 3]));
            world.entra(|entra| entra.fail_graph(status, Some(after), times));
        }
        5 => {
            let code = world.choose(|choice| *choice.pick(&REFUSALS));
            world.note("faults", &format!("= Entra says AADSTS{code}"));
            world.entra(|entra| entra.refuse_token(code));
        }
        6 => {
            let is_emergency = world.choose(|choice| choice.chance(500));
            let rotate = Control::RotateKeys {
                is_emergency,
                late_seconds: 0,
            };
            world.control(rotate);
        }
        7 => {
            let slow = |milliseconds| Control::Latency {
                milliseconds,
                path: String::new(),
            };
            let milliseconds = world.choose(|choice| *choice.pick(&[2000, 14_000, 20_000]));
            world.control(slow(milliseconds));
            world.sleep(away).await;
            world.control(slow(0));
        }
        _ => {
            let username = somebody();
            if world.choose(|choice| choice.chance(500)) {
                world.control(Control::Revoke { username });
                return;
            }
            world.control(Control::Disable {
                username: username.clone(),
            });
            world.sleep(away).await;
            world.control(Control::Enable { username });
        }
    }
}

/// Ends all faults: everything runs, clocks are right.
pub fn stop_faults(world: &World) {
    world.entra(Entra::recover);
    world.mend_sites();
    world.with(|state| {
        state.backends.calm();
    });
    world.with(|state| {
        let moment = state.moment;
        let ledger = state.checks.ledger_mut();
        ledger.disabled.clear();
        ledger.roles.are_back(moment);
    });
    for replica in 0..world.replicas() {
        world.start(replica);
        world.skew(replica, 0);
        world.join(replica);
    }
}
