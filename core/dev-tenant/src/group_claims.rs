//! What tokens say of the groups of a user.
//!
//! Source: Microsoft identity platform, "Configure group claims for applications" and "Groups overage claim".

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::users::Account;

/// How many groups a token names at most. Of a user who is in more it names none.
const GROUPS_IN_TOKEN: usize = 200;

/// `groupMembershipClaims` of the registration: which groups tokens name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum GroupMembershipClaims {
    /// All security groups that the user is in.
    #[default]
    SecurityGroup,
    /// Those that are assigned to the application.
    ApplicationGroup,
    /// None.
    None,
}

/// Which groups tokens name, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupClaims {
    /// Which.
    pub membership: GroupMembershipClaims,
    /// The object ids of those that are assigned to the application.
    pub assigned: Vec<String>,
    /// Whether they are named by `cloud_displayname`, which anybody may change, in place of the object id.
    pub are_names: bool,
}

impl GroupClaims {
    /// Adds what a token says of the groups; `endpoint` is where whoever reads it could ask for them.
    pub(super) fn add_to(
        &self,
        claims: &mut Map<String, Value>,
        account: &Account,
        endpoint: &str,
    ) {
        let is_named = |group: &&String| match self.membership {
            GroupMembershipClaims::SecurityGroup => true,
            GroupMembershipClaims::ApplicationGroup => self.assigned.contains(group),
            GroupMembershipClaims::None => false,
        };
        let groups: Vec<_> = account.groups.iter().filter(is_named).collect();
        if groups.len() > GROUPS_IN_TOKEN {
            claims.insert("_claim_names".to_owned(), json!({"groups": "src1"}));
            let sources = json!({"src1": {"endpoint": endpoint}});
            claims.insert("_claim_sources".to_owned(), sources);
        } else if !groups.is_empty() {
            let name = |group: &String| match self.are_names {
                true => format!("Group {}", group.get(..8).unwrap_or(group)),
                false => group.clone(),
            };
            let groups: Vec<_> = groups.into_iter().map(name).collect();
            claims.insert("groups".to_owned(), json!(groups));
        }
    }
}
