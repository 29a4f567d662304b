//! The table of everything that is logged: id, level, sentence and fields of each event.
//!
//! An id is stable: dashboards and alerts name it. `core/LOG.md` is written from this table.

use super::{Field, Level, gateway_table::with_gateway_events};

with_gateway_events! {
    /// A request is for another host: most often a proxy that does not pass `Host` on, or a wrong `--public-url`.
    HostRefused = "host.refused", Info,
        "a request for another host was refused", [Host, ExpectedHost];
    /// A web page of an origin that is not allowed called an MCP endpoint.
    OriginRefused = "origin.refused", Info,
        "a page of another origin was refused", [Origin];
    /// A client registered itself (RFC 7591).
    ClientRegistered = "client.registered", Info,
        "a client registered", [ClientName, Destination];
    /// A registration was refused: its metadata are wrong, or its redirect URIs not allowed.
    RegistrationRefused = "client.registration_refused", Info,
        "a registration was refused", [Reason];
    /// The document of a client whose id is a URL was fetched.
    ClientDocumentFetched = "client.document_fetched", Info,
        "the description of a client was fetched", [Host];
    /// Such a document could not be fetched, or breaks a rule: the user was told so. Where the host refuses this server
    /// and is known to be good, a copy of the document can be pinned.
    ClientDocumentRefused = "client.document_refused", Info,
        "the description of a client could not be used", [Host, Reason];
    /// The list of clients that the operator has registered was read: at the start, after a change of the file, or after
    /// SIGHUP.
    ClientsRead = "clients.read", Info,
        "the list of registered clients was read", [Path, Count];
    /// That file cannot be read, or an entry is wrong: one line for each. The list that was read before stays in use.
    ClientsUnusable = "clients.unusable", Error,
        "the list of registered clients cannot be used", [Path, Error];
    /// The file that says who may do what of a backend was read again: it has changed, or there was a SIGHUP.
    PolicyRead = "policy.read", Info,
        "the policy was read", [Path, Count];
    /// That file cannot be read, or is wrong: one line for each fault. What was read before stays in use.
    PolicyUnusable = "policy.unusable", Error,
        "the policy cannot be used", [Path, Error];
    /// `/authorize` was refused: unknown client, redirect URI, PKCE, scope or resource. With `redirect_uri` the client is one
    /// that the operator has registered, and that address is not listed for it yet.
    AuthorizationRefused = "authorization.refused", Info,
        "an authorization request was refused", [Reason, Destination, ClientId, RedirectUri];
    /// A user pressed the button that lets a client act for them, and has signed in.
    ConsentApproved = "consent.approved", Info,
        "access was approved", [ClientName, VerifiedBy, Destination, Scope];
    /// The user who signed in had approved the same client before, so nobody was asked.
    ConsentRemembered = "consent.remembered", Info,
        "an earlier approval was used", [ClientName, VerifiedBy, Destination, Scope];
    /// The client was approved in this browser before, but not by the user who signed in: they are asked.
    ConsentMissing = "consent.missing", Info,
        "a user is asked after the sign-in: the earlier approval was another user's", [ClientName, VerifiedBy, Destination, Scope];
    /// The user pressed the other button.
    ConsentDenied = "consent.denied", Info,
        "access was denied", [ClientName, VerifiedBy, Destination, Scope];
    /// A consent form came too late, twice or changed.
    ConsentStale = "consent.stale", Info,
        "a consent form was stale or not ours", [];
    /// A consent form came from a page of somebody else's, or from another browser.
    ConsentForeign = "consent.foreign", Info,
        "a consent form came from another page", [];
    /// A user signed in to see what is connected as them.
    ConnectionsSignedIn = "connections.signed_in", Info,
        "a user signed in to see their connections", [Subject];
    /// A form of the page of connections came from elsewhere, or too late.
    ConnectionsForeign = "connections.foreign", Info,
        "a form of connections was stale or not ours", [];
    /// A user withdrew approvals that were remembered.
    ConsentWithdrawn = "consent.withdrawn", Info,
        "remembered approvals were withdrawn", [Subject, Count];
    /// A browser came back from Entra's admin consent: `given`, `declined`, or of nobody who began it here. Nothing follows.
    AdminConsentReturned = "admin_consent.returned", Info,
        "a browser came back from the admin consent of Entra", [Reason];
    /// A call waits for its user to satisfy more at Entra; the session goes on.
    ClaimsRequired = "claims.required", Info,
        "Entra wants more of a user before a call goes on", [Subject];
    /// A user has satisfied what Entra wanted, and the session has new tokens.
    ClaimsSatisfied = "claims.satisfied", Info,
        "a user has satisfied what Entra wanted of a session", [Subject];
    /// Somebody else signed in where the user of a session was to.
    ClaimsOtherUser = "claims.other_user", Warn,
        "another user signed in for a session's step-up", [Subject];
    /// A link to satisfy more was stale, not ours, or its session is over.
    ClaimsLinkStale = "claims.link_stale", Info,
        "a link for a step-up was stale or not ours", [];
    /// The form of such a link came from another page.
    ClaimsLinkForeign = "claims.link_foreign", Warn,
        "the form of a step-up came from another page", [];
    /// Entra's metadata is not known, so that the user cannot be sent there or believed on return.
    SignInUnavailable = "sign_in.unavailable", Warn,
        "a user could not sign in: Entra's metadata is not known", [];
    /// A user is back from Entra and has a session.
    SignInCompleted = "sign_in.completed", Info,
        "a user signed in", [Subject, VerifiedBy, Destination, Scope];
    /// The same return from Entra came twice: a reload, or somebody who saw it.
    SignInReplayed = "sign_in.replayed", Info,
        "a sign-in came back twice", [];
    /// A user came back from Entra and was asked to wait: too many sign-ins ended with a code that Entra refuses, which is most
    /// often somebody who makes codes up.
    SignInLimited = "sign_in.limited", Warn,
        "sign-ins must wait: too many codes were refused by Entra ID", [RetryAfter];
    /// A user signed in at Entra who may not sign in here, by `--allow-user` and its like.
    SignInUserNotAllowed = "sign_in.user_not_allowed", Info,
        "a user may not sign in here", [];
    /// A user signed in with a client for which the operator's list names others only.
    SignInUserNotListed = "sign_in.user_not_listed", Info,
        "a user may not sign in with this client", [ClientId];
    /// Somebody came back from Entra whom this browser had not sent there.
    SignInUnknown = "sign_in.unknown", Info,
        "a callback belonged to no sign-in", [];
    /// The callback names an issuer that is not Entra: a mix-up attack (RFC 9207).
    SignInWrongIssuer = "sign_in.wrong_issuer", Warn,
        "a callback came from another issuer", [];
    /// An ID token is of a tenant that may not sign in here.
    IdTokenOtherTenant = "id_token.other_tenant", Info,
        "a user of another tenant was refused", [Reason];
    /// An ID token is forged, expired or for somebody else.
    IdTokenRejected = "id_token.rejected", Warn,
        "an ID token was not believed", [Reason];
    /// With the renewed tokens of a session came the ID token of another user: the session was ended.
    IdTokenOfAnotherUser = "id_token.another_user", Warn,
        "Entra ID sent the tokens of another user", [];
    /// Entra refuses this user until they sign in again or act.
    EntraSignInRequired = "entra.sign_in_required", Info,
        "Entra ID wants the user to sign in", [Step, Error, Suberror, Aadsts, AadstsMeaning, Fix, CorrelationId];
    /// Entra refuses this server: its secret, registration or permissions must be mended.
    EntraMisconfigured = "entra.misconfigured", Warn,
        "Entra ID refused this server", [Step, Error, Suberror, Aadsts, AadstsMeaning, Fix, CorrelationId];
    /// The client certificate or its private key cannot be read or used: no sign-in succeeds until it can.
    EntraCertificateUnusable = "entra.certificate_unusable", Error,
        "the client certificate cannot be used", [Path, Error];
    /// The client certificate ends within thirty days, or has ended: register another one, and replace the file.
    EntraCertificateExpires = "entra.certificate_expires", Warn,
        "the client certificate expires soon or has expired", [Path, Expires];
    /// The client secret ends within thirty days, or has ended, as the operator has said: add another one, and set it.
    EntraSecretExpires = "entra.secret_expires", Warn,
        "the client secret expires soon or has expired", [Expires];
    /// The file with the federated token cannot be read or holds none: no sign-in succeeds until it does.
    EntraFederatedTokenUnusable = "entra.federated_token_unusable", Error,
        "the federated token cannot be used", [Path, Error];
    /// The federated token has expired: whoever is to replace the file does not.
    EntraFederatedTokenExpired = "entra.federated_token_expired", Warn,
        "the federated token has expired", [Path, Expires];
    /// The machine gives out no token of the managed identity: no sign-in succeeds until it does.
    EntraManagedIdentityUnavailable = "entra.managed_identity_unavailable", Warn,
        "the managed identity gave no token", [Reason, Error];
    /// A file of the agent of Azure Arc cannot be read, or is none of its own: the server's user must be in the group himds.
    EntraArcKeyUnusable = "entra.arc_key_unusable", Error,
        "the file of the agent of Azure Arc cannot be used", [Path, Error];
    /// A token of the managed identity was fetched.
    EntraManagedIdentityFetched = "entra.managed_identity_fetched", Debug,
        "a token of the managed identity was fetched", [];
    /// Entra accepts the credential of this server, as was tried at the start.
    EntraCredentialAccepted = "entra.credential_accepted", Info,
        "Entra ID accepts the credential of this server", [];
    /// At the start Entra could not be reached, so nobody knows whether it accepts the credential of this server.
    EntraCredentialUntried = "entra.credential_untried", Warn,
        "the credential could not be tried: Entra ID is out of reach", [];
    /// Entra is busy, broken or cannot be reached.
    EntraUnavailable = "entra.unavailable", Warn,
        "Entra ID did not serve a request",
        [Step, Error, Suberror, Aadsts, AadstsMeaning, Fix, CorrelationId, RetryAfter];
    /// Entra granted less than was asked for: consent of an administrator is missing.
    EntraScopeNotGranted = "entra.scope_not_granted", Warn,
        "Entra ID did not grant a permission", [Scope];
    /// Metadata and signing keys were fetched.
    EntraMetadataFetched = "entra.metadata_fetched", Debug,
        "Entra ID's metadata and keys were fetched", [];
    /// Metadata and signing keys could not be fetched or read.
    EntraMetadataUnavailable = "entra.metadata_unavailable", Warn,
        "Entra ID's metadata and keys could not be fetched", [Reason];
    /// Graph cannot be reached.
    GraphUnreachable = "graph.unreachable", Warn,
        "Microsoft Graph did not answer", [Error];
    /// Graph refuses a user something, or does not have it.
    GraphRefused = "graph.refused", Debug,
        "Microsoft Graph refused a request", [Status, GraphRequestId];
    /// Graph is busy, broken, or answers what it should not.
    GraphFailed = "graph.failed", Warn,
        "Microsoft Graph failed a request", [Status, GraphRequestId];
    /// A user is in more groups than a token names, and Graph did not say in which: they count as in none. Let Entra send only
    /// those that are assigned to the application.
    GraphGroupsUnknown = "graph.groups_unknown", Warn,
        "nobody knows which groups a user is in", [Reason];
    /// Graph refused a token, so that a new one is fetched.
    GraphTokenRefused = "graph.token_refused", Debug,
        "Microsoft Graph refused a token", [];
    /// Graph refused the new token too: the session ends and the user signs in again.
    GraphNewTokenRefused = "graph.new_token_refused", Info,
        "Microsoft Graph refused a new token: session over", [];
    /// A device without a browser asked for a code, and waits for its user (RFC 8628).
    DeviceAuthorizationBegun = "device_authorization.begun", Info,
        "a device waits for its user", [ClientName, Scope, Address];
    /// The user of a device has approved it and signed in: the device gets its tokens when it asks next.
    DeviceAuthorizationApproved = "device_authorization.approved", Info,
        "a device was approved", [];
    /// A user typed a code that no device waits for, or too many were typed: a mistake, or somebody who guesses.
    UserCodeRefused = "device_authorization.user_code_refused", Info,
        "a user code was refused", [];
    /// `/token` refused a code, a refresh token or a client.
    TokenRefused = "token.refused", Info,
        "a token request was refused", [Error];
    /// A code was redeemed twice: somebody else has it. The session ends.
    CodeReplayed = "code.replayed", Info,
        "an authorization code was used twice: its session ends", [];
    /// A refresh token was used after its successor: somebody else has it. The session ends.
    RefreshTokenReplayed = "refresh_token.replayed", Info,
        "a refresh token was used twice: its session ends", [];
    /// A session ended: revoked, replayed, or refused by Entra for good.
    SessionEnded = "session.ended", Info,
        "a session ended", [Subject];
    /// A code was exchanged for a session token. Only with `--audit-log`.
    CodeRedeemed = "code.redeemed", Debug,
        "an authorization code was redeemed", [];
    /// A client refreshed its session token. Only with `--audit-log`.
    RefreshTokenUsed = "refresh_token.used", Debug,
        "a session token was refreshed", [];
    /// A client gave a token back (RFC 7009): its session ended. Only with `--audit-log`.
    TokenRevoked = "token.revoked", Debug,
        "a token was revoked by its client", [];
    /// A request came with a session token that is expired, forged or for another endpoint. Only with `--audit-log`.
    SessionTokenRefused = "session_token.refused", Debug,
        "a session token was refused", [];
    /// An access token of Entra's was verified, which stands in for a session token: once in some minutes for each.
    EntraTokenAccepted = "entra_token.accepted", Debug,
        "an access token of Entra ID was verified", [Principal, Application];
    /// A request came with a token that was not issued here and is no access token that is taken, or whose caller may not
    /// use this server.
    EntraTokenRefused = "entra_token.refused", Info,
        "an access token of Entra ID was refused", [Reason];
    /// Entra renewed the tokens of a user who may not sign in here any more: the session ends.
    SessionUserNotAllowed = "session.user_not_allowed", Info,
        "a user may no longer sign in here, or with this client", [Subject];
    /// Who may sign in is limited, and Entra renewed a user's tokens without saying of whom they are: the client tries again.
    SessionUserNotNamed = "session.user_not_named", Warn,
        "Entra ID renewed tokens without an ID token", [Subject];
    /// A session token is genuine, but its session is over.
    SessionUnknown = "session.unknown", Debug,
        "a session token maps to no session", [];
    /// A session token is signed with our key and its session lives, but the token does not open its record. Either it was made
    /// with a stolen key, or the record is of an older version, or its client refreshed more often than a session can follow.
    SessionNotOpened = "session.not_opened", Warn,
        "a session token does not open the record of its session", [];
    /// The store did not give a session.
    SessionUnavailable = "session.unavailable", Warn,
        "a session cannot be looked up", [];
    /// A stream or call was ended whose session this replica could not look up for a minute: the store is away, and another
    /// replica may have ended the session.
    SessionUnverified = "session.unverified", Warn,
        "a stream or call was ended because its session could not be looked up for too long", [];
    /// The store did not take a session: a sign-in was in vain, or a client was told that a setting is not stored.
    SessionNotStored = "session.not_stored", Warn,
        "a session could not be written", [];
    /// The store did not take the end of an MCP session: the client was asked to try again.
    McpSessionNotEnded = "mcp_session.not_ended", Warn,
        "the store did not take the end of an MCP session", [];
    /// A client ended more MCP sessions of one sign-in than are remembered. The one that it named goes on.
    McpSessionsEndedTooMany = "mcp_session.too_many_ended", Warn,
        "a client has ended too many MCP sessions of one sign-in", [];
    /// A tool was called, and this is how it ended.
    ToolCalled = "tool.called", Info,
        "a tool was called", [Subject, Client, Tool, Outcome, Milliseconds];
    /// What was called needs scopes that the session has not: the client is to ask its user for more. Only with `--audit-log`.
    StepUpRequired = "step_up.required", Debug,
        "a call needs more than the user has granted", [Scope];
    /// A tool, prompt or resource failed inside. The client learned only that it failed.
    CallFailed = "call.failed", Warn,
        "a call failed", [Subject, Client, Tool, Milliseconds, Error];
    /// The function of a path of the program's own panicked. Its peer was answered 500.
    RouteFailed = "route.failed", Error,
        "a function that serves a path has panicked", [Path, Error];
    /// The server could not start, or could not go on.
    ServerFailed = "server.failed", Error,
        "the server ends", [Error];
    /// A bug: a panic, which ended what it happened in and nothing else.
    ServerPanicked = "server.panicked", Error,
        "a bug: a panic", [Location];
    /// A bug of a runtime: it broke the contract of the core.
    RuntimeMisuse = "runtime.misuse", Error,
        "a bug in the driver", [Error];
    /// A bug of a runtime: it does not know an action.
    RuntimeUnknownAction = "runtime.unknown_action", Error,
        "a bug: this runtime does not know an action", [Action];
    /// The operating system gives no thread.
    ThreadNotStarted = "thread.not_started", Warn,
        "a thread could not be started", [Error];
    /// SIGTERM and Ctrl-C end the server at once, without an orderly end.
    SignalsUnavailable = "signals.unavailable", Warn,
        "signals cannot be caught: the server will end without notice", [Error];
    /// Strangers caused a burst of one event: this many lines of it were not written.
    LogThrottled = "log.throttled", Info,
        "lines of a burst were left out", [Event, Count];
    /// This machine lacks IPv6; the other addresses serve.
    ListenSkipped = "listen.skipped", Debug,
        "an address is not listened on", [Error];
    /// The operating system gives no connection: too few descriptors, mostly.
    ConnectionNotAccepted = "connection.not_accepted", Warn,
        "a connection could not be accepted", [Error];
    /// A client address has as many connections as it may, or its requests are too many bytes: a flood, or a proxy
    /// that `--trusted-proxy` does not name.
    AddressLimited = "connection.address_limited", Warn,
        "an address has too many connections or sends too much before it signs in", [Address];
    /// An address, a client at it, or a user with a client asks more often than `--rate-limit` allows, and was told when to ask
    /// again: a client that runs wild, a flood, or a proxy that `--trusted-proxy` does not name.
    RateLimited = "rate.limited", Warn,
        "requests come too often and are refused for a while", [Rate, Reason, Address, Subject, RetryAfter];
    /// More addresses, clients and users than are counted at once ask for something: a flood. Those that are not counted
    /// are served.
    RateTableFull = "rate.table_full", Warn,
        "more clients ask than are counted: some are not limited in rate", [];
    /// The socket over which `sessions list` and `sessions end` ask this process cannot be opened: the path may be too long. They
    /// work when the server does not run.
    OperatorSocketUnavailable = "operator.socket_unavailable", Warn,
        "commands about sessions cannot reach this process", [Path, Error];
    /// Lines of the audit log are missing: the disk is full or fails, or is too slow for them. The server goes on. What is missing is
    /// counted in the audit log itself, once it can be written again.
    AuditNotWritten = "audit.not_written", Error,
        "lines of the audit log could not be written", [Path, Error, Count];
    /// The operator chose `tiny_http`: use it on loopback or behind a proxy that normalises requests.
    TinyHttpChosen = "tiny_http.chosen", Warn,
        "tiny_http reads the requests: it can be made to serve hidden requests, bounds neither heads, connections \
         nor waiting, and notices late that a client left. Use it on loopback or behind a proxy that normalises \
         requests; for strangers there is --http-server strict", [];
    /// `tiny_http` cannot use its listener; it is tried again.
    TinyHttpNotListening = "tiny_http.not_listening", Warn,
        "tiny_http does not listen", [Error];
    /// `tiny_http` gave its listener up; it is begun anew.
    TinyHttpRestarted = "tiny_http.restarted", Warn,
        "tiny_http stopped listening and is begun anew", [Error];
    /// The proxy of `HTTPS_PROXY` makes no tunnel to a host: it wants other credentials, or does not let this server there.
    ProxyRefused = "proxy.refused", Warn,
        "the proxy made no tunnel", [Host];
    /// No TLS with Entra or Graph: a wrong certificate, or a proxy between.
    TlsFailed = "tls.failed", Warn,
        "TLS failed", [Host, Error];
    /// The store cannot read or write.
    StoreFailed = "store.failed", Warn,
        "the store failed", [Error];
    /// The store was closed and opened again after it had failed.
    StoreReopened = "store.reopened", Info,
        "the store failed and was opened again", [];
    /// Expired records were deleted.
    StorePurged = "store.purged", Debug,
        "expired records were deleted", [Count];
    /// Expired records could not be deleted; it is tried again.
    StoreNotPurged = "store.not_purged", Warn,
        "expired records could not be deleted", [Error];
    /// A bug: the development tenant's own key does not sign.
    DevTenantKeyFailed = "dev_tenant.key_failed", Error,
        "a bug: the key of the development tenant does not sign", [];
}
