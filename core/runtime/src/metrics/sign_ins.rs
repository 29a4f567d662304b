//! Which events of the log say how far sign-ins have come.

use entra_mcp_core::log_event::LogEventId as Id;

use super::labels::SignInLabels;

/// The steps of a sign-in, each with how it ended, and the events that say so. An approval is counted when its user has signed in.
pub(super) const STEPS: [(SignInLabels, &[Id]); 9] = [
    of("authorize", "refused", &[Id::AuthorizationRefused]),
    of(
        "consent",
        "done",
        &[Id::ConsentApproved, Id::ConsentRemembered],
    ),
    of(
        "consent",
        "refused",
        &[Id::ConsentDenied, Id::ConsentStale, Id::ConsentForeign],
    ),
    of("callback", "done", &[Id::SignInCompleted]),
    of(
        "callback",
        "refused",
        &[
            Id::SignInReplayed,
            Id::SignInLimited,
            Id::SignInUserNotAllowed,
            Id::SignInUserNotListed,
            Id::SignInUnknown,
            Id::SignInWrongIssuer,
            Id::IdTokenOtherTenant,
            Id::IdTokenRejected,
        ],
    ),
    of(
        "callback",
        "failed",
        &[Id::SessionNotStored, Id::SignInUnavailable],
    ),
    of("token", "done", &[Id::CodeRedeemed]),
    of("token", "refused", &[Id::TokenRefused, Id::CodeReplayed]),
    of("device", "refused", &[Id::UserCodeRefused]),
];

const fn of(
    step: &'static str,
    outcome: &'static str,
    events: &'static [Id],
) -> (SignInLabels, &'static [Id]) {
    (SignInLabels { step, outcome }, events)
}
