//! What a program serves beside the server, on this runtime.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use bytes::Bytes;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::AdmittedRoute;
use http::{Request, Response};
use smol::future::FutureExt as _;

use crate::{
    inbound::{Admitted, ResponseWriter},
    work::{FutureWork, Work},
};

/// A function that serves requests to a path of the program's own.
pub(crate) type BoxedRoute = Arc<
    dyn Fn(Request<Bytes>) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> + Send + Sync,
>;

/// A request to such a path.
pub(crate) fn own_route(route: AdmittedRoute<BoxedRoute>, head: RequestHead) -> Admitted {
    let (handler, answered) = (route.handler, route.answered);
    let serve = move |body, mut writer: ResponseWriter, permit| -> Box<dyn Work> {
        // The panic barrier. What the function shares with others is its own to keep whole.
        let returned = async move { handler(head.with_body(body)).await };
        let returned = AssertUnwindSafe(returned).catch_unwind();
        Box::new(FutureWork::new(permit, async move {
            writer.respond(answered.of(returned.await));
        }))
    };
    Admitted {
        body_limit: route.body_limit,
        holder: None,
        serve: Box::new(serve),
    }
}
