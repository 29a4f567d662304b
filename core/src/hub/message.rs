//! The messages of exchanges to the hub.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::{
    AssertionMessage, BackendSessionMessage, BackendSubscriptionMessage, ChangesMessage,
    HeldBytesMessage, Negotiated, ParkedMessage, PresentedTokenMessage, ProcessMessage,
    ReadinessMessage, SettingChange, StreamKind, Subscriber, Subscriptions, TaskUpdate,
    allowances::Browser,
    asks::{
        AdmitCall, AdmitTask, AskDeviceRecord, BeginCodeRedemption, BeginDeviceAuthorization,
        ChangeSetting, Deliver, FindStream, NeedClientDocument, NeedClientKeys, NeedIdentityToken,
        NeedMetadata, OpenReplay, OpenStream, PollDeviceAuthorization, ReadStream, TypeUserCode,
        UpdateTask, UseAssertion,
    },
    device_authorizations::RecordOperation,
};
use crate::{
    catalog::ChangeNotification,
    client_document::{ClientDocument, DocumentError},
    client_id_url::ClientIdUrl,
    client_keys::ClientKeys,
    config::ClientAddress,
    device_authorization::DeviceName,
    gateway::{Telling, TellingName},
    id::{
        AssertionId, McpSessionId, PrincipalId, ServerRequestId, SessionId, StreamId, TaskId,
        UserId,
    },
    identity_token::IdentityToken,
    json_rpc::Id,
    provider_metadata::ProviderMetadata,
    throttle::Throttled,
    ticket::Ticket,
    time::{Instant, UnixTime},
};

/// A message to the hub.
#[derive(Debug)]
pub struct ToHub(pub(crate) ToHubKind);

impl ToHub {
    /// Says that something changed to every stream that listens for it, whoever's it is. A runtime may
    /// send it from an exchange that never was.
    #[must_use]
    pub fn notify_changed(change: ChangeNotification) -> Self {
        Self(ToHubKind::NotifyChanged(change, None))
    }

    /// Ends all streams that clients listen on, whoever's they are: the server is shutting down. A runtime may
    /// send it from an exchange that never was; it lets the streams say their last before it closes connections.
    #[must_use]
    pub fn shut_down() -> Self {
        Self(ToHubKind::Readiness(ReadinessMessage::ShutDown))
    }
}

#[derive(Debug)]
pub(crate) enum ToHubKind {
    /// The sender waits for metadata of Entra newer than this revision of the snapshot.
    NeedMetadata {
        ticket: Ticket<NeedMetadata>,
        newer_than: u64,
    },
    /// The job has fetched this, or has failed.
    MetadataFetched(Option<Box<ProviderMetadata>>),
    /// About the token of the managed identity.
    IdentityToken(IdentityTokenMessage),
    /// About assertions for backends.
    Assertion(AssertionMessage),
    /// About a session of the backend.
    BackendSession(BackendSessionMessage),
    /// About what clients of 2026-07-28 listen for in such a session.
    BackendSubscription(BackendSubscriptionMessage),
    /// About a process that is a server.
    Process(ProcessMessage),
    /// About a call that waits for what only its client can answer.
    Parked(ParkedMessage),
    /// About bytes of a backend that the sender holds.
    HeldBytes(HeldBytesMessage),
    /// The backend is to be told something.
    TellBackend(Box<Telling>),
    /// The sender is the job that tells this.
    TellsBackend(TellingName),
    /// About access tokens of Entra's that callers present.
    PresentedTokens(PresentedTokenMessage),
    /// The sender needs the document of this client, for a user of that browser.
    NeedClientDocument {
        ticket: Ticket<NeedClientDocument>,
        url: ClientIdUrl,
        browser: Browser,
    },
    /// The job has fetched the document of this client, which may be used for so long, or has failed.
    ClientDocumentFetched(
        ClientIdUrl,
        Result<(ClientDocument, Duration), DocumentError>,
    ),
    /// The sender is to know a client by its signature.
    SignedClients(ToSignedClients),
    /// About a device that waits for its user.
    Device(DeviceMessage),
    /// About the readiness of this replica.
    Readiness(ReadinessMessage),
    /// The sender wants to redeem the code of this sign-in, which came from that browser.
    BeginCodeRedemption {
        ticket: Ticket<BeginCodeRedemption>,
        sign_in: SessionId,
        browser: Browser,
    },
    /// Entra has answered the sender: whether it has redeemed the code.
    EndCodeRedemption { redeemed: bool },
    /// On another replica Entra has refused a code that came from that browser.
    CodeRefusedElsewhere(Browser),
    /// These requests to Entra or Graph must wait until then.
    Throttle { requests: Throttled, until: Instant },
    /// The sender is a stream: it is counted, and gets the messages that are for it.
    OpenStream {
        ticket: Ticket<OpenStream>,
        principal: PrincipalId,
        user: UserId,
        session: SessionId,
        token_expires: UnixTime,
        kind: StreamKind,
        /// What the record has of its MCP session.
        subscriptions: Subscriptions,
    },
    /// The sender is a stream that has sent what it was given: it is given what comes next, once there is
    /// something.
    ReadStream(Ticket<ReadStream>),
    /// The sender is a stream no more.
    CloseStream,
    /// The sender looks for the HTTP+SSE stream of this MCP session, with a token that expires then. It is
    /// answered once there is room for messages on it.
    FindStream {
        ticket: Ticket<FindStream>,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        session: SessionId,
        token_expires: UnixTime,
    },
    /// The client of this HTTP+SSE stream has initialized.
    Negotiated {
        mcp_session: McpSessionId,
        principal: PrincipalId,
        negotiated: Negotiated,
    },
    /// These events go out on the HTTP+SSE stream of this MCP session. The sender is answered once there is
    /// room for more.
    Deliver {
        ticket: Ticket<Deliver>,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        events: Vec<Bytes>,
    },
    /// The session was revoked: its calls, tasks, streams and what is kept for them end at once.
    EndSession(SessionId),
    /// The client has ended this MCP session: its streams, calls and settings end with it.
    EndMcpSession {
        mcp_session: McpSessionId,
        principal: PrincipalId,
    },
    /// Events of this stream are kept from now on, for the client of this MCP session to resume it.
    OpenReplay {
        ticket: Ticket<OpenReplay>,
        stream: StreamId,
        principal: PrincipalId,
        session: SessionId,
        mcp_session: McpSessionId,
    },
    /// This event was sent on that stream.
    AppendReplay {
        stream: StreamId,
        number: u64,
        event: Bytes,
        /// What is kept in its place if it is too large to be kept: for a response, an error of its request.
        /// Other messages are just not kept.
        instead: Option<Bytes>,
    },
    /// That stream has ended; `is_sent` if its client was connected to the end.
    CloseReplay { stream: StreamId, is_sent: bool },
    /// The sender answers these requests, one of which has to wait for something: it wants to be counted
    /// and found.
    AdmitCall {
        ticket: Ticket<AdmitCall>,
        principal: PrincipalId,
        session: SessionId,
        /// `None` in 2026-07-28.
        mcp_session: Option<McpSessionId>,
        requests: Vec<Id>,
    },
    /// The sender has answered its requests.
    CallAnswered,
    /// The sender has sent the client this request.
    RegisterServerRequest(ServerRequestId),
    /// The sender waits no longer for a response to this request.
    WithdrawServerRequest(ServerRequestId),
    /// The client has answered a request of the server: with a result, or with the message of an error.
    ClientResponse {
        principal: PrincipalId,
        mcp_session: McpSessionId,
        request: ServerRequestId,
        result: Result<Box<Value>, String>,
    },
    /// The client cancels this request.
    CancelRequest {
        principal: PrincipalId,
        mcp_session: McpSessionId,
        request: Id,
    },
    /// The client of this HTTP+SSE stream changes a setting.
    ChangeSetting {
        ticket: Ticket<ChangeSetting>,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        change: SettingChange,
    },
    /// This is what an MCP session is subscribed to, as the store has it.
    Subscribed(Subscriber, Subscriptions),
    /// Every stream that listens for this change is notified of it.
    NotifyChanged(ChangeNotification, Option<UserId>),
    /// About what changed on any of several replicas.
    Changes(ChangesMessage),
    /// The sender wants to run this task.
    AdmitTask {
        ticket: Ticket<AdmitTask>,
        task: TaskId,
        principal: PrincipalId,
        session: SessionId,
    },
    /// The task that the sender runs is over, and its record of so many bytes is stored.
    TaskStored { bytes: usize },
    /// The task that the sender runs has applied all updates so far.
    TaskUpdateApplied,
    /// The client updates this task.
    UpdateTask {
        ticket: Ticket<UpdateTask>,
        task: TaskId,
        principal: PrincipalId,
        update: Box<TaskUpdate>,
    },
}

/// A message about clients that prove by their signature who they are.
#[derive(Debug)]
pub(crate) enum ToSignedClients {
    /// The sender needs the keys at this address.
    NeedKeys(Ticket<NeedClientKeys>, ClientIdUrl, Browser),
    /// The job has fetched the keys at this address, which may be used for so long, or has failed.
    KeysFetched(ClientIdUrl, Result<(ClientKeys, Duration), DocumentError>),
    /// The sender has verified this assertion, which is good until then.
    UseAssertion {
        ticket: Ticket<UseAssertion>,
        assertion: AssertionId,
        until: UnixTime,
    },
}

/// A message about a device that waits for its user.
#[derive(Debug)]
pub(crate) enum DeviceMessage {
    /// A device wants to wait, from this address.
    Begin {
        ticket: Ticket<BeginDeviceAuthorization>,
        device: DeviceName,
        address: Option<ClientAddress>,
    },
    /// As the store would do it.
    Record {
        ticket: Ticket<AskDeviceRecord>,
        name: String,
        operation: RecordOperation,
    },
    /// It was told what its user decided.
    End(DeviceName),
    /// A user typed a code in that browser.
    Type {
        ticket: Ticket<TypeUserCode>,
        browser: Browser,
    },
    /// A device waits for the code that the sender has typed.
    TypedRight,
    /// On another replica somebody typed a code in that browser for which no device waits.
    TypedWrongElsewhere(Browser),
    /// The device asks before its user has decided.
    Poll {
        ticket: Ticket<PollDeviceAuthorization>,
        device: DeviceName,
    },
}

/// A message about the token of the managed identity.
#[derive(Debug)]
pub(crate) enum IdentityTokenMessage {
    /// The sender waits for another one than the first so many of them.
    Need {
        ticket: Ticket<NeedIdentityToken>,
        newer_than: u64,
    },
    /// The job has fetched this, or has failed.
    Fetched(Option<Box<IdentityToken>>),
}
