//! GET /admin-consent and GET /auth/admin-consent: where an administrator of another organization lets the application in, and
//! where Entra sends the browser back (Microsoft identity platform, "Admin consent on the Microsoft identity platform").
//!
//! What comes back proves nothing: anybody can write it. So nothing follows from it but a page; which organizations come in
//! is the operator's setting, and who signs in says an ID token (threat D24).

use ::http::{Request, Response, StatusCode, header};
use bytes::Bytes;

use crate::{
    config::ORGANIZATIONS,
    env::Env,
    http::{cookie, form::Form, response},
    log_event::{Field, LogEvent, LogEventId},
    pages::{self, Kind, html::Html},
    secret::constant_time_equal,
    step::{Cx, Progress},
};

const COOKIE: &str = "admin-consent";

/// How long an administrator may take, in seconds.
const TIMEOUT: u64 = 600;

const DONE: &str = "<h1>Your organization has answered</h1>\n\
    <p>Microsoft Entra ID says that this server was let in. Users of your organization can sign in if the operator of this \
    server has named it. You can close this page.</p>";

/// Sends an administrator to Entra. There is nothing to consent to where users are of one tenant.
pub(crate) fn begin<S>(cx: &mut Cx<'_>) -> Progress<S> {
    let state = cx.entropy.token::<20>();
    let response = match address(&state, cx.env) {
        Some(address) => {
            let mut response = response::see_other(&address);
            let public_url = &cx.env.server.config.public_url;
            if let Some(cookie) = cookie::set(COOKIE, &state, TIMEOUT, public_url) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        None => page(
            StatusCode::NOT_FOUND,
            "There is nothing to consent to",
            "This server is for one organization, whose administrators let it in at Microsoft Entra ID.",
            cx,
        ),
    };
    cx.done(response)
}

fn address(state: &str, env: Env<'_>) -> Option<String> {
    let config = &env.server.config;
    let entra = &config.entra;
    if !entra.has_several_tenants() {
        return None;
    }
    let path = format!("{ORGANIZATIONS}/v2.0/adminconsent");
    let mut address = entra.authority_host.join(&path).ok()?;
    let scope = entra.graph.join(".default").ok()?;
    address
        .query_pairs_mut()
        .append_pair("client_id", &entra.client_id)
        .append_pair("scope", scope.as_str())
        .append_pair(
            "redirect_uri",
            &config.public_url.join("/auth/admin-consent"),
        )
        .append_pair("state", state);
    Some(address.into())
}

/// An administrator is back.
pub(crate) fn finish<S>(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<S> {
    let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
    let one = |name| form.one(name).ok().flatten();
    let public_url = &cx.env.server.config.public_url;
    let begun = cookie::get(COOKIE, request.headers(), public_url).unwrap_or_default();
    let state = one("state").unwrap_or_default();
    let is_ours = !state.is_empty() && constant_time_equal(begun.as_bytes(), state.as_bytes());
    let clear = cookie::set(COOKIE, "", 0, public_url);
    let is_given = is_ours && one("error").is_none() && one("admin_consent") == Some("True");
    let mut response = match (is_ours, is_given) {
        (_, true) => {
            let body = Html::fill(DONE, &[]);
            let title = "Your organization has answered – entra-mcp";
            pages::page(StatusCode::OK, title, &body, Kind::Plain, cx.env)
        }
        (true, false) => page(
            StatusCode::FORBIDDEN,
            "This server was not let in",
            "Microsoft Entra ID says that the administrator declined, or that something went wrong. Nothing was changed.",
            cx,
        ),
        (false, _) => page(
            StatusCode::BAD_REQUEST,
            "This answer is not known here",
            "It was not begun in this browser, or more than ten minutes ago. Nothing was changed.",
            cx,
        ),
    };
    let outcome = match (is_ours, is_given) {
        (_, true) => "given",
        (true, false) => "declined",
        (false, _) => "unknown",
    };
    cx.log(LogEvent::new(LogEventId::AdminConsentReturned).with(Field::Reason, outcome));
    if let Some(clear) = clear {
        response.headers_mut().append(header::SET_COOKIE, clear);
    }
    cx.done(response)
}

fn page(status: StatusCode, title: &str, text: &str, cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(status, title, text, &cx.request_id(), cx.env)
}

#[cfg(test)]
mod tests {
    use crate::{
        config::{ORGANIZATIONS, Tenants},
        mcp::testing::World,
        testing::{header, parameter, text},
    };
    use ::http::{Response, header::SET_COOKIE};
    use bytes::Bytes;

    fn world() -> World {
        let mut world = World::new();
        let entra = &mut world.server.server.config.entra;
        (entra.tenant, entra.tenants) = (ORGANIZATIONS.to_owned(), Tenants::AnyOrganization);
        world
    }

    fn get(world: &mut World, target: &str, cookie: &str) -> Response<Bytes> {
        let request = world.server.request("GET", target).header("cookie", cookie);
        world.send(request.body(Bytes::new()).unwrap())
    }

    #[test]
    fn administrator_is_sent_to_entra_and_told_on_return() {
        let mut world = world();
        let sent = get(&mut world, "/admin-consent", "");
        let address = header(&sent, "location").to_owned();
        let beginning = "https://login.example/organizations/v2.0/adminconsent?";
        assert!(address.starts_with(beginning), "{address}");
        assert_eq!(
            parameter(&address, "redirect_uri").unwrap(),
            "http://localhost:3001/auth/admin-consent"
        );
        let state = parameter(&address, "state").unwrap();
        let cookie = sent.headers()[SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let given = format!("/auth/admin-consent?admin_consent=True&tenant=x&state={state}");
        let page = get(&mut world, &given, &cookie);
        assert_eq!(page.status(), 200, "{}", text(&page));
        // `admin_consent=True` is there in errors, too.
        let declined = get(&mut world, &format!("{given}&error=access_denied"), &cookie);
        assert_eq!(declined.status(), 403);
    }

    // D24: whoever writes such an address names a tenant, and nothing follows.
    #[test]
    fn forged_return_changes_nothing() {
        let mut world = world();
        let before = world.server.server.config.entra.tenants.clone();
        let evil = "/auth/admin-consent?admin_consent=True&tenant=fab41ca0-5d2e-4b8f-a1c6-d3e7e4a7000a&state=forged";
        for cookie in [
            "",
            "entra-mcp-admin-consent=other",
            "entra-mcp-admin-consent=",
        ] {
            let page = get(&mut world, evil, cookie);
            assert_eq!(page.status(), 400);
            assert!(!text(&page).contains("fab41ca0"), "{}", text(&page));
        }
        assert_eq!(world.server.server.config.entra.tenants, before);
    }

    #[test]
    fn server_of_one_tenant_has_nothing_to_consent_to() {
        let page = get(&mut World::new(), "/admin-consent", "");
        assert_eq!(page.status(), 404);
        assert_eq!(header(&page, "location"), "");
    }
}
