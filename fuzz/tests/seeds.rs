//! Some worlds, each from its seed; `.ci/run` has more, in a build that is optimized. One that fails is seen by
//! `cargo run -p entra-mcp-fuzz --example simulate -- replay SEED`.

use entra_mcp_fuzz::{
    choice::Choice,
    simulate::{self, Summary},
    unkindness::Unkindness,
};

fn run(seed: u64) -> Summary {
    match simulate::run(Choice::seeded(seed), |_| {}) {
        Ok(summary) => summary,
        Err(failed) => {
            let from = failed.trace.len().saturating_sub(40);
            let tail = failed.trace.get(from..).unwrap_or_default().join("\n");
            panic!("seed {seed}: {}\n{tail}", failed.failure);
        }
    }
}

/// Runs some seeds; in several tests, so that several threads do it.
fn simulate(seeds: std::ops::Range<u64>) {
    let mut total = Summary::default();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        total.add(&run(seed));
    }
    let line = total.line(count);
    assert!(
        total.sign_ins > count && total.calls > count && total.faults > count,
        "{line}"
    );
}

#[test]
fn first_ten_seeds_hold() {
    simulate(0..10);
}

#[test]
fn next_ten_seeds_hold() {
    simulate(10..20);
}

// The replica is cut off from the store when the task's session ends.
#[test]
fn task_that_cannot_be_written_is_none_that_goes_on() {
    run(4_000_316);
}

// A client reads slowly twice while a tool waits for Graph and the session ends on another replica.
#[test]
fn word_of_the_end_of_a_session_overtakes_what_waits() {
    run(2_094_690_553);
}

#[test]
fn trace_follows_from_the_seed() {
    let (first, again, other) = (run(3), run(3), run(4));
    assert_eq!(first.trace, again.trace);
    assert_eq!(first.hash, again.hash);
    assert_ne!(first.hash, other.hash);
}

#[test]
fn drawn_bytes_replay_the_seed() {
    let seeded = run(5);
    let replayed = simulate::run(Choice::of_bytes(&seeded.drawn), |_| {}).unwrap();
    assert_eq!(replayed.hash, seeded.hash);
}

/// Users of two organizations, whose tokens have issuers of their own (threat D24).
#[test]
fn users_of_several_organizations_sign_in_and_are_never_mixed_up() {
    for seed in 950..953 {
        let run = simulate::run(Choice::seeded(seed), |options| {
            options.unkindness.insert(Unkindness::SeveralTenants);
            options.unkindness.insert(Unkindness::EntraCallers);
        });
        if let Err(failed) = run {
            panic!("seed {seed}: {}", failed.failure);
        }
    }
}

/// Callers with access tokens of Entra's, beside users with sessions (threats D16, D17).
#[test]
fn callers_with_access_tokens_of_entra_are_never_mixed_up() {
    for seed in 900..903 {
        let run = simulate::run(Choice::seeded(seed), |options| {
            options.unkindness.insert(Unkindness::EntraCallers);
        });
        if let Err(failed) = run {
            panic!("seed {seed}: {}", failed.failure);
        }
    }
}
