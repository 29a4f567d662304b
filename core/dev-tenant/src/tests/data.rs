//! People and answers of Graph that are brought along.

use super::*;
use crate::TenantData;

const PAGE: &str = include_str!("../../../docs/development-tenant.md");

fn world(text: &str) -> World {
    let mut world = World::new();
    let data = TenantData::parse(text).unwrap();
    world.tenant = world.tenant.with_data(data);
    world
}

/// The file that the documents show.
fn documented() -> World {
    let (_, rest) = PAGE.split_once("```json\n").unwrap();
    let (json, _) = rest.split_once("```").unwrap();
    world(json)
}

fn token(world: &mut World, username: &str) -> String {
    let code = world.code_with(username, &[]);
    let tokens = json(&world.redeem(&code));
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn people_of_the_file_sign_in_with_their_roles_and_groups() {
    let mut world = documented();
    for (name, shown) in [("zoe", "Zoe Zhang"), ("alice", "Alice Adams")] {
        let code = world.code_with(name, &[]);
        let tokens = json(&world.redeem(&code));
        let id_token = tokens["id_token"].as_str().unwrap();
        let claims = id_token.split('.').nth(1).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(
            claims["roles"],
            serde_json::json!(["Tickets.Admin"]),
            "{name}"
        );
        assert_eq!(claims["name"], shown);
        world.cookie = None;
    }
    world.control(Control::Roles {
        username: "zoe".to_owned(),
        roles: Vec::new(),
    });
    world.control(Control::Reset);
    let zoe = world.tenant.directory.by_username("zoe").unwrap();
    assert_eq!(zoe.roles, ["Tickets.Admin"], "as at the start");
}

#[test]
fn route_of_the_file_answers_whom_it_is_for() {
    let mut world = documented();
    let zoe = token(&mut world, "zoe");
    let first = world.me("/v1.0/me/messages", &zoe);
    assert_eq!(json(&first)["value"][0]["subject"], "Lunch");
    let next = json(&first)["@odata.nextLink"].as_str().unwrap().to_owned();
    let next = next.strip_prefix(ORIGIN).unwrap();
    assert_eq!(json(&world.me(next, &zoe))["value"], serde_json::json!([]));
    world.cookie = None;
    let alice = token(&mut world, "alice");
    assert_eq!(world.me("/v1.0/me/messages", &alice).status(), 404);
    assert_eq!(world.me("/v1.0/me/messages", "junk").status(), 401);
    assert_eq!(
        world.me("/v1.0/me", &alice).status(),
        200,
        "what else there is"
    );
    let throttled = world.me("/v1.0/me/events", &alice);
    assert_eq!(
        (
            throttled.status().as_u16(),
            header_of(&throttled, "retry-after")
        ),
        (429, "7")
    );
}

#[test]
fn content_of_the_file_needs_no_token_where_it_says_so() {
    let mut world = documented();
    let alice = token(&mut world, "alice");
    let link = world.me("/v1.0/me/drive/items/7/content", &alice);
    let link = header_of(&link, "location").to_owned();
    let content = world.get(link.strip_prefix(ORIGIN).unwrap());
    assert_eq!(text(&content), "The content of the file.");
}

#[test]
fn route_needs_its_permission() {
    let mut world =
        world(r#"{"graph": [{"path": "/v1.0/me/drive", "scope": "Files.Read", "body": {}}]}"#);
    let alice = token(&mut world, "alice");
    assert_eq!(world.me("/v1.0/me/drive", &alice).status(), 403);
}

#[test]
fn file_that_is_wrong_is_told_with_the_place() {
    for (text, place) in [
        ("{\n \"users\": 7}", "line 2, column 11: "),
        (
            "{\"people\": []}",
            "line 1, column 9: unknown field `people`",
        ),
        (r#"{"users": [{}]}"#, "`users[0].userPrincipalName`: "),
        (
            r#"{"users": [{"userPrincipalName": "a@b", "id": "7"}]}"#,
            "`users[0].id`: ",
        ),
        (
            r#"{"users": [{"userPrincipalName": "a@b", "groups": ["x"]}]}"#,
            "`users[0].groups`: ",
        ),
        (r#"{"graph": [{"path": "v1.0/me"}]}"#, "`graph[0].path`: "),
        (
            r#"{"graph": [{"path": "/a", "method": "G T"}]}"#,
            "`graph[0].method`: ",
        ),
        (
            r#"{"graph": [{"path": "/a", "status": 99}]}"#,
            "`graph[0].status`: ",
        ),
        (
            r#"{"graph": [{"path": "/a", "scope": "Odd"}]}"#,
            "`graph[0].scope`: ",
        ),
        (
            r#"{"graph": [{"path": "/a", "user": "mallory"}]}"#,
            "`graph[0].user`: nobody",
        ),
        (
            r#"{"graph": [{"path": "/a", "headers": {"a b": "c"}}]}"#,
            "`graph[0].headers`: ",
        ),
    ] {
        let error = TenantData::parse(text).unwrap_err();
        assert!(error.starts_with(place), "{text}: {error}");
    }
}
