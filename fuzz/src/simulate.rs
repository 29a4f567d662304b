//! A whole run: first anything may fail and nothing wrong may happen; then faults stop, and
//! every user must finish.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::Duration,
};

use entra_mcp_core::limits;

use crate::{
    attacker::Attacker,
    checks::Failure,
    choice::Choice,
    crowd::Crowd,
    device::DeviceUser,
    entra::{Accounts, Entra},
    entra_caller::EntraCaller,
    fault_injection,
    greedy::GreedyUser,
    options::{Faults, Options},
    partition,
    unkindness::Unkindness,
    users::{RunState, Shared, SimUser, endpoints},
    world::World,
};

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The SHA-256 of the trace.
    pub hash: String,
    /// Lines of the trace.
    pub events: usize,
    /// Codes given: sign-ins that were completed.
    pub sign_ins: u64,
    /// Tool calls of well-behaved clients that were answered.
    pub calls: u64,
    /// Other things of MCP that well-behaved clients used from end to end.
    pub uses: u64,
    /// Calls that the runtime performed.
    pub performed: u64,
    /// What was drawn, for [`Choice::of_bytes`].
    pub drawn: Vec<u8>,
    /// Faults injected.
    pub faults: u64,
    /// Every line of the trace.
    pub trace: Vec<String>,
}

impl Summary {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.sign_ins += other.sign_ins;
        self.calls += other.calls;
        self.uses += other.uses;
        self.performed += other.performed;
        self.faults += other.faults;
    }

    /// The counts of so many runs, in words.
    #[must_use]
    pub fn line(&self, runs: u64) -> String {
        format!(
            "{runs} seeds: {} sign-ins, {} tool calls, {} other uses, {} calls performed by the \
             runtime, {} faults, {} events",
            self.sign_ins, self.calls, self.uses, self.performed, self.faults, self.events
        )
    }
}

/// How a run failed.
#[derive(Clone, Debug)]
pub struct FailedRun {
    /// The check.
    pub failure: Failure,
    /// Every line of the trace.
    pub trace: Vec<String>,
    /// What was drawn, for [`Choice::of_bytes`].
    pub drawn: Vec<u8>,
}

/// After how long it is looked whether the safety phase is over.
const STEP: Duration = Duration::from_secs(10);

/// How long the liveness phase may take.
const BOUND: Duration = Duration::from_secs(3600);

/// Runs the world once.
///
/// # Errors
///
/// The check that failed, with the trace.
pub fn run(
    mut choice: Choice,
    change: impl FnOnce(&mut Options),
) -> Result<Summary, Box<FailedRun>> {
    let mut options = Options::draw(&mut choice);
    change(&mut options);
    let world = World::new(options, choice);
    let shared: Shared = Rc::new(RefCell::new(RunState::default()));
    let ran = catch_unwind(AssertUnwindSafe(|| phases(&world, &shared)));
    let result = ran.unwrap_or_else(|panic| Err(Failure::new("no panics", panic_message(&*panic))));
    let drawn = world.choose(|choice| choice.drawn().to_vec());
    let summary = Summary {
        hash: world.trace_hash(),
        events: world.trace().len(),
        sign_ins: world.count("codes"),
        calls: shared.borrow().calls,
        uses: shared.borrow().uses,
        performed: world.count("native calls"),
        faults: world.count("faults"),
        drawn,
        trace: world.trace(),
    };
    let result = result.map_err(|failure| {
        Box::new(FailedRun {
            failure,
            trace: world.trace(),
            drawn: summary.drawn.clone(),
        })
    });
    world.end();
    result.map(|()| summary)
}

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

fn phases(world: &World, shared: &Shared) -> Result<(), Failure> {
    let is_several = world.options(|options| options.has(Unkindness::SeveralTenants));
    let accounts = match is_several {
        true => Entra::accounts_of_several(),
        false => Entra::accounts(),
    };
    spawn_users(world, shared, accounts);
    spawn_others(world, shared, accounts);
    for number in 0..world.choose(|choice| choice.below(3)) {
        let victim = world.choose(|choice| *choice.pick(accounts.users));
        let name = format!("mallory{number}");
        let attacker = Attacker::new(world, &name, accounts.attacker, victim, shared);
        world.spawn(attacker.run());
    }
    world.spawn(fault_injection::inject_faults(
        world.clone(),
        Rc::clone(shared),
    ));
    if world.options(|options| options.has(Unkindness::WallClockSteps)) {
        let steps = fault_injection::step_wall_clocks(world.clone(), Rc::clone(shared));
        world.spawn(steps);
    }
    if world.replicas() > 1 && world.options(|options| options.has(Unkindness::Partitions)) {
        let cuts = partition::cut_off_replicas(world.clone(), Rc::clone(shared));
        world.spawn(cuts);
    }
    if world.options(|options| options.has(Unkindness::OftenThrottled)) {
        let throttling = fault_injection::throttle_often(world.clone(), Rc::clone(shared));
        world.spawn(throttling);
    }
    if world.options(|options| options.has(Unkindness::ClaimsChallenges)) {
        let challenges = fault_injection::challenge_often(world.clone(), Rc::clone(shared));
        world.spawn(challenges);
    }
    if world.options(|options| options.has(Unkindness::DisabledWhileClocksAreBack)) {
        let disabling = fault_injection::disable_with_clocks_back(world.clone(), Rc::clone(shared));
        world.spawn(disabling);
    }
    if world.options(|options| options.backend.is_some()) {
        let taking = fault_injection::take_roles(world.clone(), Rc::clone(shared));
        world.spawn(taking);
    }
    if world.options(|options| options.has(Unkindness::TenantsMixedUp)) {
        let mixing = fault_injection::mix_up_tenants(world.clone(), Rc::clone(shared));
        world.spawn(mixing);
    }
    let safety_phase = world.choose(|choice| *choice.pick(&[600, 1800, 2 * 3600]));
    // A run is as long as its input: when a fuzzer's bytes are used up, nothing new can fail.
    let end = world.moment().after(Duration::from_secs(safety_phase));
    while world.moment() < end && !world.choose(|choice| choice.is_exhausted()) {
        world.try_run(world.sleep(STEP))?;
    }
    shared.borrow_mut().faults_stopped = true;
    world.options(|options| options.faults = Faults::default());
    fault_injection::stop_faults(world);
    let end = world.moment().after(BOUND);
    while world.actors() > 0 && world.moment() < end {
        world.try_run(world.sleep(Duration::from_secs(30)))?;
    }
    let (finished, expected) = (shared.borrow().finished, shared.borrow().expected);
    if finished != expected || world.actors() > 0 {
        let what = format!("{finished} of {expected} got through");
        return Err(Failure::new("every user finishes", what));
    }
    wait_for_quiescence(world)
}

/// The users whose progress counts.
fn spawn_users(world: &World, shared: &Shared, accounts: Accounts) {
    let count = 1 + world.choose(|choice| choice.below(3));
    for number in 0..count {
        let (endpoint, dialect) = endpoints::choose(world);
        let account = world.choose(|choice| *choice.pick(accounts.users));
        let name = format!("client{number}");
        let user = SimUser::new(world, &name, account, dialect, shared).at(endpoint);
        world.spawn(user.run());
        shared.borrow_mut().expected += 1;
    }
    if world.choose(|choice| choice.chance(300)) {
        let (endpoint, dialect) = endpoints::choose(world);
        let account = world.choose(|choice| *choice.pick(accounts.users));
        let user = DeviceUser::new(world, "device", account, dialect, shared).at(endpoint);
        world.spawn(user.run());
        shared.borrow_mut().expected += 1;
    }
}

/// Who is there beside the users whose progress counts, and the attackers.
fn spawn_others(world: &World, shared: &Shared, accounts: Accounts) {
    if world.options(|options| options.has(Unkindness::EntraCallers)) {
        for (number, account) in accounts.users.iter().enumerate() {
            let name = format!("caller{number}");
            world.spawn(EntraCaller::new(world, &name, account, shared).run());
        }
    }
    if world.options(|options| options.has(Unkindness::GreedyUsers)) {
        spawn_greedy_user(world, shared, accounts.attacker);
    }
    if world.options(|options| options.has(Unkindness::Crowds))
        && world.choose(|choice| choice.chance(300))
    {
        world.spawn(Crowd::new(world, "crowd", shared).run());
    }
}

/// Some runs have a greedy user, with an account of its own.
fn spawn_greedy_user(world: &World, shared: &Shared, account: &str) {
    if world.choose(|choice| choice.chance(300)) {
        let (endpoint, dialect) = endpoints::choose(world);
        let greedy = GreedyUser::new(world, "greedy", account, dialect, shared).at(endpoint);
        world.spawn(greedy.run());
    }
}

/// All users are done: what still runs must end by itself.
fn wait_for_quiescence(world: &World) -> Result<(), Failure> {
    let end = world
        .moment()
        .after(limits::TASK_TIMEOUT + limits::CALL_TIMEOUT);
    while world.exchanges() > 0 && world.moment() < end {
        world.try_run(world.sleep(Duration::from_secs(60)))?;
    }
    match world.exchanges() {
        0 => Ok(()),
        left => {
            let what = format!("{left} exchanges go on for nobody");
            Err(Failure::new("everything ends", what))
        }
    }
}
