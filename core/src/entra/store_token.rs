//! The access token by which a Redis in Azure knows this server, in place of a password (Microsoft, "Use Microsoft Entra ID for
//! cache authentication with Azure Managed Redis").
//!
//! It is that of the managed identity itself, or of the application by its credential (Microsoft identity platform, "OAuth 2.0
//! client credentials flow"). The user of the store is the object id of the one or of the service principal of the other.
//!
//! The store is opened before anything is served, so no exchange asks for it: the runtime performs these steps itself.
//!
//! ```text
//! begin --secret, managed identity--> Fetch --> the token
//!   \--certificate, federated token--> Assert --> Fetch
//!              Azure Arc wants a proof: Fetch --> Assert --> Fetch
//! ```

use ::http::{Request, StatusCode, header};
use bytes::Bytes;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{
    error::EntraError,
    identity_token,
    token_endpoint::{CLIENT_ASSERTION_TYPE, FORM_BYTES},
};
use crate::{
    ask::{Ask, AssertionClaims, ClientAssertion, Fetch, FetchTarget},
    config::{ClientCredential, EntraApp, IdentityHost},
    limits,
    secret::Secret,
    time::UnixTime,
};

/// What a token is for.
const RESOURCE: &str = "https://redis.azure.com/";

/// The token.
#[derive(Clone, Debug)]
pub struct StoreToken {
    /// What is the password.
    pub token: Secret<String>,
    /// When it ends.
    pub expires: UnixTime,
}

/// What is to be done for it next.
#[derive(Debug)]
pub enum StoreTokenStep {
    /// This is to be made, and shown to [`with_assertion`].
    Assert(ClientAssertion),
    /// This is to be fetched, and the answer shown to [`read`].
    Fetch(Box<Fetch>),
    /// Here it is.
    Token(StoreToken),
}

/// Why there is none, in words for the operator.
pub type NoStoreToken = String;

/// Begins. `id` is drawn at random, for an assertion that is signed.
///
/// # Errors
///
/// The settings lead to no address.
pub fn begin(entra: &EntraApp, id: String, now: UnixTime) -> Result<StoreTokenStep, NoStoreToken> {
    let assertion = match &entra.credential {
        ClientCredential::Secret(secret) => return post(entra, "client_secret", &secret.value),
        ClientCredential::ManagedIdentity(_) => return of_identity(entra, None),
        ClientCredential::FederatedToken(_) => ClientAssertion::FederatedToken,
        ClientCredential::Certificate(_) => ClientAssertion::Signed(AssertionClaims {
            audience: token_endpoint(entra)?,
            client_id: entra.client_id.clone(),
            id,
            issued: now,
            expires: now.after(limits::CLIENT_ASSERTION_LIFETIME),
        }),
    };
    Ok(StoreTokenStep::Assert(assertion))
}

/// Goes on with what was to be made.
///
/// # Errors
///
/// It could not be made; the runtime has said why.
pub fn with_assertion(
    entra: &EntraApp,
    answer: <ClientAssertion as Ask>::Answer,
) -> Result<StoreTokenStep, NoStoreToken> {
    let made = answer.map_err(|fault| fault.as_str().to_owned())?;
    match &entra.credential {
        ClientCredential::ManagedIdentity(_) => of_identity(entra, Some(&made)),
        _ => post(entra, "client_assertion", &made),
    }
}

/// Reads an answer. `is_proven`: the agent of Azure Arc was shown what it wants to see.
///
/// # Errors
///
/// There is no token in it.
pub fn read(
    entra: &EntraApp,
    answer: <Fetch as Ask>::Answer,
    is_proven: bool,
    now: UnixTime,
) -> Result<StoreTokenStep, NoStoreToken> {
    let response = answer.map_err(|fault| format!("{}: {}", whom(entra), fault.as_str()))?;
    if let ClientCredential::ManagedIdentity(identity) = &entra.credential
        && matches!(identity.host, IdentityHost::Arc { .. })
        && response.status() == StatusCode::UNAUTHORIZED
        && !is_proven
        && let Some(path) = identity_token::challenge(response.headers())
    {
        return Ok(StoreTokenStep::Assert(ClientAssertion::ArcKey(path)));
    }
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        let error = EntraError::of_response(head.status, &head.headers, &body);
        let reference = error.reference().unwrap_or_default();
        let text = format!(
            "{} gives no token: {} {reference}",
            whom(entra),
            head.status
        );
        return Err(text.trim_end().to_owned());
    }
    let unreadable = || format!("the answer of {} is none", whom(entra));
    let (token, seconds) = crate::identity_token::token_of(&body, now).ok_or_else(unreadable)?;
    Ok(StoreTokenStep::Token(StoreToken {
        token,
        expires: UnixTime(now.0.saturating_add(seconds)),
    }))
}

fn whom(entra: &EntraApp) -> &'static str {
    match entra.credential {
        ClientCredential::ManagedIdentity(_) => "the managed identity of this machine",
        _ => "Entra ID",
    }
}

fn of_identity(
    entra: &EntraApp,
    key: Option<&Secret<String>>,
) -> Result<StoreTokenStep, NoStoreToken> {
    let fetch = match &entra.credential {
        ClientCredential::ManagedIdentity(identity) => {
            identity_token::request(identity, RESOURCE, key)
        }
        _ => None,
    };
    let none = || "its address is none".to_owned();
    let fetch = fetch.map(Box::new);
    fetch.map(StoreTokenStep::Fetch).ok_or_else(none)
}

/// Metadata would say the same (Microsoft identity platform, "OpenID Connect on the Microsoft identity platform").
fn token_endpoint(entra: &EntraApp) -> Result<String, NoStoreToken> {
    let tenant = entra
        .tenant_of_application()
        .ok_or("an application that is in no tenant of its own gets no token for the store")?;
    let path = format!("{tenant}/oauth2/v2.0/token");
    let address = entra.authority_host.join(&path);
    address
        .map(String::from)
        .map_err(|_| "the authority is no address".to_owned())
}

fn post(
    entra: &EntraApp,
    name: &str,
    proof: &Secret<String>,
) -> Result<StoreTokenStep, NoStoreToken> {
    // Room for all that is usually sent: a text that grows would leave secrets behind.
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM_BYTES));
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("client_id", &entra.client_id);
    form.append_pair("scope", &format!("{RESOURCE}.default"));
    if name == "client_assertion" {
        form.append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE);
    }
    form.append_pair(name, proof.expose());
    let body = Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()));
    let request = Request::post(token_endpoint(entra)?)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(body)
        .map_err(|_| "the authority is no address".to_owned())?;
    Ok(StoreTokenStep::Fetch(Box::new(Fetch {
        target: FetchTarget::Configured(request),
        body_limit: limits::FETCH_BODY_BYTES,
        within: limits::FETCH_TIMEOUT,
        kept_open: None,
    })))
}

#[cfg(test)]
mod tests {
    use ::http::Response;

    use super::*;
    use crate::{
        ask::AssertionFault,
        config::{IdentityEndpoint, ManagedIdentity},
        testing::TestServer,
    };

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn entra(credential: ClientCredential) -> EntraApp {
        let mut server = TestServer::dev();
        server.server.config.entra.credential = credential;
        server.server.config.entra
    }

    fn sent(step: Result<StoreTokenStep, String>) -> (String, String) {
        let Ok(StoreTokenStep::Fetch(fetch)) = step else {
            panic!("something is fetched: {step:?}");
        };
        let FetchTarget::Configured(request) = fetch.target else {
            panic!("the operator has set it");
        };
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        (request.uri().to_string(), body)
    }

    fn answer(status: u16, body: &str) -> <Fetch as Ask>::Answer {
        let response = Response::builder().status(status);
        Ok(response
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap())
    }

    #[test]
    fn secret_is_sent_for_a_token_of_the_store() {
        let entra = entra(ClientCredential::Secret("the secret".to_owned().into()));
        let (address, body) = sent(begin(&entra, "id".to_owned(), NOW));
        assert!(address.ends_with("/oauth2/v2.0/token"), "{address}");
        for part in [
            "grant_type=client_credentials",
            "scope=https%3A%2F%2Fredis.azure.com%2F.default",
            "client_secret=the+secret",
        ] {
            assert!(body.contains(part), "{body}");
        }
        let body = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"a.b.c"}"#;
        let read = read(&entra, answer(200, body), false, NOW);
        let Ok(StoreTokenStep::Token(token)) = read else {
            panic!("a token: {read:?}");
        };
        assert_eq!(token.token.expose(), "a.b.c");
        assert_eq!(token.expires, UnixTime(NOW.0 + 3599));
    }

    #[test]
    fn federated_token_is_the_proof() {
        let entra = entra(ClientCredential::FederatedToken("token".into()));
        let first = begin(&entra, "id".to_owned(), NOW);
        let is_read = matches!(
            first,
            Ok(StoreTokenStep::Assert(ClientAssertion::FederatedToken))
        );
        assert!(is_read, "{first:?}");
        let made = Ok(Secret::new("x.y.z".to_owned()));
        let (_, body) = sent(with_assertion(&entra, made));
        assert!(body.contains("client_assertion=x.y.z"), "{body}");
        assert!(body.contains("client_assertion_type="), "{body}");
        assert!(with_assertion(&entra, Err(AssertionFault::FederatedToken)).is_err());
    }

    #[test]
    fn managed_identity_is_asked_for_the_resource_and_a_refusal_names_no_secret() {
        let host = IdentityHost::InstanceMetadata {
            endpoint: IdentityEndpoint::instance_metadata().unwrap(),
        };
        let id = "33333333-3333-3333-3333-333333333333";
        let identity = ManagedIdentity::new(id, host).unwrap();
        let entra = entra(ClientCredential::ManagedIdentity(identity));
        let (address, _) = sent(begin(&entra, "id".to_owned(), NOW));
        let resource = "resource=https%3A%2F%2Fredis.azure.com%2F";
        assert!(
            address.contains(resource) && address.contains(id),
            "{address}"
        );
        let refusal = r#"{"error":"invalid_request","error_codes":[700016],"error_description":"secret words"}"#;
        let error = read(&entra, answer(400, refusal), false, NOW).unwrap_err();
        assert!(
            error.contains("managed identity") && error.contains("700016"),
            "{error}"
        );
        assert!(!error.contains("secret words"), "{error}");
        assert!(read(&entra, answer(200, "{}"), false, NOW).is_err());
    }
}
