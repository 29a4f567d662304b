//! The methods of a runtime's `Context` that wait for nothing.

/// Writes the methods that a runtime's `Context` has of its [`CallContext`](crate::handlers::CallContext): they
/// are the context's own, so that its documentation shows them. The argument is the field that holds it.
#[doc(hidden)]
#[macro_export]
macro_rules! context_methods {
    ($call:ident) => {
        /// Returns the name of the tool or prompt, or the URI of the resource.
        #[must_use]
        pub fn name(&self) -> &str {
            self.$call.name()
        }

        /// Returns what is called: what kind of thing, and the name under which it is offered.
        #[must_use]
        pub fn target(&self) -> &$crate::api::Target {
            self.$call.target()
        }

        /// Returns the arguments as they were sent. Of a tool they fit its schema.
        #[must_use]
        pub fn arguments(&self) -> &::serde_json::Map<String, ::serde_json::Value> {
            self.$call.arguments()
        }

        /// Returns an argument, if it is text; otherwise the empty text.
        #[must_use]
        pub fn text(&self, argument: &str) -> &str {
            self.$call.text(argument)
        }

        /// Returns who calls: the signed-in user, from the session token alone. Compare `tenant_id` and
        /// `oid`, never names.
        #[must_use]
        pub fn principal(&self) -> &$crate::api::Principal {
            self.$call.principal()
        }

        /// Returns what the client can be asked. Asking what it cannot fails the call.
        #[must_use]
        pub fn client_capabilities(&self) -> $crate::api::ClientCapabilities {
            self.$call.client_capabilities()
        }

        /// Returns the client through which the call comes: which program it says that it is, by which name the log knows it, as
        /// what its user has approved it, and who vouches for that.
        ///
        /// Decide by [`Client::verified_by`]($crate::api::Client::verified_by) and [`Client::id`]($crate::api::Client::id), never by what it
        /// says of itself.
        #[must_use]
        pub fn client(&self) -> &$crate::api::Client {
            self.$call.client()
        }

        /// Returns the value of this type that was given to the server with `Server::state`.
        ///
        /// # Errors
        ///
        /// None was given, which is a fault of the program's: `?` tells it to the log.
        pub fn state<S: Send + Sync + 'static>(&self) -> Result<&S, $crate::api::CallError> {
            self.$call.state().get()
        }

        /// Returns what the request says in `_meta` without what is MCP's own: members of extensions, `traceparent` of a trace.
        /// A client may say there what it likes: it proves nothing.
        #[must_use]
        pub fn meta(&self) -> &::serde_json::Map<String, ::serde_json::Value> {
            self.$call.meta()
        }

        /// Returns what the client says in `_meta` of its answer to the question of this key (`Context::request_input`, `elicit`);
        /// nothing if it has not answered. It proves nothing.
        #[must_use]
        pub fn answer_meta(&self, key: &str) -> ::serde_json::Map<String, ::serde_json::Value> {
            self.$call.answer_meta(key)
        }

        /// Returns the id of the request, which the log, the audit log and the header `X-Request-ID` of the response carry, too:
        /// for a message by which a user may ask for help.
        #[must_use]
        pub fn request_id(&self) -> &$crate::api::RequestId {
            self.$call.request_id()
        }

        /// Returns the `traceparent` of the trace that the call is part of (W3C Trace Context): that of `_meta`, or else that of
        /// the request's header, if a trusted proxy passes it on. `None` if there is none that is well-formed. It proves nothing.
        #[must_use]
        pub fn traceparent(&self) -> Option<&str> {
            self.$call.traceparent()
        }

        /// Returns whether the call is over, although its function still runs: nobody waits for its result.
        #[must_use]
        pub fn is_cancelled(&self) -> bool {
            self.$call.is_cancelled()
        }

        /// Returns when the call is given up.
        #[must_use]
        pub fn deadline(&self) -> ::std::time::Instant {
            self.$call.deadline()
        }
    };
}
