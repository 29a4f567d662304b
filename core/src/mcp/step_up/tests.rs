//! A user who must satisfy more at Entra, from the call to the call that goes on.

mod contexts;

use ::http::{Response, header::SET_COOKIE};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    entra::testing::{ALICE, Signer, claims},
    limits,
    log_event::LogEventId,
    mcp::testing::{World, profile, rpc},
    testing::{header, json as body, parameter, text},
};

const NBF: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
const ORIGIN: &str = "http://localhost:3001";

/// Alice, a client of hers, and her browser.
struct Alice {
    world: World,
    mcp_session: String,
    token: String,
    cookie: String,
}

impl Alice {
    fn new() -> Self {
        Self::with(World::new(), &json!({}))
    }

    fn with(mut world: World, capabilities: &Value) -> Self {
        let token = world.sign_in(ALICE, "a client", "user.read");
        let mcp_session = world.initialize_with(ALICE, "2025-11-25", capabilities);
        Self {
            world,
            mcp_session,
            token,
            cookie: String::new(),
        }
    }

    fn call_tool(&mut self, name: &str) -> Response<Bytes> {
        let sent = rpc(1, "tools/call", &json!({"name": name, "arguments": {}}));
        let fields = [("mcp-session-id", self.mcp_session.as_str())];
        let mut request = self.world.request(ALICE, "POST", "/mcp", &fields, &sent);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        self.world.send(request)
    }

    fn call(&mut self) -> Response<Bytes> {
        self.call_tool("getUserDetails")
    }

    /// Graph wants claims.
    fn graph_challenges(&mut self) {
        let challenge = format!(
            "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{}\"",
            STANDARD.encode(NBF)
        );
        let response = Response::builder()
            .status(401)
            .header("www-authenticate", challenge)
            .body(Bytes::new());
        self.world.graph.push_back(Ok(response.unwrap()));
    }

    /// Entra wants claims before there are new tokens.
    fn entra_wants(&mut self, claims: &str) {
        let refusal = json!({"error": "interaction_required", "suberror": "basic_action",
            "error_codes": [50076], "claims": claims});
        self.world.entra_responds(400, &refusal);
    }

    fn browse(&mut self, method: &str, target: &str, body: &str) -> Response<Bytes> {
        self.browse_from(ORIGIN, method, target, body)
    }

    fn browse_from(
        &mut self,
        origin: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Response<Bytes> {
        let target = target.strip_prefix(ORIGIN).unwrap_or(target);
        let mut request = self.world.server.request(method, target);
        request = request.header("cookie", self.cookie.as_str());
        if method == "POST" {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", origin);
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.world.send(request.body(body).unwrap())
    }

    /// Opens a link and presses the button; gives where the browser is sent.
    fn begin(&mut self, link: &str) -> String {
        let page = self.browse("GET", link, "");
        assert_eq!(page.status(), 200, "{}", text(&page));
        assert!(text(&page).contains("Confirm your sign-in"));
        let names = text(&page).matches("class=\"brand\"").count();
        assert_eq!(names, 1, "the name of the server stands above it once");
        assert_eq!(header(&page, "location"), "", "nobody is sent on unseen");
        let link = parameter(link, "link").unwrap();
        let response = self.browse("POST", "/step-up", &format!("link={link}"));
        assert_eq!(response.status(), 303, "{}", text(&response));
        let mut cookies = response.headers().get_all(SET_COOKIE).iter();
        let cookie = cookies.find(|cookie| !cookie.to_str().unwrap().contains("Max-Age=0"));
        let cookie = cookie.unwrap().to_str().unwrap();
        assert!(cookie.len() < 4096, "{}", cookie.len());
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        header(&response, "location").to_owned()
    }

    /// Comes back from Entra, signed in with these claims of the ID token changed.
    fn finish(&mut self, address: &str, changes: &Value) -> Response<Bytes> {
        self.finish_with("User.Read", address, changes)
    }

    /// The same, with an access token of this scope.
    fn finish_with(&mut self, scope: &str, address: &str, changes: &Value) -> Response<Bytes> {
        let nonce = parameter(address, "nonce").unwrap();
        let mut all = claims(&self.world.server, json!({"nonce": nonce}));
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        let tokens = json!({"access_token": "a stronger token", "refresh_token": "a stronger refresh token",
            "expires_in": 3599, "scope": scope, "id_token": Signer::known().jwt(&all)});
        self.world.entra_responds(200, &tokens);
        let state = parameter(address, "state").unwrap();
        self.browse(
            "GET",
            &format!("/auth/callback?code=a+code&state={state}"),
            "",
        )
    }

    fn sent(&self, number: usize) -> Value {
        let form = url::form_urlencoded::parse(self.world.redeemed[number].body());
        let mut claims = form.filter(|(name, _)| name == "claims");
        serde_json::from_str(&claims.next().unwrap().1).unwrap()
    }

    fn has_logged(&self, id: LogEventId) -> bool {
        self.world.logged.iter().any(|line| line.id() == id)
    }
}

/// The link in the text of a tool's result.
fn link(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), 200, "{}", text(response));
    let result = &body(response)["result"];
    assert_eq!(result["isError"], true, "{result}");
    let text = result["content"][0]["text"].as_str().unwrap();
    let link = text.rsplit(' ').next().unwrap();
    assert!(
        link.starts_with("http://localhost:3001/step-up?link="),
        "{text}"
    );
    link.to_owned()
}

// D22; Microsoft identity platform, "Continuous access evaluation enabled APIs".
#[test]
fn challenge_of_graph_is_answered_by_one_refresh_with_its_claims() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.world.graph_responds(200, &profile("alice"));
    assert_eq!(body(&alice.call())["result"]["isError"], false);
    assert_eq!(alice.world.redeemed.len(), 1);
    assert_eq!(
        alice.sent(0),
        json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}, "xms_cc": {"values": ["cp1"]}}})
    );
}

// D11, D22
#[test]
fn second_challenge_of_graph_is_no_second_refresh_but_a_link() {
    let mut alice = Alice::new();
    for _ in 0..2 {
        alice.graph_challenges();
    }
    let link = link(&alice.call());
    assert_eq!(alice.world.redeemed.len(), 1, "one refresh");
    assert_eq!(alice.world.asked.len(), 2, "one repetition");
    let address = alice.begin(&link);
    let asked: Value = serde_json::from_str(&parameter(&address, "claims").unwrap()).unwrap();
    assert_eq!(asked, alice.sent(0));
}

// D22, D23: the same session token goes on, with what Entra gave for the claims.
#[test]
fn refusal_with_claims_becomes_a_link_and_the_session_goes_on() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let link = link(&alice.call());
    assert!(alice.has_logged(LogEventId::ClaimsRequired));
    let address = alice.begin(&link);
    assert_eq!(parameter(&address, "prompt"), None);
    let page = alice.finish(&address, &json!({}));
    assert_eq!(page.status(), 200, "{}", text(&page));
    assert!(text(&page).contains("Your sign-in is confirmed"));
    assert_eq!(
        alice.sent(1),
        alice.sent(0),
        "the code is redeemed with the same claims"
    );
    assert!(alice.has_logged(LogEventId::ClaimsSatisfied));
    alice.world.graph_responds(200, &profile("alice"));
    assert_eq!(body(&alice.call())["result"]["isError"], false);
    let bearer = &alice.world.asked.last().unwrap().headers()["authorization"];
    assert_eq!(bearer, "Bearer a stronger token");
    let logged = format!("{:?}", alice.world.logged);
    for secret in ["1604106651", "nbf", "a stronger", "link="] {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
}

// D10: what Entra has revoked is over; nothing is to be satisfied.
#[test]
fn refusal_without_claims_ends_the_session() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    let revoked = json!({"error": "invalid_grant", "error_codes": [50173]});
    alice.world.entra_responds(400, &revoked);
    assert_eq!(alice.call().status(), 401);
    assert_eq!(alice.call().status(), 401);
}

// D23
#[test]
fn step_up_of_another_user_changes_nothing() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let link = link(&alice.call());
    let address = alice.begin(&link);
    let eve = "eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee";
    let page = alice.finish(&address, &json!({"oid": eve}));
    assert_eq!(page.status(), 403);
    assert!(text(&page).contains("another account"), "{}", text(&page));
    assert!(alice.has_logged(LogEventId::ClaimsOtherUser));
    let keys = alice.world.server.server.keys.clone();
    let tokens = alice.world.session(ALICE).entra_tokens(&keys).unwrap();
    assert_ne!(tokens.access_token.expose(), "a stronger token");
}

// A5, D23
#[test]
fn link_that_is_old_changed_or_posted_from_elsewhere_leads_nowhere() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let link = link(&alice.call());
    let sealed = parameter(&link, "link").unwrap();
    let form = format!("link={sealed}");
    let foreign = alice.browse_from("https://evil.example", "POST", "/step-up", &form);
    assert_eq!(foreign.status(), 400);
    assert!(alice.has_logged(LogEventId::ClaimsLinkForeign));
    for changed in ["", "x", sealed.get(1..).unwrap(), &format!("{sealed}AAAA")] {
        let page = alice.browse("GET", &format!("/step-up?link={changed}"), "");
        assert_eq!(page.status(), 400, "{changed}");
    }
    alice.world.server.now.unix = alice.world.server.now.unix.after(limits::SIGN_IN_TIMEOUT);
    for (method, target, body) in [("GET", &*link, ""), ("POST", "/step-up", &*form)] {
        let page = alice.browse(method, target, body);
        assert_eq!(page.status(), 400, "{method}");
        assert_eq!(header(&page, "location"), "");
    }
}

// F8: the session may have ended meanwhile.
#[test]
fn step_up_of_a_session_that_has_ended_gives_nothing() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let link = link(&alice.call());
    let address = alice.begin(&link);
    alice.world.revoke(ALICE);
    let page = alice.finish(&address, &json!({}));
    assert_eq!(page.status(), 400, "{}", text(&page));
    assert_eq!(alice.call().status(), 401);
}

// Another exchange writes the session at the same time.
#[test]
fn step_up_that_loses_a_race_is_written_again() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let link = link(&alice.call());
    let address = alice.begin(&link);
    alice.world.conflicts = 1;
    let page = alice.finish(&address, &json!({}));
    assert_eq!(page.status(), 200, "{}", text(&page));
}

// MCP 2025-11-25, client/elicitation, URL mode.
#[test]
fn client_that_opens_pages_is_told_by_the_error_for_that() {
    let capabilities = json!({"elicitation": {"url": {}}});
    let mut alice = Alice::with(World::new(), &capabilities);
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let error = body(&alice.call())["error"].clone();
    assert_eq!(error["code"], -32042);
    let asked = &error["data"]["elicitations"][0];
    assert_eq!(asked["mode"], "url");
    assert!(asked["elicitationId"].is_string());
    let link = asked["url"].as_str().unwrap();
    assert!(
        link.starts_with("http://localhost:3001/step-up?link="),
        "{link}"
    );
}

/// A call of 2026-07-28, by a client that opens pages.
fn modern(alice: &mut Alice, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "a test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
    });
    let fields = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "getUserDetails"),
    ];
    let response = alice
        .world
        .post(ALICE, &fields, rpc(1, "tools/call", &params));
    body(&response)["result"].clone()
}

// MCP 2026-07-28, basic/patterns: asked once, and then told, so that no client asks for ever.
#[test]
fn client_of_2026_07_28_is_asked_to_open_the_page_once() {
    let mut alice = Alice::new();
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let params = json!({"name": "getUserDetails", "arguments": {}});
    let asked = modern(&mut alice, params.clone());
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let request = &asked["inputRequests"]["entra-mcp-step-up"];
    assert_eq!(request["params"]["mode"], "url", "{asked}");
    alice.graph_challenges();
    alice.entra_wants(NBF);
    let mut again = params;
    again["inputResponses"] = json!({"entra-mcp-step-up": {"action": "accept"}});
    again["requestState"] = asked["requestState"].clone();
    let told = modern(&mut alice, again);
    assert_eq!(told["isError"], true, "{told}");
}

// D22: what was required when the client refreshed is required of every call.
#[test]
fn session_of_which_entra_wants_more_does_nothing_before_its_step_up() {
    let mut alice = Alice::new();
    let mut session = alice.world.session(ALICE);
    session.required_claims = crate::claims_challenge::ClaimsChallenge::parse(NBF);
    alice.world.replace_session(session);
    let link = link(&alice.call());
    assert!(alice.world.asked.is_empty(), "Graph is not asked");
    let address = alice.begin(&link);
    assert_eq!(alice.finish(&address, &json!({})).status(), 200);
    alice.world.graph_responds(200, &profile("alice"));
    assert_eq!(body(&alice.call())["result"]["isError"], false);
}
