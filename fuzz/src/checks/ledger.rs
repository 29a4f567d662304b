//! What is known of a run: who asked what, what was minted for whom. The checks read it.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use ring::digest;
use serde_json::Value;
use url::Url;

use super::{Label, Secrets, Sort, roles::Roles};
use crate::{
    backend::name_of_token,
    clock::{self, SimInstant},
    html,
    ids::{ConnId, ENTRA_ORIGIN, ExchangeRef, Role},
    observation::Observation,
    partition::Partitions,
    unkindness::Unkindness,
};

/// A request that was let in.
#[derive(Clone, Debug)]
pub struct ExchangeRecord {
    /// Its connection.
    pub conn: ConnId,
    /// The kind of peer.
    pub role: Role,
    /// The peer's name.
    pub peer: String,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query.
    pub query: String,
    /// The bearer token.
    pub bearer: Option<String>,
    /// The MCP session that it names.
    pub session: Option<String>,
    /// The event from which it wants to go on.
    pub last_event: Option<String>,
    /// `MCP-Protocol-Version`.
    pub revision: Option<String>,
    /// The body.
    pub body: Bytes,
    /// For whom it works: the owner of the bearer, code or refresh token, or who signed in.
    pub user: Option<String>,
    /// Whether it came from a page of the server's own, or says nothing of where it came from.
    pub is_same_origin: bool,
    /// When it was let in.
    pub since: SimInstant,
    /// Whether the wall clock of its replica is right.
    pub is_on_time: bool,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Everything labelled.
    pub secrets: Secrets,
    /// What the world's clock says.
    pub moment: SimInstant,
    cases: BTreeMap<ExchangeRef, ExchangeRecord>,
    /// The consent forms that were shown to users who had signed in, by their hidden field.
    forms: BTreeMap<String, String>,
    /// Who has signed in to see their connections, by the cookie for that.
    connections: BTreeMap<String, String>,
    /// The device codes, by the user code that was given with each.
    device_codes: BTreeMap<String, String>,
    /// Whether several replicas share the store.
    pub is_shared: bool,
    /// Which replicas are cut off.
    pub partitions: Partitions,
    /// In what the world is unkind.
    pub unkindness: BTreeSet<Unkindness>,
    /// The user names of accounts that Entra lets in no more, and since when.
    pub disabled: BTreeMap<String, SimInstant>,
    /// Which roles and groups users have.
    pub roles: Roles,
    /// The user names of accounts, by `oid`.
    pub names: BTreeMap<String, String>,
    /// Sign-ins that Entra completed, tool answers and such, for the summary of a run.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// The request of an exchange that is under way.
    #[must_use]
    pub fn case(&self, who: ExchangeRef) -> Option<&ExchangeRecord> {
        self.cases.get(&who)
    }

    fn label(&mut self, value: &str, sort: Sort, name: &str, user: Option<&str>) {
        self.label_by(value, sort, name, user, None);
    }

    fn label_by(
        &mut self,
        value: &str,
        sort: Sort,
        name: &str,
        user: Option<&str>,
        minted_by: Option<ExchangeRef>,
    ) {
        let label = Label {
            sort,
            name: name.to_owned(),
            user: user.map(str::to_owned),
            minted_by,
        };
        self.secrets.add(value.as_bytes(), label);
    }

    fn owner(&self, value: &str) -> Option<String> {
        let label = self.secrets.get(value.as_bytes())?;
        label.user.clone()
    }

    /// Counts something for the summary.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Labels a secret that was there before anything happened.
    pub fn know(&mut self, value: &str, sort: Sort, name: &str) {
        self.label(value, sort, name, None);
    }

    pub(super) fn note(&mut self, seen: &Observation<'_>, moment: SimInstant) {
        self.moment = moment;
        match seen {
            Observation::RequestAdmitted {
                who,
                conn,
                role,
                name,
                request,
                now,
            } => {
                let mut case = self.open(*conn, *role, name, request, moment);
                let right = clock::read(moment, SimInstant::default(), 0);
                case.is_on_time = now.unix == right.unix;
                self.cases.insert(*who, case);
            }
            Observation::FetchSent { request, .. } => {
                for name in ["code_verifier", "client_secret", "client_assertion"] {
                    if let Some(value) = form(request.body(), name) {
                        self.label(&value, Sort::Upstream, name, None);
                    }
                }
            }
            Observation::UpstreamReplied {
                who,
                request,
                response,
                ..
            } => self.record_upstream_response(*who, request, response),
            Observation::ResponseStarted {
                who, head, body, ..
            } => self.record_response(*who, head, body),
            _ => {}
        }
    }

    pub(super) fn forget(&mut self, seen: &Observation<'_>) {
        if let Observation::ExchangeEnded { who, .. } = seen {
            self.cases.remove(who);
        }
    }

    fn open(
        &self,
        conn: ConnId,
        role: Role,
        name: &str,
        request: &Request<Bytes>,
        since: SimInstant,
    ) -> ExchangeRecord {
        let bearer = bearer(request.headers()).map(str::to_owned);
        let query = request.uri().query().unwrap_or_default();
        let header = |name: &str| {
            let value = request.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let mut shown = bearer.clone();
        for name in ["code", "refresh_token", "token", "device_code"] {
            shown = shown.or_else(|| form(request.body(), name));
        }
        ExchangeRecord {
            conn,
            role,
            peer: name.to_owned(),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: query.to_owned(),
            user: shown
                .and_then(|shown| self.owner(&shown))
                .or_else(|| {
                    let sealed = form(request.body(), "request")?;
                    self.forms.get(&sealed).cloned()
                })
                .or_else(|| self.connected(request)),
            bearer,
            is_same_origin: match request.headers().get(header::ORIGIN) {
                None => true,
                Some(origin) => {
                    let host = request.headers().get(header::HOST);
                    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
                    let origin = origin.to_str().unwrap_or_default();
                    origin
                        .split_once("://")
                        .is_some_and(|(_, rest)| rest == host)
                }
            },
            session: header("mcp-session-id").or_else(|| form(query.as_bytes(), "sessionId")),
            last_event: header("last-event-id"),
            revision: header("mcp-protocol-version"),
            body: request.body().clone(),
            since,
            is_on_time: true,
        }
    }

    /// The user whose connections a browser may show.
    fn connected(&self, request: &Request<Bytes>) -> Option<String> {
        let cookies = request.headers().get_all(header::COOKIE).iter();
        let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split("; "));
        let is_of_me = request.uri().path() == "/me";
        let found = pairs.find_map(|pair| self.connections.get(pair.split_once('=')?.1));
        found.filter(|_| is_of_me).cloned()
    }

    /// Entra's token answers, its redirects with codes, and Graph's `/me`.
    fn record_upstream_response(
        &mut self,
        who: Option<ExchangeRef>,
        request: &Request<Bytes>,
        response: &Response<Bytes>,
    ) {
        if let Some(code) = redirected(response.headers(), "code") {
            self.label(&code, Sort::Upstream, "code of Entra", None);
        }
        let Ok(answer) = serde_json::from_slice::<Value>(response.body()) else {
            return;
        };
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        if let Some(shown) = bearer(request.headers())
            && response.status().is_success()
        {
            let user = self.owner(shown);
            // Not the mail address: two users of the dev tenant share one.
            for name in ["id", "displayName"] {
                if let Some(value) = text(name) {
                    self.label(value, Sort::Personal, name, user.as_deref());
                }
            }
            return;
        }
        if text("access_token").is_none() {
            return;
        }
        let user = text("id_token").and_then(oid);
        // For the server as an API: what Graph's tokens say nobody can read.
        let user = user.or_else(|| text("access_token").and_then(oid));
        if let (Some(oid), Some(token)) = (&user, text("id_token"))
            && let Some(claims) = claims(token)
            && let Some(name) = claims.get("preferred_username").and_then(Value::as_str)
        {
            self.names.insert(oid.clone(), name.to_owned());
        }
        let user = user.or_else(|| {
            let shown = form(request.body(), "refresh_token");
            let shown = shown.or_else(|| form(request.body(), "assertion"))?;
            self.owner(&shown)
        });
        for name in ["access_token", "refresh_token", "id_token"] {
            if let Some(value) = text(name) {
                let name = name_of_token(name, value);
                self.label(value, Sort::Upstream, name, user.as_deref());
            }
        }
        if let Some(code) = form(request.body(), "code") {
            self.label(&code, Sort::Upstream, "code of Entra", user.as_deref());
        }
        if let Some(case) = who.and_then(|who| self.cases.get_mut(&who))
            && case.user.is_none()
        {
            case.user = user;
        }
    }

    /// Our own codes, tokens and client secrets.
    fn record_response(&mut self, who: ExchangeRef, head: &Response<()>, body: &[u8]) {
        let Some(case) = self.cases.get(&who) else {
            return;
        };
        let user = case.user.clone();
        let user = user.as_deref();
        if let ("/auth/callback", Some(user), Some(sealed)) =
            (case.path.as_str(), user, sealed_in(body))
        {
            self.forms.insert(sealed, user.to_owned());
            return;
        }
        match case.path.as_str() {
            "/auth/callback" | "/consent" => {
                if let Some(code) = redirected(head.headers(), "code") {
                    self.label_by(&code, Sort::Ours, "code", user, Some(who));
                    self.count("codes");
                    let state = redirected(head.headers(), "state").unwrap_or_default();
                    if let Some(device_code) = self.device_codes.get(&state).cloned() {
                        self.label(&device_code, Sort::Ours, "device_code", user);
                    }
                }
                if let (Some(cookie), Some(user)) = (connections_cookie(head.headers()), user) {
                    self.connections.insert(cookie, user.to_owned());
                }
            }
            "/device_authorization" => {
                let answer: Value = serde_json::from_slice(body).unwrap_or_default();
                let member = |name: &str| answer.get(name).and_then(Value::as_str);
                if let (Some(device), Some(user)) = (member("device_code"), member("user_code")) {
                    self.label_by(device, Sort::Ours, "device_code", None, Some(who));
                    self.device_codes.insert(user.to_owned(), device.to_owned());
                }
            }
            "/token" | "/register" => {
                let answer: Value = serde_json::from_slice(body).unwrap_or_default();
                for name in ["access_token", "refresh_token", "client_secret"] {
                    if let Some(value) = answer.get(name).and_then(Value::as_str) {
                        self.label_by(value, Sort::Ours, name, user, Some(who));
                        self.count("tokens");
                    }
                }
            }
            _ => {}
        }
    }
}

/// The hidden field of a consent form.
pub(super) fn sealed_in(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(body);
    let base = Url::parse(ENTRA_ORIGIN).expect("a good address");
    let forms = html::forms(&page, &base).into_iter();
    let mut fields = forms.flat_map(|form| form.fields);
    fields.find_map(|(name, sealed)| (name == "request").then_some(sealed))
}

/// The cookie by which a browser may show a user's connections, where an answer sets it.
pub(super) fn connections_cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let mut cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    cookies.find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.ends_with("-connections") && !value.is_empty()).then(|| value.to_owned())
    })
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// A field of a form.
pub(crate) fn form(body: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(body)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A parameter of the address that an answer redirects to.
pub(crate) fn redirected(headers: &HeaderMap, name: &str) -> Option<String> {
    let location = headers.get(header::LOCATION)?.to_str().ok()?;
    let (_, query) = location.split_once('?')?;
    form(query.split('#').next()?.as_bytes(), name)
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The name that session tokens have for a client.
pub(crate) fn short_name(client_id: &str) -> String {
    let hash = digest::digest(&digest::SHA256, client_id.as_bytes());
    let (beginning, _) = hash.as_ref().split_at(12);
    format!("h.{}", URL_SAFE_NO_PAD.encode(beginning))
}

fn oid(token: &str) -> Option<String> {
    let claims = claims(token)?;
    claims.get("oid")?.as_str().map(str::to_owned)
}
