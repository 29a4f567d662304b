//! What tokens say of groups, by the registration.

use super::{api::api_token, *};
use crate::{
    GroupClaims,
    GroupMembershipClaims::{ApplicationGroup, None as NoGroup, SecurityGroup},
};

const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

#[test]
fn registration_says_which_groups_tokens_name() {
    let (none, id) = (Value::Null, serde_json::json!([GROUP]));
    let name = serde_json::json!(["Group 5a1e5000"]);
    for (membership, assigned, are_names, user, expected, is_over) in [
        (SecurityGroup, None, false, "bob", &id, false),
        (NoGroup, None, false, "bob", &none, false),
        (ApplicationGroup, None, false, "bob", &none, false),
        (ApplicationGroup, Some(GROUP), false, "bob", &id, false),
        (ApplicationGroup, Some(GROUP), true, "bob", &name, false),
        (SecurityGroup, None, false, "heidi", &none, true),
        (NoGroup, None, false, "heidi", &none, false),
        // The cure of it.
        (ApplicationGroup, Some(GROUP), false, "heidi", &id, false),
    ] {
        let mut world = World::new();
        world.control(Control::GroupClaims(GroupClaims {
            membership,
            assigned: assigned.into_iter().map(str::to_owned).collect(),
            are_names,
        }));
        let id_token = world.tokens(user)["id_token"].as_str().unwrap().to_owned();
        for token in [id_token, api_token(&mut world, user)] {
            let claims = part(&token, 1);
            assert_eq!(claims.get("groups").unwrap_or(&none), expected);
            assert_eq!(claims.get("_claim_names").is_some(), is_over, "{user}");
        }
    }
}
