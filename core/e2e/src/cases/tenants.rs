//! Users of several organizations, and guests.

use entra_mcp_dev_tenant::{FABRIKAM_ID, TENANT_ID};
use serde_json::{Value, json};
use url::Url;

use super::entra_tokens;
use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{self, browse, parameter, register, sign_in},
    session::until,
};

fn control(server: &Server, what: &Value) {
    let headers = [("Content-Type", "application/json")];
    let response = server.ask_tenant("POST", "/control", &headers, &what.to_string());
    assert_eq!(response.status, 200, "{}", response.body);
}

/// A server in the tenant of `other`, for users of these organizations.
fn for_several(program: &Program, other: &Server, arguments: &[&str]) -> Server {
    let audience = json!({"action": "sign_in_audience", "audience": "AzureADMultipleOrgs"});
    control(other, &audience);
    program.start_for_organizations(other, arguments)
}

const BOTH: [&str; 4] = ["--allow-tenant", TENANT_ID, "--allow-tenant", FABRIKAM_ID];

/// D24: each by the issuer of the own tenant, and the tokens are renewed there.
pub fn users_of_allowed_organizations_sign_in(program: &Program) {
    let other = program.start();
    let server = for_several(program, &other, &BOTH);
    // Entra's tokens are renewed with every call.
    control(&other, &json!({"action": "expires_in", "seconds": 60}));
    for (user, name) in [("alice", "Alice Adams"), ("olivia", "Olivia Okafor")] {
        let client = sign_in(&server, user);
        let details = client.details(&server, "2025-11-25").to_string();
        assert!(details.contains(name), "{details}");
        let renewed = client.refresh(&server);
        assert_eq!(renewed.status, 200, "{}", renewed.body);
    }
    let requests = other.ask_tenant("GET", "/control/requests", &[], "").body;
    let own = format!("/{FABRIKAM_ID}/oauth2/v2.0/token");
    assert!(requests.contains(&own), "{requests}");
    assert!(requests.contains("/organizations/oauth2/v2.0/authorize"));
}

/// D24: and is told whom to ask.
pub fn user_of_another_organization_is_refused(program: &Program) {
    let other = program.start();
    let only = ["--allow-tenant", TENANT_ID, "--contact", "it@contoso.com"];
    let server = for_several(program, &other, &only);
    assert!(sign_in(&server, "alice").works(&server));
    let landed = browse(
        &server,
        &mut Browser::default(),
        &register(&server),
        "olivia",
    );
    let Landed::Page(_, page) = landed else {
        panic!("olivia is told: {landed:?}");
    };
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("Ask it@contoso.com"), "{}", page.body);
    until("the log says it", || {
        server.log().contains("the tenant is another")
    });
}

/// An administrator lets the server in on the page that it names; then the organization's users sign in.
pub fn administrator_lets_an_organization_in(program: &Program) {
    let other = program.start();
    let server = for_several(program, &other, &["--allow-tenant", "any"]);
    let landed = browse(&server, &mut Browser::default(), &register(&server), "nina");
    let Landed::Page(_, page) = landed else {
        panic!("Entra ID says that an administrator is needed: {landed:?}");
    };
    assert!(page.body.contains("90094"), "{}", page.body);
    // Consent that is missing at the token endpoint reaches the client, which is told where it is given.
    control(&other, &json!({"action": "token_error", "code": 65_001}));
    let landed = browse(
        &server,
        &mut Browser::default(),
        &register(&server),
        "alice",
    );
    let told = parameter(&landed, "error_description").unwrap_or_default();
    assert!(
        told.contains(&format!("{}/admin-consent", server.url())),
        "{told}"
    );
    let address = Url::parse(&format!("{}/admin-consent", server.url())).unwrap();
    for (button, status) in [("Cancel", 403), ("Victor", 200)] {
        let mut browser = Browser::default();
        let Landed::Page(page, asked) = browser.open(&address, "nowhere") else {
            panic!("the dev tenant asks who it is");
        };
        assert!(page.path().contains("/adminconsent"), "{page}");
        let Landed::Page(page, answered) = browser.press(&page, &asked, button, "nowhere") else {
            panic!("the browser comes back");
        };
        assert_eq!(answered.status, status, "{}", answered.body);
        assert!(page.as_str().starts_with(&server.url()), "{page}");
    }
    assert!(sign_in(&server, "nina").works(&server));
}

/// D24: neither who makes the return up, nor an administrator's own browser that names another organization in it.
pub fn forged_return_of_the_admin_consent_lets_nobody_in(program: &Program) {
    let other = program.start();
    let server = for_several(program, &other, &BOTH[..2]);
    let forged = format!("/auth/admin-consent?admin_consent=True&tenant={FABRIKAM_ID}");
    let page = server.send(&server.get(&format!("{forged}&state=forged")));
    assert_eq!((page.status, page.header("location")), (400, ""));
    let mut browser = Browser::default();
    let begin = Url::parse(&format!("{}/admin-consent", server.url())).unwrap();
    let sent = browser.request("GET", &begin, &[], "");
    let sent = Url::parse(sent.header("location")).unwrap();
    let state = sent
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap();
    let forged = format!("{}{forged}&state={}", server.url(), state.1);
    let page = browser.request("GET", &Url::parse(&forged).unwrap(), &[], "");
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(!page.body.contains(FABRIKAM_ID), "{}", page.body);
    let again = browser.request("GET", &Url::parse(&forged).unwrap(), &[], "");
    assert_eq!(again.status, 400, "{}", again.body);
    let client_id = register(&server);
    let landed = browse(&server, &mut Browser::default(), &client_id, "olivia");
    let Landed::Page(_, page) = landed else {
        panic!("olivia is told: {landed:?}");
    };
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(sign_in(&server, "alice").works(&server));
}

/// D24: by the switch, in the directory that they are invited to.
pub fn guest_signs_in_unless_guests_are_kept_out(program: &Program) {
    let open = program.start();
    assert!(sign_in(&open, "peggy").works(&open));
    let closed = program.start_with(&["--allow-guests", "off", "--contact", "it@contoso.com"]);
    let landed = browse(
        &closed,
        &mut Browser::default(),
        &register(&closed),
        "peggy",
    );
    let Landed::Page(_, page) = landed else {
        panic!("peggy is told: {landed:?}");
    };
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("it@contoso.com"), "{}", page.body);
    assert!(sign_in(&closed, "alice").works(&closed));
    // Who is no guest of the tenant is turned away by Entra ID.
    let landed = client::browse(&open, &mut Browser::default(), &register(&open), "alice");
    assert!(matches!(landed, Landed::Left(_)));
}

/// D16, D24: the tenant of an access token is looked at, too.
pub fn access_token_of_an_allowed_organization_is_taken_and_of_another_refused(program: &Program) {
    let other = program.start();
    let open = [&BOTH[..], &entra_tokens::OPEN].concat();
    let server = for_several(program, &other, &open);
    for (tenant, user, name) in [
        (TENANT_ID, "alice", "Alice Adams"),
        (FABRIKAM_ID, "olivia", "Olivia Okafor"),
    ] {
        let token = entra_tokens::of_user_in(&other, tenant, user);
        let answer = entra_tokens::details(&server, &token);
        assert!(answer.body.contains(name), "{}", answer.body);
    }
    let one = [&BOTH[..2], &entra_tokens::OPEN].concat();
    let server = for_several(program, &other, &one);
    let token = entra_tokens::of_user_in(&other, FABRIKAM_ID, "olivia");
    assert_eq!(entra_tokens::initialize(&server, &token).status, 401);
    until("the log says why", || {
        server.log().contains("entra_token.refused")
    });
    let token = entra_tokens::of_user_in(&other, TENANT_ID, "alice");
    assert_eq!(entra_tokens::initialize(&server, &token).status, 200);
}
