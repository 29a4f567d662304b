//! Several organizations: whose users sign in where, and who lets the application in.

use super::*;
use crate::{FABRIKAM_ID, NORTHWIND_ID, SignInAudience};

fn for_several() -> World {
    let mut world = World::new();
    let audience = SignInAudience::MultipleOrgs;
    world.control(Control::SignInAudience { audience });
    world
}

/// `GET /authorize` at the address of this tenant.
fn authorize_at(world: &mut World, tenant: &str) -> Response<Bytes> {
    let query = encode(&[
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", SCOPE),
        ("nonce", "a nonce"),
    ]);
    world.cookie = None;
    world.get(&format!("/{tenant}/oauth2/v2.0/authorize?{query}"))
}

fn redeem_at(world: &mut World, tenant: &str, code: &str) -> Response<Bytes> {
    let form = [
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ];
    world.post(&format!("/{tenant}/oauth2/v2.0/token"), &form)
}

#[test]
fn token_of_each_organization_has_its_own_issuer() {
    let mut world = for_several();
    for (name, tenant) in [("alice", TENANT_ID), ("olivia", FABRIKAM_ID)] {
        let page = authorize_at(&mut world, "organizations");
        let code = parameter(&world.choose(&page, name), "code");
        let elsewhere = redeem_at(&mut world, tenant, &code);
        assert_eq!(error_of(&elsewhere).2, 700_005, "it is of organizations");
        let tokens = json(&redeem_at(&mut world, "organizations", &code));
        let claims = claims(&tokens);
        assert_eq!(claims["tid"], tenant);
        assert_eq!(claims["iss"], format!("{ORIGIN}/{tenant}/v2.0").as_str());
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let form = [
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh),
        ];
        for (at, status) in [(tenant, 200), ("organizations", 200)] {
            let renewed = world.post(&format!("/{at}/oauth2/v2.0/token"), &form);
            assert_eq!(renewed.status(), status, "{}", text(&renewed));
        }
    }
}

#[test]
fn user_of_another_tenant_signs_in_as_a_guest_or_not_at_all() {
    let mut world = for_several();
    let page = authorize_at(&mut world, TENANT_ID);
    assert!(text(&page).contains("peggy@fabrikam.example"));
    assert!(!text(&page).contains("olivia@fabrikam.example"));
    let refused = world.choose(&page, "olivia");
    assert!(text(&refused).contains("50020"), "{}", text(&refused));
    let code = parameter(&world.choose(&page, "peggy"), "code");
    let claims = claims(&json(&redeem_at(&mut world, TENANT_ID, &code)));
    assert_eq!(claims["tid"], TENANT_ID);
    let idp = format!("https://sts.windows.net/{FABRIKAM_ID}/");
    assert_eq!(claims["idp"], idp.as_str());
}

#[test]
fn application_is_used_where_its_registration_and_an_administrator_say() {
    let mut world = World::new();
    for (tenant, number) in [(FABRIKAM_ID, 700_016), ("organizations", 50_194)] {
        let page = authorize_at(&mut world, tenant);
        assert!(text(&page).contains(&format!("AADSTS{number}")), "{tenant}");
    }
    let mut world = for_several();
    let page = authorize_at(&mut world, NORTHWIND_ID);
    assert!(text(&page).contains("AADSTS700016"));
    let page = authorize_at(&mut world, "organizations");
    let refused = world.choose(&page, "nina");
    assert!(text(&refused).contains("AADSTS90094"), "{}", text(&refused));
}

#[test]
fn administrator_lets_the_application_in() {
    let mut world = for_several();
    let query = encode(&[
        ("client_id", CLIENT_ID),
        ("scope", "https://graph.microsoft.com/.default"),
        ("redirect_uri", CALLBACK),
        ("state", "a state"),
    ]);
    let address = format!("/organizations/v2.0/adminconsent?{query}");
    let answer = |world: &mut World, field: (&str, &str)| {
        let page = world.get(&address);
        let ctx = ctx(&page);
        world.post("/organizations/adminconsent", &[("ctx", &ctx), field])
    };
    let declined = answer(&mut world, ("action", "cancel"));
    assert_eq!(parameter(&declined, "error"), "access_denied");
    assert_eq!(parameter(&declined, "admin_consent"), "True");
    let nobody = answer(&mut world, ("username", "nina"));
    assert!(text(&nobody).contains("AADSTS90094"), "{}", text(&nobody));
    let given = answer(&mut world, ("username", "victor"));
    assert_eq!(parameter(&given, "tenant"), NORTHWIND_ID);
    assert_eq!(parameter(&given, "state"), "a state");
    assert_eq!(parameter(&given, "error"), "");
    let page = authorize_at(&mut world, "organizations");
    let code = parameter(&world.choose(&page, "nina"), "code");
    assert_eq!(redeem_at(&mut world, "organizations", &code).status(), 200);
}
