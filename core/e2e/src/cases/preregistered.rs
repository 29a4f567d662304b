//! Clients that the operator has registered in a file.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use url::{Url, form_urlencoded};

use crate::{
    Program, Server,
    browser::Browser,
    client::{self, CHALLENGE, Client, Landed, VERIFIER},
    raw_http::Response,
    session::until,
};

pub(super) const ID: &str = "foundry-1";
pub(super) const SECRET: &str = "5f1d7a5e1c9b4d0e8f2a6b3c7d9e0f1a";
/// Its SHA-256.
const HASH: &str = "f574cef0826403ffedb1caf32820d19ded8132e93649eb86ee4f2d36646d90dd";
/// As the Power Platform makes one for each tool.
pub(super) const CALLBACK: &str =
    "https://global.consent.azure-apim.net/redirect/abc-5ftool-5f12ab";

/// A file of clients. Removed when dropped.
pub(super) struct ClientsFile(PathBuf);

impl ClientsFile {
    /// Our client, with these further lines.
    pub(super) fn new(name: &str, more: &str) -> Self {
        let name = format!("entra-mcp-e2e-{}-{name}.toml", std::process::id());
        let name = format!("{:?}-{name}", std::thread::current().id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(more);
        file
    }

    pub(super) fn write(&self, more: &str) {
        let text = format!(
            "[[client]]\nid = \"{ID}\"\nname = \"Foundry\"\nsecret_sha256 = \"{HASH}\"\n{more}\n"
        );
        // As an editor does it: there is never half a file.
        let other = self.0.with_extension("new");
        std::fs::write(&other, text).unwrap();
        std::fs::rename(&other, &self.0).unwrap();
    }

    pub(super) fn start(&self, program: &Program) -> Server {
        program.start_with(&["--clients", self.0.to_str().unwrap()])
    }
}

impl Drop for ClientsFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const LISTED: &str = "redirect_uris = [\"https://global.consent.azure-apim.net/redirect/*\"]";

/// Where the browser begins: a platform of Microsoft sends neither scope nor resource.
fn authorize(server: &Server, pkce: &[(&str, &str)]) -> Url {
    let parameters = [
        ("response_type", "code"),
        ("client_id", ID),
        ("redirect_uri", CALLBACK),
        ("state", "z"),
    ];
    let mut address =
        Url::parse_with_params(&format!("{}/authorize", server.url()), parameters).unwrap();
    address.query_pairs_mut().extend_pairs(pkce);
    address
}

const PKCE: [(&str, &str); 2] = [
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// Signs somebody in, up to where the browser leaves or stays.
fn browse(server: &Server, address: &Url, user: &str) -> Landed {
    let mut browser = Browser::default();
    let Landed::Page(page, consent) = browser.open(address, CALLBACK) else {
        panic!("the user is asked first");
    };
    assert!(
        consent.body.contains("registered by the operator"),
        "{}",
        consent.body
    );
    let Landed::Page(page, users) = browser.press(&page, &consent, "Approve", CALLBACK) else {
        panic!("the dev tenant asks who it is");
    };
    assert!(page.as_str().starts_with(&server.tenant_url()), "{page}");
    browser.press(&page, &users, user, CALLBACK)
}

fn code(server: &Server, pkce: &[(&str, &str)]) -> String {
    let landed = browse(server, &authorize(server, pkce), "alice");
    assert_eq!(client::parameter(&landed, "state").as_deref(), Some("z"));
    client::parameter(&landed, "code").unwrap()
}

/// Posts a form with HTTP Basic.
fn by_basic(server: &Server, target: &str, secret: &str, fields: &[(&str, &str)]) -> Response {
    by_basic_as(server, (ID, secret), target, fields)
}

fn by_basic_as(
    server: &Server,
    (id, secret): (&str, &str),
    target: &str,
    fields: &[(&str, &str)],
) -> Response {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Authorization", basic.as_str()),
    ];
    server.request("POST", target, &headers, &body)
}

fn redemption(code: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ]
}

fn with_verifier(code: &str) -> Vec<(&str, &str)> {
    let mut fields = redemption(code).to_vec();
    fields.push(("code_verifier", VERIFIER));
    fields
}

/// E9, E13: and a wrong secret spends nothing.
pub fn preregistered_client_signs_in_by_basic_or_by_form(program: &Program) {
    let file = ClientsFile::new("secrets", LISTED);
    let server = file.start(program);
    let wrong = "0".repeat(32);
    let first = code(&server, &PKCE);
    let fields = with_verifier(&first);
    let refused = by_basic(&server, "/token", &wrong, &fields);
    assert_eq!(refused.status, 401, "{}", refused.body);
    assert_eq!(refused.json()["error"], "invalid_client");
    let tokens = by_basic(&server, "/token", SECRET, &fields);
    assert_eq!(
        tokens.status, 200,
        "the code is still good: {}",
        tokens.body
    );
    let client = Client::of(ID.to_owned(), &tokens.json());
    assert!(client.works(&server));
    assert_eq!(client.refresh(&server).status, 401, "without its secret");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", client.refresh_token.as_str()),
    ];
    assert_eq!(by_basic(&server, "/token", &wrong, &refresh).status, 401);
    assert_eq!(by_basic(&server, "/token", SECRET, &refresh).status, 200);

    let second = code(&server, &PKCE);
    let by_form = |secret: &str| {
        let mut fields = with_verifier(&second);
        fields.extend([("client_id", ID), ("client_secret", secret)]);
        client::post_form(&server, "/token", &fields)
    };
    assert_eq!(by_form(&wrong).status, 401);
    let tokens = by_form(SECRET);
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let client = Client::of(ID.to_owned(), &tokens.json());
    let token = [("token", client.refresh_token.as_str())];
    assert_eq!(by_basic(&server, "/revoke", &wrong, &token).status, 401);
    assert!(client.works(&server));
    assert_eq!(by_basic(&server, "/revoke", SECRET, &token).status, 200);
    assert!(!client.works(&server));
    let log = server.log();
    assert!(!log.contains(SECRET) && !log.contains(&wrong));
}

/// C2: only where the operator says so.
pub fn preregistered_client_may_leave_pkce_out_if_it_is_told_so(program: &Program) {
    let file = ClientsFile::new("pkce", &format!("{LISTED}\npkce_optional = true"));
    let server = file.start(program);
    let code = code(&server, &[]);
    let response = by_basic(&server, "/token", SECRET, &redemption(&code));
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(Client::of(ID.to_owned(), &response.json()).works(&server));
    file.write(LISTED);
    let address = authorize(&server, &[]);
    until("the file is read again", || {
        let Landed::Page(_, page) = Browser::default().open(&address, CALLBACK) else {
            panic!("the user is told");
        };
        page.status == 400 && page.body.contains("PKCE is required")
    });
}

/// H13, H14: the operator reads the address on the page or in the log, and adds it.
pub fn unlisted_redirect_uri_is_named_and_can_be_listed_without_a_restart(program: &Program) {
    let file = ClientsFile::new("unlisted", "");
    let server = file.start(program);
    let address = authorize(&server, &PKCE);
    let page = || match Browser::default().open(&address, CALLBACK) {
        Landed::Page(_, page) => page,
        Landed::Left(url) => panic!("nobody was asked: {url}"),
    };
    let refused = page();
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains(CALLBACK), "{}", refused.body);
    until("the log names it", || server.log().contains(CALLBACK));
    file.write(LISTED);
    until("the file is read again", || page().status == 200);
    // What is wrong is said, and what was right stays in use.
    file.write("redirect_uris = [\"https://evil.example/*\"]\nscope = []");
    let is_said = |part: &str| until(part, || server.log().contains(part));
    is_said("clients.unusable");
    is_said("has a * where none may be");
    is_said("There is no \\\"scope\\\"");
    assert_eq!(page().status, 200);
    file.write("");
    until("the file is read again", || page().status == 400);
    assert!(server.log().contains("clients.read"));
}

/// Whoever asks for it by SIGHUP has the file read again, also where nothing of it has changed.
pub fn clients_are_read_again_after_a_hangup(program: &Program) {
    let file = ClientsFile::new("hangup", LISTED);
    let server = file.start(program);
    assert!(!server.log().contains("clients.read"));
    server.signal("HUP");
    until("the file is read again", || {
        server.log().contains("clients.read")
    });
    server.assert_healthy();
}

/// H15: before there is a code.
pub fn user_who_is_not_listed_for_a_client_gets_a_page(program: &Program) {
    let more = format!("{LISTED}\nusers = [\"alice@contoso.example\"]");
    let file = ClientsFile::new("users", &more);
    let server = file.start(program);
    code(&server, &PKCE);
    let Landed::Page(_, page) = browse(&server, &authorize(&server, &PKCE), "grace") else {
        panic!("she is told");
    };
    assert_eq!(page.status, 403);
    assert!(
        page.body.contains("You may not use this client here"),
        "{}",
        page.body
    );
}

/// What the command prints makes a client that signs in.
pub fn added_client_proves_itself_by_the_secret_that_was_shown(program: &Program) {
    let add = |platform: &str| {
        let arguments = ["client", "add", "--for", platform];
        let output = program.command().args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (is_done, text, stderr) = add("foundry");
    assert!(is_done, "{stderr}");
    let (_, entry) = text.split_once("[[client]]").unwrap();
    let (entry, typed) = entry.split_once("\n\n").unwrap();
    let field = |name: &str| {
        let line = typed
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}: {text}"))
            .trim()
            .to_owned()
    };
    let (id, secret) = (field("Client ID"), field("Client secret"));
    assert!(!entry.contains(&secret) && entry.contains(&id), "{entry}");
    let file = ClientsFile::new("added", &format!("[[client]]{entry}"));
    let server = file.start(program);
    // There is no such code, but the client is known.
    let wrong = by_basic_as(&server, (&id, &"0".repeat(64)), "/token", &redemption("x"));
    assert_eq!(wrong.json()["error"], "invalid_client");
    let mut fields = redemption("x").to_vec();
    fields.push(("code_verifier", VERIFIER));
    let known = by_basic_as(&server, (&id, &secret), "/token", &fields);
    assert_eq!(known.json()["error"], "invalid_grant", "{}", known.body);
    let (_, again, _) = add("foundry");
    assert!(!again.contains(&secret) && !again.contains(&id));
    let (is_done, _, stderr) = add("teams");
    assert!(!is_done && stderr.contains("copilot-studio"), "{stderr}");
}

/// Q1: all that is wrong, at the start.
pub fn file_of_clients_that_is_wrong_stops_the_start(program: &Program) {
    let file = ClientsFile::new(
        "wrong",
        "scopes = [\"no.such\"]\n[[client]]\nid = \"https://app.example/c\"\nsecret = \"x\"",
    );
    let folder = file.0.with_extension("data");
    let output = program
        .command()
        .args([
            "--clients",
            file.0.to_str().unwrap(),
            "--data-dir",
            folder.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    for part in [
        "client 1 (\"foundry-1\"), scopes: \"no.such\" is not offered. Write some of: user.read.",
        "client 2 (\"https://app.example/c\"), id: A client whose id is a URL",
        "There is no \"secret\". Write some of:",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}
