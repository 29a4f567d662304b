//! What a program serves beside the server, on this runtime.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, request::Parts};

use crate::{
    inbound::{Admitted, ResponseWriter},
    work::{FutureWork, Work},
};

/// A function that serves requests to a path of the program's own.
pub(crate) type BoxedRoute = Arc<
    dyn Fn(Request<Bytes>) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> + Send + Sync,
>;

/// A request to such a path.
pub(crate) fn own_route(route: BoxedRoute, head: Parts, body_limit: usize) -> Admitted {
    let serve = move |body, mut writer: ResponseWriter, permit| -> Box<dyn Work> {
        let response = route(Request::from_parts(head, body));
        Box::new(FutureWork::new(permit, async move {
            writer.respond(response.await);
        }))
    };
    Admitted {
        body_limit,
        holder: None,
        serve: Box::new(serve),
    }
}
