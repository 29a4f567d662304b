//! What an ID token says of a user besides who they are: names, app roles and groups (Microsoft
//! identity platform, "ID token claims reference" and "Groups overage claim").
//!
//! Names are for showing only (threat D7). What has another form than Microsoft documents is left
//! out and is no reason to refuse a sign-in: a role too few opens nothing. All of it is bounded.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::record::{Contexts, Profile, User};
use crate::{
    claims_challenge, limits, log_event::is_invisible, provider_metadata::is_guid, step::Cx,
    time::UnixTime,
};

/// What an ID token says of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileClaims {
    /// Names, roles and groups.
    pub(crate) profile: Profile,
    /// The user is in more groups than a token holds, and it names none.
    pub(crate) has_more_groups: bool,
}

/// The claims that are read. Any value will do, so that a malformed one does not hide the others.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    preferred_username: Value,
    #[serde(default)]
    tid: Value,
    #[serde(default)]
    idp: Value,
    #[serde(default)]
    acct: Value,
    #[serde(default)]
    acrs: Value,
    #[serde(default)]
    iat: Value,
    #[serde(default)]
    roles: Value,
    #[serde(default)]
    groups: Value,
    #[serde(default)]
    hasgroups: Value,
    #[serde(default, rename = "_claim_names")]
    claim_names: Value,
}

/// The claims by which a renewed token proves whose it is.
#[derive(Deserialize)]
struct SubjectClaims {
    aud: String,
    tid: String,
    oid: String,
    sub: Option<String>,
}

/// An ID token that came with renewed tokens is another user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnotherUser;

impl Claims {
    /// Whether the account is a guest's. `idp` names who vouches for it where that is not the directory that issued the
    /// token; the optional claim `acct` is 1 for a guest.
    fn is_of_guest(&self) -> bool {
        let of_directory = |idp: &str| idp.split('/').any(|part| self.tid == *part);
        let is_elsewhere = match &self.idp {
            Value::Null => false,
            idp => !idp.as_str().is_some_and(of_directory),
        };
        is_elsewhere || self.acct == 1 || self.acct == "1"
    }

    /// The authentication contexts that were satisfied.
    fn contexts(&self) -> Contexts {
        let ids = texts(&self.acrs).filter(|id| claims_challenge::is_context(id));
        Contexts {
            ids: ids.take(limits::AUTHENTICATION_CONTEXTS).collect(),
            since: UnixTime(self.iat.as_u64().unwrap_or_default()),
        }
    }
}

impl ProfileClaims {
    /// Reads the payload of an ID token.
    pub(crate) fn read(payload: &[u8]) -> Self {
        let Ok(claims) = serde_json::from_slice::<Claims>(payload) else {
            return Self::default();
        };
        let is_role = |role: &str| {
            !role.is_empty() && role.len() <= limits::ROLE_BYTES && !role.contains(char::is_control)
        };
        let roles = texts(&claims.roles).filter(|role| is_role(role));
        let groups = texts(&claims.groups).filter(|group| is_guid(group));
        let groups: Vec<_> = groups
            .take(limits::GROUPS)
            .map(str::to_ascii_lowercase)
            .collect();
        let left_out = claims.hasgroups == true || claims.claim_names.get("groups").is_some();
        Self {
            has_more_groups: left_out && groups.is_empty(),
            profile: Profile {
                name: shown(&claims.name),
                username: shown(&claims.preferred_username),
                roles: roles.take(limits::ROLES).collect(),
                groups: groups.iter().collect(),
                is_guest: claims.is_of_guest(),
                contexts: claims.contexts(),
            },
        }
    }

    /// What is known of the user of a session now, of whom this was known before: groups that the token leaves out, and
    /// authentication contexts that it does not repeat, are those of before.
    pub(crate) fn renewed_profile(&self, before: &Profile) -> Profile {
        let mut profile = self.profile.clone();
        if self.has_more_groups {
            profile.groups = before.groups.clone();
        }
        if profile.contexts.ids.is_empty() {
            profile.contexts = before.contexts.clone();
        }
        profile
    }

    /// Reads the ID token that comes with renewed tokens; `None` if it cannot be read, or is not for this
    /// server. It came from Entra's token endpoint by TLS, which is as good as its signature (OpenID
    /// Connect Core sections 3.1.3.7 and 12.2), and must be of the user who has signed in.
    pub(crate) fn renewed(
        id_token: &str,
        user: &User,
        cx: &Cx<'_>,
    ) -> Result<Option<Self>, AnotherUser> {
        let payload = id_token.split('.').nth(1);
        let payload = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let payload = payload.unwrap_or_default();
        let claims = serde_json::from_slice::<SubjectClaims>(&payload).ok();
        let client_id = &cx.env.server.config.entra.client_id;
        let Some(claims) = claims.filter(|claims| claims.aud == *client_id) else {
            return Ok(None);
        };
        let is_same = claims.tid.eq_ignore_ascii_case(&user.tenant_id)
            && claims.oid.eq_ignore_ascii_case(&user.oid)
            && (user.sub.is_none() || claims.sub == user.sub);
        if is_same {
            let mut renewed = Self::read(&payload);
            if renewed.profile.contexts.ids.is_empty() {
                renewed.profile.contexts = user.profile.contexts.clone();
            }
            Ok(Some(renewed))
        } else {
            Err(AnotherUser)
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// A name that can be shown: cut, without control and invisible characters (threat N3).
pub(crate) fn shown(name: &Value) -> Option<String> {
    let visible = name
        .as_str()?
        .chars()
        .filter(|character| !character.is_control() && !is_invisible(*character));
    let name: String = visible.take(limits::USER_NAME_CHARS).collect();
    (!name.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

    fn claims(claims: &Value) -> ProfileClaims {
        ProfileClaims::read(claims.to_string().as_bytes())
    }

    #[test]
    fn claims_give_names_roles_and_groups() {
        let claims = claims(
            &json!({"name": "Alice Adams", "preferred_username": "alice@contoso.example",
            "roles": ["Reports.Read"], "groups": [GROUP.to_uppercase()], "x": 1}),
        );
        let profile = claims.profile;
        assert_eq!(profile.name.as_deref(), Some("Alice Adams"));
        assert_eq!(profile.username.as_deref(), Some("alice@contoso.example"));
        assert!(profile.roles.iter().eq(["Reports.Read"]));
        assert!(profile.groups.iter().eq([GROUP]));
    }

    // D6, N3, Q1: a malformed claim gives nothing and hides no other.
    #[test]
    fn malformed_claims_are_left_out_and_others_bounded() {
        let malformed = claims(
            &json!({"name": 7, "preferred_username": ["a"], "roles": "Admin",
            "groups": {"0": GROUP}}),
        );
        assert_eq!(malformed, ProfileClaims::default());
        let some = claims(
            &json!({"name": "\u{202e}Eve\n", "roles": [1, "", "A\nB", "R"],
            "groups": ["Admins", GROUP, null]}),
        );
        assert_eq!(some.profile.name.as_deref(), Some("Eve"));
        assert!(some.profile.roles.iter().eq(["R"]));
        assert!(some.profile.groups.iter().eq([GROUP]));
        let long = "x".repeat(limits::ROLE_BYTES + 1);
        let many = claims(
            &json!({"name": "n".repeat(10_000), "roles": vec!["r"; 10_000],
            "groups": vec![GROUP; 10_000]}),
        );
        let Profile {
            name,
            roles,
            groups,
            ..
        } = many.profile;
        assert_eq!(name.unwrap().len(), limits::USER_NAME_CHARS);
        assert_eq!(roles.iter().count(), limits::ROLES);
        assert_eq!(groups.iter().count(), limits::GROUPS);
        assert!(claims(&json!({"roles": [long]})).profile.roles.is_empty());
        assert_eq!(ProfileClaims::read(b"[]"), ProfileClaims::default());
    }

    // D20
    #[test]
    fn account_of_another_directory_or_of_none_is_a_guest() {
        let tid = "11111111-1111-1111-1111-111111111111";
        for (of_user, expected) in [
            (json!({}), false),
            (json!({"acct": 0}), false),
            (
                json!({"idp": format!("https://sts.windows.net/{tid}/")}),
                false,
            ),
            (
                json!({"idp": format!("https://login.example/{tid}/v2.0")}),
                false,
            ),
            (
                json!({"idp": "https://sts.windows.net/22222222-2222-2222-2222-222222222222/"}),
                true,
            ),
            (json!({"idp": "live.com"}), true),
            (json!({"idp": 7}), true),
            (json!({"acct": 1}), true),
            (json!({"acct": "1"}), true),
        ] {
            let mut all = of_user.clone();
            all["tid"] = json!(tid);
            assert_eq!(claims(&all).profile.is_guest, expected, "{of_user}");
        }
    }

    #[test]
    fn groups_overage_gives_no_groups_and_is_noticed() {
        for overage in [
            json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}),
            json!({"hasgroups": true}),
        ] {
            let claims = claims(&overage);
            assert!(claims.has_more_groups && claims.profile.groups.is_empty());
        }
        assert!(!claims(&json!({"groups": [GROUP]})).has_more_groups);
    }
}
