//! How full the hub is, for monitoring, tests and the simulator.

use super::Hub;

/// How full the tables are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubStats {
    /// Open streams.
    pub streams: usize,
    /// The most streams of one user and client.
    pub of_one_principal: usize,
    /// Exchanges that wait for Entra's metadata, or for the document of a client.
    pub waiting: usize,
    /// Documents of clients that are being fetched.
    pub client_documents_fetching: usize,
    /// Documents of clients that are known or being fetched, and failures that are remembered.
    pub client_documents: usize,
    /// Codes of Entra's that are being redeemed.
    pub redemptions: usize,
    /// Sign-ins that have redeemed a code and are remembered.
    pub spent_sign_ins: usize,
    /// Devices that wait for their users.
    pub device_authorizations: usize,
    /// Streams whose events are kept for a client that comes back.
    pub replays: usize,
    /// Requests that take a while.
    pub in_flight: usize,
    /// MCP sessions whose subscriptions were changed a moment ago.
    pub told_subscriptions: usize,
    /// Tasks that run.
    pub tasks: usize,
    /// Exchanges that wait for Entra's metadata, or for a token of the managed identity.
    pub waiting_for_entra: usize,
    /// Exchanges that wait for the document or the keys of a client.
    pub waiting_for_client_files: usize,
    /// Exchanges that wait for the keys by which backends are told who calls.
    pub waiting_for_signing_keys: usize,
    /// Keys of clients that are being fetched.
    pub client_keys_fetching: usize,
    /// Keys of clients that are known or being fetched, and failures that are remembered.
    pub client_keys: usize,
    /// Assertions by which clients have said who they are, and which are good once.
    pub client_assertions: usize,
    /// Entra's access tokens that were verified.
    pub entra_tokens: usize,
    /// Tokens that were got on behalf of these.
    pub on_behalf_of_tokens: usize,
    /// Calls that wait for what only their clients can answer.
    pub parked_calls: usize,
    /// Sessions with backends.
    pub backend_sessions: usize,
    /// What backends are told that needs no answer, and what waits to be told to them.
    pub backend_tellings: usize,
    /// Assertions by which backends are told who calls.
    pub backend_assertions: usize,
    /// Sessions that have ended a moment ago.
    pub ended_sessions: usize,
}

impl Hub {
    /// Whether any stream is open.
    #[must_use]
    pub fn has_streams(&self) -> bool {
        self.streams.load().0 > 0
    }

    /// Returns how full the tables are.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        let (streams, of_one_principal) = self.streams.load();
        let (client_documents_fetching, client_documents) = self.documents.load();
        let (client_keys_fetching, client_keys) = self.signed_clients.load();
        HubStats {
            streams,
            of_one_principal,
            waiting: self.entra.waiting()
                + self.documents.waiting()
                + self.signed_clients.waiting()
                + self.entra_tokens.waiting(),
            client_documents_fetching,
            client_documents,
            redemptions: self.redemptions.under_way(),
            spent_sign_ins: self.redemptions.spent(),
            device_authorizations: self.devices.len(),
            replays: self.replays.len(),
            in_flight: self.in_flight.len(),
            told_subscriptions: self.subscriptions.len(),
            tasks: self.tasks.len(),
            waiting_for_entra: self.entra.waiting(),
            waiting_for_client_files: self.documents.waiting() + self.signed_clients.waiting(),
            waiting_for_signing_keys: self.assertions.waiting(),
            client_keys_fetching,
            client_keys,
            client_assertions: self.signed_clients.assertions(),
            entra_tokens: self.entra_tokens.len(),
            on_behalf_of_tokens: self.entra_tokens.on_behalf_of(),
            parked_calls: self.parked.len(),
            backend_sessions: self.backend_sessions.len(),
            backend_tellings: self.tellings.len(),
            backend_assertions: self.assertions.len(),
            ended_sessions: self.ended.len(),
        }
    }
}
