//! A browser: follows redirects, keeps cookies by the browsers' rules, fills in forms, tells
//! `Origin` and `Referer` as the page's policy has it. It can be tricked into any address.

mod jar;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use url::Url;

pub use self::jar::Jar;
use crate::{
    html::{self, Button, Form},
    net::{Broken, Peer},
};

/// More redirects than that are a loop.
const REDIRECTS: usize = 20;

/// A user's browser.
#[derive(Debug)]
pub struct Browser {
    /// How it reaches the network.
    pub peer: Peer,
    /// Its cookies.
    pub jar: Jar,
    /// Every address that it opened, in order: its history, which an attacker may get to see.
    pub history: Vec<Url>,
    /// The path at which its owner stops it: the address is kept and not opened.
    pub trap: Option<&'static str>,
}

/// Where a navigation ended.
#[derive(Debug)]
pub enum Arrived {
    /// At a page.
    Page(Page),
    /// At an address that no server of the world has: a client's own.
    Client(Url),
}

/// A page that the user sees.
#[derive(Debug)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// The headers that it came with.
    pub headers: HeaderMap,
    /// The HTML.
    pub body: String,
}

/// A navigation, while it is being followed.
struct Navigation {
    url: Url,
    method: Method,
    form: Option<String>,
    /// The page that it started from, and that page's referrer policy.
    from: Option<(Url, String)>,
}

impl Page {
    /// The forms on it.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.body, &self.url)
    }

    /// The first button that says or sends one of these, with its form.
    #[must_use]
    pub fn button(&self, any_of: &[&str]) -> Option<(Form, Button)> {
        let says = |text: &str| {
            let text = text.to_lowercase();
            any_of
                .iter()
                .any(|word| text.contains(&word.to_lowercase()))
        };
        self.forms().into_iter().find_map(|form| {
            // A list of users may be one form for each, whose hidden field says who. Sealed fields say anything: four
            // letters of them are a word now and then.
            let hidden = form
                .fields
                .iter()
                .any(|(_, value)| any_of.contains(&value.as_str()));
            let button = form.buttons.iter().find(|button| {
                let value = button.field.as_ref().map(|(_, value)| value.as_str());
                says(&button.text) || value.is_some_and(says) || hidden
            })?;
            Some((form.clone(), button.clone()))
        })
    }

    fn policy(&self) -> String {
        let policy = self.headers.get(header::REFERRER_POLICY);
        let policy = policy.and_then(|policy| policy.to_str().ok());
        policy
            .unwrap_or("strict-origin-when-cross-origin")
            .to_owned()
    }
}

impl Browser {
    /// A new one, without cookies.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self {
            peer,
            jar: Jar::default(),
            history: Vec::new(),
            trap: None,
        }
    }

    /// Opens an address, as if typed in or handed over by a program.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection broke.
    pub async fn open(&mut self, url: &Url) -> Result<Arrived, Broken> {
        self.navigate(url, None).await
    }

    /// Follows a link from a page at another address.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection broke.
    pub async fn follow(&mut self, url: &Url, from: &Url) -> Result<Arrived, Broken> {
        let policy = "strict-origin-when-cross-origin".to_owned();
        self.navigate(url, Some((from.clone(), policy))).await
    }

    async fn navigate(
        &mut self,
        url: &Url,
        from: Option<(Url, String)>,
    ) -> Result<Arrived, Broken> {
        let navigation = Navigation {
            url: url.clone(),
            method: Method::GET,
            form: None,
            from,
        };
        self.follow_redirects(navigation).await
    }

    /// Presses a button of a form on a page.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection broke.
    pub async fn press(
        &mut self,
        page: &Page,
        form: &Form,
        button: &Button,
    ) -> Result<Arrived, Broken> {
        self.submit(&page.url, &page.policy(), form, button).await
    }

    /// Submits a form that stands on a page at `from`: the page's own, or of another origin.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection broke.
    pub async fn submit(
        &mut self,
        from: &Url,
        policy: &str,
        form: &Form,
        button: &Button,
    ) -> Result<Arrived, Broken> {
        let mut fields = url::form_urlencoded::Serializer::new(String::new());
        fields.extend_pairs(form.fields.iter().chain(&button.field));
        let fields = fields.finish();
        let mut url = button.action.clone().unwrap_or_else(|| form.action.clone());
        let (method, body) = if form.is_post {
            (Method::POST, Some(fields))
        } else {
            url.set_query(Some(&fields));
            (Method::GET, None)
        };
        let navigation = Navigation {
            url,
            method,
            form: body,
            from: Some((from.clone(), policy.to_owned())),
        };
        self.follow_redirects(navigation).await
    }

    async fn follow_redirects(&mut self, mut navigation: Navigation) -> Result<Arrived, Broken> {
        for _ in 0..REDIRECTS {
            self.history.push(navigation.url.clone());
            let trapped = self.trap == Some(navigation.url.path());
            if trapped || !self.peer.serves(&navigation.url) {
                return Ok(Arrived::Client(navigation.url));
            }
            let request = self.request(&navigation);
            let response = self.peer.fetch(request).await?;
            let now = self.peer.world().now().unix;
            self.jar.take(&navigation.url, response.headers(), now);
            match redirect(&navigation.url, &response) {
                None => return Ok(Arrived::Page(page(navigation.url, response))),
                Some(next) => {
                    let keeps = matches!(response.status().as_u16(), 307 | 308);
                    if !keeps {
                        navigation.method = Method::GET;
                        navigation.form = None;
                    }
                    navigation.url = next;
                }
            }
        }
        Err(Broken)
    }

    fn request(&self, navigation: &Navigation) -> Request<Bytes> {
        let url = &navigation.url;
        let from = navigation.from.as_ref();
        let site = from.map_or("none", |(from, _)| relation(from, url));
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = navigation.method.clone();
        // A fragment never leaves the browser.
        let mut target = url.clone();
        target.set_fragment(None);
        *request.uri_mut() = target.as_str().parse().expect("a URL is a URI");
        let now = self.peer.world().now().unix;
        let is_safe = navigation.method == Method::GET;
        let cookies = self.jar.cookies(url, site == "cross-site", is_safe, now);
        let headers = request.headers_mut();
        let mut put = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        put("sec-fetch-site", site);
        put("sec-fetch-mode", "navigate");
        put("sec-fetch-dest", "document");
        if !cookies.is_empty() {
            put("cookie", &cookies);
        }
        if let Some((from, policy)) = from {
            if let Some(referer) = referer(from, url, policy) {
                put("referer", &referer);
            }
            if navigation.method == Method::POST {
                put("origin", &sent_origin(from, url, policy));
            }
        }
        if let Some(form) = &navigation.form {
            put("content-type", "application/x-www-form-urlencoded");
            *request.body_mut() = Bytes::from(form.clone());
        }
        request
    }
}

fn redirect(from: &Url, response: &Response<Bytes>) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

fn page(url: Url, response: Response<Bytes>) -> Page {
    let (parts, body) = response.into_parts();
    Page {
        url,
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// `Sec-Fetch-Site` (Fetch metadata): a site is a scheme and a host, here without the list of
/// public suffixes.
fn relation(from: &Url, to: &Url) -> &'static str {
    if from.origin() == to.origin() {
        "same-origin"
    } else if from.scheme() == to.scheme() && from.host() == to.host() {
        "same-site"
    } else {
        "cross-site"
    }
}

/// What `Referer` tells (Referrer Policy, section 8.3).
fn referer(from: &Url, to: &Url, policy: &str) -> Option<String> {
    let same = from.origin() == to.origin();
    let mut whole = from.clone();
    whole.set_fragment(None);
    let origin = format!("{}/", from.origin().ascii_serialization());
    match policy {
        "no-referrer" => None,
        "same-origin" => same.then(|| whole.into()),
        "unsafe-url" => Some(whole.into()),
        _ if same => Some(whole.into()),
        _ if from.scheme() == "https" && to.scheme() == "http" => None,
        _ => Some(origin),
    }
}

/// What `Origin` tells of a POST (Fetch, "append a request Origin header"): under `no-referrer`,
/// and under `same-origin` towards others, it is `null`.
fn sent_origin(from: &Url, to: &Url, policy: &str) -> String {
    let same = from.origin() == to.origin();
    match policy {
        "no-referrer" => "null".to_owned(),
        "same-origin" if !same => "null".to_owned(),
        _ => from.origin().ascii_serialization(),
    }
}
