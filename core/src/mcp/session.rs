//! MCP sessions of 2025-03-26 to 2025-11-25, named by `Mcp-Session-Id`.
//!
//! Nothing is stored for one: its id is sealed, and holds sixteen random bytes, whose it is, the
//! revision that was agreed on, what the client can be asked and which program it says it is, and when it began. So ids cannot be guessed or chosen, survive a
//! restart, mean the same on every replica, and cost no memory (threats I1 to I3,
//! M3). What is stored, in the record of the sign-in, is which of them were ended, and what was set within them.
//!
//! Source: MCP specification 2025-11-25, basic/transports, session management.

use ::http::{Response, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::{
    headers::{self, Malformed},
    reply::refusal,
};
use crate::{
    admit::caller::Caller,
    catalog::{ClientCapabilities, ClientInfo},
    entropy::Entropy,
    env::Env,
    http::response,
    id::{McpSessionId, PrincipalId},
    json_rpc::Error,
    keys::Purpose,
    limits,
    planted::Planted,
    revision::Revision,
    session::{ended_mcp_sessions::TooManyEnded, record::Outline},
    step::Cx,
    time::UnixTime,
};

/// The header that names a session.
pub(crate) const HEADER: &str = "mcp-session-id";

const CONTEXT: &[u8] = b"Mcp-Session-Id";

/// An MCP session that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct McpSession {
    /// Its name inside the server; its streams go by the same.
    pub(crate) id: McpSessionId,
    /// What `initialize` agreed on.
    pub(crate) revision: Revision,
    /// What its client can be asked.
    pub(crate) client_capabilities: ClientCapabilities,
    /// Which program its client says that it is.
    pub(crate) client_info: ClientInfo,
    /// Whose it is.
    pub(crate) principal: PrincipalId,
    created: UnixTime,
}

impl McpSession {
    pub(crate) fn begin(
        caller: &Caller,
        revision: Revision,
        client: (ClientCapabilities, ClientInfo),
        now: UnixTime,
        entropy: &mut Entropy,
    ) -> Self {
        let (client_capabilities, client_info) = client;
        Self {
            id: McpSessionId(entropy.bytes()),
            revision,
            client_capabilities,
            client_info,
            principal: caller.principal_id,
            created: now,
        }
    }

    /// Its id, as the client gets it: visible ASCII.
    pub(crate) fn seal(&self, env: Env<'_>, entropy: &mut Entropy) -> String {
        let mut text = Vec::new();
        text.extend(self.id.0);
        text.extend(self.principal.0);
        text.extend(self.created.0.to_be_bytes());
        text.push(to_bits(self.client_capabilities));
        text.extend(self.revision.name().as_bytes());
        if self.client_info != ClientInfo::default() {
            text.push(b'\n');
            text.extend(self.client_info.to_lines().as_bytes());
        }
        let keys = &env.server.keys;
        let sealed = keys.seal(Purpose::McpSession, CONTEXT, b"", &text, entropy);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens an id. `None` if there is no such session: never was, is another's, was ended, or ended
    /// by itself; which of these is nobody's business.
    pub(crate) fn open(text: &str, caller: &Caller, env: Env<'_>) -> Option<Self> {
        let mut sealed = Vec::with_capacity(text.len());
        URL_SAFE_NO_PAD.decode_vec(text, &mut sealed).ok()?;
        let keys = &env.server.keys;
        let text = keys.open(Purpose::McpSession, CONTEXT, b"", &sealed)?;
        let (id, text) = text.split_first_chunk::<16>()?;
        let (principal, text) = text.split_first_chunk::<32>()?;
        let (created, text) = text.split_first_chunk::<8>()?;
        let (client_capabilities, text) = text.split_first()?;
        let text = std::str::from_utf8(text).ok()?;
        let (revision, client_info) = text.split_once('\n').unwrap_or((text, ""));
        let session = Self {
            id: McpSessionId(*id),
            revision: Revision::parse(revision)?,
            client_capabilities: from_bits(*client_capabilities),
            client_info: ClientInfo::of_lines(client_info),
            principal: PrincipalId(*principal),
            created: UnixTime(u64::from_be_bytes(*created)),
        };
        let ours =
            session.principal == caller.principal_id || env.server.has(Planted::SessionsShared);
        let lasts = session.created.lasts(
            limits::MCP_SESSION_LIFETIME,
            env.now.unix,
            limits::CLOCK_LEEWAY,
        );
        (ours && lasts && session.lives_in(&caller.session.outline)).then_some(session)
    }

    /// Whether it was not ended, as far as the session record knows.
    pub(crate) fn lives_in(&self, session: &Outline) -> bool {
        !session.ended_mcp_sessions.contains(self.id)
    }

    /// Ends it, unless too many were ended.
    pub(crate) fn end_in(&self, session: &mut Outline, now: UnixTime) -> Result<(), TooManyEnded> {
        let expires = self.created.after(limits::MCP_SESSION_LIFETIME);
        session.ended_mcp_sessions.insert(self.id, expires, now)?;
        session.mcp_settings.end(self.id);
        Ok(())
    }
}

fn to_bits(client_capabilities: ClientCapabilities) -> u8 {
    let all = [
        client_capabilities.elicitation_form,
        client_capabilities.elicitation_url,
        client_capabilities.sampling,
        client_capabilities.roots,
    ];
    let bits = all.into_iter().enumerate();
    bits.fold(0, |bits, (place, has)| bits | (u8::from(has) << place))
}

fn from_bits(bits: u8) -> ClientCapabilities {
    let has = |place: u8| bits & (1 << place) != 0;
    ClientCapabilities {
        elicitation_form: has(0),
        elicitation_url: has(1),
        sampling: has(2),
        roots: has(3),
    }
}

/// The code with which the SDKs say that a session is not there.
const SESSION_NOT_FOUND: i32 = -32001;

/// The MCP session that a request of an older revision names: missing or given twice is 400, not
/// there is 404, whereupon a client begins a new one (transports, session management 3 and 4).
pub(super) fn named_session(
    headers: &headers::McpHeaders,
    caller: &Caller,
    cx: &Cx<'_>,
) -> Result<McpSession, Box<Response<Bytes>>> {
    let error = match headers::one(headers, headers::PROTOCOL_VERSION) {
        Ok(None) => None,
        Ok(Some(version)) if is_older(version) => None,
        Ok(Some(_)) | Err(Malformed) => {
            Some("The header MCP-Protocol-Version is not supported here.")
        }
    };
    if let Some(message) = error {
        let refusal = refusal(StatusCode::BAD_REQUEST, Error::invalid_request(message));
        return Err(Box::new(refusal));
    }
    match headers::one(headers, HEADER) {
        Ok(Some(id)) => McpSession::open(id, caller, cx.env).ok_or_else(|| {
            let message = "Session not found: begin a new one with `initialize`.";
            let error = Error::new(SESSION_NOT_FOUND, message);
            Box::new(refusal(StatusCode::NOT_FOUND, error))
        }),
        Ok(None) | Err(Malformed) => {
            let message = "Name the session, once, in the header Mcp-Session-Id.";
            let refusal = refusal(StatusCode::BAD_REQUEST, Error::invalid_request(message));
            Err(Box::new(refusal))
        }
    }
}

fn is_older(version: &str) -> bool {
    Revision::parse(version).is_some_and(|known| !known.features().stateless)
}

/// 405 for a DELETE: this session is not ended (transports, session management 5).
pub(super) fn too_many_ended() -> Response<Bytes> {
    let message = "This sign-in has ended so many MCP sessions that no more are remembered. \
                   This one lasts until it expires.\n";
    method_not_allowed(message, "GET, POST, OPTIONS")
}

fn method_not_allowed(message: &'static str, allowed: &'static str) -> Response<Bytes> {
    let mut response = response::text(StatusCode::METHOD_NOT_ALLOWED, message);
    let allowed = ::http::HeaderValue::from_static(allowed);
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

/// Revision 2026-07-28 has POST only: a client that names it gets 405 for GET and DELETE.
pub(super) fn only_post(headers: &headers::McpHeaders) -> Option<Response<Bytes>> {
    let version = headers::one(headers, headers::PROTOCOL_VERSION);
    if version != Ok(Some(Revision::V2026_07_28.name())) {
        return None;
    }
    let message = "This revision of MCP knows POST only.\n";
    Some(method_not_allowed(message, "POST, OPTIONS"))
}
