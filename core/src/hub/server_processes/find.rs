//! The process that a message is for: one that runs, or one that is begun for it if there is room.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc};

use super::{MostProcesses, Process, ServerProcesses};
use crate::{
    gateway::{OfProcess, ProcessName, ProcessOutput, ProcessOwner, RunProcess},
    hub::{HubOutput, Job, JobKind, ToProcess},
    id::ExchangeId,
    limits,
    time::Instant,
};

impl ServerProcesses {
    /// The process that a message is for, which may have to be begun.
    pub(super) fn find(
        &mut self,
        from: ExchangeId,
        to: OfProcess,
        owner: Arc<ProcessOwner>,
        most: MostProcesses,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) -> Result<ProcessName, ProcessOutput> {
        let (name, opened_by) = match self.running(from, to, &owner)? {
            ControlFlow::Break(name) => return Ok(name),
            ControlFlow::Continue(to_begin) => to_begin,
        };
        if let Some(seconds) = self.failures.rest(owner.principal, now) {
            return Err(ProcessOutput::Busy(seconds));
        }
        if !self.has_room(&owner, most, out) {
            let seconds = limits::PROCESS_REST.as_secs();
            return Err(ProcessOutput::Full(seconds, "there are too many processes"));
        }
        let (name, is_stateless) = match (owner.share.is_some(), opened_by) {
            (true, Some(by)) => {
                let process: ProcessName = format!("{name} of all its members").into();
                self.members.join(name, Arc::clone(&process), &owner, by);
                (process, false)
            }
            (_, opened_by) => (name, opened_by.is_none()),
        };
        let opened_by = opened_by.filter(|_| owner.share.is_none());
        let run = RunProcess {
            name: Arc::clone(&name),
            owner: Arc::clone(&owner),
        };
        out.push_back(HubOutput::Spawn(Job(JobKind::RunServer(Box::new(run)))));
        let process = Process {
            owner,
            is_stateless,
            run_by: None,
            waiting: self
                .is_shutting_down
                .then_some(ToProcess::ShutDown)
                .into_iter()
                .collect(),
            opened_by,
            used: now,
            is_ending: false,
        };
        self.processes.insert(Arc::clone(&name), process);
        Ok(name)
    }

    /// One that runs, or the name of the one that is to be begun, and who opens a session with it.
    fn running(
        &mut self,
        from: ExchangeId,
        to: OfProcess,
        owner: &ProcessOwner,
    ) -> Result<ControlFlow<ProcessName, (ProcessName, Option<ExchangeId>)>, ProcessOutput> {
        let is_there = |process: &Process| !process.is_ending;
        let is_shared = |process: &Process| {
            owner.share.is_some()
                && process.owner.share == owner.share
                && process.owner.endpoint == owner.endpoint
        };
        Ok(match to {
            OfProcess::Session(name) => {
                let shared = self.members.process_of(&name, owner.principal);
                let of_one = |process: &Process| {
                    process.owner.share.is_none() && process.owner.principal == owner.principal
                };
                let is_member = shared.is_some();
                let name = shared.unwrap_or(name);
                let found = self.processes.get(&name);
                let is_theirs = found
                    .is_some_and(|process| is_there(process) && (is_member || of_one(process)));
                match is_theirs {
                    true => ControlFlow::Break(name),
                    false => return Err(ProcessOutput::Gone),
                }
            }
            OfProcess::Stateless(name) => {
                let found = self.processes.iter().find(|(_, process)| {
                    let is_theirs = process.owner.principal == owner.principal;
                    is_there(process) && process.is_stateless && (is_theirs || is_shared(process))
                });
                match found {
                    Some((name, _)) => ControlFlow::Break(Arc::clone(name)),
                    None => ControlFlow::Continue((name, None)),
                }
            }
            OfProcess::New(name) => {
                let mut processes = self.processes.iter();
                let found = processes.find(|(_, process)| {
                    is_there(process) && !process.is_stateless && is_shared(process)
                });
                let Some(process) = found.map(|(process, _)| Arc::clone(process)) else {
                    return Ok(ControlFlow::Continue((name, Some(from))));
                };
                self.members.join(name, Arc::clone(&process), owner, from);
                ControlFlow::Break(process)
            }
        })
    }

    /// Whether there may be one more. One that has nothing to do makes room: of this owner, or else of all.
    fn has_room(
        &mut self,
        owner: &ProcessOwner,
        most: MostProcesses,
        out: &mut VecDeque<HubOutput>,
    ) -> bool {
        // Each backend has its own share (threat R26).
        let of_backend = |process: &&Process| process.owner.endpoint == owner.endpoint;
        let all = || self.processes.values().filter(of_backend);
        let live = || all().filter(|process| !process.is_ending);
        let is_theirs = |process: &&Process| process.owner.principal == owner.principal;
        let is_full = live().filter(is_theirs).count() >= most.of_user;
        // Those that are being ended take memory, too: of each user no more than their share.
        let has_memory = all().count() < most.in_all.saturating_mul(2)
            && all().filter(is_theirs).count() < most.of_user.saturating_mul(2);
        if !has_memory || (!is_full && live().count() < most.in_all) {
            return has_memory;
        }
        let busy = |name: &ProcessName| {
            let mut calls = self.calls.values();
            calls.any(|call| call.process == *name && !call.listens)
        };
        let idle = self.processes.iter().filter(|(name, process)| {
            let is_theirs = process.owner.principal == owner.principal;
            of_backend(process) && !process.is_ending && (!is_full || is_theirs) && !busy(name)
        });
        let oldest = idle.min_by_key(|(_, process)| process.used);
        let oldest = oldest.map(|(name, _)| Arc::clone(name));
        let Some(oldest) = oldest.and_then(|name| self.processes.get_mut(&name)) else {
            return false;
        };
        oldest.end(out);
        true
    }
}
