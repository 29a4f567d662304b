//! The dev tenant of this process: the machine of `entra_mcp_dev_tenant` behind a mutex, and
//! the signatures that it asks for.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{config::Config, error_responses, log_event::LogEventId, time::Now};
pub use entra_mcp_dev_tenant::{CLIENT_ID, CLIENT_SECRET, TENANT_ID};
use entra_mcp_dev_tenant::{DevTenant, DevTenantConfig, Reply, TenantData, UnsignedResponse};
use http::{Request, Response};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

use crate::{log::log, seed::seed, start_error::StartError};

/// The dev tenant, ready to be served on a port of its own.
#[derive(Debug)]
pub struct SharedDevTenant {
    listen: Vec<SocketAddr>,
    machine: Mutex<DevTenant>,
}

impl SharedDevTenant {
    /// The tenant, if the settings want one.
    ///
    /// # Errors
    ///
    /// The file that they name cannot be read, or something is wrong with it.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, StartError> {
        let Some(listen) = config.dev_tenant.clone() else {
            return Ok(None);
        };
        let origin = config.entra.authority_host.origin().ascii_serialization();
        let paths = ["/auth/callback", "/auth/admin-consent"];
        let redirect_uris = paths.map(|path| config.public_url.join(path)).into();
        let file = config.dev_tenant_file.as_deref();
        let mut tenant = Self::alone(origin, redirect_uris, file)?;
        tenant.listen = listen;
        Ok(Some(tenant))
    }

    /// A tenant that is reached at this origin, without a server: for software of others. It may send users back to these
    /// addresses, and has people and answers of Graph from this file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something is wrong with it.
    pub fn alone(
        origin: String,
        redirect_uris: Vec<String>,
        file: Option<&Path>,
    ) -> Result<Self, StartError> {
        let settings = DevTenantConfig {
            origin,
            redirect_uris,
        };
        let mut machine = DevTenant::new(settings, &seed());
        if let Some(path) = file {
            machine = machine.with_data(read(path)?);
        }
        Ok(Self {
            listen: Vec::new(),
            machine: Mutex::new(machine),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn listen(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// The answer to a request, and how long to wait before it is sent.
    pub fn answer(&self, request: &Request<Bytes>, now: Now) -> (Response<Bytes>, Duration) {
        let reply = {
            let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
            machine.handle(request, now, &seed())
        };
        let mut wait = Duration::ZERO;
        let mut reply = reply;
        loop {
            match reply {
                Reply::Respond(response) => return (response, wait),
                Reply::Sign(unsigned) => reply = sign(unsigned),
                Reply::Later(duration, then) => {
                    wait += duration;
                    reply = *then;
                }
            }
        }
    }
}

/// Reads people and answers of Graph.
fn read(path: &Path) -> Result<TenantData, StartError> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    let data = text.and_then(|text| TenantData::parse(&text));
    data.map_err(|problem| StartError::DevTenantFile {
        path: path.to_owned(),
        problem,
    })
}

/// Signs with RS256 what the dev tenant issues; not under the mutex, for it takes a millisecond.
fn sign(unsigned: UnsignedResponse) -> Reply {
    let signature = RsaKeyPair::from_pkcs8(unsigned.key_pkcs8())
        .ok()
        .and_then(|key| {
            let mut signature = vec![0; key.public().modulus_len()];
            let random = SystemRandom::new();
            key.sign(
                &RSA_PKCS1_SHA256,
                &random,
                unsigned.message(),
                &mut signature,
            )
            .ok()?;
            Some(signature)
        });
    match signature {
        Some(signature) => unsigned.signed(&signature),
        None => {
            log(&LogEventId::DevTenantKeyFailed.into());
            Reply::Respond(error_responses::internal_error())
        }
    }
}
