//! The public keys of a client, with which it signs that it is who it says (RFC 7517; RFC 7518 sections 3.3 to 3.5).
//!
//! A key is used for the algorithm of its kind only, whatever an assertion says (RFC 8725 section 3.1): so nothing is
//! verified by `none`, nor by a shared secret made of a public key.

use ::http::{Response, StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{client_document::DocumentError, limits};

/// An algorithm that is verified here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 3] = [Self::Rs256, Self::Ps256, Self::Es256];

    /// Its name (RFC 7518 section 3.1).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// The public keys of a client that can verify something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientKeys(Vec<ClientKey>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct ClientKey {
    id: Option<String>,
    /// The one algorithm that it says it is for.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
}

/// A key as it is written (RFC 7517 section 4, RFC 7518 section 6).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl ClientKeys {
    /// Reads the answer of the host of a `jwks_uri`.
    pub(crate) fn read(response: &Response<Bytes>) -> Result<Self, DocumentError> {
        if response.status() != StatusCode::OK {
            return Err(DocumentError::Status);
        }
        if response.body().len() > limits::CLIENT_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge);
        }
        let keys: Value =
            serde_json::from_slice(response.body()).map_err(|_| DocumentError::NotJson)?;
        if holds_private_key(&keys) {
            return Err(DocumentError::HoldsSecret);
        }
        Self::of_json(&keys).ok_or(DocumentError::NotJson)
    }

    /// Takes those keys of a set that are for signatures and of a kind that is known; `None` if it is no set.
    pub(crate) fn of_json(keys: &Value) -> Option<Self> {
        let keys = keys.get("keys")?.as_array()?;
        let keys = keys.iter().filter_map(ClientKey::of_json);
        Some(Self(keys.take(limits::CLIENT_KEYS).collect()))
    }

    /// Whether one of the keys has signed this by that algorithm. An id, if there is one, must be the key's.
    pub(crate) fn have_signed(
        &self,
        signed: &str,
        signature: &[u8],
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> bool {
        let may_be = |key: &&ClientKey| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        let mut keys = self.0.iter().filter(may_be);
        keys.any(|key| key.has_signed(signed.as_bytes(), signature, algorithm))
    }
}

impl ClientKey {
    fn of_json(key: &Value) -> Option<Self> {
        let jwk = Jwk::deserialize(key).ok()?;
        let decoded = |text: Option<&String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa(decoded(jwk.n.as_ref())?, decoded(jwk.e.as_ref())?),
            ("EC", Some("P-256")) => {
                let [x, y] = [decoded(jwk.x.as_ref())?, decoded(jwk.y.as_ref())?];
                Material::P256([&[4][..], &x, &y].concat())
            }
            _ => return None,
        };
        let is_for_signatures = jwk.usage.is_none_or(|usage| usage == "sig");
        is_for_signatures.then_some(Self {
            id: jwk.kid,
            algorithm: jwk.alg,
            material,
        })
    }

    fn has_signed(&self, signed: &[u8], signature: &[u8], algorithm: Algorithm) -> bool {
        if self
            .algorithm
            .as_deref()
            .is_some_and(|own| own != algorithm.name())
        {
            return false;
        }
        let verdict = match (&self.material, algorithm) {
            (Material::Rsa(n, e), Algorithm::Rs256) => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed,
                signature,
            ),
            (Material::Rsa(n, e), Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, signed, signature)
            }
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            _ => return false,
        };
        verdict.is_ok()
    }
}

/// Whether a key of a set is one that nobody should see: a private or a shared one.
pub(crate) fn holds_private_key(keys: &Value) -> bool {
    let keys = keys.get("keys").and_then(Value::as_array);
    let mut keys = keys.into_iter().flatten();
    keys.any(|key| key.get("d").is_some() || key.get("k").is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entra::testing::Signer;

    /// The example of RFC 7515 appendix A.3.
    const ES256: [&str; 2] = [
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y\
         b290Ijp0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ];

    fn ec_key() -> Value {
        json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    fn verify(keys: &Value, jwt: &str, algorithm: Algorithm, id: Option<&str>) -> bool {
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let keys = ClientKeys::of_json(keys).unwrap();
        keys.have_signed(signed, &signature, algorithm, id)
    }

    #[test]
    fn signature_is_verified_by_the_algorithm_of_the_key_alone() {
        let signer = Signer::known();
        let [rs256, ps256] =
            ["RS256", "PS256"].map(|name| signer.jwt_of(&json!({"alg": name}), &json!({"a": 1})));
        let (rsa, ec) = (signer.jwks(), json!({"keys": [ec_key()]}));
        let es256 = ES256.join(".");
        for (keys, jwt, right) in [
            (&rsa, &rs256, Algorithm::Rs256),
            (&rsa, &ps256, Algorithm::Ps256),
            (&ec, &es256, Algorithm::Es256),
        ] {
            for algorithm in Algorithm::ALL {
                assert_eq!(
                    verify(keys, jwt, algorithm, None),
                    algorithm == right,
                    "{jwt}"
                );
            }
            assert!(!verify(keys, &jwt.replacen("eyJ", "eyK", 1), right, None));
            for others in [&Signer::unknown().jwks(), &json!({"keys": []})] {
                assert!(!verify(others, jwt, right, None));
            }
        }
    }

    #[test]
    fn key_of_another_name_use_or_algorithm_verifies_nothing() {
        let jwt = ES256.join(".");
        for (member, value, good) in [
            ("kid", "one", true),
            ("kid", "other", false),
            ("alg", "ES256", true),
            ("alg", "ES384", false),
            ("use", "sig", true),
            ("use", "enc", false),
            ("crv", "P-384", false),
            ("kty", "oct", false),
            ("x", "AA", false),
        ] {
            let mut key = ec_key();
            key[member] = value.into();
            let keys = json!({"keys": [{"kty": "unknown"}, 7, key]});
            let verified = verify(&keys, &jwt, Algorithm::Es256, Some("one"));
            assert_eq!(verified, good, "{member} {value}");
        }
    }

    // H8
    #[test]
    fn key_set_that_is_none_or_holds_a_secret_is_refused() {
        let read = |status: u16, body: &str| {
            let response = Response::builder()
                .status(status)
                .body(Bytes::from(body.to_owned()));
            ClientKeys::read(&response.unwrap())
        };
        assert!(read(200, r#"{"keys": []}"#).is_ok());
        for (status, body, error) in [
            (302, "{}", DocumentError::Status),
            (200, "[]", DocumentError::NotJson),
            (200, r#"{"keys": 7}"#, DocumentError::NotJson),
            (200, "<html>", DocumentError::NotJson),
            (
                200,
                r#"{"keys": [{"kty": "oct", "k": "AA"}]}"#,
                DocumentError::HoldsSecret,
            ),
            (
                200,
                r#"{"keys": [{"kty": "RSA", "d": "AA"}]}"#,
                DocumentError::HoldsSecret,
            ),
            (
                200,
                &" ".repeat(limits::CLIENT_DOCUMENT_BYTES + 1),
                DocumentError::TooLarge,
            ),
        ] {
            assert_eq!(read(status, body), Err(error), "{body:.40}");
        }
        let many = json!({"keys": vec![ec_key(); 2 * limits::CLIENT_KEYS]});
        assert_eq!(
            ClientKeys::of_json(&many).unwrap().0.len(),
            limits::CLIENT_KEYS
        );
    }
}
