use std::{future::poll_fn, sync::Arc};

use entra_mcp_e2e::cases::pulls::{PullRuntime, PullUnderWay};
use entra_mcp_runtime::PullMessage;
use smol::unblock;

use super::*;

entra_mcp_e2e::pull_cases!(Smol);

/// The backends of this runtime.
struct Smol;

impl PullRuntime for Smol {
    fn puller(&self, tls: BackendTls) -> impl Fn(Pull) -> Box<dyn PullUnderWay> {
        let backends = Arc::new(Backends::new(tls));
        move |pull| Box::new(RunningPull::new(&backends, pull))
    }
}

/// Polled as its exchange polls it.
async fn next(pull: &mut RunningPull) -> PullMessage {
    loop {
        let deadline = pull.deadline();
        let late = async {
            match deadline {
                Some(deadline) => drop(Timer::at(deadline).await),
                None => std::future::pending().await,
            }
            None
        };
        let message = async { Some(poll_fn(|cx| pull.poll(cx)).await) };
        if let Some(message) = message.or(late).await {
            return message;
        }
    }
}

impl PullUnderWay for RunningPull {
    fn more(&mut self) {
        self.more();
    }

    fn next(&mut self) -> PullMessage {
        smol::block_on(next(self))
    }

    fn silent_until(&mut self, over: Box<dyn FnOnce() + Send>) {
        let came = async { Some(next(self).await) };
        let over = async {
            unblock(over).await;
            None
        };
        let came = smol::block_on(came.or(over));
        assert!(came.is_none(), "{came:?}");
    }
}
