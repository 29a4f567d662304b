//! Who a client says that it is: one that registers, one that is described by a document at a URL, with or without keys
//! of its own, or one that the operator has registered.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::{Client, ClientError, Registration};
use crate::{listed, sites::GOOD_SITE, world::World};

/// Who a client says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Whatever the server makes of its registration.
    #[default]
    Registers,
    /// The client of the document at this URL.
    Document(String),
    /// The same, and it signs that it is.
    Signing(String),
    /// The one of the operator's list with this id.
    Listed(&'static str),
}

/// For whom an assertion is, and how often it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assertion {
    /// For the server, and once.
    #[default]
    Good,
    /// For another server.
    ForAnother,
}

/// The private key of every good client that signs: a P-256 key as PKCS #8.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCM0sAVNrRwVme6ayT1SV7JT3JcleSMkhzbPYNttYLzehRANCAARB7uKFFMTCqNKXdx+PHKDAkhFpNDYg5RWwtR39j+v5Jof0/C31MpOPd9qQrGuCyAdrtZwlNBmk27xqr5XaAKa3";

/// How long an assertion is good, in seconds.
const LIFETIME: u64 = 60;

fn key() -> EcdsaKeyPair {
    let bytes = STANDARD.decode(KEY).expect("it is Base64");
    EcdsaKeyPair::from_pkcs8(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &bytes,
        &SystemRandom::new(),
    )
    .expect("it is a key")
}

fn public_keys() -> Value {
    let pair = key();
    let (x, y) = pair.public_key().as_ref().split_at(33);
    let x = x.get(1..).unwrap_or_default();
    let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
    json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": x, "y": y}]})
}

/// An address of a good client's site.
fn document_url(name: &str) -> String {
    format!("{GOOD_SITE}/{name}.json")
}

/// A document that describes a client.
#[must_use]
pub fn document(url: &str, name: &str, redirect_uri: &str) -> Value {
    json!({"client_id": url, "client_name": name, "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "none"})
}

impl Client {
    /// From now on it is the client of a document, which is put where it belongs.
    pub fn is_described(&mut self, name: &str, world: &World) {
        let url = document_url(name);
        world.publish(&url, document(&url, name, &self.redirect_uri));
        self.identity = Identity::Document(url);
    }

    /// The same for one that signs; its keys are in the document, or at an address of their own.
    pub fn signs(&mut self, name: &str, has_keys_elsewhere: bool, world: &World) {
        let url = document_url(name);
        let mut document = document(&url, name, &self.redirect_uri);
        let members = document.as_object_mut().expect("it is an object");
        let method = json!("private_key_jwt");
        members.insert("token_endpoint_auth_method".to_owned(), method);
        if has_keys_elsewhere {
            let keys = format!("{GOOD_SITE}/{name}-keys.json");
            members.insert("jwks_uri".to_owned(), json!(keys));
            world.publish(&keys, public_keys());
        } else {
            members.insert("jwks".to_owned(), public_keys());
        }
        world.publish(&url, document);
        self.identity = Identity::Signing(url);
    }

    /// Whether it is described by a document.
    #[must_use]
    pub fn has_document(&self) -> bool {
        matches!(self.identity, Identity::Document(_) | Identity::Signing(_))
    }

    /// What the client is to the server; it registers if it must.
    pub(super) async fn identify(&mut self) -> Result<(), ClientError> {
        let registration = match &self.identity {
            Identity::Registers => return self.register().await,
            Identity::Document(url) | Identity::Signing(url) => Registration {
                client_id: url.clone(),
                client_secret: None,
            },
            Identity::Listed(id) => Registration {
                client_id: (*id).to_owned(),
                client_secret: listed::secret_of(id).map(str::to_owned),
            },
        };
        self.registration = Some(registration);
        Ok(())
    }

    /// The fields by which the client proves who it is, if it signs (RFC 7523 section 2.2).
    pub(super) fn assertion_fields(&self) -> Result<Vec<(&'static str, String)>, ClientError> {
        let Identity::Signing(url) = &self.identity else {
            return Ok(Vec::new());
        };
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        Ok(vec![
            ("client_assertion_type", kind.to_owned()),
            ("client_assertion", self.assertion(url)?),
        ])
    }

    fn assertion(&self, url: &str) -> Result<String, ClientError> {
        let audience = match self.assertion {
            Assertion::Good => self.endpoint("token_endpoint")?,
            Assertion::ForAnother => "https://other.example/token".to_owned(),
        };
        let world = self.peer.world();
        let now = world.now().unix.0;
        let jti = URL_SAFE_NO_PAD.encode(world.choose(crate::choice::Choice::material));
        let header = json!({"alg": "ES256", "kid": "1"});
        let claims = json!({"iss": url, "sub": url, "aud": audience, "jti": jti, "iat": now,
            "exp": now + LIFETIME});
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = key().sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.expect("a key can sign");
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
