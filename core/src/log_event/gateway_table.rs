//! What is logged of the server behind a gateway and of processes that are one: the end of the table of everything that is logged.

/// Makes the table of the rows that are given, and of those of the gateway.
macro_rules! with_gateway_events {
    ($($others:tt)*) => {
        super::events! {
            $($others)*
            /// A key that signs assertions for the backend was made: the first one, or the next of every ninety days.
            GatewayKeyMade = "gateway.key_made", Info,
                "a key that signs assertions was made", [];
            /// The keys that sign assertions for the backend cannot be read or made: nobody's calls reach it until they can.
            GatewayKeysUnavailable = "gateway.keys_unavailable", Warn,
                "there are no keys that sign assertions", [Reason];
            /// A call of a tool of the backend is over, however it ended; without its arguments.
            GatewayCalled = "gateway.called", Info,
                "a tool of the backend was called", [Backend, Subject, Client, Tool, Outcome, Milliseconds, Bytes];
            /// The backend did not do what it was asked. Its own errors are not among these: they are the client's. The text is how that began
            /// which it sent instead.
            GatewayFailed = "gateway.failed", Warn,
                "the backend did not answer", [Backend, Reason, Status, Text];
            /// When the server started the backend did not answer, or not as an MCP server does. The server runs all the same: calls fail until
            /// the backend answers.
            GatewayNotReady = "gateway.not_ready", Warn,
                "the backend does not answer as an MCP server", [Backend, Reason, Status];
            /// The backend does not accept the sign-in: its configuration or that of this server is wrong, such as the audience, or the application's
            /// permission. Clients are told in words; none is asked to sign in again for it.
            GatewayRefused = "gateway.refused", Error,
                "the backend does not accept the sign-in", [Backend, Status];
            /// The backend has too much to do, and says so. Clients are told when to come again.
            GatewayBusy = "gateway.busy", Info,
                "the backend is busy", [Backend, Reason];
            /// This server is at one of its bounds for the backend: calls, processes, or bytes of answers that are not whole yet. Clients are told
            /// when to come again.
            GatewayFull = "gateway.full", Warn,
                "there is no room for more of the backend", [Backend, Reason];
            /// The backend sent back a credential that it was given: a tool prints its headers, or an error does. What it sent was not
            /// passed on. A credential that it changes first is not found.
            GatewayLeaked = "gateway.leaked", Error,
                "the backend sent back a credential that it was given", [Backend, Pid, Tool];
            /// The backend was not told that a call is cancelled, what a client has answered, or that a session is over; or so many answers
            /// that it asked for faster than it took them.
            GatewayNotTold = "gateway.not_told", Debug,
                "the backend was not told something", [Reason, Count];
            /// The backend did not know a session any more, mostly since it was started again; another was opened.
            GatewaySessionReopened = "gateway.session_reopened", Info,
                "a session of the backend was opened again", [Backend];
            /// A process that is the server behind this gateway can read keys of this server. It is allowed with the development tenant alone.
            GatewayProcessCanRead = "gateway.process_can_read", Warn,
                "the server behind this gateway can read this server's keys, as it must not with a real tenant", [Path];
            /// A process that is the server behind this gateway was started, for a session of this user.
            GatewayProcessStarted = "gateway.process_started", Info,
                "a process was started", [Backend, Pid, Subject];
            /// Such a process has ended, as it was to: its session is over, or it has had nothing to do. The reason is its exit code or the signal; the
            /// count, how many of its lines were no messages.
            GatewayProcessEnded = "gateway.process_ended", Info,
                "a process has ended", [Backend, Pid, Reason, Count, Milliseconds];
            /// Such a process has ended by itself, or could not be started. What it was asked has failed, and may have been done.
            GatewayProcessFailed = "gateway.process_failed", Warn,
                "a process has ended by itself, or was not started", [Backend, Pid, Reason, Count, Milliseconds];
            /// Such a process wrote a line that is no message, such as a banner or what a tool prints, or one that is too long. Of each process the first
            /// is told.
            GatewayProcessSkipped = "gateway.process_skipped", Warn,
                "a process wrote a line that is no message", [Backend, Pid, Text, Reason];
            /// A line of the error stream of such a process; or how many more there were in that minute.
            GatewayProcessSaid = "gateway.process_said", Info,
                "a process wrote to its error stream", [Backend, Pid, Text, Count];
        }
    };
}

pub(super) use with_gateway_events;
