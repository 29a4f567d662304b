//! The dev tenant, served through the same inbound side as the server itself.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_core::limits;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{Clock, RequestOrigin, RequestPermit, SharedDevTenant};
use http::{Request, Response};

use crate::{
    inbound::{Admitted, ResponseWriter, Service},
    work::{Step, Work},
};

/// The dev tenant, as a service of the inbound side.
#[derive(Debug)]
pub(crate) struct DevTenantService {
    tenant: Arc<SharedDevTenant>,
    clock: Clock,
}

impl DevTenantService {
    /// The service of a tenant.
    pub(crate) fn new(tenant: Arc<SharedDevTenant>, clock: Clock) -> Self {
        Self { tenant, clock }
    }
}

impl Service for DevTenantService {
    fn admit(&self, head: RequestHead, _: RequestOrigin) -> Result<Admitted, Box<Response<Bytes>>> {
        let (tenant, clock) = (Arc::clone(&self.tenant), self.clock);
        let serve = move |body, permit| -> Box<dyn Work> {
            let request = head.with_body(body);
            Box::new(TenantWork {
                tenant,
                clock,
                request,
                _permit: permit,
            })
        };
        Ok(Admitted {
            body_limit: limits::UNAUTHENTICATED_BODY_BYTES,
            holder: None,
            serve: Box::new(serve),
        })
    }
}

/// A request to the dev tenant.
struct TenantWork {
    tenant: Arc<SharedDevTenant>,
    clock: Clock,
    request: Request<Bytes>,
    _permit: RequestPermit,
}

impl Work for TenantWork {
    fn drive(&mut self, writer: &mut dyn ResponseWriter) -> Step {
        let (response, wait) = self.tenant.answer(&self.request, self.clock.now());
        // It was told to be slow, as Entra can be.
        std::thread::sleep(wait);
        writer.respond(response);
        Step::Over
    }

    fn detach(self: Box<Self>) {}
}
