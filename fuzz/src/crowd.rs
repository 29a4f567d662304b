//! Crowds of strangers: many requests at once without a token, each of which must cost next to nothing. Some
//! wait for no answer.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::json;

use crate::{
    client::value,
    ids::Role,
    net::{Call, Peer},
    users::Shared,
    world::World,
};

/// A crowd.
#[derive(Debug)]
pub struct Crowd {
    world: World,
    shared: Shared,
    peer: Peer,
}

/// What strangers send: a method, a path, a type and a body.
const REQUESTS: [(&str, &str, &str, &str); 14] = [
    ("GET", "/", "", ""),
    ("GET", "/mcp", "", ""),
    ("POST", "/mcp", "application/json", "{}"),
    ("GET", "/sse", "", ""),
    ("GET", "/.well-known/oauth-protected-resource", "", ""),
    ("GET", "/.well-known/oauth-authorization-server", "", ""),
    (
        "GET",
        "/authorize?client_id=none&redirect_uri=https%3A%2F%2Fevil.example%2F&state=s",
        "",
        "",
    ),
    (
        "GET",
        "/authorize?client_id=https%3A%2F%2Fapps.example%2Fmade-up.json&redirect_uri=https%3A%2F%2Fevil.example%2F",
        "",
        "",
    ),
    (
        "POST",
        "/device",
        "application/x-www-form-urlencoded",
        "user_code=BCDF-GHJK",
    ),
    ("GET", "/auth/callback?code=made-up&state=made-up", "", ""),
    (
        "POST",
        "/consent",
        "application/x-www-form-urlencoded",
        "decision=approve&request=made-up",
    ),
    (
        "POST",
        "/token",
        "application/x-www-form-urlencoded",
        "grant_type=authorization_code&code=made-up&client_id=made-up&code_verifier=made-up",
    ),
    (
        "POST",
        "/token",
        "application/x-www-form-urlencoded",
        "grant_type=refresh_token&refresh_token=made-up&client_id=made-up",
    ),
    ("POST", "/register", "application/json", ""),
];

/// How many come at once.
const SIZES: [u64; 3] = [10, 100, 500];

/// How long those wait who do.
const PATIENCE: Duration = Duration::from_secs(60);

impl Crowd {
    /// A crowd that has not come yet.
    #[must_use]
    pub fn new(world: &World, name: &str, shared: &Shared) -> Self {
        Self {
            world: world.clone(),
            shared: Rc::clone(shared),
            peer: world.peer(name, Role::Stranger),
        }
    }

    /// Comes again and again until all users are done.
    pub async fn run(self) {
        let (least, most) = (Duration::from_secs(10), Duration::from_secs(600));
        while !self.shared.borrow().is_over() {
            let wait = self.world.choose(|choice| choice.between(least, most));
            self.world.sleep(wait).await;
            let size = self.world.choose(|choice| *choice.pick(&SIZES));
            let calls: Vec<Call> = (0..size).map(|_| self.peer.send(self.request())).collect();
            let patient = self.world.choose(|choice| choice.below(size));
            let patient = usize::try_from(patient).unwrap_or(usize::MAX);
            let world = self.world.clone();
            let answers = async {
                for call in calls.into_iter().take(patient) {
                    let _answer = call.whole().await;
                }
            };
            world.within(PATIENCE, answers).await;
        }
    }

    fn request(&self) -> Request<Bytes> {
        let (method, path, content_type, body) =
            self.world.choose(|choice| *choice.pick(&REQUESTS));
        let url = format!("{}{path}", self.world.server_url());
        let registration = json!({"client_name": "a stranger",
            "redirect_uris": ["https://evil.example/"],
            "token_endpoint_auth_method": "client_secret_post"});
        let body = match path {
            "/register" => Bytes::from(registration.to_string()),
            _ => Bytes::from_static(body.as_bytes()),
        };
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(method.as_bytes()).expect("a method");
        *request.uri_mut() = url.parse().expect("an address");
        if !content_type.is_empty() {
            let headers = request.headers_mut();
            headers.insert(header::CONTENT_TYPE, value(content_type));
        }
        request
    }
}
