//! The sessions that have a process together: each knows it by a name of its own, and the last one ends it.

use std::collections::BTreeMap;

use crate::{
    gateway::{ProcessName, ProcessOwner},
    id::{ExchangeId, PrincipalId, SessionId},
    limits,
};

/// A session of a process that is of several.
#[derive(Debug)]
struct Member {
    process: ProcessName,
    principal: PrincipalId,
    session: SessionId,
    /// Who opens it: if that fails, it is nobody's.
    opened_by: Option<ExchangeId>,
    joined: u64,
}

/// All of them, by the name that each was given.
#[derive(Debug, Default)]
pub(super) struct Members {
    members: BTreeMap<ProcessName, Member>,
    joined: u64,
}

impl Members {
    /// A session of this owner is opened with a process. Beyond what one may have, the first of them has to open it again.
    pub(super) fn join(
        &mut self,
        name: ProcessName,
        process: ProcessName,
        owner: &ProcessOwner,
        by: ExchangeId,
    ) {
        let theirs = self.members.iter();
        let theirs = theirs.filter(|(_, member)| member.principal == owner.principal);
        if theirs.clone().count() >= limits::BACKEND_SESSIONS_OF_PRINCIPAL {
            let first = theirs.min_by_key(|(_, member)| member.joined);
            let first = first.map(|(name, _)| name.clone());
            first.and_then(|first| self.members.remove(&first));
        }
        self.joined += 1;
        let member = Member {
            process,
            principal: owner.principal,
            session: owner.session,
            opened_by: Some(by),
            joined: self.joined,
        };
        self.members.insert(name, member);
    }

    /// The process of a session of this owner.
    pub(super) fn process_of(&self, name: &str, principal: PrincipalId) -> Option<ProcessName> {
        let member = self.members.get(name)?;
        (member.principal == principal).then(|| member.process.clone())
    }

    /// Whether this is the name of one.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// It is open.
    pub(super) fn opened(&mut self, name: &str) {
        if let Some(member) = self.members.get_mut(name) {
            member.opened_by = None;
        }
    }

    /// One is over. Its process comes back if that was the last.
    pub(super) fn leave(&mut self, name: &str) -> Vec<ProcessName> {
        self.leave_all(|one, _| one == name)
    }

    /// All of a sign-in are over.
    pub(super) fn leave_session(&mut self, session: SessionId) -> Vec<ProcessName> {
        self.leave_all(|_, member| member.session == session)
    }

    /// Those that this exchange has not opened are over.
    pub(super) fn leave_exchange(&mut self, id: ExchangeId) -> Vec<ProcessName> {
        self.leave_all(|_, member| member.opened_by == Some(id))
    }

    /// The process is no more.
    pub(super) fn gone(&mut self, process: &str) {
        self.members.retain(|_, member| &*member.process != process);
    }

    /// The processes that are nobody's now.
    fn leave_all(&mut self, is_one: impl Fn(&str, &Member) -> bool) -> Vec<ProcessName> {
        let left = self
            .members
            .extract_if(.., |name, member| is_one(name, member));
        let mut left: Vec<ProcessName> = left.map(|(_, member)| member.process).collect();
        left.sort();
        left.dedup();
        left.retain(|process| {
            self.members
                .values()
                .all(|member| member.process != *process)
        });
        left
    }
}
