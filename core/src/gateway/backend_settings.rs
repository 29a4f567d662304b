//! What a client has set within its session at the backend: it is set again when that session is opened again.

use std::collections::BTreeSet;

use serde_json::json;

use crate::limits;

/// The level of the log, and the resources that are subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BackendSettings {
    level: Option<String>,
    uris: BTreeSet<String>,
}

/// A setting that the backend has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BackendSetting {
    Level(String),
    Subscribed(String),
    Unsubscribed(String),
}

impl BackendSetting {
    /// What a request of this method sets, with its parameters `level` and `uri`.
    pub(crate) fn of_request<'a>(
        method: &str,
        parameter: impl FnOnce(&str) -> Option<std::borrow::Cow<'a, str>>,
    ) -> Option<Self> {
        let (name, setting): (_, fn(String) -> Self) = match method {
            "logging/setLevel" => ("level", Self::Level),
            "resources/subscribe" => ("uri", Self::Subscribed),
            "resources/unsubscribe" => ("uri", Self::Unsubscribed),
            _ => return None,
        };
        Some(setting(parameter(name)?.into_owned()))
    }
}

impl BackendSettings {
    /// Remembers a setting. What is beyond the limits has to be set by the client again.
    pub(crate) fn set(&mut self, setting: BackendSetting) {
        match setting {
            BackendSetting::Level(level) if level.len() <= limits::BACKEND_SETTINGS_BYTES => {
                self.level = Some(level);
            }
            BackendSetting::Level(_) => {}
            BackendSetting::Subscribed(uri) => {
                let bytes: usize = self.uris.iter().map(String::len).sum();
                let fits = bytes + uri.len() <= limits::BACKEND_SETTINGS_BYTES;
                if fits && self.uris.len() < limits::SUBSCRIPTIONS {
                    self.uris.insert(uri);
                }
            }
            BackendSetting::Unsubscribed(uri) => drop(self.uris.remove(&uri)),
        }
    }

    /// The requests that set all of it, with ids from this one on.
    pub(crate) fn requests(&self, first_id: u64) -> Vec<String> {
        let level = self
            .level
            .iter()
            .map(|level| ("logging/setLevel", json!({"level": level})));
        let uris = self
            .uris
            .iter()
            .map(|uri| ("resources/subscribe", json!({"uri": uri})));
        let numbered = level.chain(uris).zip(first_id..);
        let request = |((method, params), id)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        numbered.map(|one| request(one).to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_set_again_and_no_more_than_fits() {
        let mut settings = BackendSettings::default();
        settings.set(BackendSetting::Level("info".to_owned()));
        settings.set(BackendSetting::Level("debug".to_owned()));
        for uri in ["a://1", "a://2", "a://1"] {
            settings.set(BackendSetting::Subscribed(uri.to_owned()));
        }
        settings.set(BackendSetting::Unsubscribed("a://2".to_owned()));
        let requests = settings.requests(1);
        assert_eq!(
            requests,
            [
                r#"{"id":1,"jsonrpc":"2.0","method":"logging/setLevel","params":{"level":"debug"}}"#,
                r#"{"id":2,"jsonrpc":"2.0","method":"resources/subscribe","params":{"uri":"a://1"}}"#,
            ]
        );
        for uri in 0..1000 {
            settings.set(BackendSetting::Subscribed(format!("b://{uri}")));
        }
        assert_eq!(settings.requests(1).len(), limits::SUBSCRIPTIONS + 1);
        let long = "x".repeat(limits::BACKEND_SETTINGS_BYTES);
        settings.set(BackendSetting::Subscribed(long));
        assert_eq!(settings.requests(1).len(), limits::SUBSCRIPTIONS + 1);
    }
}
