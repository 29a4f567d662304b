//! The fields of the log's lines: their names are stable, and each means the same on every line.

macro_rules! fields {
    ($($(#[doc = $meaning:literal])+ $field:ident = $name:literal;)+) => {
        /// A field of a line of the log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[doc = $meaning])+ $field,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$field),+];

            /// Returns the name, as it is written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                }
            }

            /// Returns what the value means, as `core/LOG.md` says it.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$field => concat!($($meaning),+).trim_ascii(),)+
                }
            }
        }
    };
}

fields! {
    /// Names the action of an exchange that a runtime does not know.
    Action = "action";
    /// The IP address of a client; of IPv6 the /64 that it is in.
    Address = "address";
    /// The number of Entra's error (`AADSTS...`), for Microsoft's documentation and support.
    Aadsts = "aadsts";
    /// What that number means, as this server puts it.
    AadstsMeaning = "aadsts_meaning";
    /// The client id of an application of Entra's, as a token that was verified says.
    Application = "application";
    /// The address of the server behind this gateway.
    Backend = "backend";
    /// How many bytes the answer has.
    Bytes = "bytes";
    /// The client: the first 16 bytes of the SHA-256 of its `client_id`, in hexadecimal digits. One that must sign has
    /// another name.
    Client = "client";
    /// The id of a client that the operator has registered.
    ClientId = "client_id";
    /// The name that the client gave itself: anybody can choose any name. `verified_by` says who vouches for it.
    ClientName = "client_name";
    /// Entra's id of the request, for Microsoft's support and the sign-in logs of the tenant.
    CorrelationId = "correlation_id";
    /// How many there were.
    Count = "count";
    /// Where the client has the browser return to: a host, or the scheme of an app.
    Destination = "destination";
    /// The id of another event.
    Event = "event_id";
    /// When something ends, in seconds since 1970.
    Expires = "expires";
    /// What went wrong: an error code of OAuth or Entra, or the message of the operating system.
    Error = "error";
    /// The host of `--public-url`.
    ExpectedHost = "expected_host";
    /// What the operator can do about it, often as a command of `az`, in which CAPITALS stand for what is the operator's own.
    Fix = "fix";
    /// Microsoft Graph's id of the request, for Microsoft's support.
    GraphRequestId = "graph_request_id";
    /// The host that a request is for, or that the server connected to.
    Host = "host";
    /// The place in the source.
    Location = "location";
    /// How many milliseconds it took.
    Milliseconds = "milliseconds";
    /// How it ended: `done`, `refused`, `failed` or `cancelled`.
    Outcome = "outcome";
    /// The origin of the page that sent a request.
    Origin = "origin";
    /// A file.
    Path = "path";
    /// The number of a process.
    Pid = "pid";
    /// What kind of caller it is: `user`, `application`, `agent`, `agent_for_user` or `agent_user`.
    Principal = "principal";
    /// Which limit of rate: `registration`, `sign-in`, `token` or `tools`, as `--rate-limit` names it.
    Rate = "rate";
    /// Why, as this server puts it.
    Reason = "reason";
    /// Where a client wants to be returned to.
    RedirectUri = "redirect_uri";
    /// The request that the line is about: a page with an error shows it as the reference, and the response has it in
    /// `X-Request-ID`. A trusted proxy may choose it, with `traceparent` or `X-Request-ID`; otherwise it is the server's own.
    RequestId = "request_id";
    /// In how many seconds Entra or Graph wants to be asked again, or a client may ask again.
    RetryAfter = "retry_after";
    /// The scopes, as OAuth writes them: separated by spaces.
    Scope = "scope";
    /// The status code of an HTTP response.
    Status = "status";
    /// What the server was doing: `sign_in`, `code_redemption`, `token_renewal`, `on_behalf_of`.
    Step = "step";
    /// The user, as a pseudonym that differs for each client: the `sub` of the session token.
    Subject = "subject";
    /// What Entra says besides the error (`suberror`).
    Suberror = "suberror";
    /// What a process wrote.
    Text = "text";
    /// The name of a tool that is offered; left out if there is none of the name that was called.
    Tool = "tool";
    /// The web site whose document gives the client its name; left out for a client that registered itself, whose name
    /// nobody has checked.
    VerifiedBy = "verified_by";
}
