//! The tenant, walked through as a browser, a client and Graph's caller would.

mod agents;
mod api;
mod api_by_code;
mod authorize;
mod client_assertion;
mod controls;
mod data;
mod device_code;
mod faults;
mod graph;
mod graph_batch;
mod graph_content;
mod graph_seldom;
mod group_claims;
mod metadata;
mod organizations;
mod pages;
mod renewal;
mod token;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use entra_mcp_wire::{
    entropy::Seed,
    time::{Instant, Now, UnixTime},
};
use http::{Request, Response, header};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::Value;

use super::{
    CLIENT_ID, CLIENT_SECRET, Control, DevTenant, DevTenantConfig, Reply, TENANT_ID,
    UnsignedResponse,
};

const ORIGIN: &str = "http://localhost:3002";
const CALLBACK: &str = "http://localhost:3001/auth/callback";
const SCOPE: &str = "openid profile offline_access https://graph.microsoft.com/User.Read";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A tenant, a clock, a browser's cookies.
struct World {
    tenant: DevTenant,
    now: u64,
    asked: u8,
    cookie: Option<String>,
}

type Parameters<'a> = [(&'a str, &'a str)];

impl World {
    fn new() -> Self {
        let config = DevTenantConfig {
            origin: ORIGIN.to_owned(),
            redirect_uris: vec![CALLBACK.to_owned(), "https://app.example".to_owned()],
        };
        Self {
            tenant: DevTenant::new(config, &Seed::new([9; 32])),
            now: 1_790_000_000,
            asked: 0,
            cookie: None,
        }
    }

    /// What the tenant replies, as the runtime sees it.
    fn reply(&mut self, request: &Request<Bytes>) -> Reply {
        self.asked = self.asked.wrapping_add(1);
        let now = Now {
            instant: Instant(self.now * 1000),
            unix: UnixTime(self.now),
        };
        self.tenant
            .handle(request, now, &Seed::new([self.asked; 32]))
    }

    /// The same, signed.
    fn ask(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut reply = self.reply(request);
        loop {
            match reply {
                Reply::Respond(response) => return response,
                Reply::Sign(unsigned) => reply = sign(unsigned),
                Reply::Later(..) => panic!("nobody asked for latency"),
            }
        }
    }

    fn get(&mut self, target: &str) -> Response<Bytes> {
        let mut request = Request::get(target);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.ask(&request.body(Bytes::new()).unwrap());
        self.keep_cookie(&response);
        response
    }

    fn post(&mut self, path: &str, form: &Parameters<'_>) -> Response<Bytes> {
        let mut request = Request::post(path).header(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded;charset=utf-8",
        );
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.ask(&request.body(encode(form).into()).unwrap());
        self.keep_cookie(&response);
        response
    }

    fn keep_cookie(&mut self, response: &Response<Bytes>) {
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let pair = cookie.split(';').next().unwrap();
            self.cookie = (!cookie.contains("Max-Age=0")).then(|| pair.to_owned());
        }
    }

    fn control(&mut self, control: Control) {
        self.tenant.control(control, UnixTime(self.now)).unwrap();
    }

    /// `GET /authorize` with what a good client sends, changed: an empty value takes one away.
    fn authorize(&mut self, changes: &Parameters<'_>) -> Response<Bytes> {
        let path = format!("/{TENANT_ID}/oauth2/v2.0/authorize");
        let good = [
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", SCOPE),
            ("state", "a state"),
            ("nonce", "a nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let query = encode(&changed(&good, changes));
        self.get(&format!("{path}?{query}"))
    }

    /// Chooses somebody on the sign-in page.
    fn choose(&mut self, page: &Response<Bytes>, username: &str) -> Response<Bytes> {
        let ctx = ctx(page);
        let path = format!("/{TENANT_ID}/login");
        self.post(&path, &[("ctx", &ctx), ("username", username)])
    }

    /// Presses a button of the consent page.
    fn decide(&mut self, page: &Response<Bytes>, action: &str) -> Response<Bytes> {
        let ctx = ctx(page);
        let path = format!("/{TENANT_ID}/consent");
        self.post(&path, &[("ctx", &ctx), ("action", action)])
    }

    /// The code that somebody's sign-in gives.
    fn code_with(&mut self, username: &str, changes: &Parameters<'_>) -> String {
        self.cookie = None;
        let page = self.authorize(changes);
        let response = self.choose(&page, username);
        parameter(&response, "code")
    }

    fn code(&mut self, username: &str) -> String {
        self.code_with(username, &[])
    }

    /// `POST /token` with the client's id and secret, changed.
    fn token(&mut self, form: &Parameters<'_>) -> Response<Bytes> {
        let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
        let good = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        self.post(&path, &changed(&good, form))
    }

    fn redeem_with(&mut self, code: &str, changes: &Parameters<'_>) -> Response<Bytes> {
        let good = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let form = changed(&good, changes);
        self.token(&form)
    }

    fn redeem(&mut self, code: &str) -> Response<Bytes> {
        self.redeem_with(code, &[])
    }

    fn refresh(&mut self, token: &str) -> Response<Bytes> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// All that somebody's sign-in gives.
    fn tokens(&mut self, username: &str) -> Value {
        let code = self.code(username);
        let response = self.redeem(&code);
        assert_eq!(response.status(), 200, "{}", text(&response));
        json(&response)
    }

    fn me(&mut self, target: &str, token: &str) -> Response<Bytes> {
        let request = Request::get(target).header("authorization", format!("Bearer {token}"));
        self.ask(&request.body(Bytes::new()).unwrap())
    }
}

fn changed<'a>(good: &Parameters<'a>, changes: &Parameters<'a>) -> Vec<(&'a str, &'a str)> {
    let is_changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let unchanged = good.iter().filter(|(name, _)| !is_changed(name));
    let added = changes.iter().filter(|(_, value)| !value.is_empty());
    unchanged.chain(added).copied().collect()
}

fn encode(form: &Parameters<'_>) -> String {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    encoded.extend_pairs(form).finish()
}

/// What a runtime does: RS256 with the key that it is given.
#[expect(clippy::disallowed_types, reason = "here the test is the runtime")]
fn sign(unsigned: UnsignedResponse) -> Reply {
    let pair = RsaKeyPair::from_pkcs8(unsigned.key_pkcs8()).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    let message = unsigned.message();
    pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
        .unwrap();
    unsigned.signed(&signature)
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("{}", text(response)))
}

fn header_of<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// The hidden field of a page.
fn ctx(page: &Response<Bytes>) -> String {
    let text = text(page);
    let (_, rest) = text
        .split_once("name=\"ctx\" value=\"")
        .expect("a page with a form");
    rest.split('"').next().unwrap().to_owned()
}

fn location(response: &Response<Bytes>) -> url::Url {
    assert_eq!(response.status(), 302, "{}", text(response));
    header_of(response, "location").parse().unwrap()
}

/// A parameter of a redirect to the client; empty if there is none.
fn parameter(response: &Response<Bytes>, name: &str) -> String {
    let location = location(response);
    let mut pairs = location.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found.map_or(String::new(), |(_, value)| value.into_owned())
}

/// Status, `error` and number of a error of the token endpoint.
fn error_of(response: &Response<Bytes>) -> (u16, String, u64) {
    let body = json(response);
    let error = body["error"].as_str().unwrap_or_default().to_owned();
    let code = body["error_codes"][0].as_u64().unwrap_or_default();
    (response.status().as_u16(), error, code)
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn claims(tokens: &Value) -> Value {
    part(tokens["id_token"].as_str().unwrap(), 1)
}

/// Whether a key of the key set made the signature of a token, by its `kid`.
fn is_signed_by(jwks: &Value, id_token: &str) -> bool {
    let kid = &part(id_token, 0)["kid"];
    let keys = jwks["keys"].as_array().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == *kid) else {
        return false;
    };
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (message, signature) = id_token.rsplit_once('.').unwrap();
    let (n, e) = (number("n"), number("e"));
    let components = RsaPublicKeyComponents { n, e };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    components
        .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
        .is_ok()
}

fn username(name: &str) -> String {
    name.to_owned()
}
