//! The simulator can fail: each planted bug is caught within a bounded number of seeds, by the
//! check that is there for it.

#![expect(clippy::print_stdout, reason = "after how many seeds is worth knowing")]

use entra_mcp_core::{env::Server, planted::Planted};
use entra_mcp_fuzz::{choice::Choice, simulate};

/// The most seeds that a bug may survive.
const SEEDS: u64 = 300;

fn caught(prepare: fn(Server) -> Server, checks: &[&str]) {
    for seed in 0..SEEDS {
        let choice = Choice::seeded(seed);
        let run = simulate::run(choice, |options| options.prepare = prepare);
        if let Err(failed) = run {
            println!("caught after {} seeds: {}", seed + 1, failed.failure);
            assert!(checks.contains(&failed.failure.check), "{}", failed.failure);
            return;
        }
    }
    panic!("{SEEDS} seeds do not catch it");
}

#[test]
fn a_callback_taken_in_any_browser_is_caught() {
    caught(
        |server| server.with_bug(Planted::StateUnchecked),
        &["only where allowed"],
    );
}

#[test]
fn an_ignored_audience_is_caught() {
    caught(
        |server| server.with_bug(Planted::AudienceIgnored),
        &["good id tokens only"],
    );
}

#[test]
fn a_second_answer_is_caught() {
    caught(
        |server| server.with_bug(Planted::AnsweredTwice),
        &["answered once"],
    );
}

#[test]
fn a_token_without_an_end_is_caught() {
    caught(
        |server| server.with_bug(Planted::NeverExpires),
        &["bearer needed"],
    );
}

#[test]
fn a_token_in_the_log_is_caught() {
    caught(
        |server| server.with_bug(Planted::TokenLogged),
        &["nothing leaks"],
    );
}

#[test]
fn a_dropped_consent_is_caught() {
    caught(
        |server| server.with_bug(Planted::ConsentDropped),
        &["only where allowed"],
    );
}

#[test]
fn a_consent_form_from_any_page_is_caught() {
    caught(
        |server| server.with_bug(Planted::OriginIgnored),
        &["only where allowed"],
    );
}

#[test]
fn a_refresh_token_that_works_for_ever_is_caught() {
    caught(
        |server| server.with_bug(Planted::ReuseIgnored),
        &["spent once"],
    );
}

#[test]
fn a_session_that_is_anybodys_is_caught() {
    caught(
        |server| server.with_bug(Planted::SessionsShared),
        &["own sessions only"],
    );
}

#[test]
fn a_message_that_does_not_fit_its_schema_is_caught() {
    caught(
        |server| server.with_bug(Planted::NullWritten),
        &["fits its schema"],
    );
}

#[test]
fn a_state_that_is_anybodys_is_caught() {
    caught(
        |server| server.with_bug(Planted::StatesShared),
        &["own names only"],
    );
}

#[test]
fn a_task_that_is_anybodys_is_caught() {
    caught(
        |server| server.with_bug(Planted::TasksShared),
        &["own names only", "user isolation"],
    );
}

#[test]
fn a_fault_that_is_told_is_caught() {
    caught(
        |server| server.with_bug(Planted::FaultTold),
        &["nothing leaks"],
    );
}
