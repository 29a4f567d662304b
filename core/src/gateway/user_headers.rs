//! Headers that only describe the user, as Azure App Service and oauth2-proxy write them for the applications behind them.
//!
//! Whoever reaches such an application can write them, too: they are sent where nobody else reaches it.
//!
//! Source: Microsoft, "Work with user identities in Azure App Service authentication"; oauth2-proxy, "Overview" (`--pass-user-headers`).

use ::http::{HeaderName, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::assertion;
use crate::{catalog::Principal, config::BackendIdentity, keys::Keyring, limits};

const ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const SUBJECT: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
const OBJECT: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const TENANT: &str = "http://schemas.microsoft.com/identity/claims/tenantid";

/// Those of one user.
#[derive(Clone, Debug)]
pub(crate) struct UserHeaders(Vec<(HeaderName, HeaderValue)>);

impl UserHeaders {
    /// What is said of this user, if it is to be said so.
    pub(crate) fn new(
        identity: &BackendIdentity,
        user: &Principal,
        audience: &str,
        keys: &Keyring,
    ) -> Option<Self> {
        let mut headers = Self(Vec::new());
        if identity.easy_auth {
            let subject = assertion::subject(audience, user, keys);
            headers.easy_auth(user, &subject);
        }
        if identity.forwarded {
            headers.forwarded(user);
        }
        identity.can_be_forged().then_some(headers)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// What no header can hold is left out.
    fn say(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.push((HeaderName::from_static(name), value));
        }
    }

    fn easy_auth(&mut self, user: &Principal, subject: &str) {
        self.say("x-ms-client-principal", &client_principal(user, subject));
        self.say("x-ms-client-principal-id", &user.oid);
        self.say("x-ms-client-principal-idp", "aad");
        if let Some(username) = &user.username {
            self.say("x-ms-client-principal-name", username);
        }
    }

    fn forwarded(&mut self, user: &Principal) {
        self.say("x-forwarded-user", &user.oid);
        if let Some(username) = &user.username {
            self.say("x-forwarded-email", username);
            self.say("x-forwarded-preferred-username", username);
        }
        let groups: Vec<&str> = user
            .groups
            .iter()
            .filter(|one| !one.contains(','))
            .collect();
        if groups.len() <= limits::ASSERTION_GROUPS {
            self.say("x-forwarded-groups", &groups.join(","));
        }
    }
}

/// `X-MS-CLIENT-PRINCIPAL`: claims under the names by which applications look for them. Roles are there twice, for they disagree.
fn client_principal(user: &Principal, subject: &str) -> String {
    let mut claims: Vec<Value> = Vec::new();
    let mut say = |kind: &str, value: &str| claims.push(json!({"typ": kind, "val": value}));
    say(OBJECT, &user.oid);
    say(TENANT, &user.tenant_id);
    say(SUBJECT, subject);
    if let Some(name) = &user.name {
        say("name", name);
    }
    if let Some(username) = &user.username {
        say("preferred_username", username);
        say(NAME, username);
    }
    for role in user.roles.iter() {
        say("roles", role);
        say(ROLE, role);
    }
    let groups: Vec<&str> = user.groups.iter().collect();
    if groups.len() <= limits::ASSERTION_GROUPS {
        for group in groups {
            say("groups", group);
        }
    }
    let principal =
        json!({"auth_typ": "aad", "claims": claims, "name_typ": NAME, "role_typ": ROLE});
    STANDARD.encode(principal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Names, keys::MasterKey};

    fn told(identity: &str, user: &Principal) -> Vec<(String, String)> {
        let identity = BackendIdentity::parse(identity).unwrap();
        let keys = Keyring::new(MasterKey::new([7; 32]), Vec::new());
        let headers = UserHeaders::new(&identity, user, "backend", &keys);
        let Some(headers) = headers else {
            return Vec::new();
        };
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        headers.iter().map(text).collect()
    }

    fn alice() -> Principal {
        Principal {
            tenant_id: "tenant".to_owned(),
            oid: "alice".to_owned(),
            name: Some("Alic\u{e9}".to_owned()),
            username: Some("alice@contoso.example".to_owned()),
            roles: Names::from_iter(["Orders.Admin"]),
            groups: Names::from_iter(["g1", "g2"]),
            ..Principal::default()
        }
    }

    #[test]
    fn headers_of_app_service_name_the_user_as_applications_look_for_it() {
        let told = told("easy-auth", &alice());
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "x-ms-client-principal",
                "x-ms-client-principal-id",
                "x-ms-client-principal-idp",
                "x-ms-client-principal-name",
            ]
        );
        assert_eq!((told[1].1.as_str(), told[2].1.as_str()), ("alice", "aad"));
        let principal = STANDARD.decode(&told[0].1).unwrap();
        let principal: Value = serde_json::from_slice(&principal).unwrap();
        let has = |kind: &str, value: &str| {
            let claims = principal["claims"].as_array().unwrap();
            claims.contains(&json!({"typ": kind, "val": value}))
        };
        assert!(has(OBJECT, "alice") && has(TENANT, "tenant"), "{principal}");
        assert!(has("roles", "Orders.Admin") && has(ROLE, "Orders.Admin"));
        assert!(has("groups", "g2") && has("name", "Alic\u{e9}"));
        assert_eq!(principal["auth_typ"], "aad");
    }

    #[test]
    fn headers_of_oauth2_proxy_name_the_user() {
        let told = told("forwarded", &alice());
        let told: Vec<_> = told
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            told,
            [
                "x-forwarded-user: alice",
                "x-forwarded-email: alice@contoso.example",
                "x-forwarded-preferred-username: alice@contoso.example",
                "x-forwarded-groups: g1,g2",
            ]
        );
    }

    // R2: a name cannot end its header and begin another.
    #[test]
    fn what_no_header_can_hold_is_left_out() {
        let user = Principal {
            username: Some("alice\r\nx-forwarded-user: bob".to_owned()),
            groups: Names::from_iter((0..40).map(|number| format!("g{number}"))),
            ..alice()
        };
        let told = told("forwarded", &user);
        assert_eq!(told, [("x-forwarded-user".to_owned(), "alice".to_owned())]);
        assert!(self::told("assertion", &user).is_empty());
    }
}
