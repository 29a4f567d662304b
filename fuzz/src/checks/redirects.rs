//! Where browsers are sent: to Entra after consent, and to the address that the asking client has
//! registered, in the browser that approved.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, header};
use serde_json::Value;

use super::{
    Check, Ledger,
    devices::shown,
    ledger::{ExchangeRecord, connections_cookie, form, redirected, sealed_in},
};
use crate::{ids::ENTRA_ORIGIN, listed, observation::Observation};

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ask {
    client_id: String,
    redirect_uri: String,
    state: Option<String>,
}

/// Redirects go only to Entra or to the registered address of the client that asked; to Entra only
/// after consent to this client and address in this browser; with a code only in the browser that
/// consented, or at the press of a button there (threats A1 to A4, B4, B5, D1).
#[derive(Debug)]
pub(super) struct OnlyWhereAllowed {
    registered: BTreeMap<String, BTreeSet<String>>,
    forms: BTreeMap<String, Ask>,
    /// The forms that were shown after a sign-in, and in whose browser.
    after_sign_in: BTreeMap<String, String>,
    approved: BTreeSet<(String, String, String)>,
    /// By Entra's `state`: what was asked, and in whose browser it was approved.
    sign_ins: BTreeMap<String, (Ask, String)>,
    /// What devices asked for, by user code.
    devices: BTreeMap<String, Ask>,
}

impl Default for OnlyWhereAllowed {
    fn default() -> Self {
        let listed = listed::CLIENTS.iter();
        let registered = listed.map(|client| {
            let uris = BTreeSet::from([client.redirect_uri.to_owned()]);
            (client.id.to_owned(), uris)
        });
        Self {
            registered: registered.collect(),
            forms: BTreeMap::new(),
            after_sign_in: BTreeMap::new(),
            approved: BTreeSet::new(),
            sign_ins: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }
}

impl OnlyWhereAllowed {
    fn asked(case: &ExchangeRecord) -> Option<Ask> {
        let query = case.query.as_bytes();
        Some(Ask {
            client_id: form(query, "client_id")?,
            redirect_uri: form(query, "redirect_uri")?,
            state: form(query, "state"),
        })
    }

    /// Remembers registrations and consent forms.
    fn note(&mut self, case: &ExchangeRecord, body: &[u8]) {
        match case.path.as_str() {
            "/device_authorization" => self.device_asks(case, body),
            "/device" => {
                let typed = form(&case.body, "user_code").unwrap_or_default();
                if let (Some(sealed), Some(ask)) =
                    (sealed_in(body), self.devices.get(&shown(&typed)))
                {
                    self.forms.insert(sealed, ask.clone());
                }
            }
            "/register" => {
                let answer: Value = serde_json::from_slice(body).unwrap_or_default();
                let uris = answer.get("redirect_uris").and_then(Value::as_array);
                let uris = uris.into_iter().flatten().filter_map(Value::as_str);
                if let Some(client_id) = answer.get("client_id").and_then(Value::as_str) {
                    let known = self.registered.entry(client_id.to_owned()).or_default();
                    known.extend(uris.map(str::to_owned));
                }
            }
            "/authorize" => {
                if let (Some(sealed), Some(ask)) = (sealed_in(body), Self::asked(case)) {
                    self.forms.insert(sealed, ask);
                }
            }
            "/auth/callback" => {
                let state = form(case.query.as_bytes(), "state").unwrap_or_default();
                if let (Some(sealed), Some((ask, browser))) =
                    (sealed_in(body), self.sign_ins.get(&state))
                {
                    self.forms.insert(sealed.clone(), ask.clone());
                    self.after_sign_in.insert(sealed, browser.clone());
                }
            }
            _ => {}
        }
    }

    /// A device asks: its user is to return to a page of the server itself.
    fn device_asks(&mut self, case: &ExchangeRecord, body: &[u8]) {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |name: &str| answer.get(name).and_then(Value::as_str);
        if let (Some(code), Some(page), Some(client_id)) = (
            member("user_code"),
            member("verification_uri"),
            form(&case.body, "client_id"),
        ) {
            let redirect_uri = format!("{page}/return");
            let uris = self.registered.entry(client_id.clone()).or_default();
            uris.insert(redirect_uri.clone());
            let ask = Ask {
                client_id,
                redirect_uri,
                state: Some(code.to_owned()),
            };
            self.devices.insert(shown(code), ask);
        }
    }

    /// What a site says of its client, whose document it is.
    fn site_says(&mut self, address: &str, body: &[u8]) {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        if document.get("client_id").and_then(Value::as_str) == Some(address) {
            let uris = document.get("redirect_uris").and_then(Value::as_array);
            let uris = uris.into_iter().flatten().filter_map(Value::as_str);
            let known = self.registered.entry(address.to_owned()).or_default();
            known.extend(uris.map(str::to_owned));
        }
    }

    /// A browser is sent to Entra.
    fn goes_to_entra(&mut self, case: &ExchangeRecord, headers: &HeaderMap) -> Result<(), String> {
        let state = redirected(headers, "state").ok_or("Entra gets no state")?;
        let key = |ask: &Ask| {
            let (client_id, redirect_uri) = (ask.client_id.clone(), ask.redirect_uri.clone());
            (case.peer.clone(), client_id, redirect_uri)
        };
        let ask = match case.path.as_str() {
            "/consent" => {
                let sealed = form(&case.body, "request").unwrap_or_default();
                let ask = self
                    .forms
                    .get(&sealed)
                    .ok_or("a form that was never shown")?;
                if form(&case.body, "decision").as_deref() != Some("approve") {
                    return Err("a form that was not approved leads to Entra".to_owned());
                }
                if !case.is_same_origin {
                    return Err("a form of another page leads to Entra".to_owned());
                }
                self.approved.insert(key(ask));
                ask.clone()
            }
            // Who wants to see their own connections approves nothing.
            "/me" => return Ok(()),
            // Nor does who satisfies more in a session that there is.
            "/step-up" if case.is_same_origin => return Ok(()),
            "/authorize" => {
                let ask = Self::asked(case).ok_or("a request for nobody leads to Entra")?;
                if !self.approved.contains(&key(&ask)) {
                    return Err(format!("{} never approved this client", case.peer));
                }
                ask
            }
            path => return Err(format!("{path} sends a browser to Entra")),
        };
        self.sign_ins.insert(state, (ask, case.peer.clone()));
        Ok(())
    }

    /// A browser is sent to a client.
    fn goes_to_client(
        &self,
        case: &ExchangeRecord,
        to: &str,
        headers: &HeaderMap,
    ) -> Result<(), String> {
        let base = to.split('?').next().unwrap_or_default();
        let shows_connections = case.path == "/me" || connections_cookie(headers).is_some();
        if shows_connections && to.ends_with("/me") {
            return Ok(());
        }
        let ask = match case.path.as_str() {
            "/authorize" => Self::asked(case),
            "/consent" => {
                let sealed = form(&case.body, "request").unwrap_or_default();
                self.forms.get(&sealed).cloned()
            }
            "/auth/callback" => {
                let state = form(case.query.as_bytes(), "state").unwrap_or_default();
                let (ask, browser) = self
                    .sign_ins
                    .get(&state)
                    .ok_or("a callback of no sign-in leads to a client")?;
                if *browser != case.peer {
                    return Err(format!("{browser} approved and {} returns", case.peer));
                }
                Some(ask.clone())
            }
            path => return Err(format!("{path} sends a browser to {base}")),
        };
        let ask = ask.ok_or(format!("nobody asked for {base}"))?;
        let registered = self.registered.get(&ask.client_id);
        let registered = registered.ok_or("the client is not registered")?;
        if base != ask.redirect_uri || !registered.contains(base) {
            return Err(format!("{} sends a browser to {base}", case.path));
        }
        if redirected(headers, "state") != ask.state {
            return Err("the client's state does not come back as sent".to_owned());
        }
        let is_given = redirected(headers, "code").is_some();
        if is_given && case.path != "/auth/callback" && !self.is_approved_after_sign_in(case) {
            return Err(format!("{} gives a code", case.path));
        }
        Ok(())
    }

    /// Whether a user who had signed in before they were asked presses the button, in the same browser.
    fn is_approved_after_sign_in(&self, case: &ExchangeRecord) -> bool {
        let sealed = form(&case.body, "request").unwrap_or_default();
        case.path == "/consent"
            && case.is_same_origin
            && form(&case.body, "decision").as_deref() == Some("approve")
            && self.after_sign_in.get(&sealed) == Some(&case.peer)
    }
}

impl Check for OnlyWhereAllowed {
    fn name(&self) -> &'static str {
        "only where allowed"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let (who, head, body) = match seen {
            Observation::SiteReplied {
                address, response, ..
            } => {
                self.site_says(address, response.body());
                return Ok(());
            }
            Observation::ResponseStarted {
                who, head, body, ..
            } => (who, head, body),
            _ => return Ok(()),
        };
        let Some(case) = ledger.case(*who) else {
            return Ok(());
        };
        self.note(case, body);
        let Some(to) = head.headers().get(header::LOCATION) else {
            return Ok(());
        };
        let to = to.to_str().unwrap_or_default();
        let done = if to.starts_with(&format!("{}/", ENTRA_ORIGIN)) {
            self.goes_to_entra(case, head.headers())
        } else {
            self.goes_to_client(case, to, head.headers())
        };
        done.map_err(|what| format!("{who} of {}: {what}", case.peer))
    }
}
