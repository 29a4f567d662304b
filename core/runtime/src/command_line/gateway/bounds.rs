//! What a backend may take.

use entra_mcp_core::{config::BackendLimits, limits};

use crate::command_line::{
    error::ConfigError,
    given::{
        BACKEND_CONNECT_TIMEOUT, BACKEND_LOG_LINES, BACKEND_MESSAGES, BACKEND_OPEN_TIMEOUT,
        BACKEND_PROCESSES_PER_USER, BACKEND_RESTART, BACKEND_SESSION_IDLE, BACKEND_SILENCE, Given,
    },
    lifetimes::{bounded, count},
};

/// Reads all of it; each has bounds.
pub(super) fn read(
    given: &Given,
    is_command: bool,
    errors: &mut Vec<ConfigError>,
) -> BackendLimits {
    let usual = match is_command {
        true => BackendLimits::of_process(),
        false => BackendLimits::of_address(),
    };
    let mut time = |setting, usual, bounds| bounded(given, setting, usual, bounds, errors);
    let connect = time(
        &BACKEND_CONNECT_TIMEOUT,
        usual.connect,
        limits::BACKEND_CONNECT_BOUNDS,
    );
    let silence = time(&BACKEND_SILENCE, usual.silence, limits::BACKEND_IDLE_BOUNDS);
    let opening = time(
        &BACKEND_OPEN_TIMEOUT,
        usual.opening,
        limits::BACKEND_OPENING_BOUNDS,
    );
    let restart = time(&BACKEND_RESTART, usual.restart, limits::PROCESS_REST_BOUNDS);
    let session_idle = time(
        &BACKEND_SESSION_IDLE,
        usual.session_idle,
        limits::BACKEND_SESSION_IDLE_BOUNDS,
    );
    let messages = count(
        given,
        &BACKEND_MESSAGES,
        limits::BACKEND_MESSAGES_BOUNDS,
        errors,
    );
    let processes_per_user = count(
        given,
        &BACKEND_PROCESSES_PER_USER,
        1..=limits::PROCESSES_CEILING,
        errors,
    );
    let log_lines = count(
        given,
        &BACKEND_LOG_LINES,
        limits::PROCESS_COMPLAINTS_BOUNDS,
        errors,
    );
    BackendLimits {
        connect,
        silence,
        opening,
        restart,
        session_idle,
        messages: messages.unwrap_or(usual.messages),
        processes_per_user: processes_per_user.unwrap_or(usual.processes_per_user),
        log_lines: log_lines.unwrap_or(usual.log_lines),
    }
}
