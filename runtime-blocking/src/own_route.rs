//! What a program serves beside the server, on this runtime.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{AdmittedRoute, OwnAnswer, RequestPermit};
use http::{Request, Response};

use crate::{
    inbound::{Admitted, ResponseWriter},
    work::{Step, Work},
};

/// A function that serves requests to a path of the program's own.
pub(crate) type BoxedRoute = Arc<dyn Fn(Request<Bytes>) -> Response<Bytes> + Send + Sync>;

/// A request to such a path.
struct OwnRoute {
    route: BoxedRoute,
    answered: OwnAnswer,
    request: Option<Request<Bytes>>,
    _permit: RequestPermit,
}

/// A request to such a path.
pub(crate) fn own_route(route: AdmittedRoute<BoxedRoute>, head: RequestHead) -> Admitted {
    let (handler, answered) = (route.handler, route.answered);
    let serve = move |body, permit| -> Box<dyn Work> {
        Box::new(OwnRoute {
            route: handler,
            answered,
            request: Some(head.with_body(body)),
            _permit: permit,
        })
    };
    Admitted {
        body_limit: route.body_limit,
        holder: None,
        serve: Box::new(serve),
    }
}

impl Work for OwnRoute {
    fn drive(&mut self, writer: &mut dyn ResponseWriter) -> Step {
        if let Some(request) = self.request.take() {
            // The panic barrier. What the function shares with others is its own to keep whole.
            let returned = catch_unwind(AssertUnwindSafe(|| (self.route)(request)));
            writer.respond(self.answered.of(returned));
        }
        Step::Over
    }

    fn detach(self: Box<Self>) {}
}
