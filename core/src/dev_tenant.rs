//! The dev tenant: an embedded stand-in for Entra ID (v2.0) and Microsoft Graph, so that the first
//! sign-in works with no cloud account, and so that every failure of Entra can be had on demand.
//!
//! A machine of its own, as pure as the rest of the core: a request, the time and a seed come in, a
//! [`Reply`] goes out. It answers as `login.microsoftonline.com` and `graph.microsoft.com` do
//! (Microsoft identity platform, "OAuth 2.0 authorization code flow" and the pages around it), down
//! to the error texts, for one tenant, one application and a handful of made-up people. Its keys,
//! its secret and its people are public: it is worth nothing and must run on loopback only
//! (threats.md J5, Q2).

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::{entropy::Seed, time::Now};

/// The tenant's id.
pub const TENANT_ID: &str = "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001";

/// The tenant's verified domain, which stands for the id in addresses.
pub const TENANT_DOMAIN: &str = "contoso.example";

/// The application (client) id of the one registered application: this server.
pub const CLIENT_ID: &str = "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002";

/// The application's secret. Public on purpose, and worthless.
pub const CLIENT_SECRET: &str = "dev8Q~public.and-worthless_0123456789.abc";

/// What the tenant has to be told: where it is reached, and where it may send people back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevTenantConfig {
    /// Scheme, host and port under which it is reached, such as `http://localhost:3002`.
    pub origin: String,
    /// The application's redirect URIs. They match exactly, but for the port on `localhost`.
    pub redirect_uris: Vec<String>,
}

/// The tenant: one for each server, behind a mutex of the runtime.
#[derive(Debug)]
pub struct DevTenant {
    _config: DevTenantConfig,
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Reply {
    /// Send this.
    Respond(Response<Bytes>),
    /// Sign [`Unsigned::message`] (RSASSA-PKCS1-v1_5 with SHA-256) and send [`Unsigned::signed`].
    Sign(Unsigned),
    /// Wait so long, then do the other.
    Later(Duration, Box<Reply>),
}

/// A response that wants a signature: the ID token in it.
#[derive(Debug)]
#[must_use]
pub struct Unsigned {
    message: Vec<u8>,
    response: Response<Bytes>,
}

impl Unsigned {
    /// The key to sign with: RSA-2048, PKCS#8 DER. It is public and worthless.
    #[must_use]
    pub fn key_pkcs8(&self) -> &'static [u8] {
        include_bytes!("dev_tenant/keys/a.pkcs8")
    }

    /// What to sign, with RS256.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The response with the signature in its place.
    #[must_use]
    pub fn signed(self, _signature: &[u8]) -> Response<Bytes> {
        self.response
    }
}

impl DevTenant {
    /// A tenant as it is on the first day. What it seals and need not outlive it is sealed with a
    /// key from `seed`; access and refresh tokens outlive a restart.
    #[must_use]
    pub fn new(config: DevTenantConfig, _seed: &Seed) -> Self {
        Self { _config: config }
    }

    /// Answers a request, whose body was read whole.
    pub fn handle(&mut self, _request: &Request<Bytes>, _now: Now, _seed: &Seed) -> Reply {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Reply::Respond(response)
    }
}
