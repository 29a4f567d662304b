//! Refreshing.

use std::time::Duration;

use serde_json::json;

use crate::{
    config::{AllowedBy, ORGANIZATIONS, Tenants},
    entra::testing::{Signer, claims},
    limits,
    oauth::testing::{SignedIn, error, text},
    testing::{self, client_id, header},
};

#[test]
fn refresh_rotates_the_refresh_token_and_refreshes_with_entra() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    alice.later(Duration::from_secs(3000));
    let response = alice.refresh(text(&first, "refresh_token"), &[("scope", "user.read")]);
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    let second = testing::json(&response);
    assert_ne!(
        text(&first, "refresh_token"),
        text(&second, "refresh_token")
    );
    assert_ne!(text(&first, "access_token"), text(&second, "access_token"));
    assert!(alice.works(&second));
    let [sent] = alice.world.redeemed.as_slice() else {
        panic!("Entra is asked once");
    };
    let sent = String::from_utf8(sent.body().to_vec()).unwrap();
    assert!(
        sent.contains("entra+refresh+token+of+alice") && !sent.contains("resource"),
        "{sent}"
    );
}

// D24: the operator has taken the organization from the list; Entra itself would go on.
#[test]
fn refresh_of_an_organization_that_is_named_no_more_ends_the_session() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let entra = &mut alice.world.server.server.config.entra;
    entra.tenant = ORGANIZATIONS.to_owned();
    entra.tenants = Tenants::Listed(["aaaaaaaa-2222-2222-2222-222222222222".to_owned()].into());
    let response = alice.refresh(text(&first, "refresh_token"), &[]);
    assert_eq!(
        (response.status().as_u16(), error(&response)),
        (400, "invalid_grant".to_owned())
    );
    assert!(alice.world.redeemed.is_empty(), "Entra is not asked");
    alice.world.server.server.config.entra.tenants = Tenants::AnyOrganization;
    assert!(!alice.works(&first), "it is over");
}

// Q3: otherwise a user who is disabled in Entra would stay for a day.
#[test]
fn refresh_after_clock_was_set_back_asks_entra() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    alice.world.server.now.unix.0 -= 24 * 3600;
    let response = alice.refresh(text(&first, "refresh_token"), &[]);
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    assert_eq!(alice.world.redeemed.len(), 1);
}

// Q3: otherwise a session that began while the clock was a year ahead would last for that year, too.
#[test]
fn session_that_began_ahead_of_the_clock_ends_no_later_for_it() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    alice.world.server.now.unix.0 -= 365 * 24 * 3600;
    let now = alice.world.server.now.unix;
    let second = alice.refresh(text(&first, "refresh_token"), &[]);
    assert_eq!(second.status(), 200, "{}", testing::text(&second));
    let second = testing::json(&second);
    let session = alice.session_of(text(&second, "refresh_token"));
    assert_eq!(session.created, now);
}

// Q3
#[test]
fn refresh_after_clock_was_set_ahead_succeeds() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    alice.world.server.now.unix.0 += 24 * 3600;
    assert!(!alice.works(&first));
    let second = alice.refresh(text(&first, "refresh_token"), &[]);
    assert_eq!(second.status(), 200, "{}", testing::text(&second));
    assert!(alice.works(&testing::json(&second)));
    assert_eq!(alice.world.redeemed.len(), 1, "Entra was asked");
}

// Q3
#[test]
fn repeated_refresh_after_clock_was_set_back_is_refused_and_ends_nothing() {
    let mut alice = SignedIn::new();
    let first = text(&alice.redeem(), "refresh_token").to_owned();
    let second = alice.refresh(&first, &[]);
    assert_eq!(second.status(), 200);
    alice.world.server.now.unix.0 -= 24 * 3600;
    assert_eq!(error(&alice.refresh(&first, &[])), "invalid_grant");
    assert!(alice.is_alive());
}

#[test]
fn refresh_token_is_bound_to_its_client_and_scope() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let refresh_token = text(&tokens, "refresh_token").to_owned();
    let access_token = text(&tokens, "access_token").to_owned();
    let mine = std::mem::replace(
        &mut alice.client,
        client_id(&alice.world.server, &["https://other.example/cb"]),
    );
    assert_eq!(error(&alice.refresh(&refresh_token, &[])), "invalid_grant");
    alice.client = mine;
    let code = alice.code.clone();
    for other_kind in [&access_token, &code] {
        assert_eq!(error(&alice.refresh(other_kind, &[])), "invalid_grant");
    }
    let wider = alice.refresh(&refresh_token, &[("scope", "mail.send")]);
    assert_eq!(error(&wider), "invalid_scope");
    assert!(alice.is_alive());
}

// D6
#[test]
fn refresh_that_brings_the_id_token_of_another_user_ends_the_session() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    let changes = json!({"oid": "bob", "nonce": null});
    let id_token = Signer::known().jwt(&claims(&alice.world.server, changes));
    let theirs = json!({"access_token": "theirs", "expires_in": 3599, "id_token": id_token});
    alice.world.entra_responds(200, &theirs);
    let refused = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(error(&refused), "invalid_grant");
    assert!(!alice.is_alive() && !alice.works(&tokens));
}

#[test]
fn refresh_refused_by_entra_for_good_ends_the_session() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    let description = "AADSTS50057: alice@contoso.example is disabled";
    let refusal =
        json!({"error": "invalid_grant", "error_codes": [50057], "error_description": description});
    alice.world.entra_responds(400, &refusal);
    let response = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(error(&response), "invalid_grant");
    assert!(!testing::text(&response).contains("AADSTS"), "D5, O1");
    assert!(!alice.is_alive() && !alice.works(&tokens));
    let logged = format!("{:?}", alice.world.logged);
    assert!(
        logged.contains("50057") && !logged.contains("contoso"),
        "{logged}"
    );
}

// D14
#[test]
fn throttled_refresh_has_entras_retry_after_and_asks_no_more_until_then() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let refresh_token = text(&tokens, "refresh_token").to_owned();
    alice.later(Duration::from_secs(3000));
    alice.world.entra_responds(
        400,
        &json!({"error": "invalid_grant", "error_codes": [50196]}),
    );
    let response = alice.refresh(&refresh_token, &[]);
    assert_eq!(response.status(), 503);
    let seconds = limits::REQUEST_LOOP.as_secs();
    assert_eq!(header(&response, "retry-after"), seconds.to_string());
    alice.later(Duration::from_secs(100));
    let response = alice.refresh(&refresh_token, &[]);
    assert_eq!(
        header(&response, "retry-after"),
        (seconds - 100).to_string()
    );
    assert_eq!(alice.world.redeemed.len(), 1, "Entra is left alone");
    alice.later(Duration::from_secs(seconds - 100));
    assert_eq!(alice.refresh(&refresh_token, &[]).status(), 200);
}

#[test]
fn refresh_without_entra_is_503_and_loses_nothing() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    alice
        .world
        .entra
        .push_back(Err(crate::ask::FetchFault::TimedOut));
    alice.world.entra_responds(503, &json!({}));
    for _ in 0..2 {
        let response = alice.refresh(text(&tokens, "refresh_token"), &[]);
        assert_eq!(response.status(), 503);
        assert_eq!(header(&response, "retry-after"), "5");
        assert_eq!(error(&response), "temporarily_unavailable");
    }
    assert_eq!(
        alice.refresh(text(&tokens, "refresh_token"), &[]).status(),
        200
    );
}

// D20: who lost the role is out with the next refresh, before anything is asked of a tool.
#[test]
fn refresh_of_a_user_who_may_sign_in_no_more_ends_the_session() {
    for (role, status) in [("Mcp.User", 200), ("Other", 400)] {
        let mut alice = SignedIn::new();
        let tokens = alice.redeem();
        let config = &mut alice.world.server.server.config;
        assert!(config.allowed_users.add(AllowedBy::Role, "Mcp.User"));
        assert!(
            config
                .allowed_users
                .add(AllowedBy::User, "alice@contoso.example")
        );
        alice.later(Duration::from_secs(3000));
        let own =
            json!({"oid": "alice", "nonce": null, "roles": [role], "preferred_username": "a"});
        let id_token = Signer::known().jwt(&claims(&alice.world.server, own));
        let renewed = json!({"access_token": "new", "expires_in": 3599, "id_token": id_token});
        alice.world.entra_responds(200, &renewed);
        let response = alice.refresh(text(&tokens, "refresh_token"), &[]);
        assert_eq!(
            response.status(),
            status,
            "{role}: {}",
            testing::text(&response)
        );
        assert_eq!(alice.is_alive(), status == 200);
    }
}

// D22: nobody signs in anew; what is done in the session waits.
#[test]
fn refresh_of_which_entra_wants_claims_goes_on_and_requires_them() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    alice.later(Duration::from_secs(60));
    let claims = r#"{"access_token":{"polids":{"essential":true,"values":["x"]}}}"#;
    let refusal = serde_json::json!({"error": "interaction_required", "suberror": "basic_action",
        "error_codes": [50076], "claims": claims});
    alice.world.entra_responds(400, &refusal);
    let second = alice.refresh(text(&first, "refresh_token"), &[]);
    assert_eq!(second.status(), 200, "{}", testing::text(&second));
    let second = testing::json(&second);
    let session = alice.session_of(text(&second, "refresh_token"));
    assert_eq!(session.required_claims.as_ref().unwrap().to_text(), claims);
    // Entra gives tokens again.
    alice.later(Duration::from_secs(60));
    let third = testing::json(&alice.refresh(text(&second, "refresh_token"), &[]));
    let session = alice.session_of(text(&third, "refresh_token"));
    assert_eq!(session.required_claims, None);
}
