//! Authorization meets protocol: a client signs in for more and goes on where it was; roles and
//! groups decide who sees a tool (MCP 2025-11-25, authorization, scope challenge and step-up flow).

use bytes::Bytes;
use entra_mcp_core::{
    catalog::{
        Call, Catalog, Effect, EffectResult, Handler, ScopeDefinition, Step, Tool, ToolResult,
    },
    env::Server,
};
use entra_mcp_fuzz::{
    choice::Choice,
    client::{ClientError, Dialect},
    fixture::{Fixture, LATEST},
    options::Options,
    world::World,
};
use http::Method;
use serde_json::{Value, json};

const GROUP_OF_BOB: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

fn caller_as_text(call: &Call) -> Step<ToolResult> {
    let who = call.principal();
    let name = who.name.as_deref().unwrap_or_default();
    Step::done(format!("{name}: {}", who.scopes.join(" ")))
}

/// Tells whether there is a token, and never shows it: the world would see it.
fn gets_a_token(call: &Call) -> Step<ToolResult> {
    match call.results() {
        [] => Step::effect(Effect::Token(call.text("for").to_owned())),
        [EffectResult::Token(Ok(_)), ..] => Step::done("There is one."),
        [EffectResult::Token(Err(message)), ..] => Step::done(message.as_str()),
        _ => Step::done("odd"),
    }
}

/// A server that reads mail, and has tools for few.
fn offering_mail(server: Server) -> Server {
    let pure = Handler::Step(caller_as_text);
    let mail = Tool::new("readMail", "Reads mail").requires_scope("user.read");
    let catalog = Catalog::builder()
        .scope(ScopeDefinition {
            name: "mail.read".to_owned(),
            permission: "Mail.Read".to_owned(),
            description: "Read your mail.".to_owned(),
        })
        .tool(Tool::new("open", "For everybody"), pure)
        .tool(mail.requires_scope("mail.read"), pure)
        .tool(
            Tool::new("report", "For one role").requires_role("Reports.Read"),
            pure,
        )
        .tool(
            Tool::new("watch", "For one group").requires_group(GROUP_OF_BOB),
            pure,
        );
    let schema = json!({"type": "object", "properties": {"for": {"type": "string"}}});
    let token = Tool::new("token", "Gets a token").input_schema(schema);
    let catalog = catalog.tool(token, Handler::Step(gets_a_token));
    let catalog = catalog.build().expect("the catalog is good");
    Server::new(server.config, server.keys, catalog)
}

fn world() -> World {
    let mut options = Options::faultless();
    options.prepare = offering_mail;
    World::new(options, Choice::of_bytes(&[]))
}

/// Signs in for these scopes, on what is connected.
fn sign_in_for(fixture: &mut Fixture, scope: &str) -> Result<(), ClientError> {
    let mut begun = fixture.begin();
    begun.url.query_pairs_mut().append_pair("scope", scope);
    let returned = fixture.ask_user(&begun)?;
    let code = fixture.client.accept(&begun, &returned)?;
    fixture.redeem(&begun, &code)
}

fn connect(fixture: &mut Fixture) {
    let world = fixture.world.clone();
    world.run(fixture.client.connect()).expect("it connects");
}

/// What a tool says.
fn call(fixture: &mut Fixture, tool: &str) -> Result<String, ClientError> {
    call_with(fixture, tool, json!({}))
}

fn call_with(fixture: &mut Fixture, tool: &str, arguments: Value) -> Result<String, ClientError> {
    let world = fixture.world.clone();
    let result = world.run(fixture.client.call_tool(tool, arguments))?;
    let text = result.pointer("/content/0/text").and_then(Value::as_str);
    Ok(text.unwrap_or_default().to_owned())
}

/// The scopes that the challenge to a call of `readMail` names.
fn challenged(fixture: &Fixture) -> String {
    let mut request = fixture
        .client
        .request(Method::POST, &fixture.client.address());
    let session = fixture.client.session().expect("there is a session");
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-session-id", session),
        ("mcp-protocol-version", fixture.client.dialect.version()),
    ] {
        let value = http::HeaderValue::from_str(value).expect("it is ASCII");
        request.headers_mut().insert(name, value);
    }
    let params = json!({"name": "readMail", "arguments": {}});
    let body = json!({"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params});
    *request.body_mut() = Bytes::from(body.to_string());
    let response = fixture.world.run(fixture.client.peer.fetch(request));
    let response = response.expect("the connection holds");
    assert_eq!(response.status(), 403);
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .expect("it is ASCII");
    let (_, rest) = challenge.split_once("scope=\"").expect("it names scopes");
    rest.split('"').next().unwrap_or_default().to_owned()
}

// I2, I9, P1; MCP, authorization, step-up flow
#[test]
fn step_up_sign_in_widens_the_session() {
    for dialect in Dialect::ALL {
        let mut fixture = Fixture::of(&world(), "alice", dialect);
        fixture.sign_in().expect("alice signs in");
        connect(&mut fixture);
        let before = call(&mut fixture, "open").expect("it is for everybody");
        assert_eq!(before, "Alice Adams: user.read", "{dialect:?}");
        let error = call(&mut fixture, "readMail").expect_err("it needs more");
        assert_eq!(error.status(), Some(403), "{dialect:?}: {error}");
        assert_eq!(error.error(), Some("insufficient_scope"), "{dialect:?}");

        let session = fixture.client.session().map(str::to_owned);
        let old = fixture.session_token();
        sign_in_for(&mut fixture, "user.read mail.read").expect("she signs in for more");
        assert_eq!(fixture.client.session().map(str::to_owned), session);
        let after = call(&mut fixture, "readMail").expect("it is allowed now");
        assert_eq!(after, "Alice Adams: user.read mail.read", "{dialect:?}");

        // E7: nothing widens the old token.
        let tokens = fixture.client.tokens.as_mut().expect("she is signed in");
        tokens.access_token = old;
        let error = call(&mut fixture, "readMail").expect_err("the old token is as it was");
        assert_eq!(error.status(), Some(403), "{dialect:?}");
    }
}

// P1: all that is needed, those that are held among it, so that asking for it loses nothing.
#[test]
fn step_up_challenge_names_held_and_required_scopes() {
    let mut fixture = Fixture::of(&world(), "alice", LATEST);
    for held in ["user.read", "mail.read"] {
        sign_in_for(&mut fixture, held).expect("alice signs in");
        connect(&mut fixture);
        assert_eq!(challenged(&fixture), "user.read mail.read", "held: {held}");
    }
}

// E7: a refresh keeps the wider scope, may narrow it, and never widens.
#[test]
fn refresh_keeps_granted_scopes() {
    let mut fixture = Fixture::of(&world(), "alice", LATEST);
    sign_in_for(&mut fixture, "user.read mail.read").expect("alice signs in");
    fixture.refresh().expect("it refreshes");
    connect(&mut fixture);
    call(&mut fixture, "readMail").expect("both scopes are kept");

    let mut fixture = Fixture::of(&world(), "alice", LATEST);
    fixture.sign_in().expect("alice signs in");
    let token = fixture.refresh_token();
    let wider = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str()),
        ("scope", "user.read mail.read"),
    ];
    let endpoint = format!("{}/token", fixture.world.server_url());
    let answered = fixture
        .world
        .run(fixture.client.post_form(&endpoint, &wider));
    assert_eq!(answered.expect("the connection holds").status(), 400);
}

// A4: each approval is of its scopes; who says no to more keeps what there was.
#[test]
fn declined_step_up_keeps_the_session() {
    let mut fixture = Fixture::of(&world(), "alice", LATEST);
    fixture.sign_in().expect("alice signs in");
    connect(&mut fixture);
    fixture.human.approves = false;
    let error = sign_in_for(&mut fixture, "user.read mail.read").expect_err("she says no");
    assert_eq!(error.error(), Some("access_denied"), "{error}");
    call(&mut fixture, "open").expect("the session is as it was");
}

// P1: who lacks the role or group does not see the tool, and calling it is as if there were none.
#[test]
fn tool_for_a_role_or_group_is_hidden_from_others() {
    for dialect in Dialect::ALL {
        for (name, own) in [
            ("alice", Some("report")),
            ("bob", Some("watch")),
            ("grace", None),
        ] {
            let mut fixture = Fixture::of(&world(), name, dialect);
            fixture.sign_in().expect("the user signs in");
            connect(&mut fixture);
            let world = fixture.world.clone();
            let listed = world
                .run(fixture.client.list_tools())
                .expect("there are tools");
            for tool in ["report", "watch"] {
                let is_own = own == Some(tool);
                assert_eq!(
                    listed.iter().any(|one| one == tool),
                    is_own,
                    "{name} {tool}"
                );
                let called = call(&mut fixture, tool);
                assert_eq!(
                    called.is_ok(),
                    is_own,
                    "{dialect:?} {name} {tool}: {called:?}"
                );
                if let Err(error) = called {
                    let hidden = error.to_string().replace(tool, "nothing");
                    let none = call(&mut fixture, "nothing").expect_err("there is none");
                    assert_eq!(hidden, none.to_string(), "it differs from none");
                }
            }
        }
    }
}

// E7, D10: roles and groups outlive a refresh.
#[test]
fn roles_survive_a_refresh() {
    let mut fixture = Fixture::of(&world(), "alice", LATEST);
    fixture.sign_in().expect("alice signs in");
    fixture.wait(std::time::Duration::from_secs(3000));
    fixture.refresh().expect("it refreshes, with Entra too");
    connect(&mut fixture);
    let said = call(&mut fixture, "report").expect("the role is still hers");
    assert_eq!(said, "Alice Adams: user.read");
}

// P1, P9: what the session was not granted is refused in words, and a sign-in for more mends it.
#[test]
fn token_for_a_permission_needs_a_scope_of_the_session() {
    let mut fixture = Fixture::of(&world(), "carol", LATEST);
    fixture
        .sign_in()
        .expect("carol signs in, and is asked at Entra");
    connect(&mut fixture);
    let token_for = |fixture: &mut Fixture, permission: &str| {
        call_with(fixture, "token", json!({"for": permission})).expect("the session stays")
    };
    let mail = "https://graph.microsoft.com/Mail.Read";
    assert_eq!(token_for(&mut fixture, "User.Read"), "There is one.");
    let message = token_for(&mut fixture, mail);
    assert!(message.contains("not granted `mail.read`"), "{message}");
    for other in [
        "api://11111111-2222-3333-4444-555555555555/Read",
        "Files.Read.Odd",
    ] {
        let message = token_for(&mut fixture, other);
        assert!(message.contains("offers no scope"), "{message}");
    }
    sign_in_for(&mut fixture, "user.read mail.read").expect("she consents to more");
    assert_eq!(token_for(&mut fixture, mail), "There is one.");
}

// E7, P1: what was consented to in another session is not this one's.
#[test]
fn consent_of_another_session_gives_no_token_here() {
    let world = world();
    let mut carol = Fixture::of(&world, "carol", LATEST);
    carol.sign_in().expect("carol signs in");
    let mut elsewhere = Fixture::of(&world, "carol", LATEST);
    elsewhere.client.redirect_uri = "http://127.0.0.1:49152/elsewhere".to_owned();
    sign_in_for(&mut elsewhere, "user.read mail.read").expect("she consents elsewhere");
    connect(&mut carol);
    let given = call_with(&mut carol, "token", json!({"for": "Mail.Read"}));
    let given = given.expect("the session stays");
    assert!(given.contains("not granted"), "{given}");
    carol.wait(std::time::Duration::from_secs(3500));
    carol.refresh().expect("the refresh token is good");
    connect(&mut carol);
    call(&mut carol, "open").expect("the session goes on");
}
