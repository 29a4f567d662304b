//! Agents: what each leg gives, and to whom.

use super::*;
use crate::{
    AGENT_ID, AGENT_USER, API_URI, BLUEPRINT_ID, BLUEPRINT_SECRET, BLUEPRINT_URI, COMMAND_LINE_ID,
};

const EXCHANGE: &str = "api://AzureADTokenExchange/.default";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn ask(world: &mut World, form: &Parameters<'_>) -> Response<Bytes> {
    world.post(&format!("/{TENANT_ID}/oauth2/v2.0/token"), form)
}

fn access_token(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), 200, "{}", text(response));
    json(response)["access_token"].as_str().unwrap().to_owned()
}

/// The token by which the agent proves who it is.
fn proof(world: &mut World) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", BLUEPRINT_ID),
        ("client_secret", BLUEPRINT_SECRET),
        ("scope", EXCHANGE),
        ("fmi_path", AGENT_ID),
    ];
    access_token(&ask(world, &form))
}

fn as_agent(world: &mut World, proof: &str, form: &Parameters<'_>) -> Response<Bytes> {
    let own = [
        ("client_id", AGENT_ID),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", proof),
    ];
    ask(world, &[&own, form].concat())
}

/// The access token of a user for the blueprint.
fn shown(world: &mut World, username: &str) -> String {
    let scope = format!("{BLUEPRINT_URI}/access_agent");
    let form = [
        ("grant_type", "password"),
        ("client_id", COMMAND_LINE_ID),
        ("username", username),
        ("password", "any"),
        ("scope", &scope),
    ];
    access_token(&ask(world, &form))
}

#[test]
fn agent_on_its_own_has_a_role_and_the_facets_of_an_agent() {
    let mut world = World::new();
    let proof = proof(&mut world);
    let scope = format!("{API_URI}/.default");
    let form = [("grant_type", "client_credentials"), ("scope", &scope)];
    let claims = part(&access_token(&as_agent(&mut world, &proof, &form)), 1);
    assert_eq!(
        (&claims["azp"], &claims["oid"]),
        (&AGENT_ID.into(), &AGENT_ID.into())
    );
    assert_eq!(
        (&claims["idtyp"], &claims["roles"][0]),
        (&"app".into(), &"Tools.Execute.All".into())
    );
    assert_eq!(claims["xms_par_app_azp"], BLUEPRINT_ID);
    for (name, facet) in [
        ("xms_act_fct", "11"),
        ("xms_sub_fct", "11"),
        ("xms_idrel", "7"),
    ] {
        let mut facets = claims[name].as_str().unwrap().split(' ');
        assert!(facets.any(|one| one == facet), "{name}");
    }
}

#[test]
fn agent_acts_on_behalf_of_a_user_who_called_its_blueprint() {
    let mut world = World::new();
    let (proof, of_bob) = (proof(&mut world), shown(&mut world, "bob"));
    let scope = format!("{API_URI}/user.read");
    let form = |assertion| {
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("requested_token_use", "on_behalf_of"),
            ("assertion", assertion),
            ("scope", scope.as_str()),
        ]
    };
    let claims = part(
        &access_token(&as_agent(&mut world, &proof, &form(&of_bob))),
        1,
    );
    assert_eq!(
        (&claims["azp"], &claims["name"]),
        (&AGENT_ID.into(), &"Bob Baumann".into())
    );
    assert_eq!(
        (&claims["idtyp"], &claims["xms_idrel"]),
        (&"user".into(), &"1".into())
    );
    assert!(claims["xms_sub_fct"].is_null());
    let other = form(&proof);
    let refused = as_agent(&mut world, &proof, &other);
    assert_eq!(error_of(&refused).2, 500_131);
    let guest = shown(&mut world, "peggy");
    let claims = part(
        &access_token(&as_agent(&mut world, &proof, &form(&guest))),
        1,
    );
    assert_eq!(claims["xms_idrel"], "5");
}

#[test]
fn agent_has_an_account_of_its_own_that_nobody_else_uses() {
    let mut world = World::new();
    let proof = proof(&mut world);
    let exchange = [("grant_type", "client_credentials"), ("scope", EXCHANGE)];
    let own = access_token(&as_agent(&mut world, &proof, &exchange));
    let scope = format!("{API_URI}/user.read openid");
    let form = |credential, username| {
        [
            ("grant_type", "user_fic"),
            ("user_federated_identity_credential", credential),
            ("username", username),
            ("scope", scope.as_str()),
        ]
    };
    let answer = as_agent(&mut world, &proof, &form(&own, AGENT_USER.username));
    let access = part(&access_token(&answer), 1);
    assert_eq!(
        (&access["oid"], &access["xms_sub_fct"]),
        (&AGENT_USER.oid.into(), &"13".into())
    );
    assert_eq!(claims(&json(&answer))["aud"], AGENT_ID);
    let another = as_agent(&mut world, &proof, &form(&own, "alice"));
    assert_eq!(error_of(&another).2, 50_034);
    let not_its_own = as_agent(&mut world, &proof, &form(&proof, AGENT_USER.username));
    assert_eq!(error_of(&not_its_own).2, 50_013);
}

#[test]
fn blueprint_and_agent_get_nothing_else() {
    let mut world = World::new();
    let proof = proof(&mut world);
    let api = format!("{API_URI}/.default");
    let blueprint = |world: &mut World, scope: &str, agent: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", BLUEPRINT_ID),
            ("client_secret", BLUEPRINT_SECRET),
            ("scope", scope),
            ("fmi_path", agent),
        ];
        error_of(&ask(world, &form)).2
    };
    assert_eq!(blueprint(&mut world, &api, AGENT_ID), 82_001);
    assert_eq!(blueprint(&mut world, EXCHANGE, BLUEPRINT_ID), 82_001);
    for (assertion, code) in [("", 7_000_218), ("a.b.c", 700_213)] {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", api.as_str()),
        ];
        assert_eq!(error_of(&as_agent(&mut world, assertion, &form)).2, code);
    }
    world.now += 3600;
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", api.as_str()),
    ];
    assert_eq!(error_of(&as_agent(&mut world, &proof, &form)).2, 700_213);
}
