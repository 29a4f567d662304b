//! People: whom the user works with, and whom the directory knows.
//!
//! Source: Microsoft Graph v1.0, "List people", "List users", "Advanced query capabilities on Microsoft Entra ID objects".

use serde_json::json;

use super::{
    Offer, Permission, arguments,
    fields::{text, texts},
    list::{List, with_paging},
    text::quoted,
};
use crate::catalog::{Call, GraphRequest, Step, Tool, ToolResult};

pub(super) const SCOPES: &[Permission] = &[
    ("people.read", "People.Read", "See whom you work with."),
    (
        "user.readbasic.all",
        "User.ReadBasic.All",
        "Look up people in your organization.",
    ),
];

const PEOPLE: List = List {
    items: "people",
    fields: &[
        text("id", "/id", "The id."),
        text("displayName", "/displayName", "The name as it is shown."),
        texts(
            "addresses",
            "/scoredEmailAddresses",
            "/address",
            "The mail addresses.",
        ),
        text(
            "userPrincipalName",
            "/userPrincipalName",
            "The name to sign in with.",
        ),
        text("jobTitle", "/jobTitle", "The job title."),
    ],
};

const USERS: List = List {
    items: "users",
    fields: &[
        text("id", "/id", "The object id."),
        text("displayName", "/displayName", "The name as it is shown."),
        text("mail", "/mail", "The mail address."),
        text(
            "userPrincipalName",
            "/userPrincipalName",
            "The name to sign in with.",
        ),
        text("jobTitle", "/jobTitle", "The job title."),
    ],
};

pub(super) fn offers() -> Vec<Offer> {
    let query = |what: &str| json!({"query": {"type": "string", "minLength": 1, "maxLength": 200, "description": what}});
    let people = Tool::new(
        "people",
        "Find people that the signed-in user works with, the closest first; without a query, list them.",
    )
    .title("Find colleagues")
    .input_schema(arguments(&with_paging(query("A name, or how it begins.")), &[]))
    .output_schema(PEOPLE.output_schema())
    .requires_scope("people.read");
    let users = Tool::new(
        "users_search",
        "Find users in the directory of the signed-in user's organization by name or mail address.",
    )
    .title("Search the directory")
    .input_schema(arguments(
        &with_paging(query("A name or address, or how it begins.")),
        &["query"],
    ))
    .output_schema(USERS.output_schema())
    .requires_scope("user.readbasic.all");
    vec![(people, step_people), (users, step_users)]
}

fn step_people(call: &Call) -> Step<ToolResult> {
    PEOPLE.step(call, || {
        let request = GraphRequest::get(["v1.0", "me", "people"]).query(
            "$select",
            "id,displayName,scoredEmailAddresses,userPrincipalName,jobTitle",
        );
        Ok(match call.text("query") {
            "" => request,
            query => request.query("$search", quoted(query)),
        })
    })
}

fn step_users(call: &Call) -> Step<ToolResult> {
    USERS.step(call, || {
        let query = call.text("query");
        let by = |name: &str| quoted(&format!("{name}:{query}"));
        let search = format!("{} OR {}", by("displayName"), by("mail"));
        // Graph searches the directory only so ("advanced query").
        Ok(GraphRequest::get(["v1.0", "users"])
            .query("$search", search)
            .query("$select", "id,displayName,mail,userPrincipalName,jobTitle")
            .query("$count", true)
            .header("ConsistencyLevel", "eventual"))
    })
}
