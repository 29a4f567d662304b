//! Bugs that can be planted, to prove that the simulator of `fuzz` would find them.
//!
//! Only the cargo feature `planted-bugs` can switch one on, which that package has too and no build asks for by itself;
//! without the feature every question here is answered "no" at compile time.

/// A bug. Each leaves out one thing that the threat catalogue (`core/THREATS.md`) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// The callback is taken in any browser, not only in the one that consented (threat A2).
    StateUnchecked,
    /// The `aud` of Entra's ID token is not looked at (threat D5).
    AudienceIgnored,
    /// An exchange answers once more than it should.
    AnsweredTwice,
    /// A session token is good after its end (threat F7).
    NeverExpires,
    /// A token is written to the log (threat O3).
    TokenLogged,
    /// The user is not asked for consent if any client was approved before (threat A4).
    ConsentDropped,
    /// What one user has approved is good for another one in the same browser (threat A4).
    ConsentShared,
    /// The consent form is taken from any page (threat A5).
    OriginIgnored,
    /// A refresh token works however often it is used (threat E6).
    ReuseIgnored,
    /// The MCP session of anybody is good for anybody (threat I2).
    SessionsShared,
    /// The `requestState` of anybody is good for anybody (threat I8).
    StatesShared,
    /// Anybody who knows the id of a task is given it (threat I4).
    TasksShared,
    /// The master key alone opens a session, whatever share a token carries (threat G3).
    ShareIgnored,
    /// The client gets the internal error (threat O1).
    FaultDisclosed,
    /// A list of tools says `null` where it should say nothing (MCP, schema).
    NullWritten,
    /// An exchange ends before the store has answered its writes, which are lost with it.
    WritesNotAwaited,
    /// Who registers the same metadata again gets the same client secret.
    SecretsPredictable,
    /// Graph is asked again while its `Retry-After` runs (threat D14).
    ThrottleIgnored,
    /// The document of a client is fetched though it redeems nothing (threats H7, H8).
    DocumentsForNobody,
    /// The document of one client is believed as that of another (threat H9).
    DocumentsOfAnother,
    /// A device is given what was approved for something else (threat A15).
    DeviceCodesShared,
    /// A refresh token that was replaced ends its session, however soon it comes (threat E6).
    WindowIgnored,
    /// The assertion of a client proves who it is again and again (threat E14).
    AssertionsReusable,
    /// Entra counts as asked lately also if that lies ahead of a clock that was set back (threat Q3).
    ClockTrusted,
    /// A stream or call that has not heard of the end of its session goes on when it finds the session gone (threats I6, I7).
    LateEndIgnored,
    /// A sign-in that one replica has redeemed is redeemed by the next one, too (threat Q5).
    SignInsSpentApart,
    /// The `aud` of an access token of Entra's is not looked at (threat D16).
    EntraTokenAudienceIgnored,
    /// A token on behalf of one caller is given to another (threat D17).
    OnBehalfOfCrossed,
    /// What Entra or Graph wants of the user is not passed on to Entra (threat D22).
    ClaimsDropped,
    /// The template in the issuer of several tenants stands for any tenant, not for that of the token (threat D24).
    IssuerTemplateNotFilled,
    /// A backend is sent the ids of clients (threat R5).
    IdsOfClientsPassed,
    /// A tool that the policy hides is in no list, and can be called (threat R7).
    HiddenToolsCalled,
    /// What the policy says of arguments is not looked at (threat R7).
    ArgumentsNotJudged,
    /// A token for one of several endpoints is good at each (threat R26).
    EndpointsOfTokensIgnored,
    /// What belongs to a user with a client at one of several endpoints is theirs at each (threat R26).
    EndpointsNotApart,
    /// A list of a backend is passed on whole (threat R7).
    ListsNotFiltered,
    /// What the policy hides from somebody is refused in other words than what there is not (threat R7).
    HiddenToldApart,
    /// A tool that takes a scope can be called without it (threat R7).
    ToolScopesIgnored,
    /// The challenge of a call without its scope names what the client has, and not what the call takes (threat P1).
    ScopesNotNamed,
    /// A call that the user is to confirm is made before they have said anything (threat R7).
    ConfirmationsNotAwaited,
    /// What the user has confirmed once is called as often as the client says so (threat R7).
    ConfirmationsReusable,
    /// The sessions of a backend are found by what clients have in common, whoever they are (threat R5).
    BackendSessionsShared,
    /// What a backend sends back is not searched for what it was sent (threat R3).
    CredentialsNotGuarded,
    /// An access token of Entra's for a backend is that of whoever was the first to want one (threat P9).
    BackendTokensShared,
    /// An access token of Entra's for a backend is asked for at each call (threat R3).
    BackendTokensNotKept,
    /// One user has as many calls of a backend at once as they like (threat M5).
    SharesIgnored,
    /// What roles and groups a user had when they signed in, they have until their session ends (threat D20).
    RolesNotRenewed,
    /// A stream goes on with the roles and groups that its user had when it began (threat R7).
    StreamsKeepRoles,
    /// A process that does not heed the end of its input is not killed (threat R16).
    ProcessesNotKilled,
    /// A call whose connection broke is sent once more, though it may have done its work (threat R6).
    CallsRepeated,
}
