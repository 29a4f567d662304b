//! A backend that gets an access token of Entra's, from the development tenant: made for the backend itself and for the user, kept until
//! it ends, and renewed with claims where the backend wants more.

use std::{
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_mcp_dev_tenant::{ORDERS_ID, ORDERS_URI};
use serde_json::{Value, json};
use url::Url;

use super::{conditional_access::satisfy, pulls::request};
use crate::{
    Program, Server,
    client::claims,
    session::{Session, text, until},
};

/// A server that reads who calls from the token that it gets.
struct Backend {
    address: String,
    /// The requests, as they were on the wire.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Backend {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mcp", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (kept, mut socket) = (Arc::clone(&kept), socket.unwrap());
                std::thread::spawn(move || {
                    let text = request(&mut BufReader::new(socket.try_clone().unwrap()));
                    kept.lock().unwrap().push(text.clone());
                    let _left = serve(&mut socket, &text);
                });
            }
        });
        Self { address, requests }
    }

    /// The gateway in front of it.
    fn gateway(&self, program: &Program) -> Server {
        let identity = format!("entra:{ORDERS_URI}/Orders.Read");
        program.start_with(&["--backend", &self.address, "--identity", &identity])
    }

    /// The tokens of the requests so far, each once, in the order in which they came.
    fn tokens(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let mut tokens: Vec<String> = requests.iter().filter_map(|text| bearer(text)).collect();
        tokens.dedup();
        tokens
    }
}

fn bearer(text: &str) -> Option<String> {
    let (head, _) = text.split_once("\r\n\r\n")?;
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let token = value.trim().strip_prefix("Bearer ")?;
        name.eq_ignore_ascii_case("authorization")
            .then(|| token.to_owned())
    };
    head.lines().find_map(line)
}

/// `whoami` says whom the token is of, and whom for; `secret` is for those only who have satisfied an authentication context.
fn serve(socket: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    if !head.starts_with("POST ") {
        return respond(socket, "405 Method Not Allowed", "", "");
    }
    let Some(token) = bearer(text) else {
        return respond(
            socket,
            "401 Unauthorized",
            "www-authenticate: Bearer\r\n",
            "",
        );
    };
    let told = claims(&token);
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let tool = message["params"]["name"].as_str();
    let result = match (message["method"].as_str(), tool) {
        (Some("initialize"), _) => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "orders", "version": "1"}})
        }
        (Some("tools/call"), Some("secret")) if told["acrs"] != json!(["c1"]) => {
            let acrs = json!({"essential": true, "value": "c1"});
            let wanted = json!({"access_token": {"acrs": acrs}}).to_string();
            let challenge = format!(
                "www-authenticate: Bearer error=\"insufficient_claims\", claims=\"{}\"\r\n",
                STANDARD.encode(wanted)
            );
            return respond(socket, "401 Unauthorized", &challenge, "");
        }
        (Some("tools/call"), _) => {
            let who = [&told["preferred_username"], &told["aud"], &told["scp"]];
            let who: Vec<&str> = who.into_iter().filter_map(Value::as_str).collect();
            json!({"content": [{"type": "text", "text": who.join(" ")}]})
        }
        _ => return respond(socket, "202 Accepted", "", ""),
    };
    let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
    respond(socket, "200 OK", "", &body.to_string())
}

fn respond(socket: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    socket.write_all((head + body).as_bytes())
}

/// How often Entra was asked for tokens.
fn redeemed(server: &Server) -> usize {
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    asked.matches("/oauth2/v2.0/token\"").count()
}

/// R3, P9. The backend gets a token that Entra has made for it and for this user, which is asked for once; no session token reaches it,
/// and its token no client.
pub fn backend_gets_a_token_of_entra_for_itself_and_this_user(program: &Program) {
    let backend = Backend::start();
    let server = backend.gateway(program);
    let sessions = ["alice", "bob"].map(|user| (user, Session::of(&server, user)));
    let before = redeemed(&server);
    for (user, session) in &sessions {
        for _ in 0..10 {
            let told = session.call("whoami", &json!({}));
            let expected = format!("{user}@contoso.example {ORDERS_ID} Orders.Read");
            assert_eq!(text(&told), expected);
        }
    }
    assert_eq!(redeemed(&server), before, "the tokens are kept");
    let tokens = backend.tokens();
    assert!(tokens.iter().all(|token| claims(token)["aud"] == ORDERS_ID));
    let requests = backend.requests.lock().unwrap().concat();
    for (_, session) in &sessions {
        assert!(!requests.contains(&session.client.access_token));
    }
    let log = server.log();
    assert!(tokens.iter().all(|token| !log.contains(token)));
}

/// D22, D23. Claims that the backend wants are a step-up of the session in which it was called, which goes on after that.
pub fn claims_that_a_backend_wants_are_a_step_up_of_the_same_session(program: &Program) {
    let backend = Backend::start();
    let server = backend.gateway(program);
    let session = Session::of(&server, "alice");
    let asked = session.call("secret", &json!({}));
    assert_eq!(asked["isError"], true, "{asked}");
    let link = text(&asked).rsplit(' ').next().unwrap();
    assert!(
        link.starts_with(&format!("{}/step-up?", server.url())),
        "{asked}"
    );
    let done = satisfy(&server, &Url::parse(link).unwrap(), "alice");
    assert_eq!(done.status, 200, "{}", done.body);
    let told = session.call("secret", &json!({}));
    assert!(text(&told).starts_with("alice@contoso.example"), "{told}");
    until("the log says it", || {
        server.log().contains("claims.satisfied")
    });
    let tokens = backend.tokens();
    let last = tokens.last().expect("the backend was called");
    assert_eq!(claims(last)["acrs"], json!(["c1"]));
}
