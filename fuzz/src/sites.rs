//! The web sites of clients, where their documents and keys are (OAuth Client ID Metadata Document, section 4; RFC
//! 7517). A site may change what it says, lie, be slow or gone, or not be on the public internet.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use entra_mcp_core::ask::{Fetch, FetchFault, FetchTarget};
use http::{Response, StatusCode, header};
use serde_json::Value;

use crate::{
    ids::ExchangeRef,
    observation::Observation,
    world::{State, World},
};

/// Where the documents of good clients are.
pub const GOOD_SITE: &str = "https://apps.example";

/// Where an attacker's are.
pub const EVIL_SITE: &str = "https://evil.example";

/// How a site answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// With what is there.
    WithPage,
    /// With what is there, as if it were of another client.
    WithAnother,
    /// With what is there, for other redirect URIs.
    WithOtherPlaces,
    /// With more than is read.
    WithTooMuch,
    /// With a web page.
    WithHtml,
    /// With a redirect to what is there.
    WithRedirect,
    /// With 404.
    WithNothing,
    /// After everybody has given up.
    Late,
    /// Not at all: its address is one of a private network.
    Privately,
}

impl Answers {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::WithPage,
        Self::WithAnother,
        Self::WithOtherPlaces,
        Self::WithTooMuch,
        Self::WithHtml,
        Self::WithRedirect,
        Self::WithNothing,
        Self::Late,
        Self::Privately,
    ];
}

/// What is at an address.
#[derive(Clone, Debug)]
struct Page {
    json: Value,
    answers: Answers,
}

/// All sites.
#[derive(Debug, Default)]
pub(crate) struct Sites(BTreeMap<String, Page>);

/// Longer than any document that is read.
const TOO_MUCH: usize = 6000;

/// Longer than anybody waits.
const LATE: Duration = Duration::from_secs(20);

impl Sites {
    fn answer(&self, address: &str) -> (Duration, Response<Bytes>) {
        let page = self.0.get(address);
        let Some(Page { json, answers }) = page else {
            return (Duration::ZERO, response(StatusCode::NOT_FOUND, "", ""));
        };
        let mut json = json.clone();
        let mut after = Duration::ZERO;
        let (mut status, mut kind) = (StatusCode::OK, "application/json");
        let mut set = |name: &str, value: Value| {
            if let Some(members) = json.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        match answers {
            Answers::WithPage | Answers::Privately => {}
            Answers::WithAnother => set("client_id", format!("{address}-of-another").into()),
            Answers::WithOtherPlaces => {
                set("redirect_uris", vec!["https://elsewhere.example/"].into());
            }
            Answers::WithTooMuch => set("client_uri", "x".repeat(TOO_MUCH).into()),
            Answers::WithHtml => kind = "text/html",
            Answers::WithRedirect => status = StatusCode::FOUND,
            Answers::WithNothing => status = StatusCode::NOT_FOUND,
            Answers::Late => after = LATE,
        }
        (after, response(status, kind, &json.to_string()))
    }

    fn is_private(&self, address: &str) -> bool {
        let page = self.0.get(address);
        page.is_some_and(|page| page.answers == Answers::Privately)
    }
}

fn response(status: StatusCode, kind: &'static str, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    headers.insert(
        header::LOCATION,
        header::HeaderValue::from_static("https://apps.example/elsewhere.json"),
    );
    response
}

impl State {
    /// What the site of a client answers, and how long it takes over it.
    pub(crate) fn site_answers(
        &mut self,
        who: ExchangeRef,
        fetch: &Fetch,
    ) -> Result<(Duration, Response<Bytes>), FetchFault> {
        let address = fetch.request().uri().to_string();
        let line = format!("= GET {address}");
        self.note("site", &line);
        // A runtime judges the address that it dials.
        let is_public_only = matches!(fetch.target, FetchTarget::PublicOnly(_));
        if is_public_only && self.sites.is_private(&address) {
            return Err(FetchFault::Forbidden);
        }
        let (after, response) = self.sites.answer(&address);
        self.see(&Observation::SiteReplied {
            who,
            address: &address,
            response: &response,
        });
        Ok((after, response))
    }
}

impl World {
    /// Puts something at an address of a site.
    pub fn publish(&self, address: &str, json: Value) {
        let answers = Answers::WithPage;
        self.with(|state| {
            let page = Page { json, answers };
            state.sites.0.insert(address.to_owned(), page);
        });
    }

    /// From now on a site answers so at an address.
    pub fn change_site(&self, address: &str, answers: Answers) {
        self.note("faults", &format!("= {address} answers {answers:?}"));
        self.with(|state| {
            if let Some(page) = state.sites.0.get_mut(address) {
                page.answers = answers;
            }
        });
    }

    /// The addresses at which there is something.
    #[must_use]
    pub fn published(&self) -> Vec<String> {
        self.with(|state| state.sites.0.keys().cloned().collect())
    }

    /// All sites answer as they should.
    pub fn mend_sites(&self) {
        self.with(|state| {
            for page in state.sites.0.values_mut() {
                page.answers = Answers::WithPage;
            }
        });
    }
}
