//! Bugs in front of a server of another make.

use entra_mcp_core::{env::Server, planted::Planted};
use entra_mcp_fuzz::{backend::BackendKind, options::Options, unkindness::Unkindness};

use super::caught_with;

fn kind(name: &str) -> BackendKind {
    let mut all = BackendKind::ALL.into_iter();
    let found = all.find(|(known, _)| *known == name);
    found.expect("there is such a backend").1
}

/// The bug is caught with a backend of this kind behind the server.
fn caught_before(backend: &str, prepare: fn(Server) -> Server, checks: &[&str]) {
    let worlds = |options: &mut Options| {
        options.backend = Some(kind(backend));
        options.second = None;
    };
    caught_with(worlds, prepare, checks);
}

#[test]
fn id_of_a_client_at_a_backend_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::IdsOfClientsPassed),
        &["ids of its own"],
    );
}

#[test]
fn call_of_a_hidden_tool_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::HiddenToolsCalled),
        &["hidden stays hidden"],
    );
}

#[test]
fn argument_that_the_policy_forbids_is_caught() {
    caught_before(
        "process",
        |server| server.with_bug(Planted::ArgumentsNotJudged),
        &["arguments are judged"],
    );
}

#[test]
fn session_of_a_backend_for_several_users_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::BackendSessionsShared),
        &["sessions of the backend apart"],
    );
}

#[test]
fn credential_that_a_backend_sends_back_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::CredentialsNotGuarded),
        &["nothing leaks"],
    );
}

#[test]
fn process_that_is_not_killed_is_caught() {
    caught_before(
        "process",
        |server| server.with_bug(Planted::ProcessesNotKilled),
        &["processes end"],
    );
}

#[test]
fn call_that_is_repeated_after_a_break_is_caught() {
    caught_before(
        "stateless",
        |server| server.with_bug(Planted::CallsRepeated),
        &["called once", "ids of its own"],
    );
}

#[test]
fn list_with_what_is_hidden_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::ListsNotFiltered),
        &["hidden stays hidden"],
    );
}

#[test]
fn refusal_that_tells_what_is_hidden_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::HiddenToldApart),
        &["hidden is as unknown"],
    );
}

#[test]
fn call_without_the_scope_of_its_tool_is_caught() {
    caught_before(
        "process",
        |server| server.with_bug(Planted::ToolScopesIgnored),
        &["scopes are needed"],
    );
}

#[test]
fn challenge_that_does_not_name_its_scope_is_caught() {
    caught_before(
        "process",
        |server| server.with_bug(Planted::ScopesNotNamed),
        &["scopes can be widened"],
    );
}

/// The same where roles come and go.
fn caught_with_roles(prepare: fn(Server) -> Server, checks: &[&str]) {
    let worlds = |options: &mut Options| {
        options.unkindness.insert(Unkindness::RolesTaken);
        options.backend = Some(kind("http"));
        options.second = None;
    };
    caught_with(worlds, prepare, checks);
}

#[test]
fn role_that_is_taken_away_and_kept_is_caught() {
    caught_with_roles(
        |server| server.with_bug(Planted::RolesNotRenewed),
        &["hidden stays hidden", "hidden is not told"],
    );
}

#[test]
fn stream_that_goes_on_with_a_role_that_was_taken_away_is_caught() {
    caught_with_roles(
        |server| server.with_bug(Planted::StreamsKeepRoles),
        &["hidden is not told"],
    );
}

#[test]
fn calls_of_one_user_without_a_bound_are_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::SharesIgnored),
        &["calls bounded"],
    );
}

#[test]
fn call_that_does_not_wait_for_its_user_is_caught() {
    caught_before(
        "http",
        |server| server.with_bug(Planted::ConfirmationsNotAwaited),
        &["confirmed first"],
    );
}

#[test]
fn call_that_is_made_twice_for_one_confirmation_is_caught() {
    caught_before(
        "shared-process",
        |server| server.with_bug(Planted::ConfirmationsReusable),
        &["called once"],
    );
}

#[test]
fn token_for_a_backend_of_another_user_is_caught() {
    caught_before(
        "entra",
        |server| server.with_bug(Planted::BackendTokensShared),
        &["tokens of their users"],
    );
}

#[test]
fn token_for_a_backend_that_is_not_kept_is_caught() {
    caught_before(
        "stateless-entra",
        |server| server.with_bug(Planted::BackendTokensNotKept),
        &["tokens are kept"],
    );
}

#[test]
fn claims_that_a_backend_wants_and_nobody_asks_for_are_caught() {
    caught_before(
        "stateless-entra",
        |server| server.with_bug(Planted::ClaimsDropped),
        &["claims are passed on"],
    );
}

/// The same with two backends, each at an endpoint of its own.
fn caught_between(backends: [&str; 2], prepare: fn(Server) -> Server, checks: &[&str]) {
    let [first, second] = backends.map(|name| Some(kind(name)));
    let worlds = |options: &mut Options| {
        options.backend = first;
        options.second = second;
    };
    caught_with(worlds, prepare, checks);
}

#[test]
fn token_that_is_good_at_another_endpoint_is_caught() {
    caught_between(
        ["http", "stateless"],
        |server| server.with_bug(Planted::EndpointsOfTokensIgnored),
        &[
            "bearer needed",
            "tokens of their endpoints",
            "backends apart",
        ],
    );
}

#[test]
fn session_of_another_endpoint_is_caught() {
    caught_between(
        ["http", "http"],
        |server| server.with_bug(Planted::EndpointsNotApart),
        &["backends apart", "own sessions only", "own names only"],
    );
}
