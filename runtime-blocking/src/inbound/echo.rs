//! The echo service of the end-to-end suite, for the tests of both implementations.

use bytes::Bytes;
use entra_mcp_e2e::echo::Echo;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{RequestOrigin, RequestPermit};
use http::{Request, Response};

use super::{Admitted, ResponseWriter, Service};
use crate::work::{Step, Work};

pub(super) struct EchoService;

impl Service for EchoService {
    fn admit(&self, head: RequestHead, _: RequestOrigin) -> Result<Admitted, Box<Response<Bytes>>> {
        let body_limit = Echo::admit(&head)?;
        let holder = Echo::holder(&head);
        let serve = |body, permit| -> Box<dyn Work> {
            Box::new(EchoWork {
                request: head.with_body(body),
                _permit: permit,
            })
        };
        Ok(Admitted {
            body_limit,
            holder,
            serve: Box::new(serve),
        })
    }
}

struct EchoWork {
    request: Request<Bytes>,
    _permit: RequestPermit,
}

impl Work for EchoWork {
    fn drive(&mut self, writer: &mut dyn ResponseWriter) -> Step {
        respond(&self.request, writer);
        Step::Over
    }

    fn detach(self: Box<Self>) {}
}

fn respond(request: &Request<Bytes>, writer: &mut dyn ResponseWriter) {
    let echo = Echo::of(request);
    assert_ne!(echo, Echo::Panic, "a bug");
    if let Echo::Respond(text) = echo {
        return writer.respond(Response::new(Bytes::from(text)));
    }
    writer.open(Response::new(()));
    match echo {
        Echo::PanicLate => {
            writer.write(b"half");
            panic!("a bug");
        }
        Echo::UntilDisconnected => {
            while !writer.is_disconnected() {
                std::thread::yield_now();
            }
        }
        Echo::Flood => {
            while !writer.is_disconnected() {
                writer.write(&[b'x'; 64 * 1024]);
            }
        }
        _ => {
            for event in Echo::EVENTS {
                writer.write(event);
            }
            writer.close();
        }
    }
}
