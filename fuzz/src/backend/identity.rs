//! Who calls, as the backend is told: the assertions, and the keys that sign them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::{
    ask::{Sign, Signed},
    secret::Secret,
};
use ring::digest::{SHA256, digest};
use serde_json::Value;

/// The keys that were made. A signature is a hash of the key and of what it signs, so that a run follows from its choices alone:
/// those of ECDSA are random.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Vec<u8>>);

impl Keys {
    /// What a runtime would answer; `material` becomes a new key.
    pub(crate) fn sign(&mut self, sign: Sign, material: [u8; 32]) -> Signed {
        match sign {
            Sign::NewKey => {
                let private = material.to_vec();
                let mut public = vec![4];
                public.extend(hash(&private, b"x"));
                public.extend(hash(&private, b"y"));
                self.0.push(private.clone());
                let private = Secret::new(private);
                Signed::Key { private, public }
            }
            Sign::With { key, input } => Signed::Signature(signature(key.expose(), &input)),
        }
    }

    /// Who calls, if this is an assertion that one of the keys has signed for the backend at this address.
    pub(super) fn verify(&self, assertion: &str, audience: &str) -> Option<Caller> {
        let (input, given) = assertion.rsplit_once('.')?;
        let given = URL_SAFE_NO_PAD.decode(given).ok()?;
        let mut keys = self.0.iter();
        keys.find(|key| signature(key, input.as_bytes()) == given)?;
        let (_, claims) = input.split_once('.')?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let text = |name: &str| Some(claims.get(name)?.as_str()?.to_owned());
        (text("aud")? == audience).then_some(Caller {
            oid: text("oid")?,
            client: text("client_id")?,
            name: text("preferred_username")?,
            scope: text("scope")?,
        })
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Caller {
    pub(super) oid: String,
    pub(super) client: String,
    pub(super) name: String,
    pub(super) scope: String,
}

impl Caller {
    /// Whether it is the same user with the same client.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.oid, &self.client) == (&other.oid, &other.client)
    }

    /// Whether the client was granted this scope.
    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|one| one == scope)
    }
}

fn hash(key: &[u8], input: &[u8]) -> Vec<u8> {
    digest(&SHA256, &[key, input].concat()).as_ref().to_vec()
}

fn signature(key: &[u8], input: &[u8]) -> Vec<u8> {
    [hash(key, input), hash(input, key)].concat()
}
