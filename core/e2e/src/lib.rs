//! The end-to-end suite: a server binary is started on free ports with an empty data folder and the
//! dev tenant, and tried over sockets, as clients, browsers and attackers would.
//!
//! Every case takes the [`Program`] to try, so each runtime runs the same suite:
//!
//! ```ignore
//! entra_mcp_e2e::end_to_end!(entra_mcp_e2e::Program::new(env!("CARGO_BIN_EXE_entra-mcp-smol"), &[]));
//! ```
//!
//! A case panics where something is not as it must be. Nothing sleeps to hide a race: what takes a
//! while is waited for, with a deadline.

pub mod browser;
pub mod cases;
pub mod client;
pub mod html;
pub mod load;
pub mod raw_http;
pub mod schema_checked;
pub mod server;
pub mod session;

pub use self::server::{Program, Server};

/// Makes the macros that turn cases into tests.
macro_rules! suite {
    ($d:tt $name:ident: $($module:ident :: $case:ident,)*) => {
        /// Makes a `#[test]` of each case, against a program.
        #[macro_export]
        macro_rules! $name {
            ($d program:expr) => {
                $(
                    #[test]
                    fn $case() {
                        $crate::cases::$module::$case(&$d program);
                    }
                )*
            };
        }
    };
}

// What every runtime must do, whoever reads HTTP for it.
suite!($ end_to_end_core:
    sign_in::a_user_signs_in_and_gets_their_details,
    sign_in::every_older_revision_gets_the_details,
    sign_in::the_stateless_revision_gets_the_details,
    sign_in::the_old_transport_gets_the_details_on_its_stream,
    sign_in::two_users_get_their_own_details,
    sign_in::who_says_no_is_told_to_the_client,
    sign_in::who_may_not_sign_in_gets_no_code,
    tokens::a_refresh_rotates_and_a_reuse_ends_the_session,
    tokens::many_redemptions_of_one_code_give_one_session,
    tokens::many_refreshes_at_once_give_one_successor,
    tokens::a_revoked_token_is_worth_nothing,
    tokens::a_revoked_token_ends_its_stream,
    tokens::without_a_good_token_there_is_a_challenge_and_nothing_else,
    lifecycle::a_killed_server_keeps_its_sessions,
    lifecycle::a_server_that_is_asked_to_end_ends,
    lifecycle::settings_that_cannot_be_are_told_in_words,
    secrets::nothing_of_entra_is_ever_told,
    secrets::the_data_folder_is_its_owners_and_opens_nothing,
    pages::foreign_hosts_and_origins_are_refused,
    pages::pages_of_others_may_read_what_is_public_only,
    pages::the_consent_form_cannot_be_posted_by_others,
    pages::the_callback_works_in_the_browser_that_said_yes_only,
    pages::every_page_carries_its_headers,
    unauthenticated::unauthenticated_flood_leaves_no_state,
    unauthenticated::urls_named_by_unauthenticated_clients_are_not_fetched,
    unauthenticated::errors_disclose_nothing,
);

// What a server that faces untrusted clients must do besides.
suite!($ end_to_end_hostile_peers:
    library::a_client_that_leaves_a_stateless_call_cancels_it,
    framing::two_framings_hide_no_second_request,
    framing::lengths_that_are_no_lengths_are_refused,
    framing::broken_chunks_are_refused,
    framing::broken_header_lines_are_refused,
    framing::there_is_exactly_one_host,
    framing::what_is_no_request_is_refused,
    framing::a_refusal_leaves_no_request_behind,
    framing::pipelined_requests_are_answered_in_order,
    framing::a_head_without_body_has_none,
    resource_limits::heads_without_end_are_cut_off,
    resource_limits::slow_heads_are_cut_off,
    resource_limits::bodies_without_end_are_cut_off,
    resource_limits::two_thousand_idle_connections_hold_up_nobody,
    resource_limits::when_no_descriptors_are_left_the_server_waits_and_goes_on,
    resource_limits::readers_that_do_not_read_hold_up_nobody,
    resource_limits::a_user_cannot_hold_any_number_of_streams,
);

// What the examples show of the library; they stand next to the binary.
suite!($ end_to_end_library:
    library::a_tool_of_ones_own_is_listed_with_its_schema_and_called,
    library::a_tool_knows_who_calls_and_asks_graph_as_the_user,
    library::a_question_is_asked_on_the_stream_of_an_older_revision,
    library::a_question_is_a_round_of_its_own_in_the_stateless_revision,
    library::a_tool_fails_in_words_in_silence_or_with_a_panic_and_the_server_lives,
    library::a_call_that_is_cancelled_stops,
    library::a_call_goes_on_as_a_task_until_it_is_cancelled,
    library::resources_prompts_and_completions_are_each_users_own,
    library::who_subscribed_is_told_of_changes,
    authorization::a_client_that_lacks_a_scope_signs_in_for_more_and_goes_on,
    authorization::a_tool_for_a_role_is_there_for_who_has_it_only,
    library::an_example_takes_the_flags_of_its_binary,
    everything::all_that_is_offered_fits_the_schemas_of_the_older_revisions,
    everything::all_that_is_offered_fits_the_schema_of_the_stateless_revision,
);

/// All of it.
#[macro_export]
macro_rules! end_to_end {
    ($program:expr) => {
        $crate::end_to_end_core!($program);
        $crate::end_to_end_library!($program);
        $crate::end_to_end_hostile_peers!($program);
    };
}
