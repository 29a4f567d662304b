//! The server without a socket: a request goes to the same service, and its answer comes back part by part.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

use async_channel::bounded;
use bytes::Bytes;
use entra_mcp_core::error_responses;
use entra_mcp_runtime::{
    AdmittedHead, ConnectionLimit, InMemory, MemoryResponse, ResponsePart as Part, admit_whole,
};
use http::Request;
use smol::future;

use super::{ResponsePart, ResponseWriter, Service};
use crate::{executor::Executor, queue::Receiver, work::Detached};

/// A service that is asked without a socket.
pub(crate) struct MemoryService {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) limit: Arc<ConnectionLimit>,
    pub(crate) executor: Executor,
}

impl InMemory for MemoryService {
    fn send(&self, request: Request<Bytes>) -> MemoryResponse {
        let (sender, parts) = mpsc::channel();
        let (stay, left) = bounded::<Infallible>(1);
        match self.begin(request) {
            Ok(parts) => self.executor.spawn(forward(parts, sender, left)),
            // Whoever left before does not want it.
            Err(part) => drop(sender.send(*part)),
        }
        MemoryResponse::new(parts, move || drop(stay))
    }
}

impl MemoryService {
    /// Begins to work on a request; where the parts of its answer come, or the answer.
    fn begin(&self, request: Request<Bytes>) -> Result<Receiver<ResponsePart>, Box<Part>> {
        let (head, body) = request.into_parts();
        let admitted = admit_whole(&self.limit, head, &body, |head, origin| {
            let admitted = self.service.admit(head, origin)?;
            Ok(AdmittedHead {
                body_limit: admitted.body_limit,
                holder: admitted.holder,
                service: admitted.serve,
            })
        });
        let (serve, permit) = admitted.map_err(|refusal| Box::new(Part::Full(*refusal)))?;
        let (writer, parts) = ResponseWriter::new();
        // The panic barrier, as for the rest of the work.
        let work = catch_unwind(AssertUnwindSafe(|| serve(body, writer, permit)));
        let work = work.map_err(|_| Box::new(Part::Full(error_responses::internal_error())))?;
        self.executor.spawn(Detached::new(work));
        Ok(parts)
    }
}

/// Hands over what comes, until there is no more, or nobody who wants it.
async fn forward(
    parts: Receiver<ResponsePart>,
    sender: mpsc::Sender<Part>,
    left: async_channel::Receiver<Infallible>,
) {
    loop {
        let next = future::poll_fn(|cx| parts.poll_next(cx));
        let gone = async {
            let _ = left.recv().await;
            None
        };
        let part = match future::or(next, gone).await {
            Some(ResponsePart::Full(response)) => Part::Full(response),
            Some(ResponsePart::Head(head)) => Part::Head(head),
            Some(ResponsePart::Bytes(bytes)) => Part::Bytes(bytes),
            Some(ResponsePart::End) | None => return,
        };
        if sender.send(part).is_err() {
            return;
        }
    }
}
