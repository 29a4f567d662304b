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
pub mod client_site;
pub mod echo;
pub mod html;
mod live_backend;
pub mod load;
pub mod program;
pub mod raw_http;
pub mod recorded;
pub mod schema_checked;
pub mod server;
pub mod session;
pub mod unix;

pub use self::{program::Program, server::Server};

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
    sign_in::sign_in_returns_the_users_own_details,
    sign_in::sessions_of_every_older_revision_return_the_details,
    sign_in::stateless_revision_returns_the_details,
    sign_in::http_sse_returns_the_details_on_its_stream,
    sign_in::two_users_get_their_own_details,
    sign_in::declined_consent_is_reported_to_the_client,
    sign_in::failed_entra_sign_in_issues_no_code,
    client_credentials::certificate_replaces_the_client_secret,
    client_credentials::federated_token_replaces_the_client_secret,
    client_credentials::managed_identity_replaces_the_client_secret,
    client_credentials::managed_identity_that_gives_no_token_is_explained,
    client_credentials::machine_that_is_upgraded_is_asked_again_without_a_storm,
    client_credentials::refused_credential_is_logged_at_the_start,
    credential_files::certificate_of_every_form_starts_or_says_what_to_do,
    credential_files::certificate_that_is_no_good_stops_the_start,
    credential_files::certificate_that_has_ended_is_told_at_the_start,
    credential_files::federated_token_of_a_cluster_is_good_once_entra_knows_of_it,
    credential_files::federated_token_is_rotated_lost_and_back_while_the_server_runs,
    credential_files::federated_token_that_is_no_good_stops_the_start,
    entra_unavailable::secret_that_is_wrong_expired_or_missing_is_told_to_the_operator,
    entra_unavailable::entra_that_is_throttled_or_broken_is_waited_for,
    entra_unavailable::keys_are_fetched_once_for_a_key_that_is_unknown,
    entra_wire::code_is_good_once_for_its_verifier_and_address_and_for_ten_minutes,
    entra_wire::resource_of_a_client_is_never_passed_on_to_entra,
    entra_wire::code_in_a_form_is_redeemed_and_not_taken_by_the_callback,
    entra_wire::who_signs_out_returns_to_a_registered_address_only,
    entra_wire::error_of_an_unregistered_address_stays_on_the_page_of_entra,
    admission::listed_clients_come_in_and_others_are_told_whom_to_ask,
    admission::closed_server_registers_nobody,
    who_may_sign_in::user_who_may_not_sign_in_is_told_whom_to_ask,
    who_may_sign_in::user_in_more_groups_than_a_token_names_signs_in,
    who_may_sign_in::groups_that_an_access_token_leaves_out_are_asked_of_graph,
    who_may_sign_in::user_who_lost_the_group_is_out,
    conditional_access::challenge_of_graph_is_satisfied_inside_the_session,
    conditional_access::second_factor_at_a_renewal_is_satisfied_inside_the_session,
    conditional_access::claims_of_a_client_do_not_reach_entra,
    conditional_access::claims_challenge_is_understood_however_it_is_written,
    conditional_access::graph_that_wants_claims_again_and_again_is_no_loop,
    conditional_access::session_ends_where_no_step_up_would_help,
    conditional_access::user_who_is_disabled_or_revoked_is_out_at_the_next_call,
    conditional_access::caller_satisfies_the_claims_of_a_refusal_on_its_behalf,
    graph_tools::tools_of_graph_ask_for_their_scopes_and_answer,
    graph_tools::content_of_a_file_is_read_by_a_link_without_the_token,
    graph_tools::tools_of_graph_are_off_unless_asked_for,
    tenants::users_of_allowed_organizations_sign_in,
    tenants::user_of_another_organization_is_refused,
    tenants::administrator_lets_an_organization_in,
    tenants::forged_return_of_the_admin_consent_lets_nobody_in,
    tenants::guest_signs_in_unless_guests_are_kept_out,
    tenants::access_token_of_an_allowed_organization_is_taken_and_of_another_refused,
    entra_tokens::access_token_of_entra_uses_tools_as_its_user,
    entra_tokens::tokens_on_behalf_of_two_users_are_not_crossed,
    entra_tokens::access_token_of_version_1_is_taken_where_it_is_asked_for,
    entra_tokens::access_token_is_refused_where_none_are_taken_and_an_id_token_everywhere,
    entra_tokens::application_without_a_user_may_call_if_the_operator_says_so,
    entra_tokens::access_token_of_a_user_whose_sessions_were_revoked_is_out,
    agents::agents_use_tools_for_users_and_are_told_apart,
    agents::agents_are_kept_out_where_the_operator_says_so,
    entra_token_refusals::access_token_that_is_wrong_is_refused_with_its_reason,
    entra_token_refusals::id_token_and_token_for_graph_of_our_own_client_are_refused,
    entra_token_refusals::client_signs_in_with_entra_by_the_metadata_alone,
    entra_tokens::resource_metadata_sends_clients_where_the_operator_says,
    preregistered::preregistered_client_signs_in_by_basic_or_by_form,
    preregistered::preregistered_client_may_leave_pkce_out_if_it_is_told_so,
    preregistered::unlisted_redirect_uri_is_named_and_can_be_listed_without_a_restart,
    preregistered::clients_are_read_again_after_a_hangup,
    preregistered::user_who_is_not_listed_for_a_client_gets_a_page,
    preregistered::added_client_proves_itself_by_the_secret_that_was_shown,
    preregistered::file_of_clients_that_is_wrong_stops_the_start,
    code_page::copied_code_signs_a_program_in,
    device_authorization::device_without_a_browser_signs_in,
    device_authorization::device_is_told_that_its_user_said_no,
    consents::remembered_consent_is_its_users_own,
    consents::error_of_an_unapproved_site_is_a_page,
    consents::failed_callback_cannot_be_replayed,
    connections::user_sees_and_ends_their_own_connections,
    tokens::refresh_token_of_any_generation_gets_the_one_that_is_good,
    tokens::refresh_rotates_and_reuse_ends_the_session,
    tokens::lifetimes_are_those_that_are_set,
    tokens::concurrent_code_redemptions_give_one_session,
    tokens::concurrent_refreshes_give_one_successor,
    tokens::revoked_token_is_refused,
    tokens::revoked_token_ends_its_stream,
    tokens::invalid_token_gets_only_a_challenge,
    tokens::token_of_one_endpoint_is_refused_at_the_other,
    lifecycle::killed_server_keeps_its_sessions,
    lifecycle::terminated_server_shuts_down,
    lifecycle::server_lives_on_after_a_hangup,
    lifecycle::invalid_settings_are_reported_in_words,
    secrets::entra_secrets_are_never_disclosed,
    secrets::data_folder_is_private_and_holds_no_plaintext,
    pages::foreign_hosts_and_origins_are_refused,
    pages::cross_origin_pages_may_read_only_public_documents,
    pages::consent_form_cannot_be_posted_cross_origin,
    pages::callback_works_only_in_the_consenting_browser,
    pages::every_page_has_its_security_headers,
    unauthenticated::unauthenticated_flood_leaves_no_state,
    unauthenticated::urls_named_by_unauthenticated_clients_are_not_fetched,
    unauthenticated::errors_disclose_nothing,
    unauthenticated::burst_of_refusals_is_counted_in_the_log_when_it_is_over,
    interoperability::slash_at_the_end_is_served_without_a_redirect,
    interoperability::absolute_target_is_served,
    interoperability::null_is_as_if_left_out,
);

// What a server that faces untrusted clients must do besides.
suite!($ end_to_end_hostile_peers:
    library::disconnect_cancels_a_stateless_call,
    framing::conflicting_framing_hides_no_second_request,
    framing::invalid_content_lengths_are_refused,
    framing::broken_chunks_are_refused,
    framing::broken_header_lines_are_refused,
    framing::exactly_one_host_is_required,
    framing::malformed_requests_are_refused,
    framing::refusal_leaves_no_request_behind,
    framing::pipelined_requests_are_answered_in_order,
    framing::head_response_has_no_body,
    sessions::operator_lists_and_ends_sessions,
    key_change::session_lives_while_the_master_key_is_changed,
    rate_limits::strangers_of_one_address_are_limited_in_rate,
    rate_limits::user_is_limited_in_rate_and_others_are_not,
    resource_limits::endless_heads_are_refused,
    resource_limits::slow_heads_time_out,
    resource_limits::endless_bodies_are_refused,
    resource_limits::two_thousand_idle_connections_block_nobody,
    crowds::two_thousand_connections_hold_little_memory,
    resource_limits::exhausted_file_descriptors_delay_but_do_not_stop_the_server,
    resource_limits::stalled_readers_block_nobody,
    resource_limits::streams_per_user_are_bounded,
    crowds::calls_of_some_users_delay_no_response_to_others,
);

// What a runtime must do that sends requests to backends.
suite!($ end_to_end_gateway:
    gateway::tools_of_a_backend_are_called_with_progress_and_questions,
    gateway::backend_is_told_who_calls_and_hands_it_to_no_client,
    gateway_entra::backend_gets_a_token_of_entra_for_itself_and_this_user,
    gateway_entra::claims_that_a_backend_wants_are_a_step_up_of_the_same_session,
    gateway_eras::question_of_a_backend_with_sessions_is_a_round_of_a_stateless_client,
    gateway_eras::rounds_of_a_stateless_backend_are_questions_to_a_client_with_a_session,
    gateway_eras::client_of_http_sse_is_asked_by_a_backend_of_either_era,
    gateway_headers::forty_headers_of_a_client_never_reach_a_backend,
    gateway::session_that_a_backend_has_lost_is_opened_again,
    gateway::backend_that_is_not_there_is_told_in_words,
    gateway::server_of_others_is_used_unmodified,
    gateway_typescript::servers_of_the_typescript_sdks_are_used_unmodified,
    gateway_verified::assertion_is_verified_by_a_server_of_others,
    gateway_policy::tool_that_is_hidden_is_neither_listed_nor_called,
    gateway_policy::call_is_made_once_the_user_has_confirmed_it,
    gateway_policy::policy_is_read_again_after_a_hangup,
    gateway_policy::policy_that_is_wrong_stops_the_start,
    gateway_sessions::session_that_nobody_uses_is_ended_at_the_backend_and_opened_again,
    gateway_sessions::backend_that_pings_without_end_has_few_connections,
    gateway_several::what_belongs_to_one_of_several_servers_is_nothing_at_another,
    gateway_streams::what_a_backend_sends_of_its_own_accord_reaches_its_client,
    gateway_streams::what_a_backend_asks_on_its_own_stream_reaches_the_call,
    gateway_streams::listens_of_a_stateless_client_share_a_stream_of_the_backend,
    gateway_streams::backend_that_is_killed_at_any_time_does_nothing_twice,
    gateway_streams::calls_with_equal_ids_and_tokens_are_not_mixed_up,
    gateway_tls::backend_is_reached_with_the_certificates_that_are_set,
    gateway_tls::servers_at_one_address_have_certificates_of_their_own,
    shutdown::call_with_progress_is_answered_while_the_server_shuts_down,
    stdio::process_is_a_server_by_its_standard_streams,
    stdio::tools_of_a_process_are_called_with_progress_and_questions,
    stdio::process_is_of_one_session_and_ends_with_it,
    stdio::listens_of_a_stateless_client_share_its_process,
    stdio::process_that_ends_is_told_in_words_and_followed_by_another,
    stdio::what_a_process_prints_besides_holds_nobody_up,
    stdio::process_that_does_not_end_is_killed_with_its_group,
    stdio::process_that_does_not_end_is_killed_after_the_server,
    stdio::process_does_not_hold_up_a_server_that_shuts_down,
    stdio::command_that_does_not_serve_is_told_in_words,
    stdio::servers_of_others_are_run_unmodified,
);

// What the examples show of the library; they stand next to the binary.
suite!($ end_to_end_library:
    conditional_access::authentication_context_of_a_tool_is_satisfied_inside_the_session,
    library::custom_tool_is_listed_with_its_schema_and_called,
    library::tool_knows_its_caller_and_calls_graph_as_the_user,
    library::elicitation_uses_the_stream_in_older_revisions,
    library::elicitation_is_a_round_trip_in_the_stateless_revision,
    library::failing_and_panicking_tools_leave_the_server_running,
    library::panicking_route_is_answered_and_told_to_the_log,
    library::function_around_calls_changes_their_results,
    library::cancelled_call_stops,
    library::task_runs_until_it_is_cancelled,
    tokens::revoked_token_ends_its_call,
    resource_limits::calls_per_user_are_bounded,
    library::resources_prompts_and_completions_are_per_user,
    library::subscriber_is_notified_of_changes,
    lifecycle::subscription_of_a_terminated_server_gets_its_result,
    lifecycle::terminated_server_is_not_ready_and_serves_while_balancers_find_out,
    authorization::missing_scope_is_granted_by_step_up,
    authorization::role_protected_tool_is_visible_to_its_role_only,
    library::example_accepts_the_flags_of_its_binary,
    everything::everything_fits_the_schemas_of_the_older_revisions,
    everything::everything_fits_the_schema_of_the_stateless_revision,
    bursts::burst_reaches_its_reader_and_cuts_nobody_off,
    bursts::twelve_calls_at_once_are_all_answered,
    bursts::stream_resumed_as_its_call_ends_has_the_response,
);

// What clients do that exist, as it was recorded of them.
suite!($ end_to_end_clients:
    base_path::sign_in_below_a_path_works_with_a_proxy_that_strips_it_or_not,
    editors::vs_code_signs_in_by_its_document,
    editors::vs_code_gets_its_long_state_back,
    editors::vs_code_refreshes_without_scope,
    editors::cursor_returns_to_the_third_of_its_addresses,
    editors::gemini_probes_by_head_and_asks_for_every_scope,
    claude::claude_signs_in_by_its_pinned_document,
    claude::claude_registers_itself,
    claude::claude_code_returns_to_a_port_of_its_own,
    claude::claude_code_desktop_returns_to_its_scheme,
    chatgpt::chatgpt_is_told_of_a_denial_with_its_issuer,
    chatgpt::chatgpt_signs_in_with_an_assertion_though_nobody_may_be_asked_for_its_keys,
    chatgpt_keys::chatgpt_proves_who_it_is_by_the_keys_of_its_document,
    chatgpt::chatgpt_asks_for_more_after_a_call_of_a_tool,
    chatgpt::codex_asks_for_unknown_scopes_and_then_for_none,
    chatgpt::codex_opens_two_sign_ins_and_finishes_the_second,
    libraries::copilot_studio_registers_and_uses_its_secret,
    libraries::go_client_probes_by_basic_and_refreshes_bare,
    libraries::csharp_client_takes_the_first_method_with_an_empty_secret,
    libraries::processes_of_one_client_refresh_at_once,
    libraries::process_of_claude_code_that_slept_comes_with_an_older_token,
    foundry::foundry_shows_its_address_later_and_its_secret_in_the_body,
    libraries::fastmcp_looks_at_the_address_before_the_browser_does,
);

// What operators are given.
suite!($ end_to_end_operators:
    monitoring::metrics_count_what_happened_and_name_nobody,
    audit_log::audit_log_tells_who_did_what,
    audit_log::audit_log_is_rotated_after_a_hangup,
    request_ids::request_has_the_id_that_a_trusted_proxy_gave_it,
    request_ids::id_of_a_stranger_is_replaced,
);

// What is decided of bytes, time and connections by a runtime's own inbound side; instantiated inside of the
// runtime's crate.
suite!($ raw_http_cases:
    raw_framing::content_length_beside_transfer_encoding_is_refused,
    raw_framing::repeated_and_invalid_content_lengths_are_refused,
    raw_framing::transfer_codings_other_than_chunked_are_refused,
    raw_framing::malformed_chunks_are_refused,
    raw_framing::oversized_chunk_extensions_and_trailers_are_refused,
    raw_framing::folded_and_malformed_header_lines_are_refused,
    raw_framing::missing_repeated_and_invalid_hosts_are_refused,
    raw_framing::invalid_request_lines_are_refused,
    raw_framing::early_refusal_leaves_no_request_behind,
    raw_connections::pipelined_requests_share_a_connection_in_order,
    raw_connections::absolute_target_is_served_as_its_path,
    raw_connections::request_sent_byte_by_byte_is_answered,
    raw_connections::oversized_heads_are_refused,
    raw_connections::slow_heads_and_bodies_time_out_and_idle_connections_close,
    raw_connections::empty_lines_before_a_request_do_not_renew_its_time,
    raw_connections::oversized_bodies_are_refused_before_they_are_read,
    raw_connections::expect_continue_is_answered_after_admission,
    raw_connections::upgrade_is_ignored,
    raw_connections::head_response_without_body_keeps_the_connection,
    raw_connections::stream_is_sent_in_chunks_and_the_connection_kept,
    raw_connections::stream_over_http_1_0_ends_with_the_connection,
    raw_connections::panic_before_the_response_is_a_500,
    raw_connections::panic_inside_a_stream_leaves_it_unfinished,
    raw_connections::disconnect_during_a_stream_is_noticed,
    raw_connections::stalled_reader_is_disconnected,
    raw_connections::client_that_reads_no_response_is_disconnected,
    raw_limits::connections_over_the_limit_get_503_but_for_health_and_metadata,
    raw_limits::strangers_of_one_address_lock_nobody_out,
    raw_limits::strangers_behind_a_proxy_are_bounded_by_client,
    proxy_protocol::client_of_the_proxy_protocol_is_counted,
    raw_limits::buffered_heads_of_strangers_are_bounded,
    raw_limits::buffered_bodies_of_strangers_are_bounded,
);

// What a runtime's own outbound side does; instantiated likewise.
suite!($ outbound_cases:
    outbound::request_has_no_headers_but_its_own,
    outbound::request_body_has_its_length_and_type,
    outbound::error_statuses_and_redirects_are_returned,
    outbound::interim_responses_are_passed_over,
    outbound::oversized_response_bodies_are_faults,
    outbound::silent_host_times_out,
    outbound::dripping_host_times_out,
    outbound::absent_host_is_unreachable,
    outbound::public_fetch_cannot_reach_private_addresses,
    outbound::https_fetch_goes_through_the_proxy,
    outbound::refusal_of_the_proxy_is_a_fault,
    outbound::other_hosts_are_reached_without_the_proxy,
    outbound::public_fetch_through_the_proxy_names_public_addresses_only,
    open_fetches::body_that_is_kept_open_comes_piece_by_piece,
    open_fetches::answer_that_is_no_success_is_not_kept_open,
    open_fetches::body_that_is_not_read_stops_its_host,
    open_fetches::body_without_its_end_is_a_fault,
);

// What programs do that a server is a part of; instantiated with a runtime in place of a program.
suite!($ embedded_cases:
    embedded::two_servers_of_one_process_are_apart,
    embedded::stopped_server_starts_again,
    embedded::process_of_an_embedded_server_is_left_alone,
    embedded::embedded_server_runs_until_a_future_ends,
    embedded::wrong_configuration_of_an_embedded_server_is_an_error,
    embedded::second_audit_log_of_one_process_is_refused,
    own_store::sessions_are_kept_in_the_store_of_the_program,
    own_store::failing_store_of_the_program_is_an_outage_and_no_more,
    own_store::store_of_the_program_needs_a_key,
);

// Requests of a runtime to backends; instantiated likewise.
suite!($ pull_cases:
    pulls::pull_sends_no_headers_but_its_own,
    pulls::pull_returns_every_status_and_follows_no_redirect,
    pulls::pull_loses_no_piece_of_a_long_stream,
    pulls::pull_lets_come_what_was_allowed_before_the_head,
    pulls::cancelled_pull_closes_its_connection,
    pulls::pull_that_is_not_read_stops_the_backend,
    pulls_kept::pull_takes_a_kept_connection_that_is_still_open,
    pulls_kept::pull_takes_no_kept_connection_of_another_backend,
    pulls::backend_is_reached_through_a_unix_socket,
    pulls_faults::broken_answer_is_a_fault_of_the_pull,
    pulls_faults::endless_head_is_a_fault_of_the_pull,
    pulls_faults::pull_ends_at_its_limits,
    pulls_faults::absent_backend_is_unreachable,
    pulls_tls::backend_of_an_own_authority_is_believed_only_if_it_is_named,
    pulls_tls::backend_is_shown_the_client_certificate,
    pulls_tls::tls_and_its_absence_are_not_mixed_up,
);

/// All of it.
#[macro_export]
macro_rules! end_to_end {
    ($program:expr) => {
        $crate::end_to_end_core!($program);
        $crate::end_to_end_gateway!($program);
        $crate::end_to_end_library!($program);
        $crate::end_to_end_clients!($program);
        $crate::end_to_end_hostile_peers!($program);
        $crate::end_to_end_operators!($program);
    };
}
