//! The records of devices that wait, where one replica is alone: in memory, for what a stranger asks for leaves nothing in
//! the store. They do what the store would.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    limits,
    time::{Instant, UnixTime},
};

/// A record, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnRecord {
    /// The sealed bytes.
    pub(crate) bytes: Bytes,
    pub(crate) expires: UnixTime,
    /// Which writing of it.
    pub(crate) version: u64,
}

/// What is to be done with the record of a name.
#[derive(Debug)]
pub(crate) enum RecordOperation {
    Get,
    Take,
    /// Writes it, if it is still this writing of it; without one, if there is none.
    Put(Bytes, UnixTime, Option<u64>),
}

/// It was another writing, or there is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordConflict;

/// The records by name, and until when they are kept.
#[derive(Debug, Default)]
pub(super) struct Records {
    kept: BTreeMap<String, (OwnRecord, Instant)>,
    writes: u64,
}

impl Records {
    pub(super) fn perform(
        &mut self,
        name: String,
        operation: RecordOperation,
        now: Instant,
    ) -> Result<Option<OwnRecord>, RecordConflict> {
        self.kept.retain(|_, (_, until)| now < *until);
        match operation {
            RecordOperation::Get => Ok(self.kept.get(&name).map(|(record, _)| record.clone())),
            RecordOperation::Take => Ok(self.kept.remove(&name).map(|(record, _)| record)),
            RecordOperation::Put(bytes, expires, replaced) => {
                let found = self.kept.get(&name);
                let holds = found.map(|(record, _)| record.version) == replaced;
                let has_room = found.is_some() || self.kept.len() < limits::DEVICE_AUTHORIZATIONS;
                if !holds || !has_room {
                    return Err(RecordConflict);
                }
                let new = now.after(limits::DEVICE_CODE_LIFETIME);
                let until = found.map_or(new, |(_, until)| *until);
                self.writes += 1;
                let record = OwnRecord {
                    bytes,
                    expires,
                    version: self.writes,
                };
                self.kept.insert(name, (record, until));
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(records: &mut Records, name: &str, replaced: Option<u64>, now: Instant) -> bool {
        let operation = RecordOperation::Put("asked for".into(), UnixTime(0), replaced);
        records.perform(name.to_owned(), operation, now).is_ok()
    }

    // M1, A15
    #[test]
    fn records_are_written_by_their_guards_taken_once_and_bounded() {
        let (mut records, now) = (Records::default(), Instant(1000));
        assert!(put(&mut records, "a", None, now));
        assert!(!put(&mut records, "a", None, now));
        let found = records.perform("a".to_owned(), RecordOperation::Get, now);
        let version = Some(found.unwrap().unwrap().version);
        assert!(put(&mut records, "a", version, now));
        assert!(!put(&mut records, "a", version, now));
        let take = |records: &mut Records| {
            let taken = records.perform("a".to_owned(), RecordOperation::Take, now);
            taken.unwrap().is_some()
        };
        assert!(take(&mut records) && !take(&mut records));
        for number in 0..limits::DEVICE_AUTHORIZATIONS {
            assert!(put(&mut records, &number.to_string(), None, now));
        }
        assert!(!put(&mut records, "a", None, now));
        let over = now.after(limits::DEVICE_CODE_LIFETIME);
        assert!(put(&mut records, "a", None, over));
        assert_eq!(records.kept.len(), 1);
    }
}
