//! The verdict on a request by its head alone, before a byte of its body is read.
//!
//! `Host`, `Origin`, path, method, announced length, content coding and type, and the session token
//! itself are checked here. Whoever is refused has cost a header's worth of work (threats F10,
//! F11, J1, J2, J3, L7, L12, M8, M9).

pub(crate) mod bearer;
pub(crate) mod caller;
pub(crate) mod cors;
mod entra_lookup;
pub(crate) mod entra_token;
mod logged;
mod own_routes;
mod rate;
#[cfg(test)]
mod tests;

use ::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use entra_mcp_http1::{Fields, Refusal, RequestHead, head::to_origin_form};

use self::bearer::Credential;
use crate::{
    base_path::BasePath,
    config::{ClientAddress, Endpoint},
    env::Server,
    http::response::{self, text},
    limits,
    opened_session::{OpenedSession, OpenedSessions},
    rate_limit::RateLimited,
    request_id::RequestId,
    route::Route,
    session::token::Verified,
    time::Now,
};

pub use self::{
    logged::log_event_of,
    own_routes::{OwnPath, admit_own},
};

/// A request that was let in, whose body is still to be read. Nothing else begins the exchange of a
/// request: [`Admission::begin`].
#[derive(Debug)]
pub struct Admission(Box<Admitted>);

/// What is known of such a request. It is large, and goes through many hands.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) head: RequestHead,
    pub(crate) route: Route,
    /// Which MCP endpoint it is about.
    pub(crate) endpoint: Endpoint,
    /// What the session token says, where one is needed, which is not verified again; or another token.
    pub(crate) credential: Option<Credential>,
    /// What is kept of its session.
    pub(crate) opened: Option<OpenedSession>,
    /// The address that the request is counted for.
    pub(crate) client: Option<ClientAddress>,
    /// It comes too soon after others.
    pub(crate) limited: Option<RateLimited>,
    /// What its log lines and its response have in common.
    pub(crate) request_id: RequestId,
    body_limit: usize,
}

impl Admission {
    /// Takes out what is known of the request.
    pub(crate) fn into_admitted(self) -> Box<Admitted> {
        self.0
    }

    /// Returns where the request goes.
    #[must_use]
    pub fn route(&self) -> Route {
        self.0.route
    }

    /// Returns the MCP endpoint that the request is about.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.0.endpoint
    }

    /// Returns the most bytes of body that may be read; more is answered with 413.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.0.body_limit
    }

    /// Names the address that the request came from, if there is one that stands for its client: that of a proxy
    /// does not (threat D14).
    #[must_use]
    pub fn of_client(mut self, client: Option<ClientAddress>) -> Self {
        self.0.client = client;
        self
    }

    /// Looks whether its session was opened a moment ago.
    pub fn recognize(&mut self, sessions: &mut OpenedSessions) {
        self.0.opened = self
            .verified()
            .and_then(|verified| sessions.get(verified.session_id));
    }

    /// Returns the name of the session whose good token the request bears; `None` if it is a stranger's.
    #[must_use]
    pub fn session(&self) -> Option<[u8; 16]> {
        let verified = self.verified()?;
        Some(*verified.session_id.bytes())
    }

    /// What the session token says. Who bears another token is a stranger until that is verified.
    fn verified(&self) -> Option<&Verified> {
        match &self.0.credential {
            Some(Credential::Session(verified)) => Some(verified),
            Some(Credential::Entra(_)) | None => None,
        }
    }
}

/// Judges the head of the request that is to have this id. `Err` is the answer to give; the runtime then closes the connection unless the
/// request has no body.
///
/// # Errors
///
/// The refusal, as a whole response.
pub fn admit(
    head: impl Into<RequestHead>,
    server: &Server,
    now: Now,
    request_id: RequestId,
) -> Result<Admission, Box<Response<Bytes>>> {
    let mut head = head.into();
    if let Err(error) = to_origin_form(&mut head) {
        let mut refusal = Refusal::from(error).response();
        request_id.name_in(refusal.headers_mut());
        return Err(Box::new(refusal));
    }
    let place = server.config.public_url.place(head.uri.path());
    let (origin, checked) = (
        head.headers.get(&header::ORIGIN).cloned(),
        check_head(head, place, server, now, &request_id),
    );
    checked.map_err(|mut refusal| {
        request_id.name_in(refusal.headers_mut());
        if let Some((route, _)) = place {
            let headers = refusal.headers_mut();
            cors::decorate(route, origin.as_ref(), server, |name, value| {
                headers.insert(name, value);
            });
        }
        refusal
    })
}

/// Whether a request is answered even when all connections are taken: health and metadata (threat M10).
#[must_use]
pub fn is_exempt_from_limit(head: &RequestHead, base_path: &BasePath) -> bool {
    let path = head.uri.path();
    let is_metadata = |route: &Route| {
        matches!(
            route,
            Route::ResourceMetadata | Route::SseResourceMetadata | Route::ServerMetadata
        )
    };
    // Those of an endpoint with a name have that at the end.
    let of_endpoint = || {
        let (above, _) = path.rsplit_once('/')?;
        base_path.route(above).filter(is_metadata)
    };
    let route = base_path.route(path).or_else(of_endpoint);
    let documents = route.is_some_and(|route| {
        is_metadata(&route) || matches!(route, Route::Health | Route::Ready | Route::KeySet)
    });
    documents && matches!(head.method, Method::GET | Method::HEAD)
}

type Verdict<T> = Result<T, Box<Response<Bytes>>>;

/// The order matters: a stranger's request is refused before anything that it says is believed, and
/// without a token every method of a protected place gets 401 (MCP 2025-11-25, authorization: every
/// request carries a token).
fn check_head(
    head: RequestHead,
    place: Option<(Route, Endpoint)>,
    server: &Server,
    now: Now,
    request_id: &RequestId,
) -> Verdict<Admission> {
    // Probes use the address of the machine.
    if !matches!(place, Some((Route::Health | Route::Ready, _))) {
        host(&head.headers, server, request_id)?;
    }
    target(&head)?;
    let Some((route, endpoint)) = place else {
        return Err(Box::new(response::not_found()));
    };
    if route.is_protected() {
        origin(&head.headers, server, request_id)?;
    }
    let mut credential = None;
    let mut body_limit = limits::UNAUTHENTICATED_BODY_BYTES;
    // Before the method: some clients find out by HEAD that they must sign in.
    if route.is_protected() && head.method != Method::OPTIONS {
        let checked = bearer::verify((route, endpoint), &head.headers, server, now.unix);
        credential =
            Some(checked.map_err(|refusal| logged::bad_token(refusal, &head, server, request_id))?);
        body_limit = server.config.capacity.message_bytes;
    }
    method(&head.method, route)?;
    if head.headers.contains(&header::CONTENT_ENCODING) {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the body as it is, without a content coding.\n",
        );
    }
    if route.is_protected() && head.method == Method::POST && !is_json(&head.headers) {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body must be application/json.\n",
        );
    }
    length(&head.headers, body_limit)?;
    Ok(Admission(Box::new(Admitted {
        head,
        route,
        endpoint,
        credential,
        opened: None,
        client: None,
        limited: None,
        request_id: request_id.clone(),
        body_limit,
    })))
}

fn refuse<T>(status: StatusCode, body: &'static str) -> Verdict<T> {
    Err(Box::new(text(status, body)))
}

/// The one value of a header; `Err` if it is given more than once or is not text.
fn one<'a>(headers: &'a Fields, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Against DNS rebinding: only names that the operator gave this server (threat J1), be it that of the public address
/// or a further one. What a
/// proxy forwarded (`X-Forwarded-Host`) does not count.
fn host(headers: &Fields, server: &Server, request_id: &RequestId) -> Verdict<()> {
    let Ok(Some(host)) = one(headers, &header::HOST) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "A request names its host, once (RFC 9112 section 3.2).\n",
        );
    };
    let is_public = server.config.public_url.host() == host;
    // As `names_of` has it, without a copy for each request.
    if is_public || names_of(server).any(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Box::new(logged::wrong_host(host, server, request_id)))
}

/// The values of `Host` that mean this server: that of the public address, on loopback the other names of this
/// machine, and those that the operator added.
fn names_of(server: &Server) -> impl Iterator<Item = String> {
    let public_url = &server.config.public_url;
    let host = public_url.host();
    let (name, port) = match host.rsplit_once(':') {
        // The last colon of a bare IPv6 address is inside the brackets.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let with_port = |name: &str| match port {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    let loopback = name == "localhost" || name == "[::1]" || name.starts_with("127.");
    let aliases = ["localhost", "127.0.0.1", "[::1]"];
    let aliases = aliases.into_iter().filter(move |_| loopback);
    let default_port = match (port, public_url.is_secure()) {
        (Some(_), _) => None,
        (None, true) => Some(format!("{name}:443")),
        (None, false) => Some(format!("{name}:80")),
    };
    let aliases: Vec<String> = aliases.map(with_port).collect();
    std::iter::once(host.to_owned())
        .chain(aliases)
        .chain(default_port)
        .chain(server.config.allowed_hosts.iter().cloned())
}

/// The target in origin form (RFC 9112 section 3.2.1): a path, not a URL.
fn target(head: &RequestHead) -> Verdict<()> {
    let target = head.uri.path_and_query();
    if target.is_some_and(|target| target.as_str().len() > limits::TARGET_BYTES) {
        return Err(Box::new(Refusal::TargetTooLong.response()));
    }
    let is_path = head.uri.scheme().is_none() && head.uri.authority().is_none();
    if is_path || head.method == Method::CONNECT {
        return Ok(());
    }
    refuse(
        StatusCode::BAD_REQUEST,
        "The target of a request is a path here (RFC 9112 section 3.2.1).\n",
    )
}

fn method(method: &Method, route: Route) -> Verdict<()> {
    if *method == Method::OPTIONS || route.methods().contains(method) {
        return Ok(());
    }
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address does not know that method.\n",
    );
    let mut allowed: Vec<&str> = route.methods().iter().map(Method::as_str).collect();
    allowed.push("OPTIONS");
    let allowed = HeaderValue::from_str(&allowed.join(", ")).expect("methods are visible ASCII");
    response.headers_mut().insert(header::ALLOW, allowed);
    Err(Box::new(response))
}

/// Where a page says which one it is, it must be ours or one that the operator named (threat
/// J2; MCP 2025-11-25 and 2026-07-28, transports, security warning).
fn origin(headers: &Fields, server: &Server, request_id: &RequestId) -> Verdict<()> {
    let mut origins = headers.get_all(&header::ORIGIN);
    let allowed = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => cors::is_allowed(origin, server) || is_own(origin, server),
        (Some(_), Some(_)) => false,
    };
    if allowed {
        return Ok(());
    }
    let origin = headers.get(&header::ORIGIN).map(HeaderValue::as_bytes);
    Err(Box::new(logged::wrong_origin(
        origin.unwrap_or_default(),
        request_id,
    )))
}

fn is_own(origin: &HeaderValue, server: &Server) -> bool {
    let scheme = match server.config.public_url.is_secure() {
        true => "https",
        false => "http",
    };
    let mut own = names_of(server).map(|name| format!("{scheme}://{name}"));
    own.any(|own| origin.as_bytes() == own.as_bytes())
}

/// What no page can send without asking first (threat J3).
fn is_json(headers: &Fields) -> bool {
    let Ok(Some(value)) = one(headers, &header::CONTENT_TYPE) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn length(headers: &Fields, limit: usize) -> Verdict<()> {
    let length = match one(headers, &header::CONTENT_LENGTH) {
        Ok(None) => return Ok(()),
        Ok(Some(length)) if length.bytes().all(|byte| byte.is_ascii_digit()) => length,
        Ok(Some(_)) | Err(()) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "The length of a body is a number, once (RFC 9110 section 8.6).\n",
            );
        }
    };
    // A number too large to be read is too large a body as well.
    match length.parse::<usize>() {
        Ok(length) if length <= limit => Ok(()),
        _ => Err(Box::new(Refusal::BodyTooLarge.response())),
    }
}
