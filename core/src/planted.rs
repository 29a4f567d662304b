//! Bugs that can be planted, to prove that the simulator of `fuzz` would find them.
//!
//! Only the cargo feature `planted-bugs` can switch one on, and only that package's tests use it;
//! without the feature every question here is answered "no" at compile time.

/// A bug. Each leaves out one thing that threats.md asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// The callback is taken in any browser, not only in the one that consented (CB-08).
    StateUnchecked,
    /// The `aud` of Entra's ID token is not looked at (D5).
    AudienceIgnored,
    /// An exchange answers once more than it should.
    AnsweredTwice,
    /// A session token is good after its end (JWT-04).
    NeverExpires,
    /// A token is written to the log (LEAK-05).
    TokenLogged,
    /// The person is not asked for consent if any client was approved before (CONS-15).
    ConsentDropped,
    /// The consent form is taken from any page (CONS-11).
    OriginIgnored,
    /// A refresh token works however often it is used (TOK-17).
    ReuseIgnored,
    /// The MCP session of anybody is good for anybody (SESS-02).
    SessionsShared,
    /// The `requestState` of anybody is good for anybody (RPC-21).
    StatesShared,
    /// The task of anybody is told to anybody who knows its name (I4).
    TasksShared,
    /// The client is told what broke inside (LEAK-07).
    FaultTold,
    /// A list of tools says `null` where it should say nothing (MCP, schema).
    NullWritten,
}
