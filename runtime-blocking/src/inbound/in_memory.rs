//! The server without a socket: a request goes to the same service, and its answer comes back part by part.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::{Sender, channel},
};

use bytes::Bytes;
use entra_mcp_runtime::{
    AdmittedHead, ConnectionLimit, InMemory, MemoryResponse, ResponsePart, admit_whole,
};
use http::{Request, Response};

use super::{ResponseWriter, Sent, Service, serve_guarded};
use crate::{threads::Threads, work::Peer};

/// A service that is asked without a socket.
pub(crate) struct MemoryService {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) limit: Arc<ConnectionLimit>,
    pub(crate) threads: Threads,
}

impl InMemory for MemoryService {
    fn send(&self, request: Request<Bytes>) -> MemoryResponse {
        let (sender, parts) = channel();
        let has_left = Arc::new(AtomicBool::new(false));
        let (head, body) = request.into_parts();
        let admitted = admit_whole(&self.limit, head, &body, |head, origin| {
            let admitted = self.service.admit(head, origin)?;
            Ok(AdmittedHead {
                body_limit: admitted.body_limit,
                holder: admitted.holder,
                service: admitted.serve,
            })
        });
        let mut peer = MemoryPeer {
            sender,
            sent: Sent::Nothing,
            has_left: Arc::clone(&has_left),
        };
        match admitted {
            Ok((serve, permit)) => {
                // Without a thread there is no answer.
                let _ = self
                    .threads
                    .run(move || drop(serve_guarded(serve, body, permit, peer)));
            }
            Err(refusal) => peer.respond(*refusal),
        }
        MemoryResponse::new(parts, move || has_left.store(true, Ordering::Relaxed))
    }
}

/// Who asked.
struct MemoryPeer {
    sender: Sender<ResponsePart>,
    sent: Sent,
    has_left: Arc<AtomicBool>,
}

impl MemoryPeer {
    fn send(&mut self, part: ResponsePart, sent: Sent) {
        self.sent = sent;
        // Whoever left does not want it.
        let _ = self.sender.send(part);
    }
}

impl Peer for MemoryPeer {
    fn go_on(self) {}
}

impl ResponseWriter for MemoryPeer {
    fn respond(&mut self, response: Response<Bytes>) {
        self.send(ResponsePart::Full(response), Sent::All);
    }

    fn open(&mut self, head: Response<()>) {
        self.send(ResponsePart::Head(head), Sent::Head);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.send(
            ResponsePart::Bytes(Bytes::copy_from_slice(bytes)),
            Sent::Head,
        );
    }

    fn close(&mut self) {
        self.sent = Sent::All;
    }

    fn is_disconnected(&mut self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }

    fn is_streaming(&self) -> bool {
        self.sent == Sent::Head
    }

    fn is_complete(&self) -> bool {
        self.sent == Sent::All
    }

    fn has_started(&self) -> bool {
        self.sent != Sent::Nothing
    }
}
