//! A browser: follows redirects, keeps cookies (which the ports of one host share), fills in forms.

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use crate::{
    html::{self, Form},
    raw_http::{self, Response},
};

/// A browser profile.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
    /// The path that a proxy in front of the server strips, if there is one.
    stripped: Option<&'static str>,
    /// Every response that it has got, for those who look for what should not be there.
    pub seen: Vec<Response>,
}

/// Where a chain of redirects ended.
#[derive(Clone, Debug)]
pub enum Landed {
    /// On a page.
    Page(Url, Response),
    /// At an address that is not this browser's business: the client's redirect URI.
    Left(Url),
}

impl Browser {
    /// A browser that reaches the server through a proxy that strips this path, or none.
    #[must_use]
    pub fn behind(stripped: Option<&'static str>) -> Self {
        Self {
            stripped,
            ..Self::default()
        }
    }

    /// Sends one request, without following where it leads.
    pub fn request(
        &mut self,
        method: &str,
        url: &Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let stripped = self.stripped.and_then(|path| target.strip_prefix(path));
        let target = stripped.unwrap_or(target).to_owned();
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        let text = raw_http::text(method, &target, &host, &headers, body);
        let address = url.socket_addrs(|| None).expect("the host has an address");
        let v4 = address
            .iter()
            .find(|address| address.is_ipv4())
            .expect("it has a v4 address");
        let response = raw_http::try_request(*v4, &text).expect("the server answers");
        for cookie in response.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        self.seen.push(response.clone());
        response
    }

    /// Follows redirects from an address until a page, or an address that begins with `until`.
    pub fn open(&mut self, url: &Url, until: &str) -> Landed {
        let response = self.request("GET", url, &[], "");
        self.follow(url.clone(), response, until)
    }

    fn follow(&mut self, mut url: Url, mut response: Response, until: &str) -> Landed {
        for _ in 0..10 {
            if !matches!(response.status, 302 | 303) {
                return Landed::Page(url, response);
            }
            url = url
                .join(response.header("location"))
                .expect("a redirect leads somewhere");
            if url.as_str().starts_with(until) {
                return Landed::Left(url);
            }
            response = self.request("GET", &url, &[], "");
        }
        panic!("too many redirects: {url}");
    }

    /// Presses the button on which `label` is written and follows where it leads.
    pub fn press(&mut self, page: &Url, response: &Response, label: &str, until: &str) -> Landed {
        let (form, button) = find(response, label);
        let action = page.join(&form.action).expect("a form is posted somewhere");
        let mut fields = form.hidden.clone();
        fields.push((button.0, button.1));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let origin = page.origin().ascii_serialization();
        let headers = [
            ("Origin", origin.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let response = self.request("POST", &action, &headers, &body);
        self.follow(action, response, until)
    }

    /// Takes the cookies of another browser.
    #[must_use]
    pub fn with_cookies_of(other: &Self) -> Self {
        Self {
            cookies: other.cookies.clone(),
            stripped: other.stripped,
            seen: Vec::new(),
        }
    }
}

/// The form and the button on which something is written.
#[must_use]
pub fn find(response: &Response, label: &str) -> (Form, (String, String)) {
    for form in html::forms(&response.body) {
        for (name, value, text) in form.buttons.clone() {
            if text.to_lowercase().contains(&label.to_lowercase()) {
                return (form, (name, value));
            }
        }
    }
    panic!(
        "there is no button {label:?}: {} {}",
        response.status, response.body
    );
}
