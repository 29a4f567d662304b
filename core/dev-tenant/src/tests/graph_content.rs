//! What users have in Microsoft 365.

use super::*;

const ALL: &str = "openid Mail.Read Calendars.Read Files.Read Files.Read.All Sites.Read.All People.Read User.ReadBasic.All \
                   Tasks.Read Chat.ReadBasic Chat.Read";

/// An access token for all of it, and the world in which it is good.
pub(super) fn granted(name: &str) -> (World, String) {
    let mut world = World::new();
    let page = world.authorize(&[("scope", ALL)]);
    let consent = world.choose(&page, name);
    let code = parameter(&world.decide(&consent, "accept"), "code");
    let tokens = json(&world.redeem_with(&code, &[("scope", ALL)]));
    let token = tokens["access_token"].as_str().expect("a token");
    (world, token.to_owned())
}

pub(super) fn list(world: &mut World, token: &str, target: &str) -> Value {
    let response = world.me(target, token);
    assert_eq!(response.status(), 200, "{target}: {}", text(&response));
    json(&response)
}

#[test]
fn lists_have_pages_and_search_finds_words() {
    let (mut world, token) = granted("alice");
    let inbox = "/v1.0/me/mailFolders/inbox/messages?$top=2";
    let page = list(&mut world, &token, inbox);
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
    let next = page["@odata.nextLink"]
        .as_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap();
    let rest = list(&mut world, &token, next);
    assert_eq!(rest["value"].as_array().unwrap().len(), 1);
    assert!(rest.get("@odata.nextLink").is_none());
    let found = list(&mut world, &token, "/v1.0/me/messages?$search=%22lunch%22");
    assert_eq!(found["value"][0]["subject"], "Lunch");
    let files = list(&mut world, &token, "/v1.0/me/drive/root/search(q='notes')");
    assert_eq!(files["value"][0]["name"], "Notes on the budget.txt");
    assert!(
        !files.to_string().contains("third sheet"),
        "content has a link of its own"
    );
    let day =
        "/v1.0/me/calendarView?startDateTime=2026-12-01T00:00:00&endDateTime=2026-12-02T00:00:00";
    assert_eq!(
        list(&mut world, &token, day)["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn permission_mailbox_and_consistency_are_asked_for() {
    let (mut world, token) = granted("bob");
    let code =
        |response: &Response<Bytes>| json(response)["error"]["code"].as_str().unwrap().to_owned();
    let mail = world.me("/v1.0/me/messages", &token);
    assert_eq!(code(&mail), "MailboxNotEnabledForRESTAPI");
    let users = world.me("/v1.0/users?$search=%22displayName:a%22", &token);
    assert_eq!(code(&users), "Request_UnsupportedQuery");
    let tokens = world.tokens("alice");
    let less = tokens["access_token"].as_str().unwrap();
    let chats = world.me("/v1.0/me/chats", less);
    assert_eq!(chats.status(), 403);
}

// P9
#[test]
fn content_has_a_link_that_takes_no_token() {
    let (mut world, token) = granted("alice");
    let content = world.me("/v1.0/drives/b!contoso/items/01BUDGET/content", &token);
    assert_eq!(content.status(), 302);
    let link = header_of(&content, "location")
        .strip_prefix(ORIGIN)
        .unwrap()
        .to_owned();
    assert_eq!(world.me(&link, &token).status(), 400);
    assert!(text(&world.get(&link)).starts_with("sheet,amount"));
    let request = Request::get(&link).header("range", "bytes=6-11");
    let piece = world.ask(&request.body(Bytes::new()).unwrap());
    assert_eq!(
        (piece.status().as_u16(), text(&piece).as_str()),
        (206, "amount")
    );
}

#[test]
fn search_takes_one_request_of_kinds_that_go_together() {
    let (mut world, token) = granted("alice");
    let mut search = |types: &Value| {
        let body = serde_json::json!({"requests": [{"entityTypes": types, "query": {"queryString": "budget"}}]});
        let request = Request::post("/v1.0/search/query")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        world.ask(&request.body(body.to_string().into()).unwrap())
    };
    for types in [
        serde_json::json!(["driveItem", "site"]),
        serde_json::json!(["message"]),
        serde_json::json!(["chatMessage"]),
    ] {
        let found = json(&search(&types));
        let hits = found["value"][0]["hitsContainers"][0]["hits"]
            .as_array()
            .unwrap();
        assert!(!hits.is_empty(), "{types}");
    }
    assert_eq!(
        search(&serde_json::json!(["message", "driveItem"])).status(),
        400
    );
}
