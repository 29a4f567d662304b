//! What the policy of these worlds says of the tools behind the gateway, and who may know of them by it: that is known here from the
//! development tenant, and not from the server.

use std::collections::BTreeMap;

use entra_mcp_core::{
    catalog::ScopeDefinition,
    policy::{ArgumentCheck, ArgumentRule, Confirmation, NamePattern, Policy, PolicyRule},
};
use entra_mcp_dev_tenant::USERS;

use crate::options::Options;

/// The tool that nobody may know of.
pub(crate) const HIDDEN: &str = "hidden";
/// The tool whose argument `mode` has to be [`SAFE`].
pub(crate) const FIXED: &str = "fixed";
/// The value that it has to have.
pub(crate) const SAFE: &str = "safe";
/// The tool that who has an app role may know of.
pub(crate) const OF_ROLE: &str = "of-role";
/// The tool that who is in a group may know of.
pub(crate) const OF_GROUP: &str = "of-group";
/// The tool that everybody may know of, and call with [`SCOPE`].
pub(crate) const OF_SCOPE: &str = "of-scope";
/// The tool whose user is asked before it is called.
pub(crate) const CONFIRMED: &str = "confirmed";
/// A scope that only the backend knows.
pub(crate) const SCOPE: &str = "orders.write";

/// The role that Alice has.
const ROLE: &str = "Reports.Read";
/// The group that Bob is in.
const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

/// The tools of which each is there at one of several endpoints only.
pub(crate) const ONLY: [&str; 2] = ["only-orders", "only-docs"];

/// How the question begins whether a call may be made; its nonce follows.
const QUESTION: &str = "May this be done: ";

/// What the policy says of all backends of a world.
pub(crate) fn of_world(options: &Options) -> Policy {
    let all = options.backends();
    let named = all.iter().filter_map(|(place, _)| place.name);
    let backends: BTreeMap<_, _> = named
        .map(|name| (name.to_owned(), of_one(Some(name))))
        .collect();
    match all.is_empty() || !backends.is_empty() {
        true => Policy {
            backends,
            ..Policy::default()
        },
        false => of_one(None),
    }
}

/// What it says of the backend of this name.
fn of_one(name: Option<&str>) -> Policy {
    let rule = |name: &str| PolicyRule::allowing(NamePattern::Exactly(name.to_owned()));
    let others = ONLY.into_iter().filter(|tool| !is_at(tool, name));
    let hidden = others.chain([HIDDEN]).map(|tool| PolicyRule {
        hidden: true,
        ..rule(tool)
    });
    let question = Confirmation::parse(&format!("{QUESTION}{{nonce}}"));
    Policy {
        tools: hidden
            .chain([
                PolicyRule {
                    arguments: vec![ArgumentRule {
                        argument: "mode".to_owned(),
                        check: ArgumentCheck::OneOf(vec![SAFE.into()]),
                    }],
                    ..rule(FIXED)
                },
                PolicyRule {
                    roles: vec!["Nobody.Has".to_owned(), ROLE.to_owned()],
                    ..rule(OF_ROLE)
                },
                PolicyRule {
                    groups: vec![GROUP.to_owned()],
                    ..rule(OF_GROUP)
                },
                PolicyRule {
                    scopes: vec![SCOPE.to_owned()],
                    ..rule(OF_SCOPE)
                },
                PolicyRule {
                    confirmation: Some(question.expect("a question")),
                    ..rule(CONFIRMED)
                },
            ])
            .collect(),
        ..Policy::default()
    }
}

/// The scopes that the policy offers.
pub(crate) fn scopes() -> Vec<ScopeDefinition> {
    vec![ScopeDefinition {
        name: SCOPE.to_owned(),
        permission: String::new(),
        description: "Change orders".to_owned(),
    }]
}

/// Whether a tool of one endpoint is there at this one.
fn is_at(tool: &str, name: Option<&str>) -> bool {
    let of = tool.strip_prefix("only-");
    of.is_none_or(|of| Some(of) == name)
}

/// Whether a user, by their `oid`, may know of a tool at the endpoint of this name.
pub(crate) fn may_know(tool: &str, oid: &str, name: Option<&str>) -> bool {
    let user = USERS.iter().find(|user| user.oid == oid);
    match tool {
        HIDDEN => false,
        OF_ROLE => user.is_some_and(|user| user.roles.contains(&ROLE)),
        OF_GROUP => user.is_some_and(|user| user.groups.contains(&GROUP)),
        _ => is_at(tool, name),
    }
}

/// Which call a user is asked about.
pub(crate) fn asked_about(question: &str) -> Option<&str> {
    question.strip_prefix(QUESTION)
}
