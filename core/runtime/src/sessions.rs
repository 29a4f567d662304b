//! `sessions list` and `sessions end`: what is connected to the server, and its end, for the operator.
//!
//! The process that serves holds the file of the sessions, so it is asked over a socket in the data folder (`socket`): what it
//! ends, ends at once, calls and streams with it. Where no process serves, the file is opened. A store that replicas share is
//! asked itself; they notice what has ended as they notice what another of them has ended.

mod arguments;
mod socket;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::collections::BTreeSet;

use entra_mcp_core::{
    ask::{Key, Store, StoreFault},
    hub::ToHub,
    keys::Keyring,
    log_event::{Audited, Field, LogEvent, LogEventId},
    operator::{self, LISTS, LiveEntry, SESSIONS},
    replicas,
    time::UnixTime,
};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    arguments::{SessionsCommand, take},
    socket::{FILE, KeyQuestion, Question, Told, ask, listen},
    text::text,
};
use crate::{log, store::RecordStore};

/// What to do with which sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) ends: bool,
    pub(crate) filter: Filter,
}

/// Which sessions: those for which all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    pub(crate) session: Option<String>,
    /// An object id, or the name that the list shows.
    pub(crate) user: Option<String>,
    /// What a client calls itself, where it returns to, or the site that vouches for it.
    pub(crate) client: Option<String>,
}

impl Request {
    /// Whether it tells sessions apart by what stands on the list of their user alone, or shows it.
    fn needs_lists(&self) -> bool {
        let Filter {
            session,
            user,
            client,
        } = &self.filter;
        user.is_some() || client.is_some() || (session.is_none() && !self.ends)
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The sessions that are meant, the newest first.
    pub(crate) sessions: Vec<Session>,
    /// Not all could be read, or ended.
    pub(crate) is_incomplete: bool,
    /// How many sessions may be meant, or are shown by their name alone, for they stand on no list that the keys open.
    #[serde(default)]
    pub(crate) unlisted: usize,
}

impl Reply {
    /// Whether something is left to do.
    pub(crate) fn is_partial(&self) -> bool {
        self.is_incomplete || self.unlisted > 0
    }
}

/// A session, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) session: String,
    pub(crate) user: String,
    pub(crate) client: Option<String>,
    pub(crate) verified_by: Option<String>,
    pub(crate) destination: String,
    pub(crate) scope: String,
    pub(crate) since: Option<u64>,
    pub(crate) address: Option<String>,
    pub(crate) expires: u64,
}

/// Where the sessions are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sessions<'a> {
    pub(crate) store: &'a RecordStore,
    pub(crate) keys: &'a Keyring,
    /// The tenant whose object ids are meant.
    pub(crate) tenant: &'a str,
    pub(crate) now: UnixTime,
}

impl Sessions<'_> {
    /// Does what is asked. `ended` is told of each session whose record is deleted.
    pub(crate) fn perform(&self, request: &Request, mut ended: impl FnMut(ToHub)) -> Reply {
        let mut reply = Reply::default();
        // A session is written after its list: what is read in this order is listed, unless its list is gone or does not open.
        let records = self.store.keys(SESSIONS);
        let (Ok(records), Ok(lists)) = (records, self.store.keys(LISTS)) else {
            reply.is_incomplete = true;
            return reply;
        };
        let (mut known, mut meant) = (BTreeSet::new(), Vec::new());
        for list in lists {
            match self.of_list(&list) {
                Ok(entries) => meant.extend(entries),
                Err(_) => reply.is_incomplete = true,
            }
        }
        meant.retain(|entry: &LiveEntry| known.insert(entry.session.clone()));
        for record in records {
            match self.of_record(&record) {
                Ok(Some(entry)) if !known.contains(&entry.session) => {
                    let name = request.filter.session.as_ref();
                    let may_be_meant = name.is_none_or(|name| *name == entry.session);
                    reply.unlisted += usize::from(may_be_meant && request.needs_lists());
                    meant.push(entry);
                }
                Ok(_) => {}
                Err(_) => reply.is_incomplete = true,
            }
        }
        meant.retain(|entry| self.is_meant(entry, &request.filter));
        meant.sort_by_key(|entry| std::cmp::Reverse(entry.since));
        for entry in meant {
            if request.ends {
                match self.end(&entry) {
                    Ok(message) => ended(message),
                    Err(_) => {
                        reply.is_incomplete = true;
                        continue;
                    }
                }
            }
            reply.sessions.push(Session::of(entry));
        }
        reply
    }

    fn of_list(&self, list: &Key) -> Result<Vec<LiveEntry>, StoreFault> {
        let Some(stored) = self.store.answer(Store::Get(list.clone()), self.now)? else {
            return Ok(Vec::new());
        };
        let mut live = Vec::new();
        for entry in operator::listed(list, stored, self.keys) {
            let record = self.store.answer(Store::Get(entry.record()), self.now)?;
            live.extend(record.and_then(|record| entry.live(&record, self.keys)));
        }
        Ok(live)
    }

    /// A session by its record alone; `None` if it is over.
    fn of_record(&self, record: &Key) -> Result<Option<LiveEntry>, StoreFault> {
        let stored = self.store.answer(Store::Get(record.clone()), self.now)?;
        Ok(stored.and_then(|stored| operator::unlisted(record, &stored, self.keys)))
    }

    fn is_meant(&self, entry: &LiveEntry, filter: &Filter) -> bool {
        let is_session = |session: &String| *session == entry.session;
        let is_user = |user: &String| {
            let names = || operator::user_names(self.tenant, &user.to_lowercase(), self.keys);
            *user == entry.user || names().contains(&entry.user)
        };
        let is_client = |client: &String| {
            let names = [&entry.client, &entry.verified_by];
            *client == entry.destination || names.into_iter().flatten().any(|name| name == client)
        };
        filter.session.as_ref().is_none_or(is_session)
            && filter.user.as_ref().is_none_or(is_user)
            && filter.client.as_ref().is_none_or(is_client)
    }

    /// Deletes the record of a session (threat I7: and only then is it said to have ended).
    fn end(&self, entry: &LiveEntry) -> Result<ToHub, StoreFault> {
        let Some((record, message)) = operator::ending(&entry.session) else {
            return Err(StoreFault::Unavailable);
        };
        self.store.answer(Store::Delete(record), self.now)?;
        let line = LogEvent::new(LogEventId::SessionEnded);
        let audited = Audited {
            session: Some(entry.session.clone()),
            ..Audited::default()
        };
        let line = match entry.subject.as_str() {
            "" => line,
            subject => line.with(Field::Subject, subject),
        };
        log(&line.audited(audited));
        if self.store.is_shared()
            && let Some(sealed) =
                replicas::seal_end(&entry.session, self.keys, self.now, &crate::seed())
        {
            self.store.publish(&sealed);
        }
        Ok(message)
    }
}

impl Session {
    fn of(entry: LiveEntry) -> Self {
        Self {
            session: entry.session,
            user: entry.user,
            client: entry.client,
            verified_by: entry.verified_by,
            destination: entry.destination,
            scope: entry.scope,
            since: entry.since.map(|time| time.0),
            address: entry.address,
            expires: entry.expires.0,
        }
    }
}
