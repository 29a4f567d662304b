//! The dev tenant, served through the same inbound side as the server itself.

use std::sync::Arc;

use async_io::Timer;
use bytes::Bytes;
use entra_mcp_core::limits;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{Clock, RequestOrigin, SharedDevTenant};
use http::Response;
use smol::unblock;

use crate::{
    inbound::{Admitted, ResponseWriter, Service},
    work::{FutureWork, Work},
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
        let serve = move |body, mut writer: ResponseWriter, permit| -> Box<dyn Work> {
            let (request, now) = (head.with_body(body), clock.now());
            Box::new(FutureWork::new(permit, async move {
                // A signature with RSA takes a millisecond or more.
                let (response, wait) = unblock(move || tenant.answer(&request, now)).await;
                // It was told to be slow, as Entra can be.
                Timer::after(wait).await;
                writer.respond(response);
            }))
        };
        Ok(Admitted {
            body_limit: limits::UNAUTHENTICATED_BODY_BYTES,
            holder: None,
            serve: Box::new(serve),
        })
    }
}
