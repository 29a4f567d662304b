//! The page of what a user has connected: who sees it and ends something there has signed in in that browser, for that
//! (threats A2, A4, A5).

use std::collections::BTreeMap;

use http::header;

use super::{
    Check, ExchangeRecord, Ledger,
    ledger::{connections_cookie, form, redirected},
};
use crate::{ids::ENTRA_ORIGIN, observation::Observation};

/// A sign-in for that page ends in the browser that began it, and nothing else ends in a cookie for it.
#[derive(Debug, Default)]
pub(super) struct InTheirBrowser {
    /// In whose browser a sign-in began, by Entra's `state`.
    began: BTreeMap<String, String>,
}

impl InTheirBrowser {
    fn judge(&self, record: &ExchangeRecord) -> Result<(), String> {
        let state = form(record.query.as_bytes(), "state").unwrap_or_default();
        match self.began.get(&state) {
            Some(browser) if *browser == record.peer => Ok(()),
            Some(browser) => Err(format!("{browser} began and {} returns", record.peer)),
            None => Err("nobody began to look at their connections".to_owned()),
        }
    }
}

impl Check for InTheirBrowser {
    fn name(&self) -> &'static str {
        "in their browser"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Observation::ResponseStarted { who, head, .. } = seen else {
            return Ok(());
        };
        let Some(record) = ledger.case(*who) else {
            return Ok(());
        };
        let headers = head.headers();
        let to = headers.get(header::LOCATION);
        let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
        match record.path.as_str() {
            "/me" if to.starts_with(ENTRA_ORIGIN) => {
                let state = redirected(headers, "state").ok_or("Entra gets no state")?;
                self.began.insert(state, record.peer.clone());
                Ok(())
            }
            "/me" if record.user.is_none() && head.status().is_success() => Err(format!(
                "{who} shows connections to somebody who has not signed in"
            )),
            "/auth/callback" if connections_cookie(headers).is_some() => {
                self.judge(record).map_err(|what| format!("{who}: {what}"))
            }
            _ => Ok(()),
        }
    }
}
