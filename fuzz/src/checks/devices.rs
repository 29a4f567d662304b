//! Devices (RFC 8628): each gets the tokens of the user who typed its code and approved it, once, and none by asking
//! more often than it may (threat A15).

use std::collections::{BTreeMap, BTreeSet};

use entra_mcp_core::limits;
use http::header;
use serde_json::Value;

use super::{
    Check, ExchangeRecord, Ledger,
    ledger::{form, sealed_in},
};
use crate::{clock::SimInstant, ids::ExchangeRef, observation::Observation};

/// What is known of a device.
#[derive(Debug, Default)]
struct Device {
    user_code: String,
    has_tokens: bool,
    /// The last poll of each process, which knows its own: when it came and when it was answered.
    polled: BTreeMap<(usize, u32), (SimInstant, SimInstant)>,
}

/// Devices get what their users approved.
#[derive(Debug, Default)]
pub(super) struct DevicesOfTheirUsers {
    /// By device code.
    devices: BTreeMap<String, Device>,
    /// The user code of a consent form, and of Entra's `state` after it was approved.
    forms: BTreeMap<String, String>,
    sign_ins: BTreeMap<String, String>,
    approved: BTreeSet<String>,
}

/// A code as it is shown, however it was typed.
pub(super) fn shown(typed: &str) -> String {
    let letters = typed.chars().filter(|letter| !matches!(letter, '-' | ' '));
    letters.map(|letter| letter.to_ascii_uppercase()).collect()
}

impl DevicesOfTheirUsers {
    /// What a page or a redirect says of a device.
    fn note(&mut self, record: &ExchangeRecord, to: &str, body: &[u8]) -> Result<(), String> {
        let state = || form(record.query.as_bytes(), "state").unwrap_or_default();
        let code = match record.path.as_str() {
            "/device" => form(&record.body, "user_code").map(|typed| shown(&typed)),
            "/auth/callback" => self.sign_ins.get(&state()).cloned(),
            "/consent" => {
                let sealed = form(&record.body, "request").unwrap_or_default();
                self.forms.get(&sealed).cloned()
            }
            _ => None,
        };
        if let (Some(code), Some(sealed)) = (&code, sealed_in(body)) {
            self.forms.insert(sealed, code.clone());
        }
        let query = to.split_once('?').map(|(_, query)| query.as_bytes());
        let of_query = |name| query.and_then(|query| form(query, name));
        if to.contains("/device/return?") {
            let of = of_query("state").map(|state| shown(&state));
            if of.is_none() || of != code {
                return Err("a device is decided on whose code nobody typed".to_owned());
            }
            if of_query("code").is_some() {
                self.approved.extend(of);
            }
        } else if let (Some(state), Some(code)) = (of_query("state"), code) {
            self.sign_ins.insert(state, code);
        }
        Ok(())
    }

    /// A poll spends a code.
    fn spends(&self, who: ExchangeRef, ledger: &Ledger) -> Result<(), String> {
        let record = ledger.case(who).filter(|record| record.path == "/token");
        let device_code = record.and_then(|record| form(&record.body, "device_code"));
        let Some(device) = device_code.and_then(|code| self.devices.get(&code)) else {
            return Ok(());
        };
        match self.approved.contains(&device.user_code) {
            true => Ok(()),
            false => Err(format!(
                "{who} spends a code for a device that nobody approved"
            )),
        }
    }

    /// The answer to a poll.
    fn polled(
        &mut self,
        who: ExchangeRef,
        record: &ExchangeRecord,
        answer: &Value,
        moment: SimInstant,
    ) -> Result<(), String> {
        let Some(device_code) = form(&record.body, "device_code") else {
            return Ok(());
        };
        if answer.get("access_token").is_some() {
            let device = self.devices.get_mut(&device_code);
            let device = device.ok_or(format!("{who} gives tokens for a made-up device code"))?;
            if !self.approved.contains(&device.user_code) {
                return Err(format!(
                    "{who} gives tokens to a device that nobody approved"
                ));
            }
            if std::mem::replace(&mut device.has_tokens, true) {
                return Err(format!("{who} gives tokens to a device once more"));
            }
            return Ok(());
        }
        let error = answer.get("error").and_then(Value::as_str);
        let is_pending = error == Some("authorization_pending");
        let Some(device) = self.devices.get_mut(&device_code) else {
            return match is_pending || error == Some("slow_down") {
                true => Err(format!("{who} knows a made-up device code")),
                false => Ok(()),
            };
        };
        let least = limits::DEVICE_POLL_INTERVAL.saturating_sub(limits::DEVICE_POLL_LEEWAY);
        let process = (who.replica, who.generation);
        if let Some((came, answered)) = device.polled.get(&process)
            && is_pending
            && *answered <= record.since
            && moment < came.after(least)
        {
            return Err(format!(
                "{who} does not slow down a device that asks too soon"
            ));
        }
        if is_pending || error == Some("slow_down") {
            device.polled.insert(process, (record.since, moment));
        }
        Ok(())
    }
}

impl Check for DevicesOfTheirUsers {
    fn name(&self) -> &'static str {
        "devices of their users"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let (who, head, body) = match seen {
            Observation::RecordWritten { who, .. } => return self.spends(*who, ledger),
            Observation::ResponseStarted {
                who, head, body, ..
            } => (who, head, body),
            _ => return Ok(()),
        };
        let Some(record) = ledger.case(*who) else {
            return Ok(());
        };
        let to = head.headers().get(header::LOCATION);
        let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
        let answer = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match record.path.as_str() {
            "/device_authorization" => {
                let answer = answer();
                let member = |name: &str| answer.get(name).and_then(Value::as_str);
                if let (Some(device), Some(user)) = (member("device_code"), member("user_code")) {
                    let device_of = Device {
                        user_code: shown(user),
                        ..Device::default()
                    };
                    self.devices.insert(device.to_owned(), device_of);
                }
                Ok(())
            }
            "/token" => self.polled(*who, record, &answer(), ledger.moment),
            _ => self
                .note(record, to, body)
                .map_err(|what| format!("{who} of {}: {what}", record.peer)),
        }
    }
}
