//! The assertion: a short JWT in which this server tells a backend who calls.
//!
//! It is good for one backend (`aud`) and two minutes, and is never what the client holds. `sub` is another for each backend,
//! and stays; `tid` and `oid` name the user, names and addresses only describe them.
//!
//! Source: RFC 9068 section 2.2; RFC 8693 section 4.1 (`act`); RFC 7515.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::{
    catalog::{Principal, PrincipalKind},
    keys::{Keyring, Purpose},
    limits,
    secret::Secret,
    time::UnixTime,
};

/// The header that it is sent in.
pub(crate) const HEADER: &str = "entra-mcp-assertion";

/// The member of `_meta` that it is in, towards a process.
pub(crate) const META: &str = "entra-mcp/assertion";

/// What is said of a user has seldom more.
const USUAL_BYTES: usize = 512;

/// How far the clock of a backend may be behind.
const LEEWAY: u64 = 5;

/// What an assertion says, but for when. It is written when it is signed, which is seldom.
#[derive(Clone, Debug)]
pub(crate) struct AssertionClaims {
    issuer: String,
    audience: String,
    client: String,
    user: Principal,
}

/// Whom an assertion is from and for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties<'a> {
    /// This server, `iss`.
    pub(crate) issuer: &'a str,
    /// The backend, `aud`.
    pub(crate) audience: &'a str,
    /// The client through which the user calls.
    pub(crate) client: &'a str,
}

impl AssertionClaims {
    /// What is said of this user.
    pub(crate) fn new(parties: Parties<'_>, user: &Principal) -> Self {
        Self {
            issuer: parties.issuer.to_owned(),
            audience: parties.audience.to_owned(),
            client: parties.client.to_owned(),
            user: user.clone(),
        }
    }

    fn to_map(&self, keys: &Keyring) -> Map<String, Value> {
        let Self {
            issuer,
            audience,
            client,
            user,
        } = self;
        let mut claims = Map::new();
        let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        say("iss", issuer.as_str().into());
        say("aud", audience.as_str().into());
        say("sub", subject(audience, user, keys).into());
        say("tid", user.tenant_id.as_str().into());
        say("oid", user.oid.as_str().into());
        if let Some(name) = &user.name {
            say("name", name.as_str().into());
        }
        if let Some(username) = &user.username {
            say("preferred_username", username.as_str().into());
        }
        if user.kind == PrincipalKind::Application {
            // As Entra says it in access tokens without a user.
            say("idtyp", "app".into());
        }
        if let Some(application) = &user.application {
            say("azp", application.as_str().into());
        }
        let roles: Vec<&str> = user.roles.iter().collect();
        say("roles", roles.into());
        let groups: Vec<&str> = user.groups.iter().collect();
        if groups.len() <= limits::ASSERTION_GROUPS {
            say("groups", groups.into());
        } else {
            say("groups_omitted", true.into());
        }
        say("scope", user.scopes.join(" ").into());
        say("client_id", client.as_str().into());
        say("act", json!({"sub": issuer}));
        claims
    }

    /// A name for all that is said: one that was signed a moment ago is good for whoever is said the same of.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let user = &self.user;
        let kind = match user.kind {
            PrincipalKind::Application => "app",
            PrincipalKind::User | PrincipalKind::Agent(_) => "",
        };
        // Each with its length before it; what is not there is not what is empty.
        let said = [
            Some(self.issuer.as_str()),
            Some(&self.audience),
            Some(&self.client),
            Some(kind),
            Some(&user.tenant_id),
            Some(&user.oid),
            user.name.as_deref(),
            user.username.as_deref(),
            user.application.as_deref(),
            Some(user.roles.as_text()),
            Some(user.groups.as_text()),
        ];
        let scopes = user.scopes.iter().map(|scope| Some(scope.as_str()));
        let mut text = Vec::with_capacity(USUAL_BYTES);
        for part in said.into_iter().chain(scopes) {
            let length = part.map_or(u32::MAX, |part| {
                u32::try_from(part.len()).unwrap_or(u32::MAX)
            });
            text.extend(length.to_be_bytes());
            text.extend(part.unwrap_or_default().as_bytes());
        }
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, &text).as_ref());
        name
    }

    /// The signing input of the JWT that says so from now on (RFC 7515 section 5.1).
    pub(crate) fn signing_input(
        &self,
        keys: &Keyring,
        kid: &str,
        jti: [u8; 16],
        now: UnixTime,
    ) -> String {
        let mut claims = self.to_map(keys);
        let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        say("iat", now.0.into());
        say("nbf", now.0.saturating_sub(LEEWAY).into());
        say("exp", now.after(limits::ASSERTION_LIFETIME).0.into());
        say("jti", URL_SAFE_NO_PAD.encode(jti).into());
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encode(header), encode(Value::Object(claims)))
    }
}

/// The JWT of a signing input and its signature (RFC 7515 section 7.1).
pub(crate) fn jwt(signing_input: &str, signature: &[u8]) -> Secret<String> {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    Secret::new(format!("{signing_input}.{signature}"))
}

/// What this backend knows the user as, and no other does.
pub(super) fn subject(audience: &str, user: &Principal, keys: &Keyring) -> String {
    let mut text = Vec::new();
    for part in [audience, &user.tenant_id, &user.oid] {
        text.extend(part.len().to_be_bytes());
        text.extend(part.as_bytes());
    }
    let mac = keys.mac(Purpose::BackendSubject, &text);
    URL_SAFE_NO_PAD.encode(mac.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Names, keys::MasterKey};

    fn keys() -> Keyring {
        Keyring::new(MasterKey::new([7; 32]), Vec::new())
    }

    fn alice() -> Principal {
        Principal {
            tenant_id: "tenant".to_owned(),
            oid: "alice".to_owned(),
            subject: "what her client knows her as".to_owned(),
            name: Some("Alice \"A\"".to_owned()),
            username: Some("alice@contoso.example".to_owned()),
            roles: Names::from_iter(["Orders.Admin"]),
            groups: Names::from_iter(["g1", "g2"]),
            scopes: vec!["user.read".to_owned(), "orders".to_owned()],
            ..Principal::default()
        }
    }

    fn claims_of(user: &Principal, audience: &str) -> AssertionClaims {
        let parties = Parties {
            issuer: "https://mcp.example",
            audience,
            client: "h.abc",
        };
        AssertionClaims::new(parties, user)
    }

    fn decoded(input: &str) -> Vec<Value> {
        let decode = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        input.split('.').map(decode).collect()
    }

    #[test]
    fn assertion_says_who_calls_for_two_minutes() {
        let claims = claims_of(&alice(), "http://127.0.0.1:8000/mcp");
        let parts = decoded(&claims.signing_input(&keys(), "key 1", [0; 16], UnixTime(1000)));
        let [header, claims] = parts.as_slice() else {
            panic!("a signing input has two parts");
        };
        assert_eq!(
            *header,
            json!({"alg": "ES256", "typ": "at+jwt", "kid": "key 1"})
        );
        let subject = claims["sub"].as_str().unwrap();
        let expected = json!({
            "iss": "https://mcp.example", "aud": "http://127.0.0.1:8000/mcp", "sub": subject,
            "tid": "tenant", "oid": "alice", "name": "Alice \"A\"",
            "preferred_username": "alice@contoso.example", "roles": ["Orders.Admin"],
            "groups": ["g1", "g2"], "scope": "user.read orders", "client_id": "h.abc",
            "act": {"sub": "https://mcp.example"}, "iat": 1000, "nbf": 995, "exp": 1120,
            "jti": "AAAAAAAAAAAAAAAAAAAAAA",
        });
        assert_eq!(*claims, expected);
        assert_eq!(jwt("a.b", &[0xff; 3]).expose(), "a.b.____");
    }

    // R2: two backends cannot find out that they serve the same user by it.
    #[test]
    fn subject_is_of_one_user_and_one_backend() {
        let subject = |user: &Principal, audience| {
            let input = claims_of(user, audience).signing_input(&keys(), "", [0; 16], UnixTime(0));
            decoded(&input)[1]["sub"].clone()
        };
        let bob = Principal {
            oid: "bob".to_owned(),
            ..alice()
        };
        let renamed = Principal {
            name: None,
            username: None,
            subject: String::new(),
            ..alice()
        };
        assert_eq!(subject(&alice(), "one"), subject(&renamed, "one"));
        assert_ne!(subject(&alice(), "one"), subject(&alice(), "two"));
        assert_ne!(subject(&alice(), "one"), subject(&bob, "one"));
    }

    #[test]
    fn digest_changes_with_all_that_is_said() {
        let digest = |user: &Principal| claims_of(user, "a").digest();
        let changed: [fn(&mut Principal); 11] = [
            |user| user.tenant_id.push('x'),
            |user| user.oid.push('x'),
            |user| user.kind = PrincipalKind::Application,
            |user| user.application = Some("a".to_owned()),
            |user| user.name = None,
            |user| user.name = Some(String::new()),
            |user| user.username = None,
            |user| user.roles = Names::default(),
            |user| user.groups = Names::from_iter(["g1"]),
            |user| user.scopes = vec!["user.read orders".to_owned()],
            |user| std::mem::swap(&mut user.name, &mut user.username),
        ];
        let mut digests =
            std::collections::BTreeSet::from([digest(&alice()), claims_of(&alice(), "b").digest()]);
        for change in changed {
            let mut user = alice();
            change(&mut user);
            digests.insert(digest(&user));
        }
        assert_eq!(digests.len(), 13);
        assert_eq!(digest(&alice()), digest(&alice()));
    }

    #[test]
    fn many_groups_are_left_out_and_that_is_said() {
        let groups = (0..33).map(|number| format!("g{number}"));
        let user = Principal {
            groups: groups.collect(),
            ..alice()
        };
        let input = claims_of(&user, "a").signing_input(&keys(), "", [0; 16], UnixTime(0));
        let claims = &decoded(&input)[1];
        assert_eq!(
            (&claims["groups"], &claims["groups_omitted"]),
            (&Value::Null, &json!(true))
        );
    }
}
