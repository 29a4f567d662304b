//! A sign-in as a browser does it, at the development tenant of a running server: the consent of the server, the choice of a
//! user, the consent of the tenant, and the code for the session token (RFC 6749 section 4.1, RFC 7636, RFC 7591).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{
    ClientError,
    http::{Response, Transport},
};

/// Where the browser is sent at the end; nothing listens there.
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// RFC 7636 appendix B: public, which is good enough for a test.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// More steps than any sign-in has.
const STEPS: usize = 20;

/// Signs somebody in with a new client that asks for these scopes; the session token.
pub(super) fn sign_in(
    (transport, port): (&Transport, u16),
    user: &str,
    scope: Option<&str>,
) -> Result<String, ClientError> {
    let client_id = register(transport, port)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("response_type", "code"),
        ("client_id", &client_id),
        ("redirect_uri", REDIRECT_URI),
        ("state", "of the test"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    query.extend_pairs(scope.map(|scope| ("scope", scope)));
    let address = format!("http://localhost:{port}/authorize?{}", query.finish());
    let mut browser = Browser {
        transport,
        cookies: BTreeMap::new(),
    };
    let code = browser.sign_in(&address, user)?;
    redeem((transport, port), &client_id, &code)
}

fn register(transport: &Transport, port: u16) -> Result<String, ClientError> {
    let metadata = json!({"client_name": "Test", "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "none"});
    let headers = [("Content-Type", "application/json")];
    let body = metadata.to_string();
    let mut response = transport.send(port, ("POST", "/register"), &headers, &body)?;
    member(&mut response, "client_id")
}

fn redeem(
    (transport, port): (&Transport, u16),
    client_id: &str,
    code: &str,
) -> Result<String, ClientError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT_URI),
    ]);
    let mut response = transport.send(port, ("POST", "/token"), &[FORM], &form.finish())?;
    member(&mut response, "access_token")
}

/// A member of an answer in JSON.
fn member(response: &mut Response, name: &str) -> Result<String, ClientError> {
    let body = response.body()?;
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    match json.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(ClientError::of_status(response.status, &body)),
    }
}

/// A browser: it keeps cookies, which the ports of one host share, and presses the button that leads on.
struct Browser<'a> {
    transport: &'a Transport,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    /// Goes on from page to page until it is sent to the client; the code.
    fn sign_in(&mut self, address: &str, user: &str) -> Result<String, ClientError> {
        let mut at = Url::parse(address).map_err(|_| ClientError::new("no address"))?;
        let (mut method, mut body) = ("GET", String::new());
        for _ in 0..STEPS {
            let mut response = self.request(&at, method, &body)?;
            if matches!(response.status, 302 | 303) {
                let location = response.header("location");
                at = at.join(location).map_err(|_| ClientError::new("no link"))?;
                (method, body) = ("GET", String::new());
                if at.as_str().starts_with(REDIRECT_URI) {
                    return code_of(&at);
                }
                continue;
            }
            let page = response.body()?;
            let Some((action, form)) = next_form(&page, user) else {
                return Err(ClientError::of_status(response.status, &page));
            };
            at = at.join(&action).map_err(|_| ClientError::new("no link"))?;
            (method, body) = ("POST", form);
        }
        Err(ClientError::new("the sign-in has no end"))
    }

    fn request(&mut self, at: &Url, method: &str, body: &str) -> Result<Response, ClientError> {
        let port = at.port_or_known_default().unwrap_or_default();
        let target = &at[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let (cookies, origin) = (cookies.join("; "), at.origin().ascii_serialization());
        let headers = [FORM, ("Cookie", &cookies), ("Origin", &origin)];
        let headers = if method == "POST" {
            &headers[..]
        } else {
            &headers[1..2]
        };
        let transport = self.transport;
        let response = transport.send(port, (method, target), headers, body)?;
        for cookie in response.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match attributes.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        Ok(response)
    }
}

/// What the address that the client was sent to says.
fn code_of(at: &Url) -> Result<String, ClientError> {
    let one = |name: &str| {
        let mut pairs = at.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    one("code").ok_or_else(|| {
        let error = one("error").unwrap_or_default();
        let described = one("error_description").unwrap_or_default();
        ClientError::new(&format!("{error}: {described}"))
    })
}

/// The form that leads on, and what is sent with it: who it is where that is asked, and otherwise the first button.
fn next_form(page: &str, user: &str) -> Option<(String, String)> {
    let of_user = |value: &str| {
        let name = value.split('@').next().unwrap_or_default();
        value.eq_ignore_ascii_case(user) || name.eq_ignore_ascii_case(user)
    };
    let mut first = None;
    for form in page.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap_or_default();
        let action = attribute(form, "action");
        let buttons = form.split("<button").skip(1);
        let buttons: Vec<_> = buttons
            .map(|button| button.split('>').next().unwrap_or_default())
            .map(|tag| (attribute(tag, "name"), attribute(tag, "value")))
            .collect();
        let is_choice = |(name, value): &&(String, String)| name == "username" && of_user(value);
        let chosen = buttons.iter().find(is_choice);
        let send = |(name, value): &(String, String)| {
            let mut fields = form_urlencoded::Serializer::new(String::new());
            for input in form.split("<input").skip(1) {
                let tag = input.split('>').next().unwrap_or_default();
                if attribute(tag, "type") == "hidden" {
                    fields.append_pair(&attribute(tag, "name"), &attribute(tag, "value"));
                }
            }
            fields.append_pair(name, value);
            (action.clone(), fields.finish())
        };
        if let Some(chosen) = chosen {
            return Some(send(chosen));
        }
        let is_other_user = buttons.iter().any(|(name, _)| name == "username");
        if let (Some(button), None, false) = (buttons.first(), &first, is_other_user) {
            first = Some(send(button));
        }
    }
    first
}

fn attribute(tag: &str, name: &str) -> String {
    let value = tag.split(&format!(" {name}=\"")).nth(1);
    let value = value.and_then(|rest| rest.split('"').next());
    let value = value.unwrap_or_default();
    let value = value.replace("&lt;", "<").replace("&gt;", ">");
    let value = value.replace("&quot;", "\"").replace("&#39;", "'");
    value.replace("&#x27;", "'").replace("&amp;", "&")
}
