//! The cookie of a browser in which a user has signed in (OWASP, "Device cookies"): a flood of sign-ins that
//! strangers begin does not hold up those who have been here before (threat D14).
//!
//! It says nothing of who that was, of consent, or of a sign-in under way.

use ::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    entropy::Entropy, env::Env, http::cookie, id::DeviceId, keys::Purpose, limits, time::UnixTime,
};

const COOKIE: &str = "device";

/// Returns the name of the browser that sent these headers, if a user has signed in there.
pub(crate) fn read(headers: &HeaderMap, env: Env<'_>) -> Option<DeviceId> {
    let value = cookie::get(COOKIE, headers, &env.server.config.public_url)?;
    let (body, mac) = value.rsplit_once('.')?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    let keys = &env.server.keys;
    if !keys.verify(Purpose::DeviceCookie, body.as_bytes(), &mac) {
        return None;
    }
    let (id, expires) = body.split_once('.')?;
    let expires = UnixTime(expires.parse().ok()?);
    expires
        .is_ahead(limits::DEVICE_LIFETIME, env.now.unix, limits::CLOCK_LEEWAY)
        .then_some(DeviceId::parse(id)?)
}

/// Returns the `Set-Cookie` of a browser in which a user has just signed in.
pub(crate) fn set(env: Env<'_>, entropy: &mut Entropy) -> Option<HeaderValue> {
    let expires = env.now.unix.after(limits::DEVICE_LIFETIME);
    let body = format!("{}.{}", entropy.token::<16>(), expires.0);
    let mac = env.server.keys.mac(Purpose::DeviceCookie, body.as_bytes());
    let value = format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac));
    let seconds = limits::DEVICE_LIFETIME.as_secs();
    cookie::set(COOKIE, &value, seconds, &env.server.config.public_url)
}

#[cfg(test)]
mod tests {
    use ::http::header;

    use super::*;
    use crate::testing::{TestServer, entropy};

    // D14, N5
    #[test]
    fn device_cookie_made_up_or_expired_names_no_browser() {
        let mut server = TestServer::https();
        let cookie = set(server.env(), &mut entropy(1)).unwrap();
        let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        let headers_of =
            |pair: &str| HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())]);
        assert!(read(&headers_of(pair), server.env()).is_some());
        let forged = format!("{pair}A");
        let other = pair.replacen("device=", "device=A", 1);
        for made_up in [
            forged.as_str(),
            &other,
            "__Host-entra-mcp-device=a.9999999999.b",
        ] {
            assert_eq!(read(&headers_of(made_up), server.env()), None, "{made_up}");
        }
        server.now.unix = server.now.unix.after(limits::DEVICE_LIFETIME);
        assert_eq!(read(&headers_of(pair), server.env()), None);
    }
}
