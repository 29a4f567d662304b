//! The properties of what reads untrusted bytes, for the fuzz targets of `fuzz`: each function takes
//! anything and panics with a message if a property does not hold. Only the cargo feature `fuzzing` builds it.

mod client_document;
mod clients;
pub mod entra;
mod event_source;
pub mod examples;
mod gateway_message;
pub mod tokens;

use std::collections::BTreeSet;

pub use self::{
    client_document::client_document,
    clients::{client_assertion, device, listed_client},
    event_source::event_source,
    gateway_message::gateway_message,
};

use bytes::Bytes;
use url::Url;

use crate::{
    ask::{Guard, Record, Store, Stored, Version},
    catalog::{ScopeDefinition, scope::Scopes},
    config::PublicUrl,
    entropy::{Entropy, Seed},
    http::form::Form,
    id::SessionId,
    json_rpc::{self, Incoming, Message, Response},
    keys::{Keyring, MasterKey, Purpose},
    mcp::sse,
    oauth::{
        client::{AuthMethod, Client, ClientMetadata},
        length_prefixed, opaque_token, pkce, resource,
    },
    redirect_uri::{Destination, RedirectUri},
    session::{Share, record::Session, sealed},
    time::UnixTime,
};

fn keys() -> Keyring {
    Keyring::new(MasterKey::new([7; 32]), vec![MasterKey::new([8; 32])])
}

fn entropy() -> Entropy {
    Entropy::new(&Seed::new([9; 32]))
}

/// An admitted redirect URI is the registered one, but for the port of a loopback address; what may
/// be registered cannot run script, and what is appended to it is read back (threats B1, B2, B4,
/// B5, B8, B9).
pub fn redirect_uri(registered: &str, requested: &str) {
    let Some(own) = RedirectUri::parse(registered) else {
        return;
    };
    assert!(!registered.contains(['#', '\\', ' ', '\r', '\n', '\t']));
    let url = Url::parse(registered).expect("what may be registered is a URL");
    let scheme = url.scheme();
    let harmful = [
        "javascript",
        "data",
        "file",
        "vbscript",
        "blob",
        "about",
        "ftp",
        "ws",
    ];
    assert!(!harmful.contains(&scheme), "{scheme} may be registered");
    assert!(url.username().is_empty() && url.password().is_none());
    if let Destination::Web(host) = own.destination() {
        assert_eq!(scheme, "https", "{host}");
    }
    let address = own.with(&[("code", "a b&c=d"), ("state", "é#\r\n")]);
    let sent = Url::parse(&address).expect("an address with parameters is a URL");
    assert_eq!(
        sent.host_str(),
        url.host_str(),
        "the parameters change the host"
    );
    assert_eq!(sent.path(), url.path(), "the parameters change the path");
    let pairs: Vec<(String, String)> = sent.query_pairs().into_owned().collect();
    let end = [("code", "a b&c=d"), ("state", "é#\r\n")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert!(pairs.ends_with(&end), "{address} is read as {pairs:?}");
    let Some(admitted) = own.admits(requested) else {
        assert_ne!(
            registered, requested,
            "the registered address is not admitted"
        );
        return;
    };
    assert_eq!(admitted.as_str(), requested);
    if requested == registered {
        return;
    }
    let other = Url::parse(requested).expect("what is admitted is a URL");
    let parts = |url: &Url| {
        let host = url.host_str().map(str::to_owned);
        let query = url.query().map(str::to_owned);
        (url.scheme().to_owned(), host, url.path().to_owned(), query)
    };
    assert_eq!(
        parts(&url),
        parts(&other),
        "{requested} is taken for {registered}"
    );
    assert_eq!(
        scheme, "http",
        "only the port of a loopback address is free"
    );
    assert!(other.username().is_empty() && other.fragment().is_none());
}

/// What is accepted as JSON-RPC is JSON, and means the same when it is written and read again; what
/// is answered is one event of a stream and nothing else (threats K1 to K10, P4).
pub fn json_rpc(body: &[u8]) {
    match json_rpc::parse(body) {
        Ok(Incoming::One(message)) => again(&message),
        Ok(Incoming::Batch(messages)) => {
            assert!(!messages.is_empty() && messages.len() <= crate::limits::BATCH);
            messages.iter().for_each(again);
        }
        Err(refused) => {
            let answer = Response::error(refused.id, refused.error);
            let text = answer.to_json();
            assert!(text.len() < 1024, "an error repeats what was sent");
            server_sent_event(&text);
        }
    }
    let accepted = json_rpc::parse(body).is_ok();
    let is_json = serde_json::from_slice::<serde_json::Value>(body).is_ok();
    assert!(is_json || !accepted, "what is no JSON is accepted");
}

fn again(message: &Message) {
    let (id, method, params) = match message {
        Message::Request(request) => (Some(&request.id), &request.method, &request.params),
        Message::Notification(note) => (None, &note.method, &note.params),
        Message::Response(_) => return,
    };
    let mut written =
        serde_json::json!({"jsonrpc": "2.0", "method": method, "params": params.to_map()});
    if let Some(id) = id {
        let id = serde_json::to_value(id).expect("an id is text or a number");
        written
            .as_object_mut()
            .expect("it is an object")
            .insert("id".to_owned(), id);
    }
    let text = written.to_string();
    let read = json_rpc::parse(text.as_bytes()).expect("what was accepted is accepted again");
    let same = match read {
        Incoming::One(Message::Request(read)) => {
            Some(&read.id) == id
                && read.method == *method
                && read.params.to_map() == params.to_map()
        }
        Incoming::One(Message::Notification(read)) => {
            id.is_none() && read.method == *method && read.params.to_map() == params.to_map()
        }
        _ => false,
    };
    assert!(same, "{text} is read as something else");
}

/// Whatever the data, a plain reader of server-sent events finds one event with it (threat K9).
pub fn server_sent_event(data: &str) {
    let bytes = sse::event("message", data);
    let text = std::str::from_utf8(&bytes).expect("an event is text");
    let mut events = Vec::new();
    let (mut kind, mut found) = (String::new(), Vec::new());
    // A line ends with CR LF, LF or CR (WHATWG HTML 9.2.5).
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut kind),
            "data" => found.push(value),
            "" if line.is_empty() && !found.is_empty() => {
                events.push((std::mem::take(&mut kind), found.join("\n")));
                found.clear();
            }
            _ => {}
        }
    }
    let data = data.replace(['\r', '\n'], " ");
    assert_eq!(events, [("message".to_owned(), data)]);
}

/// A form is read without loss, and a parameter counts once or not at all (threat B8).
pub fn form(text: &[u8]) {
    let form = Form::parse(text);
    let names: Vec<String> = url::form_urlencoded::parse(text)
        .map(|(name, _)| name.into_owned())
        .collect();
    for name in &names {
        let count = names.iter().filter(|other| *other == name).count();
        assert_eq!(form.one(name).is_err(), count > 1, "{name}");
    }
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(form.repeated(&[]).is_some(), distinct.len() < names.len());
}

/// What is granted was offered, and is granted again when it is asked for (threat C11).
pub fn scope(text: &str) {
    let scopes = Scopes::new(&[ScopeDefinition {
        name: "mail.read".to_owned(),
        permission: "Mail.Read".to_owned(),
        description: "Read your mail.".to_owned(),
    }]);
    if let Ok(granted) = scopes.grant(Some(text)) {
        let written = granted.to_string();
        assert_eq!(scopes.parse(&written).as_ref(), Some(&granted));
        assert_eq!(scopes.grant(Some(&written)).ok().as_ref(), Some(&granted));
        assert!(scopes.all().covers(&granted));
    }
}

/// A resource that is chosen is one of ours, or the whole server (threats B8, C9).
pub fn resource(texts: &[&str]) {
    let url = PublicUrl::parse("https://mcp.example").expect("a good address");
    if let Ok(chosen) = resource::choose(texts.iter().copied(), &url) {
        assert!(url.is_resource(chosen));
        for text in texts.iter().filter(|text| !text.is_empty()) {
            let ours = text.to_ascii_lowercase().starts_with(url.issuer());
            assert!(ours, "{text} is overlooked");
            let is_it = text.trim_end_matches('/').eq_ignore_ascii_case(chosen);
            assert!(
                is_it || chosen == url.issuer(),
                "{text} is another endpoint"
            );
        }
    }
}

/// A verifier proves its own challenge only.
pub fn pkce(verifier: &str, challenge: &str) {
    if pkce::verifies(verifier, challenge) {
        let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        use base64::Engine as _;
        let right = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
        assert_eq!(right, challenge);
    }
}

/// Nothing made up is one of our codes, refresh tokens, client ids or sealed values, and what we
/// made is none of them after any change (threats A5, C4, E8, H2).
pub fn sealed(made_up: &[u8], place: usize, change: u8) {
    let (keys, mut entropy) = (keys(), entropy());
    if let Ok(text) = std::str::from_utf8(made_up) {
        assert!(opaque_token::read_code(text, &keys).is_none());
        assert!(opaque_token::read_refresh_token(text, &keys).is_none());
        assert!(Client::of_id(text, &keys).is_none());
    }
    assert!(keys.open(Purpose::ConsentForm, b"", b"", made_up).is_none());
    let id = SessionId::new([1; 16]);
    let code = opaque_token::new_code(id, &mut entropy, &keys).text;
    let token = opaque_token::new_refresh_token(id, &mut entropy, &keys).text;
    assert!(opaque_token::read_code(code.expose(), &keys).is_some());
    assert!(opaque_token::read_refresh_token(code.expose(), &keys).is_none());
    assert!(opaque_token::read_code(token.expose(), &keys).is_none());
    if let Some(changed) = altered(code.expose(), place, change) {
        assert!(
            opaque_token::read_code(&changed, &keys).is_none(),
            "{changed}"
        );
    }
    let metadata = ClientMetadata {
        client_name: Some("client".to_owned()),
        redirect_uris: RedirectUri::parse("https://client.example/cb")
            .into_iter()
            .collect(),
        token_endpoint_auth_method: AuthMethod::None,
    };
    let client = Client::register(metadata, &keys, &mut entropy).expect("it is short");
    assert_eq!(Client::of_id(client.id(), &keys).as_ref(), Some(&client));
    if let Some(changed) = altered(client.id(), place, change) {
        assert!(Client::of_id(&changed, &keys).is_none(), "{changed}");
    }
}

/// The text with one of its bytes changed, if that gives another text.
fn altered(text: &str, place: usize, change: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let count = bytes.len();
    let byte = bytes.get_mut(place.checked_rem(count)?)?;
    *byte ^= change;
    let changed = String::from_utf8(bytes).ok()?;
    (changed != text).then_some(changed)
}

/// What was packed is unpacked, and nothing else is.
pub fn packed(bytes: &[u8]) {
    if let Some(fields) = length_prefixed::unpack::<4>(bytes) {
        assert_eq!(length_prefixed::pack(&fields), bytes);
    }
}

/// No record that was made up opens. As what the master key or a share opens of a record of ours, the
/// bytes are read or not, without harm, and always as of the session that was asked for (threat G3).
pub fn session_record(bytes: &[u8]) {
    let (server, id) = (entra::server(), SessionId::new([1; 16]));
    let (share, stranger) = (Share::new([2; 16]), Share::new([3; 16]));
    let stored = |bytes: &[u8]| {
        let record = Record {
            bytes: Bytes::copy_from_slice(bytes),
            expires: UnixTime(u64::MAX),
        };
        let version = Version(1);
        Stored { record, version }
    };
    let opens = |id, bytes: &[u8], share: &Share| Session::open(id, &stored(bytes), share, &server);
    assert!(opens(id, bytes, &share).is_none());
    let (keys, mut entropy) = (&server.keys, entropy());
    let head = sealed::of_head(id, bytes, keys, &mut entropy);
    assert!(opens(id, &head, &share).is_none());
    let _ = sealed::SealedSession::read(id, &stored(&head), keys);
    let mut session = tokens::session();
    session.open_only_to(&share, &server);
    for record in [
        session.sealed_as(bytes, keys, &mut entropy),
        sealed::sealed_with_locks_in_head(&session, bytes, keys, &mut entropy),
        sealed::sealed_as_json(&session, bytes, keys, &mut entropy),
    ] {
        assert!(opens(SessionId::new([2; 16]), &record, &share).is_none());
        assert!(opens(id, &record, &stranger).is_none());
        if let Some((session, _)) = opens(id, &record, &share) {
            assert_eq!(session.id, id);
            // What was read is written, and read again, as the same.
            let put = session.put(Guard::Any, UnixTime(u64::MAX), keys, &mut entropy);
            let Store::Put(_, record, _) = put else {
                panic!("it is written");
            };
            if let Some((again, _)) = session.open_again(
                &Stored {
                    record,
                    version: Version(2),
                },
                keys,
            ) {
                assert_eq!(again.to_bytes(), session.to_bytes());
            }
        }
    }
}
