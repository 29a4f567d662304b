//! What Entra publishes of itself: the OpenID metadata and the signing keys.
//!
//! OpenID Connect Discovery 1.0 section 3, RFC 7517; Microsoft identity platform, "OpenID Connect"
//! (the document may hold `{tenantid}` in its issuer) and "Signing key rollover". Of both documents
//! only what is used is read; keys of another kind than ours are passed over.

mod issuer;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use url::Url;

pub(crate) use self::issuer::Issuer;
use crate::{
    config::{EntraApp, TokenVersion, is_loopback},
    limits,
};

/// The metadata and keys of the configured tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderMetadata {
    /// The issuer of ID tokens, with `{tenantid}` where the authority is a template.
    pub(crate) issuer: String,
    /// Where the browser is sent.
    pub(crate) authorization_endpoint: Url,
    /// Where codes and refresh tokens are redeemed.
    pub(crate) token_endpoint: Url,
    /// The keys that ID tokens are signed with.
    pub(crate) keys: Vec<SigningKey>,
    /// Issuer and keys of access tokens of version 1.0, if those are taken.
    pub(crate) v1: Option<V1Metadata>,
}

/// Of tokens of version 1.0 as much as is needed to verify one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct V1Metadata {
    /// The issuer.
    pub(crate) issuer: String,
    /// The keys.
    pub(crate) keys: Vec<SigningKey>,
}

/// An RSA key of Entra's (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SigningKey {
    /// The key id, `kid` (RFC 7517 section 4.5).
    pub(crate) kid: String,
    /// The modulus, big-endian.
    pub(crate) n: Vec<u8>,
    /// The exponent, big-endian.
    pub(crate) e: Vec<u8>,
    /// The issuer that it signs for, if stated.
    pub(crate) issuer: Option<String>,
}

impl SigningKey {
    /// Whether it has signed this, by RS256.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let (n, e) = (&self.n, &self.e);
        RsaPublicKeyComponents { n, e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }

    /// Whether it signs for this issuer, which is of that tenant: the one that it states, if it does. Keys of version 1.0
    /// state that of version 2.0: then the tenant must be the same.
    pub(crate) fn signs_for(&self, issuer: &str, tenant: &str, version: TokenVersion) -> bool {
        let Some(stated) = self.issuer.as_deref() else {
            return true;
        };
        let of_tenant = Issuer::new(stated, &[]);
        match version {
            TokenVersion::V1 => of_tenant.is_of_tenant(tenant),
            TokenVersion::V2 => stated.replace(issuer::TEMPLATE, tenant) == issuer,
        }
    }
}

impl ProviderMetadata {
    /// Who issues tokens of this version; `None` if that is not known.
    pub(crate) fn issuer_of(&self, version: TokenVersion) -> Option<Issuer<'_>> {
        let (name, keys) = match version {
            TokenVersion::V1 => {
                let v1 = self.v1.as_ref()?;
                (&v1.issuer, &v1.keys)
            }
            TokenVersion::V2 => (&self.issuer, &self.keys),
        };
        Some(Issuer::new(name, keys))
    }

    /// Whether this is the issuer that is known, for whichever tenant if that is a template.
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        match self.issuer.split_once("{tenantid}") {
            None => self.issuer == issuer,
            Some((before, after)) => issuer
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(is_guid),
        }
    }

    /// The key of a name.
    pub(crate) fn key(&self, kid: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

/// Whether a text is a GUID, as Entra writes `tid`, `oid` and correlation ids.
pub(crate) fn is_guid(text: &str) -> bool {
    let is_hyphen = |place| matches!(place, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| {
            if is_hyphen(place) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

/// Where the metadata of the configured tenant is, for tokens of this version.
pub(crate) fn metadata_address(entra: &EntraApp, version: TokenVersion) -> Url {
    let mut address = entra.authority_host.clone();
    let of_version = (version == TokenVersion::V2).then_some("v2.0");
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty()
            .push(&entra.tenant)
            .extend(of_version)
            .extend([".well-known", "openid-configuration"]);
    }
    address
}

/// The metadata, before the keys are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiscoveryDocument {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    /// Where the keys are.
    pub(crate) jwks_uri: Url,
}

impl DiscoveryDocument {
    /// Reads the document; in an error, what is wrong with it.
    pub(crate) fn read(body: &[u8], entra: &EntraApp) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            authorization_endpoint: String,
            token_endpoint: String,
            jwks_uri: String,
        }
        let document: Document = serde_json::from_slice(body)
            .map_err(|_| "the metadata is not JSON or lacks something")?;
        let address = |text: &str| {
            let address = Url::parse(text).ok();
            let address = address.filter(|address| is_safe(address, entra));
            address.ok_or("the metadata names an address that is not https")
        };
        address(&document.issuer)?;
        Ok(Self {
            issuer: document.issuer,
            authorization_endpoint: address(&document.authorization_endpoint)?,
            token_endpoint: address(&document.token_endpoint)?,
            jwks_uri: address(&document.jwks_uri)?,
        })
    }

    /// What there is of version 1.0, with its keys.
    pub(crate) fn into_v1(self, keys: Vec<SigningKey>) -> V1Metadata {
        V1Metadata {
            issuer: self.issuer,
            keys,
        }
    }

    /// Adds the keys.
    pub(crate) fn with_keys(self, keys: Vec<SigningKey>) -> ProviderMetadata {
        ProviderMetadata {
            issuer: self.issuer,
            authorization_endpoint: self.authorization_endpoint,
            token_endpoint: self.token_endpoint,
            keys,
            v1: None,
        }
    }
}

/// Whether an address may be used: https, or http on loopback where the authority is there too.
fn is_safe(address: &Url, entra: &EntraApp) -> bool {
    let is_local = |url: &Url| url.host().is_some_and(|host| is_loopback(&host));
    let nobody = address.username().is_empty() && address.password().is_none();
    let scheme = match address.scheme() {
        "https" => address.host().is_some(),
        "http" => is_local(address) && is_local(&entra.authority_host),
        _ => false,
    };
    nobody && scheme && address.fragment().is_none()
}

/// Reads the key set; in an error, what is wrong with it.
pub(crate) fn read_keys(body: &[u8]) -> Result<Vec<SigningKey>, &'static str> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Jwk>,
    }
    let document: Document =
        serde_json::from_slice(body).map_err(|_| "the signing keys are not a JSON key set")?;
    let keys = document.keys.into_iter().filter_map(Jwk::signing_key);
    let keys: Vec<_> = keys.take(limits::SIGNING_KEYS).collect();
    if keys.is_empty() {
        return Err("there is no RSA signing key");
    }
    Ok(keys)
}

/// A key as it is written. Nothing in it is needed for the others to be good.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    kid: String,
    n: String,
    e: String,
    issuer: Option<String>,
}

impl Jwk {
    fn signing_key(self) -> Option<SigningKey> {
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        if self.kty != "RSA" || !signs || self.kid.is_empty() {
            return None;
        }
        Some(SigningKey {
            kid: self.kid,
            n: URL_SAFE_NO_PAD.decode(self.n).ok()?,
            e: URL_SAFE_NO_PAD.decode(self.e).ok()?,
            issuer: self.issuer,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::TestServer;

    fn document(changes: &Value) -> Vec<u8> {
        let mut document = json!({
            "issuer": "https://login.example/11111111-1111-1111-1111-111111111111/v2.0",
            "authorization_endpoint": "https://login.example/t/oauth2/v2.0/authorize",
            "token_endpoint": "https://login.example/t/oauth2/v2.0/token",
            "jwks_uri": "https://keys.example/t/discovery/v2.0/keys",
            "tenant_region_scope": null,
            "response_modes_supported": ["query", "fragment", "form_post"],
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        document.to_string().into_bytes()
    }

    #[test]
    fn entra_metadata_is_parsed() {
        let server = TestServer::dev();
        let entra = &server.server.config.entra;
        assert_eq!(
            metadata_address(entra, TokenVersion::V2).as_str(),
            "https://login.example/11111111-1111-1111-1111-111111111111/v2.0/\
             .well-known/openid-configuration"
        );
        let metadata = DiscoveryDocument::read(&document(&json!({})), entra).unwrap();
        assert_eq!(
            metadata.jwks_uri.as_str(),
            "https://keys.example/t/discovery/v2.0/keys",
            "another host may serve the keys"
        );
        // The template of `common` (Microsoft identity platform, OpenID Connect metadata)
        let template = json!({"issuer": "https://login.example/{tenantid}/v2.0"});
        let metadata = DiscoveryDocument::read(&document(&template), entra).unwrap();
        let metadata = metadata.with_keys(Vec::new());
        assert_eq!(metadata.issuer, "https://login.example/{tenantid}/v2.0");
    }

    // Q1: no token and no code goes over plain http.
    #[test]
    fn metadata_address_must_be_https_unless_all_is_on_loopback() {
        let mut server = TestServer::dev();
        for name in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
        ] {
            let entra = &mut server.server.config.entra;
            entra.authority_host = Url::parse("https://login.example/").unwrap();
            for bad in [
                "http://login.example/x",
                "http://localhost:3002/x",
                "ftp://login.example/x",
                "https://user:word@login.example/x",
                "javascript:alert(1)",
                "/relative",
                "",
            ] {
                let document = document(&json!({name: bad}));
                assert!(
                    DiscoveryDocument::read(&document, entra).is_err(),
                    "{name} {bad}"
                );
            }
            entra.authority_host = Url::parse("http://localhost:3002/").unwrap();
            let local = document(&json!({name: "http://localhost:3002/x"}));
            assert!(DiscoveryDocument::read(&local, entra).is_ok(), "{name}");
            let other = document(&json!({name: "http://login.example/x"}));
            assert!(DiscoveryDocument::read(&other, entra).is_err(), "{name}");
        }
        let entra = &server.server.config.entra;
        for body in ["", "[]", "{}", "<html>", "{\"issuer\":1}"] {
            assert!(
                DiscoveryDocument::read(body.as_bytes(), entra).is_err(),
                "{body}"
            );
        }
    }

    // D4
    #[test]
    fn issuer_must_be_the_known_one_or_fill_its_template() {
        let tenant = "11111111-1111-1111-1111-111111111111";
        let mut metadata = crate::testing::provider_metadata();
        let issuer = format!("https://login.example/{tenant}/v2.0");
        let others = [
            "https://evil.example/11111111-1111-1111-1111-111111111111/v2.0",
            "https://login.example//v2.0",
            "https://login.example/v2.0",
            "https://login.example/1/v2.0",
            "",
        ];
        for template in [issuer.as_str(), "https://login.example/{tenantid}/v2.0"] {
            metadata.issuer = template.to_owned();
            assert!(metadata.is_issuer(&issuer));
            for other in others {
                assert!(!metadata.is_issuer(other), "{other}");
            }
        }
    }

    // D6, D9: keys that cannot sign an ID token are no reason to know none.
    #[test]
    fn key_that_is_no_rsa_signing_key_is_dropped() {
        let body = json!({"keys": [
            {"kty": "RSA", "use": "sig", "kid": "one", "n": "AQAB", "e": "AQAB", "x5c": ["MIIC"],
             "issuer": "https://login.example/{tenantid}/v2.0"},
            {"kty": "RSA", "kid": "two", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "use": "enc", "kid": "three", "n": "AQAB", "e": "AQAB"},
            {"kty": "EC", "kid": "four", "x": "AQAB", "y": "AQAB"},
            {"kty": "oct", "kid": "five", "k": "c2VjcmV0"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "six", "n": "not base64!", "e": "AQAB"},
        ]});
        let keys = read_keys(body.to_string().as_bytes()).unwrap();
        let kids: Vec<_> = keys.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(kids, ["one", "two"]);
        assert_eq!(keys[0].n, [1, 0, 1]);
        for body in ["", "{}", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"EC\"}]}"] {
            assert!(read_keys(body.as_bytes()).is_err(), "{body}");
        }
    }
}
