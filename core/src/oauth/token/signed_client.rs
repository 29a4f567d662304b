//! A client that proves by a signed assertion who it is, before what it asks for begins (RFC 7523 section 2.2).
//!
//! ```text
//! AwaitingDocument --> AwaitingKeys --signed by one of them--> Using --for the first time--> UsingForAll --> grant
//! ```
//!
//! A pinned document, and keys in the document, are at hand. Hosts are asked only if the code or the token is one that was
//! given here, or for a device, of which nothing was: then as often as for a browser. A client that may also go without an assertion is a public one where its keys cannot be had.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::response::invalid_grant;
use crate::{
    ask::{Awaiting, Guard, Key, Record, Store, StoreFault},
    client_document::{ClientDocument, DocumentError, KeySource},
    client_keys::ClientKeys,
    config::ClientAddress,
    event::Answer,
    http::form::Form,
    hub::{
        AssertionRefused, Browser, NeedClientDocument, NeedClientKeys, ToHubKind, ToSignedClients,
        UseAssertion,
    },
    id::AssertionId,
    oauth::{
        client::AuthenticatedClient,
        client_assertion::{ClientAssertion, bad},
        error::{Refusal, unavailable},
    },
    planted::Planted,
    session::record::Hash,
    step::{Cx, Progress},
};

/// A client whose assertion is being looked at.
#[derive(Debug)]
pub(crate) struct SignedClient {
    asked: Asked,
    state: State,
}

/// What it asks for. The form holds credentials and is not printed.
struct Asked {
    form: Form,
    assertion: ClientAssertion,
    browser: Browser,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asked({:?})", self.assertion)
    }
}

#[derive(Debug)]
enum State {
    AwaitingDocument(Awaiting<NeedClientDocument>),
    AwaitingKeys {
        /// Whether the client may not go without an assertion.
        must_sign: bool,
        keys: Awaiting<NeedClientKeys>,
    },
    Using(Awaiting<UseAssertion>),
    /// Where replicas share the store, it says for all of them that the assertion was used.
    UsingForAll(Awaiting<Store>),
}

/// The client and what it asks for, once it has proven who it is.
pub(crate) type Proven = Result<(AuthenticatedClient, Form), Refusal>;

impl SignedClient {
    /// Looks for the document of the client, if it has something that was given here.
    pub(crate) fn start(
        form: Form,
        assertion: ClientAssertion,
        address: Option<ClientAddress>,
        has_something: bool,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Proven> {
        if !has_something && !cx.env.server.has(Planted::DocumentsForNobody) {
            return Progress::Ready(Err(invalid_grant()));
        }
        let asked = Asked {
            form,
            assertion,
            browser: Browser {
                device: None,
                address,
            },
        };
        let documents = &cx.env.server.config.client_documents;
        if let Some((document, _)) = documents.pinned(&asked.assertion.url) {
            return asked.of_document(&document, cx);
        }
        if !documents.are_fetched() {
            return Progress::Ready(Err(bad("The client is unknown here.")));
        }
        let (url, browser) = (asked.assertion.url.clone(), asked.browser);
        let awaiting = cx.ask_hub(|ticket| ToHubKind::NeedClientDocument {
            ticket,
            url,
            browser,
        });
        asked.waiting(State::AwaitingDocument(awaiting))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self, Proven> {
        let Self { asked, state } = self;
        match state {
            State::AwaitingDocument(awaiting) => match awaiting.into_answer(answer) {
                Ok(document) => asked.of_document(&document, cx),
                Err(error) => Progress::Ready(Err(refusal_of(error))),
            },
            State::AwaitingKeys { must_sign, keys } => match keys.into_answer(answer) {
                Ok(keys) => asked.signed_by(&keys, cx),
                Err(_) if !must_sign => asked.proven(false),
                Err(error) => Progress::Ready(Err(refusal_of(error))),
            },
            State::Using(awaiting) => match awaiting.into_answer(answer) {
                Ok(()) if cx.env.server.has_replicas() => asked.use_for_all(cx),
                Ok(()) => asked.proven(true),
                Err(AssertionRefused::Used) if cx.env.server.has(Planted::AssertionsReusable) => {
                    asked.proven(true)
                }
                Err(AssertionRefused::Used) => was_used(),
                Err(AssertionRefused::TooMany) => Progress::Ready(Err(unavailable(
                    "This client has used too many assertions lately. Please try again later.",
                ))),
            },
            State::UsingForAll(awaiting) => match awaiting.into_answer(answer) {
                Ok(_) => asked.proven(true),
                Err(StoreFault::Conflict) => was_used(),
                Err(StoreFault::Unavailable) => Progress::Ready(Err(unavailable(
                    "It cannot be seen right now whether the client assertion was used before. Please try again with \
                     another one.",
                ))),
            },
        }
    }
}

impl Asked {
    fn waiting(self, state: State) -> Progress<SignedClient, Proven> {
        Progress::Pending(SignedClient { asked: self, state })
    }

    fn of_document(
        self,
        document: &ClientDocument,
        cx: &mut Cx<'_>,
    ) -> Progress<SignedClient, Proven> {
        let must_sign = document.must_sign;
        match &document.keys {
            None => Progress::Ready(Err(bad("The document of the client names no keys."))),
            Some(KeySource::Document(keys)) => self.signed_by(keys, cx),
            Some(KeySource::At(_)) if !cx.env.server.config.client_documents.are_fetched() => {
                match must_sign {
                    true => Progress::Ready(Err(refusal_of(DocumentError::NotPinned))),
                    false => self.proven(false),
                }
            }
            Some(KeySource::At(url)) => {
                let (url, browser) = (url.clone(), self.browser);
                let keys = cx.ask_hub(|ticket| {
                    ToHubKind::SignedClients(ToSignedClients::NeedKeys(ticket, url, browser))
                });
                self.waiting(State::AwaitingKeys { must_sign, keys })
            }
        }
    }

    fn signed_by(self, keys: &ClientKeys, cx: &mut Cx<'_>) -> Progress<SignedClient, Proven> {
        if !self.assertion.is_signed_by(keys) {
            return Progress::Ready(Err(bad(
                "The client assertion is signed by none of the keys of the client.",
            )));
        }
        let (assertion, until) = (self.assertion.id, self.assertion.expires);
        let awaiting = cx.ask_hub(|ticket| {
            ToHubKind::SignedClients(ToSignedClients::UseAssertion {
                ticket,
                assertion,
                until,
            })
        });
        self.waiting(State::Using(awaiting))
    }

    /// Only what has a good signature is stored, and no more of it than the hubs take.
    fn use_for_all(self, cx: &mut Cx<'_>) -> Progress<SignedClient, Proven> {
        let AssertionId { client, jti } = self.assertion.id;
        let name = Hash::of(&[client, jti].concat());
        let record = Record {
            bytes: Bytes::new(),
            expires: self.assertion.expires,
        };
        let key = Key(format!("assertion/{}", URL_SAFE_NO_PAD.encode(name.0)));
        let awaiting = cx.store(Store::Put(key, record, Guard::Absent));
        self.waiting(State::UsingForAll(awaiting))
    }

    /// It is who it says, by its signature or as a public client is.
    fn proven(self, has_signed: bool) -> Progress<SignedClient, Proven> {
        let client = AuthenticatedClient::of_document(&self.assertion.url, has_signed);
        Progress::Ready(Ok((client, self.form)))
    }
}

fn was_used() -> Progress<SignedClient, Proven> {
    Progress::Ready(Err(bad("The client assertion was used before.")))
}

/// The document or the keys of the client cannot be had: now, or as they are.
pub(crate) fn refusal_of(error: DocumentError) -> Refusal {
    match error.is_passing() {
        true => unavailable(
            "The keys of the client cannot be looked up right now. Nothing was spent: please try again.",
        ),
        false => bad("The keys of the client cannot be looked up as its document says."),
    }
}

#[cfg(test)]
mod tests;
