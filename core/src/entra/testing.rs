//! Help for tests: ID tokens that are signed with a key that is known, or with one that is not.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rsa::PublicKeyComponents,
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use serde_json::{Value, json};

use crate::{provider_metadata::SigningKey, testing::TestServer};

/// The tenant of [`TestServer`].
pub(crate) const TENANT: &str = "11111111-1111-1111-1111-111111111111";
/// The `oid` of Alice.
pub(crate) const ALICE: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";

/// A signer of ID tokens.
pub(crate) struct Signer {
    kid: &'static str,
    key: RsaKeyPair,
}

impl Signer {
    /// Entra, with the key that is known.
    pub(crate) fn known() -> Self {
        let pkcs8 = include_bytes!("../../dev-tenant/keys/a.pkcs8");
        let key = RsaKeyPair::from_pkcs8(pkcs8).expect("the key is good");
        Self { kid: "known", key }
    }

    /// Entra, with a key that it has just begun to use; or anybody.
    pub(crate) fn unknown() -> Self {
        let pkcs8 = include_bytes!("../../dev-tenant/keys/b.pkcs8");
        let key = RsaKeyPair::from_pkcs8(pkcs8).expect("the key is good");
        Self { kid: "new", key }
    }

    /// The public key, as the metadata has it.
    pub(crate) fn public(&self) -> SigningKey {
        let public: PublicKeyComponents<Vec<u8>> = self.key.public().into();
        SigningKey {
            kid: self.kid.to_owned(),
            n: public.n,
            e: public.e,
            issuer: Some(format!("https://login.example/{TENANT}/v2.0")),
        }
    }

    /// The public key as a key set (RFC 7517).
    pub(crate) fn jwks(&self) -> Value {
        let key = self.public();
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "kid": key.kid, "issuer": key.issuer,
            "n": URL_SAFE_NO_PAD.encode(key.n), "e": URL_SAFE_NO_PAD.encode(key.e),
        }]})
    }

    /// A token with the header that Entra writes.
    pub(crate) fn jwt(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": self.kid});
        self.jwt_of(&header, claims)
    }

    /// A token with any header.
    pub(crate) fn jwt_of(&self, header: &Value, claims: &Value) -> String {
        self.jwt_of_text(header, &claims.to_string())
    }

    /// A token with any header and any payload.
    #[expect(
        clippy::disallowed_types,
        reason = "RSA blinds with it; the signature is the same whatever it draws"
    )]
    pub(crate) fn jwt_of_text(&self, header: &Value, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(&header.to_string()), part(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        let padding: &dyn RsaEncoding = match header["alg"] == "PS256" {
            true => &RSA_PSS_SHA256,
            false => &RSA_PKCS1_SHA256,
        };
        self.key
            .sign(padding, &random, signed.as_bytes(), &mut signature)
            .expect("the buffer is as long as the modulus");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The claims of Alice's ID token for a sign-in with the nonce `the nonce`, with these changes; a
/// claim that is changed to null is missing.
pub(crate) fn claims(server: &TestServer, changes: Value) -> Value {
    let now = server.now.unix.0;
    let mut claims = json!({
        "ver": "2.0",
        "iss": format!("https://login.example/{TENANT}/v2.0"),
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "aud": server.server.config.entra.client_id,
        "exp": now + 3600,
        "iat": now,
        "nbf": now,
        "name": "Alice",
        "preferred_username": "alice@contoso.example",
        "oid": ALICE,
        "tid": TENANT,
        "nonce": "the nonce",
        "aio": "opaque",
    });
    let Value::Object(changes) = changes else {
        panic!("the changes are an object");
    };
    let members = claims.as_object_mut().expect("the claims are an object");
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    claims
}

/// An application of Entra's that calls.
pub(crate) const CALLER: &str = "cccccccc-cccc-cccc-cccc-cccccccccccc";

/// The claims of an access token of Alice's for this application, of version 2.0, with these changes; a claim that is
/// changed to null is missing.
pub(crate) fn access_claims(server: &TestServer, changes: &Value) -> Value {
    let of_access_token = json!({
        "nonce": null, "azp": CALLER, "azpacr": "1", "scp": "user.read", "idtyp": "user", "uti": "a token id",
    });
    let mut claims = claims(server, of_access_token);
    for (name, value) in changes.as_object().expect("the changes are an object") {
        let members = claims.as_object_mut().expect("the claims are an object");
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}
