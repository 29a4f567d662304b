//! A browser with cookies, as far as the consent page needs one.

use ::http::{Request, Response, header};
use bytes::Bytes;

use super::{TestServer, authorize, client_id, parameter, text};
use crate::oauth::{pending_sign_in::PendingSignIn, remembered_consents::RememberedConsents};

/// A browser with cookies, and the server that it talks to.
pub(crate) struct Browsing {
    pub(crate) server: TestServer,
    pub(crate) cookies: Vec<(String, String)>,
    /// What its client asks to be allowed; empty: it does not say.
    pub(crate) resource: String,
}

impl Browsing {
    pub(crate) fn new() -> Self {
        Self::at(TestServer::https())
    }

    pub(crate) fn at(server: TestServer) -> Self {
        Self {
            server,
            cookies: Vec::new(),
            resource: String::new(),
        }
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> ::http::request::Builder {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.server.request(method, target);
        if cookies.is_empty() {
            return request;
        }
        request.header("cookie", cookies.join("; "))
    }

    fn take_cookies(&mut self, response: &Response<Bytes>) {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(own, _)| own != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(crate) fn get(&mut self, target: &str) -> Response<Bytes> {
        let request = self.request("GET", target).body(Bytes::new());
        let response = self.server.response(request.unwrap());
        self.take_cookies(&response);
        response
    }

    /// The consent page of a new client, and its hidden field.
    pub(crate) fn page(&mut self, redirect_uri: &str) -> (String, String) {
        let id = client_id(&self.server, &[redirect_uri]);
        let resource = [("resource", self.resource.as_str())];
        let page = text(&self.get(&authorize(&id, redirect_uri, &resource)));
        let sealed = sealed_in(&page);
        (page, sealed)
    }

    pub(crate) fn posted(
        &self,
        sealed: &str,
        decision: &str,
        origin: Option<&str>,
    ) -> Request<Bytes> {
        let mut request = self
            .request("POST", "/consent")
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let body = format!("request={sealed}&decision={decision}");
        request.body(body.into()).unwrap()
    }

    pub(crate) fn post(
        &mut self,
        sealed: &str,
        decision: &str,
        origin: Option<&str>,
    ) -> Response<Bytes> {
        let response = self.server.response(self.posted(sealed, decision, origin));
        self.take_cookies(&response);
        response
    }

    /// A user approves a new client and signs in, which the browser remembers.
    pub(crate) fn approve(&mut self, redirect_uri: &str) {
        let (_, sealed) = self.page(redirect_uri);
        let issuer = self.server.server.config.public_url.issuer().to_owned();
        let response = self.post(&sealed, "approve", Some(&issuer));
        let state = parameter(super::header(&response, "location"), "state").unwrap();
        let headers = self.request("GET", "/").body(()).unwrap();
        let env = self.server.env();
        let sign_in = PendingSignIn::from_cookie(headers.headers(), &state, env).unwrap();
        let remembered = RememberedConsents::of(headers.headers(), env);
        if let Some(cookie) = remembered.remember(&sign_in.request, env) {
            let mut response = Response::new(Bytes::new());
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            self.take_cookies(&response);
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.cookies.iter().any(|(own, _)| own.contains(name))
    }
}

/// The hidden field of a consent page.
pub(crate) fn sealed_in(page: &str) -> String {
    let (_, rest) = page
        .split_once("name=\"request\" value=\"")
        .expect("a form");
    rest.split('"').next().unwrap().to_owned()
}
