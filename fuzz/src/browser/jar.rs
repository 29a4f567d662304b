//! The cookies of a browser (RFC 6265bis), as far as this world needs them.

use entra_mcp_core::time::UnixTime;
use http::{HeaderMap, header};
use url::Url;

/// A cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    /// The host that set it: the port plays no part, so cookies of one host's servers mix.
    host: String,
    path: String,
    is_secure: bool,
    same_site: SameSite,
    expires: Option<UnixTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameSite {
    Strict,
    Lax,
    None,
}

/// The cookies.
#[derive(Clone, Debug, Default)]
pub struct Jar(Vec<Cookie>);

impl Jar {
    /// Keeps what an answer sets.
    pub fn take(&mut self, url: &Url, headers: &HeaderMap, now: UnixTime) {
        for value in headers.get_all(header::SET_COOKIE) {
            let cookie = value.to_str().ok().and_then(|text| parse(url, text, now));
            let Some(cookie) = cookie else {
                continue;
            };
            self.0.retain(|old| {
                (&old.name, &old.host, &old.path) != (&cookie.name, &cookie.host, &cookie.path)
            });
            self.0.push(cookie);
        }
    }

    /// The value of `Cookie` for a request: `is_foreign` if another site started it, `is_safe` if it
    /// is a GET.
    #[must_use]
    pub fn cookies(&self, url: &Url, is_foreign: bool, is_safe: bool, now: UnixTime) -> String {
        let fits = |cookie: &&Cookie| {
            let allowed = match cookie.same_site {
                SameSite::None => true,
                SameSite::Lax => !is_foreign || is_safe,
                SameSite::Strict => !is_foreign,
            };
            url.host_str() == Some(cookie.host.as_str())
                && url.path().starts_with(&cookie.path)
                && (!cookie.is_secure || url.scheme() == "https")
                && cookie.expires.is_none_or(|expires| now < expires)
                && allowed
        };
        let pairs = self.0.iter().filter(fits);
        let pairs = pairs.map(|cookie| format!("{}={}", cookie.name, cookie.value));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The names of all cookies that have not expired.
    #[must_use]
    pub fn names(&self, now: UnixTime) -> Vec<&str> {
        let alive = |cookie: &&Cookie| cookie.expires.is_none_or(|expires| now < expires);
        let cookies = self.0.iter().filter(alive);
        cookies.map(|cookie| cookie.name.as_str()).collect()
    }

    /// Sets a cookie for a host, as an attacker on a neighbouring host or a program on the machine
    /// can.
    pub fn plant(&mut self, url: &Url, text: &str, now: UnixTime) {
        self.0.extend(parse(url, text, now));
    }

    /// Forgets everything.
    pub fn stop_faults(&mut self) {
        self.0.clear();
    }
}

/// A cookie, unless a browser would refuse it.
fn parse(url: &Url, text: &str, now: UnixTime) -> Option<Cookie> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        host: url.host_str()?.to_owned(),
        path: "/".to_owned(),
        is_secure: false,
        same_site: SameSite::Lax,
        expires: None,
    };
    let mut has_domain = false;
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.to_ascii_lowercase().as_str() {
            "path" => value.clone_into(&mut cookie.path),
            "secure" => cookie.is_secure = true,
            "domain" => has_domain = true,
            "max-age" => {
                let seconds: i64 = value.parse().ok()?;
                cookie.expires = Some(UnixTime(now.0.saturating_add_signed(seconds.max(0))));
            }
            "samesite" => {
                cookie.same_site = match value.to_ascii_lowercase().as_str() {
                    "none" => SameSite::None,
                    "strict" => SameSite::Strict,
                    _ => SameSite::Lax,
                };
            }
            _ => {}
        }
    }
    let over_tls = url.scheme() == "https";
    let host_prefix = !cookie.name.starts_with("__Host-")
        || (cookie.is_secure && cookie.path == "/" && !has_domain);
    let none_is_secure = cookie.same_site != SameSite::None || cookie.is_secure;
    let accepted = (over_tls || !cookie.is_secure) && host_prefix && none_is_secure;
    accepted.then_some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(100);

    fn sent(set: &str, at: &str, to: &str, is_foreign: bool, is_safe: bool) -> String {
        let mut jar = Jar::default();
        jar.plant(&Url::parse(at).unwrap(), set, NOW);
        jar.cookies(&Url::parse(to).unwrap(), is_foreign, is_safe, NOW)
    }

    #[test]
    fn lax_cookie_is_sent_with_cross_site_links_but_not_forms() {
        let (set, url) = ("a=1; Path=/; SameSite=Lax", "https://a.example/");
        assert_eq!(sent(set, url, url, true, true), "a=1");
        assert_eq!(sent(set, url, url, true, false), "");
        assert_eq!(sent(set, url, url, false, false), "a=1");
    }

    #[test]
    fn the_host_prefix_needs_its_flags_and_secure_needs_https() {
        let https = "https://a.example/";
        assert_eq!(sent("__Host-a=1; Path=/", https, https, false, true), "");
        let good = "__Host-a=1; Path=/; Secure";
        assert_eq!(sent(good, https, https, false, true), "__Host-a=1");
        let http = "http://localhost:3001/";
        assert_eq!(sent(good, http, http, false, true), "");
    }

    #[test]
    fn cookies_ignore_the_port_and_expire() {
        let (one, other) = ("http://localhost:3001/", "http://localhost:3002/");
        assert_eq!(sent("a=1; Max-Age=1", one, other, false, true), "a=1");
        assert_eq!(sent("a=1; Max-Age=0", one, other, false, true), "");
    }
}
