//! The pages that a user sees. No script, no image or font from elsewhere; they work with a
//! keyboard, in the dark and on a phone. All carry the same strict headers (threats A6, C13, N2,
//! N4).

pub(crate) mod home;
pub(crate) mod style;

use ::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
pub(crate) use entra_mcp_wire::html;

use self::html::{Html, Slot};
use crate::{env::Env, http::response};

/// There is no `form-action`: Chromium applies it to the redirects after the form, which lead to
/// Entra or to the client, and the button would be dead.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
                                       frame-ancestors 'none'; base-uri 'none'";

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{style}">
</head>
<body>
<main>
<p class="brand">{picture}{brand}</p>
{body}
</main>
</body>
</html>
"#;

/// What a page is, as far as its headers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has a form that is posted here. With `no-referrer` a browser would send `Origin: null`
    /// along with it, so it is `same-origin`.
    Form,
    /// It has none.
    Plain,
}

/// The picture of the server beside its name, which says what it is of.
fn shown(picture: Option<&str>) -> Html {
    match picture {
        Some(picture) => Html::fill(
            r#"<img src="{src}" alt="">"#,
            &[("src", Slot::Text(picture))],
        ),
        None => Html::default(),
    }
}

/// The name of the server, which leads to the page about it.
fn linked(brand: &str, website: Option<&str>) -> Html {
    let name = ("name", Slot::Text(brand));
    match website {
        Some(website) => Html::fill(
            r#"<a href="{website}" rel="noreferrer">{name}</a>"#,
            &[("website", Slot::Text(website)), name],
        ),
        None => Html::fill("{name}", &[name]),
    }
}

/// A page of this server, whose name stands above it and in its title.
pub(crate) fn page(
    status: StatusCode,
    title: &str,
    body: &Html,
    kind: Kind,
    env: Env<'_>,
) -> Response<Bytes> {
    let style = env.server.config.public_url.base_path().join("/style.css");
    let brand = env.catalog.title();
    let picture = env.catalog.picture();
    let title = match title {
        "" => brand.to_owned(),
        title => format!("{title} – {brand}"),
    };
    let slots = [
        ("title", Slot::Text(&title)),
        ("icon", Slot::Text(picture.unwrap_or("data:,"))),
        ("picture", Slot::Html(&shown(picture))),
        ("brand", Slot::Html(&linked(brand, env.catalog.website()))),
        ("style", Slot::Text(&style)),
        ("body", Slot::Html(body)),
    ];
    let html = Html::fill(PAGE, &slots).into_bytes();
    let mut response = response::of(status, "text/html; charset=utf-8", html);
    let referrer = match kind {
        Kind::Form => "same-origin",
        Kind::Plain => "no-referrer",
    };
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, referrer),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page that says what went wrong and what to do about it. With 503 it says when to try again.
///
/// The reference is that of the line in the log, for whoever asks the operator.
pub(crate) fn error(
    status: StatusCode,
    title: &str,
    text: &str,
    request_id: &str,
    env: Env<'_>,
) -> Response<Bytes> {
    error_with(status, title, text, &Html::default(), request_id, env)
}

/// The same with more below.
pub(crate) fn error_with(
    status: StatusCode,
    title: &str,
    text: &str,
    more: &Html,
    request_id: &str,
    env: Env<'_>,
) -> Response<Bytes> {
    let slots = [
        ("title", Slot::Text(title)),
        ("text", Slot::Text(text)),
        ("more", Slot::Html(more)),
        ("request_id", Slot::Text(request_id)),
    ];
    let body = Html::fill(
        "<h1>{title}</h1>\n<p>{text}</p>\n{more}\n\
         <p><small>Reference: {request_id}</small></p>",
        &slots,
    );
    let mut response = page(status, title, &body, Kind::Plain, env);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from_static("5");
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestServer};

    // A6, C13, N2, N4
    #[test]
    fn every_page_has_strict_headers() {
        for response in [
            TestServer::dev().get("/"),
            TestServer::dev().get("/authorize"),
            error(
                StatusCode::NOT_FOUND,
                "title",
                "text",
                "reference",
                TestServer::dev().env(),
            ),
        ] {
            let is = |name: &str| testing::header(&response, name).to_owned();
            assert_eq!(is("x-frame-options"), "DENY");
            assert_eq!(is("x-content-type-options"), "nosniff");
            assert_eq!(is("cache-control"), "no-store");
            assert_eq!(is("referrer-policy"), "no-referrer");
            assert_eq!(is("content-type"), "text/html; charset=utf-8");
            let policy = is("content-security-policy");
            for part in [
                "default-src 'none'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
            ] {
                assert!(policy.contains(part), "{policy}");
            }
            for part in ["form-action", "script", "unsafe"] {
                assert!(!policy.contains(part), "{policy}");
            }
            let text = testing::text(&response);
            assert!(!text.contains("<script") && !text.contains("style=\""));
        }
    }

    #[test]
    fn style_sheet_supports_dark_mode_keyboard_and_phone() {
        let response = TestServer::dev().get("/style.css");
        assert_eq!(
            testing::header(&response, "content-type"),
            "text/css; charset=utf-8"
        );
        let text = testing::text(&response);
        for part in ["prefers-color-scheme: dark", ":focus-visible", "max-width"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("url(") && !text.contains("@import"));
    }
}
