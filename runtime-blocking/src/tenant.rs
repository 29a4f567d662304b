//! The dev tenant, served through the same inbound side as the server itself.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_core::{admit::Admission, limits};
use entra_mcp_runtime::{Clock, Tenant};
use http::{Request, Response, request::Parts};

use crate::inbound::{Peer, Service};

/// The dev tenant, as a service of the inbound side.
#[derive(Debug)]
pub(crate) struct Back {
    tenant: Arc<Tenant>,
    clock: Clock,
}

impl Back {
    /// The service of a tenant.
    pub(crate) fn new(tenant: Arc<Tenant>, clock: Clock) -> Self {
        Self { tenant, clock }
    }
}

impl Service for Back {
    fn admit(&self, _head: &Parts) -> Result<Admission, Box<Response<Bytes>>> {
        Ok(Admission {
            body_limit: limits::UNAUTHENTICATED_BODY_BYTES,
        })
    }

    fn serve(&self, request: Request<Bytes>, peer: &mut dyn Peer) {
        let (response, wait) = self.tenant.answer(&request, self.clock.now());
        // It was told to be slow, as Entra can be.
        std::thread::sleep(wait);
        peer.respond(response);
    }
}
