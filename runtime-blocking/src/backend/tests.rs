use std::sync::{
    Arc,
    mpsc::{Receiver, channel},
};

use entra_mcp_e2e::cases::pulls::{PullRuntime, PullUnderWay};
use entra_mcp_runtime::PullMessage;

use super::*;

entra_mcp_e2e::pull_cases!(Blocking);

/// The backends of this runtime.
struct Blocking;

impl PullRuntime for Blocking {
    fn puller(&self, tls: BackendTls) -> impl Fn(Pull) -> Box<dyn PullUnderWay> {
        let backends = Arc::new(Backends::new(tls, Threads::default()));
        move |pull| {
            let (said, says) = channel();
            let say = move |message| said.send(message).is_ok();
            let running = RunningPull::start(&backends, pull, say);
            Box::new(UnderWay { running, says })
        }
    }
}

struct UnderWay {
    running: RunningPull,
    says: Receiver<PullMessage>,
}

impl PullUnderWay for UnderWay {
    fn more(&mut self) {
        self.running.more();
    }

    fn next(&mut self) -> PullMessage {
        self.says.recv().unwrap()
    }

    fn silent_until(&mut self, over: Box<dyn FnOnce() + Send>) {
        over();
        let came = self.says.try_recv();
        assert!(came.is_err(), "{came:?}");
    }
}
