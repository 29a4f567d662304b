//! A server in memory, and the development tenant that it asks: who is asked is decided by the port of the address.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
#[cfg(feature = "dev-tenant")]
use {
    entra_mcp_core::ask::{Ask, Fetch, FetchFault, FetchTarget},
    http::Response,
    std::{sync::mpsc::channel, thread},
};

#[cfg(feature = "dev-tenant")]
use crate::{Clock, ResponsePart, SharedDevTenant};
use crate::{InMemory, MemoryResponse};

/// A development tenant in memory.
#[cfg(feature = "dev-tenant")]
#[derive(Clone, Debug)]
pub struct MemoryTenant {
    pub(crate) tenant: Arc<SharedDevTenant>,
    pub(crate) clock: Clock,
}

#[cfg(feature = "dev-tenant")]
impl MemoryTenant {
    /// The answer to a fetch. It may wait, and the tenant may be told to be slow, as Entra can be.
    ///
    /// # Errors
    ///
    /// It is for somebody else, whom a server in memory does not reach; or the answer is too large.
    pub fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        let request = match fetch.target {
            FetchTarget::Configured(request) => request,
            FetchTarget::PublicOnly(_) => return Err(FetchFault::Unreachable),
        };
        if !self.is_at(request.uri().port_u16()) {
            return Err(FetchFault::Unreachable);
        }
        let response = self.answer(&request);
        let is_open = fetch.kept_open.is_some() && response.status().is_success();
        match response.body().len() > fetch.body_limit && !is_open {
            true => Err(FetchFault::TooLarge),
            false => Ok(response),
        }
    }

    fn is_at(&self, port: Option<u16>) -> bool {
        let mut addresses = self.tenant.listen().iter();
        port.is_some_and(|port| addresses.any(|address| address.port() == port))
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let (response, wait) = self.tenant.answer(request, self.clock.now());
        thread::sleep(wait);
        response
    }
}

/// A server in memory with its tenant.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) server: Arc<dyn InMemory>,
    #[cfg(feature = "dev-tenant")]
    pub(crate) tenant: Option<MemoryTenant>,
}

impl Memory {
    /// Sends a request to whoever is at this port.
    pub(crate) fn send(&self, port: u16, request: Request<Bytes>) -> MemoryResponse {
        #[cfg(feature = "dev-tenant")]
        if let Some(tenant) = &self.tenant
            && tenant.is_at(Some(port))
        {
            let (sender, parts) = channel();
            let _ = sender.send(ResponsePart::Full(tenant.answer(&request)));
            return MemoryResponse::new(parts, || {});
        }
        let _ = port;
        self.server.send(request)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}
