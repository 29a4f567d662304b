//! What the policy of these worlds says of the tools behind the gateway, and who may know of them by it: that is known here from the
//! development tenant, and not from the server.

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_core::{
    catalog::ScopeDefinition,
    policy::{ArgumentCheck, ArgumentRule, Confirmation, NamePattern, Policy, PolicyRule},
};
use entra_mcp_dev_tenant::{Control, USERS};
use serde_json::{Value, json};

use super::{Key, identity::Caller};
use crate::{checks::Failure, ids::ExchangeRef, options::Options, world::State};

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

/// The resource that who has an app role may know of, and that of who is in a group: a stream tells of their changes.
pub(crate) const RESOURCES: [(&str, &str); 2] = [
    ("orders://of-role", OF_ROLE),
    ("orders://of-group", OF_GROUP),
];

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
        resources: vec![
            PolicyRule {
                roles: vec![ROLE.to_owned()],
                ..rule("orders://of-role")
            },
            PolicyRule {
                groups: vec![GROUP.to_owned()],
                ..rule("orders://of-group")
            },
        ],
        ..Policy::default()
    }
}

/// Takes what a user has by which they may know of more than others, or gives it back: by their user name.
pub(crate) fn takes(username: &str, is_taken: bool) -> Control {
    let username = username.to_owned();
    let user = USERS.iter().find(|user| user.username == username);
    let given = |all: &[&str]| match is_taken {
        true => Vec::new(),
        false => all.iter().map(|one| (*one).to_owned()).collect(),
    };
    let groups = user.map(|user| user.groups).unwrap_or_default();
    match groups.is_empty() {
        true => Control::Roles {
            roles: given(user.map(|user| user.roles).unwrap_or_default()),
            username,
        },
        false => Control::Groups {
            groups: given(groups),
            username,
        },
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

/// Whether a user, by their `oid`, may know of a tool at the endpoint of this name with what they have on the first day.
pub(crate) fn may_know(tool: &str, oid: &str, name: Option<&str>) -> bool {
    let user = USERS.iter().find(|user| user.oid == oid);
    match tool {
        HIDDEN => false,
        OF_ROLE => user.is_some_and(|user| user.roles.contains(&ROLE)),
        OF_GROUP => user.is_some_and(|user| user.groups.contains(&GROUP)),
        _ => is_at(tool, name),
    }
}

/// Whether it takes a role or a group to know of a tool.
pub(crate) fn is_limited(tool: &str) -> bool {
    matches!(tool, OF_ROLE | OF_GROUP)
}

impl State {
    /// A backend says again and again that resources have changed of which not everybody may know.
    pub(super) fn say_of_resources(&mut self, key: Key, from: Duration) -> Duration {
        let mut at = from;
        for _ in 0..self.choice.below(30) {
            at += self.choice.between(Duration::ZERO, Duration::from_secs(60));
            let (uri, _) = *self.choice.pick(&RESOURCES);
            let method = "notifications/resources/updated";
            let message = json!({"jsonrpc": "2.0", "method": method, "params": {"uri": uri}});
            self.say_event(key, at, &message);
        }
        at
    }

    /// What is hidden from who calls does not come to a backend.
    pub(super) fn check_known(&mut self, key: Key, message: &Value, caller: Option<&Caller>) {
        let is_call = message
            .get("method")
            .is_some_and(|method| method == "tools/call");
        let tool = message.pointer("/params/name").and_then(Value::as_str);
        let place = self.backends.get(key).map(|backend| backend.place);
        let (true, Some(tool), Some(caller), Some(place)) = (is_call, tool, caller, place) else {
            return;
        };
        let ledger = self.checks.ledger();
        let case = ledger.case(ExchangeRef::new(key.0, key.1));
        let token = case.and_then(|case| case.bearer.as_deref());
        let (roles, now) = (&ledger.roles, self.moment);
        if roles.may_know((tool, place.name), &caller.oid, token, now) == Some(false) {
            let what = format!("the backend is asked for {tool}, which is hidden from {caller:?}");
            self.fail(Failure::new("hidden stays hidden", what));
        }
    }
}

/// Which call a user is asked about.
pub(crate) fn asked_about(question: &str) -> Option<&str> {
    question.strip_prefix(QUESTION)
}
