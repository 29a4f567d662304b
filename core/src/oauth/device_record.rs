//! The record of a device that waits for its user (RFC 8628). Where replicas share the store it is there, so that any of
//! them begins it, decides and is polled (threat Q5); else in the hub.
//!
//! It is named after the user code and sealed under the master key. It is there for ten minutes, or until the device was
//! told; there are no more of them than the hubs let begin.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::length_prefixed;
use crate::{
    ask::{Awaiting, Guard, Key, Record, Store, StoreFault, Stored, Version},
    config::ClientAddress,
    device_authorization::{DeviceName, UserCode},
    entropy::Entropy,
    env::Server,
    event::Answer,
    hub::{AskDeviceRecord, DeviceMessage, RecordConflict, RecordOperation, ToHubKind},
    keys::{Keyring, MAC_BYTES, Purpose},
    limits,
    secret::Secret,
    session::record::Hash,
    step::{Cx, Progress},
    time::UnixTime,
};

/// A device that waits for its user.
#[derive(Debug)]
pub(crate) struct DeviceRecord {
    /// The SHA-256 of the device code, which only the device has.
    pub(crate) device: DeviceName,
    /// The SHA-256 of the `client_id`.
    pub(crate) client: Hash,
    /// What it asked for and what its user is told of it, packed.
    pub(crate) request: Vec<u8>,
    /// Where it is, if that is known.
    pub(crate) address: Option<ClientAddress>,
    /// When it asked.
    pub(crate) begun: UnixTime,
    /// What its user decided, if they have.
    pub(crate) decision: Option<DeviceDecision>,
}

/// What the user of a device decided.
#[derive(Debug)]
pub(crate) enum DeviceDecision {
    /// Yes: an authorization code, whose verifier is the device code.
    Approved(Secret<String>),
    Denied,
}

/// Where the device of a user code is. The code does not show.
pub(crate) fn key(user_code: UserCode, keys: &Keyring) -> Key {
    named(keys.mac(Purpose::DeviceRecord, user_code.to_string().as_bytes()))
}

/// Where it may be: where it is since the master key was changed, and where it was before, if replicas may have written it
/// there.
pub(crate) fn keys_of(user_code: UserCode, server: &Server) -> Vec<Key> {
    if !server.has_replicas() {
        return vec![key(user_code, &server.keys)];
    }
    let user_code = user_code.to_string();
    let names = server
        .keys
        .macs(Purpose::DeviceRecord, user_code.as_bytes());
    names.map(named).collect()
}

fn named(mac: [u8; MAC_BYTES]) -> Key {
    Key(format!("device/{}", URL_SAFE_NO_PAD.encode(mac)))
}

/// Looks for the record under each of its names.
#[derive(Debug)]
pub(crate) struct FindingRecord {
    key: Key,
    rest: std::vec::IntoIter<Key>,
    getting: AwaitingRecord,
}

impl FindingRecord {
    pub(crate) fn start(user_code: UserCode, cx: &mut Cx<'_>) -> Self {
        let present = key(user_code, &cx.env.server.keys);
        let mut rest = keys_of(user_code, cx.env.server).into_iter();
        Self::next(rest.next().unwrap_or(present), rest, cx)
    }

    fn next(key: Key, rest: std::vec::IntoIter<Key>, cx: &mut Cx<'_>) -> Self {
        let getting = AwaitingRecord::get(&key, cx);
        Self { key, rest, getting }
    }

    /// Takes an answer. Ready with the record and its name, or with the last name if there is none.
    pub(crate) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<(Key, Option<Stored>), StoreFault>> {
        let Self {
            key,
            mut rest,
            getting,
        } = self;
        match getting.into_answer(answer) {
            Ok(None) => match rest.next() {
                Some(next) => Progress::Pending(Self::next(next, rest, cx)),
                None => Progress::Ready(Ok((key, None))),
            },
            Ok(stored) => Progress::Ready(Ok((key, stored))),
            Err(fault) => Progress::Ready(Err(fault)),
        }
    }
}

/// An operation on a record that is waited for.
#[derive(Debug)]
pub(crate) enum AwaitingRecord {
    Shared(Awaiting<Store>),
    Own(Awaiting<AskDeviceRecord>),
}

impl AwaitingRecord {
    /// Reads it.
    pub(crate) fn get(key: &Key, cx: &mut Cx<'_>) -> Self {
        Self::ask(Store::Get(key.clone()), RecordOperation::Get, key, cx)
    }

    /// Reads and deletes it.
    pub(crate) fn take(key: &Key, cx: &mut Cx<'_>) -> Self {
        Self::ask(Store::Take(key.clone()), RecordOperation::Take, key, cx)
    }

    /// Writes it, if it is still the one that was read; without one, if there is none.
    pub(crate) fn put(
        record: &DeviceRecord,
        key: &Key,
        read: Option<Version>,
        cx: &mut Cx<'_>,
    ) -> Self {
        let record = record.seal(key, &cx.env.server.keys, cx.entropy);
        let version = read.map(|version| version.0);
        let operation = RecordOperation::Put(record.bytes.clone(), record.expires, version);
        let guard = read.map_or(Guard::Absent, Guard::Version);
        Self::ask(Store::Put(key.clone(), record, guard), operation, key, cx)
    }

    fn ask(shared: Store, own: RecordOperation, key: &Key, cx: &mut Cx<'_>) -> Self {
        if cx.env.server.has_replicas() {
            return Self::Shared(cx.store(shared));
        }
        Self::Own(cx.ask_hub(|ticket| {
            ToHubKind::Device(DeviceMessage::Record {
                ticket,
                name: key.0.clone(),
                operation: own,
            })
        }))
    }

    pub(crate) fn into_answer(self, answer: Answer) -> Result<Option<Stored>, StoreFault> {
        match self {
            Self::Shared(awaiting) => awaiting.into_answer(answer),
            Self::Own(awaiting) => {
                let done = awaiting.into_answer(answer);
                let found = done.map_err(|RecordConflict| StoreFault::Conflict)?;
                Ok(found.map(|own| Stored {
                    record: Record {
                        bytes: own.bytes,
                        expires: own.expires,
                    },
                    version: Version(own.version),
                }))
            }
        }
    }
}

impl DeviceRecord {
    fn seal(&self, key: &Key, keys: &Keyring, entropy: &mut Entropy) -> Record {
        let address = self.address.map(|address| address.to_string());
        let begun = self.begun.0.to_be_bytes();
        let (state, code): (&[u8], &[u8]) = match &self.decision {
            None => (b"waits", b""),
            Some(DeviceDecision::Denied) => (b"denied", b""),
            Some(DeviceDecision::Approved(code)) => (b"approved", code.expose().as_bytes()),
        };
        let packed = length_prefixed::pack(&[
            &self.device.0,
            &self.client.0,
            &self.request,
            address.as_deref().unwrap_or_default().as_bytes(),
            &begun,
            state,
            code,
        ]);
        let context = key.0.as_bytes();
        let sealed = keys.seal(Purpose::DeviceRecord, context, b"", &packed, entropy);
        Record {
            bytes: sealed.into(),
            expires: self.begun.after(limits::DEVICE_CODE_LIFETIME),
        }
    }

    /// Reads what was written under this key, if it still waits.
    pub(crate) fn open(stored: &Stored, key: &Key, keys: &Keyring, now: UnixTime) -> Option<Self> {
        let bytes = &stored.record.bytes;
        let packed = keys.open(Purpose::DeviceRecord, key.0.as_bytes(), b"", bytes)?;
        let [device, client, request, address, begun, state, code] =
            length_prefixed::unpack(&packed)?;
        let begun = UnixTime(u64::from_be_bytes(begun.try_into().ok()?));
        if !begun.lasts(limits::DEVICE_CODE_LIFETIME, now, limits::CLOCK_LEEWAY) {
            return None;
        }
        Some(Self {
            device: DeviceName(device.try_into().ok()?),
            client: Hash(client.try_into().ok()?),
            request: request.to_vec(),
            address: length_prefixed::text(address)?.parse().ok(),
            begun,
            decision: match state {
                b"waits" => None,
                b"denied" => Some(DeviceDecision::Denied),
                b"approved" => {
                    let code = Secret::new(length_prefixed::text(code)?);
                    Some(DeviceDecision::Approved(code))
                }
                _ => return None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::MasterKey, testing::entropy};

    const NOW: UnixTime = UnixTime(1_790_000_000);

    fn ring(byte: u8) -> Keyring {
        Keyring::new(MasterKey::new([byte; 32]), Vec::new())
    }

    fn record(address: &str, decision: Option<DeviceDecision>) -> DeviceRecord {
        DeviceRecord {
            device: DeviceName([1; 32]),
            client: Hash([2; 32]),
            request: b"what it asked for".to_vec(),
            address: address.parse().ok(),
            begun: NOW,
            decision,
        }
    }

    fn stored(record: &DeviceRecord, key: &Key) -> Stored {
        let record = record.seal(key, &ring(1), &mut entropy(1));
        let version = Version(1);
        Stored { record, version }
    }

    // A15, G3
    #[test]
    fn record_opens_under_its_name_with_its_key_in_its_time_only() {
        let user_code = UserCode::new(&mut entropy(2));
        let name = key(user_code, &ring(1));
        assert!(!name.0.contains(&user_code.to_string()));
        for address in ["", "192.0.2.1", "2001:db8::1"] {
            let code = Secret::new("a code".to_owned());
            for decision in [
                None,
                Some(DeviceDecision::Denied),
                Some(DeviceDecision::Approved(code)),
            ] {
                let written = record(address, decision);
                let stored = stored(&written, &name);
                let open =
                    |byte: u8, name: &Key, now| DeviceRecord::open(&stored, name, &ring(byte), now);
                let read = open(1, &name, NOW).unwrap();
                assert_eq!(format!("{read:?}"), format!("{written:?}"));
                assert!(open(2, &name, NOW).is_none());
                assert!(open(1, &Key("device/other".to_owned()), NOW).is_none());
                let end = stored.record.expires;
                assert!(open(1, &name, end).is_none());
                assert!(open(1, &name, UnixTime(NOW.0 - 61)).is_none());
            }
        }
    }
}
