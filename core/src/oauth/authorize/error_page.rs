//! Pages about authorization requests that are not served.
//!
//! Anybody may register a site, and so an error that is sent to a client's site makes an open redirector of this
//! server (threat B6; RFC 9700 section 4.11.2). Where the user has not approved the client in this browser, a page
//! names the site and leaves it to the user to go there. A program on the user's own computer, or an app, gets its
//! error at once: nobody can be led to a site by that.

use ::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;

use crate::{
    client_document::DocumentError,
    client_setup,
    env::Env,
    oauth::{
        authorization_request::RedirectTarget, error::Refusal,
        remembered_consents::RememberedConsents,
    },
    pages::{
        self,
        html::{Html, Slot},
    },
    redirect_uri::{Destination, RedirectUri},
    session::record::Hash,
};

/// An error that is shown to the user, for it is not known where an answer could go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPage {
    /// There is no client of this id.
    UnknownClient,
    /// The `client_id` is a URL, but not one that a document can be at.
    ClientIdUrl,
    /// There is no document at the client's URL, or none that can be used.
    Document(DocumentError),
    /// The redirect URI is not one of the client's.
    RedirectUri,
    /// The operator has registered this client, but has not listed this redirect URI for it yet.
    NotListed(Box<(String, RedirectUri)>),
    /// The operator does not let it in, which returns to this place.
    NotAdmitted(Option<String>),
    /// The `state` is too long to be returned, or is not text.
    State,
}

/// An error that goes to the client.
#[derive(Debug)]
pub(crate) struct ClientError {
    /// The SHA-256 of the `client_id`.
    pub(super) client: Hash,
    /// Where the client is.
    pub(crate) redirect_target: RedirectTarget,
    pub(crate) refusal: Refusal,
}

impl ClientError {
    /// Sends the browser back to the client, or shows the user where that is.
    pub(crate) fn respond(
        &self,
        request_id: &str,
        headers: &HeaderMap,
        env: Env<'_>,
    ) -> Response<Bytes> {
        let Self {
            client,
            redirect_target,
            refusal,
        } = self;
        let description = format!("{} Reference: {request_id}.", refusal.description);
        let config = &env.server.config;
        let redirect_uri = &redirect_target.redirect_uri;
        match redirect_uri.destination() {
            Destination::Web(host)
                if !config.has_code_page_at(redirect_uri)
                    && !RememberedConsents::of(headers, env).know(client, redirect_uri) =>
            {
                let address = redirect_target.error_address(refusal.error, &description, config);
                leave(host, &address, refusal.description, request_id, env)
            }
            _ => redirect_target.error(refusal.error, &description, env),
        }
    }
}

/// The page that leaves it to the user to go to the client's site.
fn leave(
    host: &str,
    address: &str,
    reason: &str,
    request_id: &str,
    env: Env<'_>,
) -> Response<Bytes> {
    let slots = [("host", Slot::Text(host)), ("address", Slot::Text(address))];
    let more = Html::fill(
        "<div class=\"place\"><span>The request came from a client of the web site</span>\
         <strong>{host}</strong></div>\n\
         <p>You have not approved this client in this browser. If you know the site, you can go back to it, \
         which tells it what went wrong. Otherwise close this page.</p>\n\
         <p><a href=\"{address}\" rel=\"noreferrer\">Go to {host}</a></p>",
        &slots,
    );
    pages::error_with(
        StatusCode::BAD_REQUEST,
        "This sign-in cannot begin",
        reason,
        &more,
        request_id,
        env,
    )
}

impl ErrorPage {
    /// Returns the page. It repeats nothing that was sent, but for a redirect URI of a client that the operator knows.
    pub(crate) fn respond(&self, request_id: &str, env: Env<'_>) -> Response<Bytes> {
        let (title, text) = match self {
            Self::UnknownClient => return unknown_client(request_id, env),
            Self::Document(error) => return no_document(error.for_strangers(), request_id, env),
            Self::NotListed(asked) => return not_listed(&asked.0, &asked.1, request_id, env),
            Self::NotAdmitted(place) => return not_admitted(place.as_deref(), request_id, env),
            Self::ClientIdUrl => (
                "The client's address is not well-formed",
                "Its client_id is a URL, which must be https with a host and a path, as it is normally \
                 written, and without a user, a fragment or dot segments. Close this page and write to \
                 the makers of the client.",
            ),
            Self::RedirectUri => (
                "This client wants to return to an address it did not register",
                "So that your sign-in cannot be sent to somebody else, it stops here. Close this \
                 page. If you have just updated or moved the client, clear its registration and \
                 sign in again.",
            ),
            Self::State => (
                "The client sent a request that cannot be answered",
                "Its state is too long or is not text. Close this page and write to the makers of \
                 the client.",
            ),
        };
        pages::error(StatusCode::BAD_REQUEST, title, text, request_id, env)
    }

    /// Returns the same for the log.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown client",
            Self::ClientIdUrl => "client_id is no URL of a document",
            Self::Document(error) => error.as_str(),
            Self::RedirectUri => "redirect URI not registered",
            Self::NotListed(_) => "redirect URI not listed for this client",
            Self::NotAdmitted(_) => "client not let in",
            Self::State => "state too long or no text",
        }
    }
}

/// The operator can paste the address from here; it is no link (threat B4). Platforms make it after the client was
/// registered, so somebody has to bring it.
fn not_listed(
    client: &str,
    redirect_uri: &RedirectUri,
    request_id: &str,
    env: Env<'_>,
) -> Response<Bytes> {
    let slots = [
        ("client", Slot::Text(client)),
        ("redirect_uri", Slot::Text(redirect_uri.as_str())),
        ("contact", Slot::Text(env.server.config.contact())),
    ];
    let more = Html::fill(
        "<div class=\"place\"><span>The client</span><strong>{client}</strong></div>\n\
         <div class=\"place\"><span>wants to return to</span><code>{redirect_uri}</code></div>\n\
         <p>If you have just set up this client, give this address to {contact}, to add it to \
         <code>redirect_uris</code> of this client in the file of clients. No restart is needed. Then start again \
         from your client.</p>\n\
         <p>If you did not, somebody else may want your sign-in. Close this page.</p>",
        &slots,
    );
    pages::error_with(
        StatusCode::BAD_REQUEST,
        "This address is not listed for the client yet",
        "So that your sign-in cannot be sent to somebody else, it goes only to addresses that the operator has \
         listed.",
        &more,
        request_id,
        env,
    )
}

/// Says whom to ask, and what to tell them: where the client returns to, by which an operator lets clients in.
fn not_admitted(place: Option<&str>, request_id: &str, env: Env<'_>) -> Response<Bytes> {
    let config = &env.server.config;
    let who = match config.registration.is_possible() {
        true => {
            "The operator of this server lets in clients that they know, and this one is not among them."
        }
        false => {
            "The operator of this server lets in only clients that they have registered themselves."
        }
    };
    let mut more = Html::default();
    if let Some(place) = place {
        more.push(&Html::fill(
            "<div class=\"place\"><span>The client wants to return to</span><strong>{place}</strong></div>\n",
            &[("place", Slot::Text(place))],
        ));
    }
    more.push(&Html::fill(
        "<p>If you trust it, ask {contact} to let it in. Tell them {what}the reference below.</p>",
        &[
            ("contact", Slot::Text(config.contact())),
            (
                "what",
                Slot::Text(if place.is_some() {
                    "that place and "
                } else {
                    ""
                }),
            ),
        ],
    ));
    pages::error_with(
        StatusCode::BAD_REQUEST,
        "This client is not let in here",
        who,
        &more,
        request_id,
        env,
    )
}

/// Who the client is cannot be found out where it says that this is written.
fn no_document(error: DocumentError, request_id: &str, env: Env<'_>) -> Response<Bytes> {
    let (status, advice) = if error == DocumentError::Busy {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "Wait a minute, then start again from your client.",
        )
    } else if error == DocumentError::NotPinned {
        (
            StatusCode::BAD_REQUEST,
            "Close this page. The operator of this server finds the site in the log, and can let the client in \
             without asking that site.",
        )
    } else if error.is_passing() {
        (
            StatusCode::BAD_REQUEST,
            "Wait a minute, then start again from your client. If this stays, the operator of this server \
             finds the site in the log, and can let the client in without asking that site.",
        )
    } else {
        (
            StatusCode::BAD_REQUEST,
            "Close this page and write to the makers of the client.",
        )
    };
    let text = format!(
        "The client is described at an address of its own site, and that did not work. {} {advice}",
        error.as_str()
    );
    let title = "This server could not find out who the client is";
    pages::error(status, title, &text, request_id, env)
}

/// Clients remember an id that is not good any more for ever, so the page says how each registration is
/// cleared.
fn unknown_client(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    let mut ways = Html::default();
    for instructions in client_setup::clients(&env.server.config.public_url, env.catalog.name()) {
        let slots = [
            ("client", Slot::Text(instructions.client)),
            ("clear", Slot::Text(instructions.clear_registration)),
        ];
        ways.push(&Html::fill(
            "<li><strong>{client}:</strong> {clear}</li>\n",
            &slots,
        ));
    }
    let more = Html::fill(
        "<h2>How to clear a registration</h2>\n<ul>\n{ways}</ul>",
        &[("ways", Slot::Html(&ways))],
    );
    pages::error_with(
        StatusCode::BAD_REQUEST,
        "This server does not know the client",
        "The client uses a registration that this server did not give, or gave before its key was \
         changed. Clear it in the client, then connect again: it will register anew by itself.",
        &more,
        request_id,
        env,
    )
}
