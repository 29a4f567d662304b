//! The purposes, each with a label of its own in the derivation.

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// What a derived key is for. Each has a label of its own in the derivation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Purpose {
            $($(#[$doc])* $name,)*
        }

        impl Purpose {
            /// All of them, each at the place of its number.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];

            pub(super) const fn label(self) -> &'static [u8] {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

purposes! {
    /// The HMAC of session tokens (HS256).
    SessionToken = b"entra-mcp session token",
    /// The MAC over the metadata in a `client_id`.
    ClientId = b"entra-mcp client id",
    /// The derivation of client secrets from client ids.
    ClientSecret = b"entra-mcp client secret",
    /// The sealed hidden field of the consent form.
    ConsentForm = b"entra-mcp consent form",
    /// The sealed cookie of a sign-in under way.
    SignInCookie = b"entra-mcp sign-in cookie",
    /// The MAC over the cookie of remembered approvals.
    ApprovalCookie = b"entra-mcp approval cookie",
    /// The MAC over the cookie that identifies one browser.
    BrowserCookie = b"entra-mcp browser cookie",
    /// The MAC over the cookie of a browser in which a user has signed in.
    DeviceCookie = b"entra-mcp device cookie",
    /// The sealed record of what a user has approved.
    Consents = b"entra-mcp consents",
    /// The MAC that names that record.
    ConsentsKey = b"entra-mcp consents key",
    /// The MAC over authorization codes.
    AuthorizationCode = b"entra-mcp authorization code",
    /// The MAC over, and the succession of, refresh tokens.
    RefreshToken = b"entra-mcp refresh token",
    /// The part of a session record that the server opens without a share.
    SessionOutline = b"entra-mcp session outline",
    /// The keys that open a session record, each derived from a share too.
    SessionShare = b"entra-mcp session share",
    /// The sealed Entra tokens inside a session record.
    EntraTokens = b"entra-mcp entra tokens",
    /// The sealed `Mcp-Session-Id`.
    McpSession = b"entra-mcp mcp session",
    /// The sealed records of tasks in the store.
    Task = b"entra-mcp task",
    /// The pairwise subject of a user.
    Subject = b"entra-mcp subject",
    /// The identifier of a session, derived from its sign-in.
    SessionId = b"entra-mcp session id",
    /// The list of a user's sessions in the store: its name, and what it is sealed with.
    UserSessions = b"entra-mcp user sessions",
    /// The sealed cookie of a sign-in under way that is for a page of the server's own.
    PageSignIn = b"entra-mcp page sign-in",
    /// The sealed link by which a user satisfies what Entra wants of a session.
    StepUp = b"entra-mcp step-up",
    /// The sealed cookie of a browser that may show a user's connections.
    ConnectionsCookie = b"entra-mcp connections cookie",
    /// The MAC over that cookie, which the forms of the page carry.
    ConnectionsForm = b"entra-mcp connections form",
    /// The mark by which a store knows the key that it was written with.
    StoreCheck = b"entra-mcp store check",
    /// The MAC over device codes.
    DeviceCode = b"entra-mcp device code",
    /// The record of a device that waits for its user: its name, and what it is sealed with.
    DeviceRecord = b"entra-mcp device record",
    /// The sealed messages of replicas to each other.
    ReplicaMessage = b"entra-mcp replica message",
    /// The sealed `requestState` of 2026-07-28.
    RequestState = b"entra-mcp request state",
    /// The sealed keys that assertions for backends are signed with.
    AssertionKeys = b"entra-mcp assertion keys",
    /// What a backend knows a user as.
    BackendSubject = b"entra-mcp backend subject",
    /// The record of a caller whom an access token of Entra's stands for: its name, and the share that opens it.
    EntraCaller = b"entra-mcp entra caller",
    /// What the dev tenant seals, with keys of its own.
    DevTenant = b"entra-mcp dev tenant",
}
