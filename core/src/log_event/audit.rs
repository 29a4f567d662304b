//! The audit log: for events that say who did what, a line of JSON with more about who.
//!
//! It is written from the same events as the log, at the same places, and so cannot differ from it. What it says besides
//! is [`Audited`]: ids of Entra, of the session and of the client. It holds no token, code or secret, no name or mail
//! address of a user, no name that a client gave itself, and no argument of a tool.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Field, LogEvent, LogEventId};

/// How something ended that the audit log tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was asked for and refused.
    Refused,
    /// It was allowed, and did not succeed.
    Failed,
    /// Nobody waits for it any more.
    Cancelled,
    /// It was not done yet: the user is asked first.
    Asked,
}

impl AuditOutcome {
    /// Every outcome.
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Refused,
        Self::Failed,
        Self::Cancelled,
        Self::Asked,
    ];

    /// Returns the name, as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Asked => "asked",
        }
    }
}

macro_rules! audited {
    ($($(#[doc = $meaning:literal])+ $field:ident: $type:ty = $name:literal;)+) => {
        /// Who did it, as far as the server knows by then.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Audited {
            $($(#[doc = $meaning])+ pub $field: Option<$type>,)+
        }

        impl Audited {
            /// The names of the members and what they mean, as the document says it.
            pub const MEMBERS: &[(&str, &str)] = &[$(($name, concat!($($meaning),+))),+];

            fn write(&self, line: &mut JsonLine) {
                $(if let Some(value) = &self.$field {
                    line.put($name, Value::from(value.clone()));
                })+
            }
        }
    };
}

audited! {
    /// The tenant of the user in Entra ID (`tid`).
    tenant_id: String = "tenant_id";
    /// The object id of the user in that tenant (`oid`).
    object_id: String = "object_id";
    /// The name of the session: the `sid` of its session tokens, as `sessions list` shows it.
    session: String = "session";
    /// The client: the first 16 bytes of the SHA-256 of its `client_id`, in hexadecimal digits. One that must sign has
    /// another name.
    client: String = "client";
    /// What kind of caller an access token of Entra's is of: `user`, `application`, `agent`, `agent_for_user` (then
    /// `application` is the agent, and `object_id` the user) or `agent_user`.
    principal: String = "principal";
    /// The application or agent that such a token was issued to (`azp`).
    application: String = "application";
    /// The address that the request is counted for: that of the client, or the one that a trusted proxy names; of IPv6 the /64.
    address: String = "address";
    /// How many milliseconds after the head of the request.
    milliseconds: u64 = "ms";
}

impl LogEventId {
    /// Returns how it ended, if the audit log tells of it.
    #[must_use]
    pub fn audit_outcome(self) -> Option<AuditOutcome> {
        match self {
            Self::ClientRegistered
            | Self::ConsentApproved
            | Self::ConsentRemembered
            | Self::ConsentWithdrawn
            | Self::ConnectionsSignedIn
            | Self::SignInCompleted
            | Self::DeviceAuthorizationBegun
            | Self::DeviceAuthorizationApproved
            | Self::CodeRedeemed
            | Self::RefreshTokenUsed
            | Self::TokenRevoked
            | Self::SessionEnded
            | Self::EntraTokenAccepted
            | Self::ToolCalled
            | Self::GatewayCalled => Some(AuditOutcome::Done),
            Self::HostRefused
            | Self::OriginRefused
            | Self::RegistrationRefused
            | Self::ClientDocumentRefused
            | Self::AuthorizationRefused
            | Self::ConsentDenied
            | Self::ConsentStale
            | Self::ConsentForeign
            | Self::ConnectionsForeign
            | Self::SignInReplayed
            | Self::SignInLimited
            | Self::SignInUserNotAllowed
            | Self::SignInUserNotListed
            | Self::SessionUserNotAllowed
            | Self::SignInUnknown
            | Self::SignInWrongIssuer
            | Self::IdTokenOtherTenant
            | Self::IdTokenRejected
            | Self::IdTokenOfAnotherUser
            | Self::EntraSignInRequired
            | Self::UserCodeRefused
            | Self::TokenRefused
            | Self::CodeReplayed
            | Self::RefreshTokenReplayed
            | Self::SessionTokenRefused
            | Self::EntraTokenRefused
            | Self::SessionUnknown
            | Self::SessionNotOpened
            | Self::GraphNewTokenRefused
            | Self::StepUpRequired
            | Self::AddressLimited
            | Self::RateLimited => Some(AuditOutcome::Refused),
            Self::SignInUnavailable
            | Self::EntraMisconfigured
            | Self::EntraUnavailable
            | Self::SessionUnavailable
            | Self::SessionUnverified
            | Self::SessionNotStored => Some(AuditOutcome::Failed),
            _ => None,
        }
    }
}

/// What the lines do not repeat: names that a client gives itself, whole addresses of its own, and what [`Audited`] says.
pub(super) fn is_left_out(field: Field) -> bool {
    matches!(
        field,
        Field::ClientName | Field::RedirectUri | Field::Outcome | Field::RequestId | Field::Client
    )
}

impl LogEvent {
    /// Adds who did it.
    #[must_use]
    pub fn audited(mut self, audited: Audited) -> Self {
        self.audited = Some(Box::new(audited));
        self
    }

    /// Returns the line of the audit log, with its end; `None` if the audit log does not tell of it.
    ///
    /// `time` is in the form of RFC 3339.
    #[must_use]
    pub fn audit_line(&self, time: &str) -> Option<String> {
        let outcome = self.id.audit_outcome()?.as_str();
        let outcome = self.field(Field::Outcome).unwrap_or(outcome);
        Some(self.line(time, Some(outcome)))
    }

    /// Returns the line that says in the audit log how many of its lines were left out.
    #[must_use]
    pub fn audit_summary(&self, time: &str) -> String {
        self.line(time, None)
    }

    fn line(&self, time: &str, outcome: Option<&str>) -> String {
        let mut line = JsonLine(String::from("{"));
        let mut put = |name: &str, value: &str| line.put(name, Value::from(value));
        put("time", time);
        put("event", self.id.as_str());
        if let Some(outcome) = outcome {
            put("outcome", outcome);
        }
        if let Some(id) = self.field(Field::RequestId) {
            put("request_id", id);
        }
        for (field, value) in self.fields() {
            if !is_left_out(field) {
                put(field.as_str(), value);
            }
        }
        if let Some(audited) = &self.audited {
            audited.write(&mut line);
        }
        line.0.push_str("}\n");
        line.0
    }

    /// Whether nobody is known who did it: a burst of such lines is cut.
    #[must_use]
    pub fn is_of_a_stranger(&self) -> bool {
        let audited = self.audited.as_ref();
        audited.is_none_or(|audited| audited.object_id.is_none())
    }
}

/// An object of JSON whose members stand in the order in which they are put.
struct JsonLine(String);

impl JsonLine {
    fn put(&mut self, name: &str, value: Value) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        // Writing into a String does not fail.
        let _ = write!(self.0, "{comma}\"{name}\":{value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_its_members_in_order_and_no_name_that_a_client_gave_itself() {
        let event = LogEvent::new(LogEventId::ConsentDenied)
            .with(Field::ClientName, "adele@contoso.com")
            .with(Field::Destination, "client.example\n\"")
            .with(Field::RequestId, "abc");
        let audited = Audited {
            object_id: Some("0".to_owned()),
            milliseconds: Some(12),
            ..Audited::default()
        };
        assert!(event.is_of_a_stranger());
        let event = event.audited(audited);
        assert!(!event.is_of_a_stranger());
        assert_eq!(
            event.audit_line("T").unwrap(),
            "{\"time\":\"T\",\"event\":\"consent.denied\",\"outcome\":\"refused\",\"request_id\":\"abc\",\
             \"destination\":\"client.example\\\\u{a}\\\"\",\"object_id\":\"0\",\"ms\":12}\n"
        );
    }

    #[test]
    fn what_nobody_did_is_not_told() {
        for id in [LogEventId::StorePurged, LogEventId::ServerPanicked] {
            assert_eq!(LogEvent::new(id).audit_line("T"), None);
        }
    }
}
