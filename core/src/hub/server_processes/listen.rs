//! Who hears what a process says for no request.

use std::{collections::VecDeque, sync::Arc};

use super::{ServerProcesses, call::Call};
use crate::{
    gateway::{ProcessName, ProcessOutput},
    hub::{
        HubOutput, ToProcess,
        asks::{ReadProcess, Waiter},
    },
    id::PrincipalId,
};

impl ServerProcesses {
    /// An exchange of this owner listens.
    pub(super) fn listen(
        &mut self,
        waiter: Waiter<ReadProcess>,
        name: &ProcessName,
        owner: PrincipalId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let process = self.processes.get_mut(name);
        let process = process.filter(|one| !one.is_ending && one.owner.principal == owner);
        let Some(process) = process else {
            return out.push_back(waiter.answer(ProcessOutput::Gone));
        };
        let id = (waiter.exchange, waiter.ticket.id());
        process.tell(ToProcess::Listen(id), out);
        let call = Call {
            process: Arc::clone(name),
            said: Vec::new(),
            bytes: 0,
            end: None,
            reader: None,
            writer: None,
            listens: true,
        };
        self.calls.insert(id, call);
        // From now on it is heard.
        out.push_back(waiter.answer(ProcessOutput::Messages(Vec::new())));
    }
}
