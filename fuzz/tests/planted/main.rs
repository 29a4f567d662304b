//! The simulator can fail: each planted bug is caught within a bounded number of seeds, by the
//! check that is there for it.

#![expect(clippy::print_stdout, reason = "after how many seeds is worth knowing")]

mod gateway;

use entra_mcp_core::{env::Server, planted::Planted};
use entra_mcp_fuzz::{choice::Choice, options::Options, simulate, unkindness::Unkindness};

/// The most seeds that a bug may survive.
const SEEDS: u64 = 300;

fn caught(prepare: fn(Server) -> Server, checks: &[&str]) {
    caught_in(&[], prepare, checks);
}

/// The same in a world that is unkind in this besides.
fn caught_in(unkindness: &[Unkindness], prepare: fn(Server) -> Server, checks: &[&str]) {
    let worlds = |options: &mut Options| {
        options.unkindness.extend(unkindness);
        options.backend = None;
    };
    caught_with(worlds, prepare, checks);
}

/// The same in worlds with these options.
fn caught_with(worlds: impl Fn(&mut Options), prepare: fn(Server) -> Server, checks: &[&str]) {
    caught_first(0, worlds, prepare, checks);
}

/// The same; the world of this seed comes first, since few others show the bug.
fn caught_first(
    first: u64,
    worlds: impl Fn(&mut Options),
    prepare: fn(Server) -> Server,
    checks: &[&str],
) {
    let others = (0..SEEDS).filter(|seed| *seed != first);
    for seed in std::iter::once(first).chain(others) {
        let choice = Choice::seeded(seed);
        let run = simulate::run(choice, |options| {
            options.prepare = prepare;
            worlds(options);
        });
        if let Err(failed) = run {
            println!("caught with seed {seed}: {}", failed.failure);
            assert!(checks.contains(&failed.failure.check), "{}", failed.failure);
            return;
        }
    }
    panic!("{SEEDS} seeds do not catch it");
}

#[test]
fn callback_in_any_browser_is_caught() {
    caught(
        |server| server.with_bug(Planted::StateUnchecked),
        &["only where allowed"],
    );
}

#[test]
fn ignored_audience_is_caught() {
    caught(
        |server| server.with_bug(Planted::AudienceIgnored),
        &["good id tokens only"],
    );
}

#[test]
fn second_response_is_caught() {
    caught(
        |server| server.with_bug(Planted::AnsweredTwice),
        &["answered once"],
    );
}

#[test]
fn token_without_expiry_is_caught() {
    caught(
        |server| server.with_bug(Planted::NeverExpires),
        &["bearer needed"],
    );
}

#[test]
fn token_in_the_log_is_caught() {
    caught(
        |server| server.with_bug(Planted::TokenLogged),
        &["nothing leaks"],
    );
}

#[test]
fn skipped_consent_is_caught() {
    caught(
        |server| server.with_bug(Planted::ConsentDropped),
        &["only where allowed", "own consent only"],
    );
}

#[test]
fn consent_of_another_user_is_caught() {
    caught(
        |server| server.with_bug(Planted::ConsentShared),
        &["own consent only"],
    );
}

#[test]
fn cross_origin_consent_form_is_caught() {
    caught_first(
        17,
        |options| options.backend = None,
        |server| server.with_bug(Planted::OriginIgnored),
        &["only where allowed"],
    );
}

#[test]
fn reusable_refresh_token_is_caught() {
    caught(
        |server| server.with_bug(Planted::ReuseIgnored),
        &["spent once"],
    );
}

#[test]
fn shared_mcp_session_is_caught() {
    caught(
        |server| server.with_bug(Planted::SessionsShared),
        &["own sessions only"],
    );
}

#[test]
fn schema_violation_is_caught() {
    caught(
        |server| server.with_bug(Planted::NullWritten),
        &["fits its schema"],
    );
}

#[test]
fn shared_request_state_is_caught() {
    caught(
        |server| server.with_bug(Planted::StatesShared),
        &["own names only"],
    );
}

#[test]
fn shared_task_is_caught() {
    caught_in(
        &[Unkindness::TasksOfOthers],
        |server| server.with_bug(Planted::TasksShared),
        &["own names only", "user isolation"],
    );
}

#[test]
fn disclosed_fault_is_caught() {
    caught(
        |server| server.with_bug(Planted::FaultDisclosed),
        &["nothing leaks"],
    );
}

#[test]
fn lost_write_of_the_last_step_is_caught() {
    caught(
        |server| server.with_bug(Planted::WritesNotAwaited),
        &["no ask is lost"],
    );
}

#[test]
fn ignored_share_is_caught() {
    caught(
        |server| server.with_bug(Planted::ShareIgnored),
        &["bearer needed"],
    );
}

#[test]
fn predictable_client_secret_is_caught() {
    caught(
        |server| server.with_bug(Planted::SecretsPredictable),
        &["secrets of their own"],
    );
}

#[test]
fn ignored_throttling_is_caught() {
    caught_in(
        &[Unkindness::OftenThrottled],
        |server| server.with_bug(Planted::ThrottleIgnored),
        &["throttling holds"],
    );
}

#[test]
fn trusted_clock_is_caught() {
    caught_in(
        &[Unkindness::DisabledWhileClocksAreBack],
        |server| server.with_bug(Planted::ClockTrusted),
        &["disabled users are out"],
    );
}

#[test]
fn document_fetched_for_nobody_is_caught() {
    caught(
        |server| server.with_bug(Planted::DocumentsForNobody),
        &["fetched for somebody"],
    );
}

#[test]
fn document_of_another_client_is_caught() {
    caught(
        |server| server.with_bug(Planted::DocumentsOfAnother),
        &["as its site says"],
    );
}

#[test]
fn device_decided_on_by_somebody_else_is_caught() {
    let worlds = |options: &mut Options| {
        options.unkindness.insert(Unkindness::DevicesOfOthers);
        options.backend = None;
    };
    caught_first(
        38,
        worlds,
        |server| server.with_bug(Planted::DeviceCodesShared),
        &["devices of their users", "user isolation"],
    );
}

#[test]
fn ignored_window_of_refresh_tokens_is_caught() {
    caught(
        |server| server.with_bug(Planted::WindowIgnored),
        &["processes share a session"],
    );
}

#[test]
fn reusable_assertion_is_caught() {
    caught(
        |server| server.with_bug(Planted::AssertionsReusable),
        &["asserted once"],
    );
}

#[test]
fn sign_in_spent_on_one_replica_only_is_caught() {
    caught(
        |server| server.with_bug(Planted::SignInsSpentApart),
        &["callbacks are spent"],
    );
}

#[test]
fn end_of_a_session_heard_of_too_late_and_ignored_is_caught() {
    caught_first(
        106,
        |options| options.backend = None,
        |server| server.with_bug(Planted::LateEndIgnored),
        &["ended stays ended"],
    );
}

#[test]
fn ignored_audience_of_an_access_token_is_caught() {
    caught_in(
        &[Unkindness::EntraCallers],
        |server| server.with_bug(Planted::EntraTokenAudienceIgnored),
        &["bearer needed"],
    );
}

#[test]
fn token_on_behalf_of_another_user_is_caught() {
    caught_in(
        &[Unkindness::EntraCallers],
        |server| server.with_bug(Planted::OnBehalfOfCrossed),
        &["user isolation"],
    );
}

#[test]
fn dropped_claims_are_caught() {
    caught_in(
        &[Unkindness::ClaimsChallenges],
        |server| server.with_bug(Planted::ClaimsDropped),
        &["claims are passed on"],
    );
}

#[test]
fn issuer_template_that_is_not_filled_is_caught() {
    caught_in(
        &[Unkindness::SeveralTenants, Unkindness::TenantsMixedUp],
        |server| server.with_bug(Planted::IssuerTemplateNotFilled),
        &["good id tokens only"],
    );
}

/// Without the bug users satisfy what is wanted, and go on.
#[test]
fn claims_challenges_stop_nobody() {
    for seed in 0..10 {
        let run = simulate::run(Choice::seeded(seed), |options| {
            options.unkindness.insert(Unkindness::ClaimsChallenges);
        });
        if let Err(failed) = run {
            panic!("seed {seed}: {}", failed.failure);
        }
    }
}

// What bugs are planted in is no fault of the world.
#[test]
fn worlds_in_which_bugs_are_planted_hold_without_them() {
    for unkindness in [
        Unkindness::OftenThrottled,
        Unkindness::DisabledWhileClocksAreBack,
    ] {
        for seed in 0..8 {
            let run = simulate::run(Choice::seeded(seed), |options| {
                options.unkindness.insert(unkindness);
            });
            if let Err(failed) = run {
                panic!("{unkindness:?}, seed {seed}: {}", failed.failure);
            }
        }
    }
}
