//! What a program serves beside the server, on this runtime.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_runtime::RequestPermit;
use http::{Request, Response, request::Parts};

use crate::{
    inbound::{Admitted, ResponseWriter},
    work::{Step, Work},
};

/// A function that serves requests to a path of the program's own.
pub(crate) type BoxedRoute = Arc<dyn Fn(Request<Bytes>) -> Response<Bytes> + Send + Sync>;

/// A request to such a path.
struct OwnRoute {
    route: BoxedRoute,
    request: Option<Request<Bytes>>,
    _permit: RequestPermit,
}

/// A request to such a path.
pub(crate) fn own_route(route: BoxedRoute, head: Parts, body_limit: usize) -> Admitted {
    let serve = move |body, permit| -> Box<dyn Work> {
        Box::new(OwnRoute {
            route,
            request: Some(Request::from_parts(head, body)),
            _permit: permit,
        })
    };
    Admitted {
        body_limit,
        holder: None,
        serve: Box::new(serve),
    }
}

impl Work for OwnRoute {
    fn drive(&mut self, writer: &mut dyn ResponseWriter) -> Step {
        if let Some(request) = self.request.take() {
            writer.respond((self.route)(request));
        }
        Step::Over
    }

    fn detach(self: Box<Self>) {}
}
