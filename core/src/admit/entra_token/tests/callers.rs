//! Whose a token is, and whose are taken.

use serde_json::{Value, json};

use super::{CALLER, EntraTokenError, OTHER, both_versions, server, verified};
use crate::{
    catalog::{AgentFor, PrincipalKind},
    config::AcceptedEntraTokens,
};

/// The kind of caller, once this operator takes whatever it is.
fn kind(changes: &Value) -> PrincipalKind {
    let mut server = server();
    let mut accepted = both_versions();
    assert!(accepted.add_role("Tools.Execute.All"));
    server.server.config.entra_tokens = Some(accepted);
    verified(&server, changes).unwrap().kind
}

#[test]
fn kind_of_caller_follows_from_what_the_token_says() {
    let app = json!({"scp": null, "roles": ["Tools.Execute.All"], "preferred_username": null});
    let with = |of: &Value, changes: Value| {
        let mut of = of.clone();
        for (name, value) in changes.as_object().unwrap() {
            of[name] = value.clone();
        }
        of
    };
    for (changes, expected) in [
        (json!({"idtyp": null}), PrincipalKind::User),
        (
            with(&app, json!({"idtyp": "app"})),
            PrincipalKind::Application,
        ),
        (
            with(&app, json!({"idtyp": null})),
            PrincipalKind::Application,
        ),
        (
            with(
                &app,
                json!({"idtyp": "app", "xms_act_fct": "3 9 11", "xms_sub_fct": "11"}),
            ),
            PrincipalKind::Agent(AgentFor::Itself),
        ),
        (
            json!({"xms_act_fct": "11 9"}),
            PrincipalKind::Agent(AgentFor::User),
        ),
        (
            json!({"xms_act_fct": "11", "xms_sub_fct": "13 3"}),
            PrincipalKind::Agent(AgentFor::AgentUser),
        ),
        (json!({"xms_act_fct": "111 1 x"}), PrincipalKind::User),
    ] {
        assert_eq!(kind(&changes), expected, "{changes}");
    }
}

/// What comes of a token where the operator has set this.
fn with_policy(
    set: impl FnOnce(&mut AcceptedEntraTokens),
    changes: &Value,
) -> Result<String, EntraTokenError> {
    let mut server = server();
    let mut accepted = both_versions();
    set(&mut accepted);
    server.server.config.entra_tokens = Some(accepted);
    verified(&server, changes).map(|caller| caller.scope)
}

fn is_forbidden(result: &Result<String, EntraTokenError>) -> bool {
    matches!(result, Err(EntraTokenError::Forbidden(_)))
}

// D16: an application alone authorizes nothing that a user's token is good for, and a role no user.
#[test]
fn operator_says_which_applications_scopes_roles_and_agents_are_taken() {
    let user = json!({});
    let app = json!({"scp": null, "roles": ["Tools.Execute.All"], "idtyp": "app"});
    let named = |accepted: &mut AcceptedEntraTokens| assert!(accepted.add_application(CALLER));
    let other = |accepted: &mut AcceptedEntraTokens| assert!(accepted.add_application(OTHER));
    let role = |accepted: &mut AcceptedEntraTokens| assert!(accepted.add_role("Tools.Execute.All"));
    assert_eq!(with_policy(|_| {}, &user).as_deref(), Ok("user.read"));
    assert_eq!(with_policy(named, &user).as_deref(), Ok("user.read"));
    assert!(is_forbidden(&with_policy(other, &user)));
    // Without a user.
    assert!(
        is_forbidden(&with_policy(|_| {}, &app)),
        "nobody has named it"
    );
    assert_eq!(with_policy(named, &app).as_deref(), Ok(""));
    assert_eq!(with_policy(role, &app).as_deref(), Ok(""));
    let no_role = json!({"scp": null, "roles": ["Other"], "idtyp": "app"});
    assert!(is_forbidden(&with_policy(role, &no_role)));
    let both = |accepted: &mut AcceptedEntraTokens| {
        named(accepted);
        role(accepted);
    };
    assert!(is_forbidden(&with_policy(both, &no_role)));
    let no_scope = json!({"scp": null, "roles": ["Tools.Execute.All"], "idtyp": "user"});
    assert_eq!(with_policy(role, &no_scope), Err(EntraTokenError::NoScope));
    // Scopes.
    assert_eq!(
        with_policy(|_| {}, &json!({"scp": "other.scope"})),
        Err(EntraTokenError::NoScope)
    );
    let scope = |accepted: &mut AcceptedEntraTokens| assert!(accepted.add_scope("access_as_user"));
    let as_user = json!({"scp": "access_as_user mail.read"});
    assert_eq!(
        with_policy(scope, &as_user).as_deref(),
        Ok("user.read mail.read")
    );
    assert_eq!(with_policy(scope, &user), Err(EntraTokenError::NoScope));
    let mail = |accepted: &mut AcceptedEntraTokens| assert!(accepted.add_scope("mail.read"));
    assert_eq!(
        with_policy(mail, &json!({"scp": "mail.read"})).as_deref(),
        Ok("mail.read")
    );
    // Agents.
    let agent = json!({"xms_act_fct": "11"});
    assert_eq!(with_policy(|_| {}, &agent).as_deref(), Ok("user.read"));
    assert!(is_forbidden(&with_policy(
        AcceptedEntraTokens::refuse_agents,
        &agent
    )));
    assert!(with_policy(AcceptedEntraTokens::refuse_agents, &user).is_ok());
}
