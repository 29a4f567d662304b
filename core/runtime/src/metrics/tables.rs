//! How full each table is, and how full it may be.

use entra_mcp_core::{hub::HubStats, limits};

use crate::connection_limit::Occupancy;

/// How full a table is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) table: &'static str,
    pub(super) entries: usize,
    pub(super) bound: usize,
}

/// Of browsers in which a user has signed in and of others, which have the same room.
const BOTH_KINDS_OF_BROWSERS: usize = 2;

/// Documents and keys of clients, which have the same room.
const BOTH_KINDS_OF_FILES: usize = 2;

/// Metadata and tokens of a managed identity, which have the same room.
const BOTH_KINDS_OF_FETCHES: usize = 2;

/// A table: its name, its entries, their bound.
type Row = (&'static str, usize, usize);

/// Every table that strangers or users can fill.
pub(super) fn fills(hub: HubStats, held: Occupancy) -> Vec<Fill> {
    let rows = of_connections(held).into_iter().chain(of_hub(hub));
    rows.chain(of_those_that_wait(hub))
        .map(|(table, entries, bound)| Fill {
            table,
            entries,
            bound,
        })
        .collect()
}

fn of_connections(held: Occupancy) -> Vec<Row> {
    vec![
        ("connections", held.connections, held.connection_bound),
        (
            "overflow_connections",
            held.overflow,
            limits::OVERFLOW_CONNECTIONS,
        ),
        (
            "unauthenticated_bytes",
            held.bytes,
            limits::UNAUTHENTICATED_BYTES,
        ),
        ("rates", held.rates, limits::RATES),
    ]
}

fn of_hub(hub: HubStats) -> Vec<Row> {
    vec![
        ("streams", hub.streams, limits::STREAMS),
        ("calls", hub.in_flight, limits::CALLS),
        ("tasks", hub.tasks, limits::TASKS),
        ("replay_buffers", hub.replays, limits::REPLAY_BUFFERS),
        (
            "told_subscriptions",
            hub.told_subscriptions,
            limits::TOLD_SUBSCRIPTIONS,
        ),
        ("ended_sessions", hub.ended_sessions, limits::ENDED_SESSIONS),
        (
            "code_redemptions",
            hub.redemptions,
            limits::CODE_REDEMPTIONS,
        ),
        ("spent_sign_ins", hub.spent_sign_ins, limits::SPENT_SIGN_INS),
        (
            "device_authorizations",
            hub.device_authorizations,
            limits::DEVICE_AUTHORIZATIONS,
        ),
        (
            "client_documents",
            hub.client_documents,
            limits::CLIENT_DOCUMENTS,
        ),
        ("client_keys", hub.client_keys, limits::CLIENT_DOCUMENTS),
        (
            "client_assertions",
            hub.client_assertions,
            limits::CLIENT_ASSERTIONS,
        ),
        ("entra_tokens", hub.entra_tokens, limits::ENTRA_TOKENS),
        (
            "on_behalf_of_tokens",
            hub.on_behalf_of_tokens,
            limits::ON_BEHALF_OF_TOKENS,
        ),
        (
            "backend_sessions",
            hub.backend_sessions,
            limits::BACKEND_SESSIONS,
        ),
        (
            "backend_assertions",
            hub.backend_assertions,
            limits::ASSERTIONS,
        ),
    ]
}

fn of_those_that_wait(hub: HubStats) -> Vec<Row> {
    let fetches = BOTH_KINDS_OF_BROWSERS * limits::CLIENT_DOCUMENT_FETCHES;
    let file_waiters =
        BOTH_KINDS_OF_FILES * BOTH_KINDS_OF_BROWSERS * limits::CLIENT_DOCUMENT_WAITERS;
    vec![
        (
            "client_documents_fetching",
            hub.client_documents_fetching,
            fetches,
        ),
        ("client_keys_fetching", hub.client_keys_fetching, fetches),
        (
            "waiting_for_entra",
            hub.waiting_for_entra,
            BOTH_KINDS_OF_FETCHES * limits::KEYS_WAITERS,
        ),
        (
            "waiting_for_client_files",
            hub.waiting_for_client_files,
            file_waiters,
        ),
        (
            "waiting_for_signing_keys",
            hub.waiting_for_signing_keys,
            limits::KEYS_WAITERS,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    // Whoever reads the metrics finds out what they are.
    #[test]
    fn each_table_is_documented() {
        let page = include_str!("../../../docs/deploy.md");
        for fill in fills(HubStats::default(), Occupancy::default()) {
            let name = format!("`{}`", fill.table);
            assert!(page.contains(&name), "{name} in core/docs/deploy.md");
        }
    }
}
