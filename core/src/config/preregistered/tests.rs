//! Tests of the operator's list.

use super::*;
use crate::limits;

const OFFERED: [&str; 2] = ["user.read", "mail.read"];
const SECRET: &str = "5f1d7a5e1c9b4d0e8f2a6b3c7d9e0f1a";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A client of Copilot Studio.
fn entry() -> ClientEntry {
    ClientEntry {
        position: 1,
        id: "copilot-studio".to_owned(),
        secrets: vec![SecretHash::of(&secret(SECRET))],
        redirect_uris: vec![format!("{SHARED_REDIRECT}*")],
        ..ClientEntry::default()
    }
}

fn list(entries: Vec<ClientEntry>) -> Result<PreregisteredClients, Vec<String>> {
    PreregisteredClients::new(entries, &OFFERED)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The client of an entry that is right.
fn client(change: impl FnOnce(&mut ClientEntry)) -> PreregisteredClient {
    let mut entry = entry();
    change(&mut entry);
    let id = entry.id.clone();
    list(vec![entry]).unwrap().of_id(&id).unwrap().clone()
}

#[test]
fn right_entry_is_found_by_its_id_and_the_hash_of_that() {
    let clients = list(vec![entry()]).unwrap();
    let found = clients.of_id("copilot-studio").unwrap();
    assert_eq!(found.name, "copilot-studio");
    assert_eq!(clients.of_hash(&hash(b"copilot-studio")), Some(found));
    assert_eq!(clients.len(), 1);
    for other in ["", "copilot-studi", "Copilot-Studio", "dcr.a.b"] {
        assert_eq!(clients.of_id(other), None, "{other}");
    }
    // Added before the platform has made its redirect URI.
    client(|entry| entry.redirect_uris.clear());
}

type Change = fn(&mut ClientEntry);

/// One change that makes an entry wrong, and what is said of it.
const WRONG: [(Change, &str); 22] = [
    (|entry| entry.id.clear(), "id: It is missing."),
    (
        |entry| entry.id = "https://app.example/c".into(),
        "id: A client whose id is a URL",
    ),
    (
        |entry| entry.id = "dcr.x.y".into(),
        "id: Ids that this server makes begin so.",
    ),
    (
        |entry| entry.id = "h.x".into(),
        "id: Ids that this server makes begin so.",
    ),
    (|entry| entry.id = "a b".into(), "id: It is no such id."),
    (|entry| entry.id = "a:b".into(), "id: It is no such id."),
    (|entry| entry.id = "a%20b".into(), "id: It is no such id."),
    (
        |entry| entry.id = "x".repeat(limits::PREREGISTERED_ID_BYTES + 1),
        "id: It is no such id.",
    ),
    (
        |entry| entry.name = Some(" ".into()),
        "name: Users cannot be shown that.",
    ),
    (
        |entry| entry.name = Some("a\u{202e}b".into()),
        "name: Users cannot be shown that.",
    ),
    (
        |entry| entry.name = Some("x".repeat(65)),
        "name: Users cannot be shown that.",
    ),
    (
        |entry| entry.secrets = vec![SecretHash::of(&secret(SECRET)); 3],
        "secret_sha256: There are more than 2",
    ),
    (
        |entry| entry.redirect_uris = vec!["http://10.0.0.1/cb".into()],
        "redirect_uris: \"http://10.0.0.1/cb\" cannot be",
    ),
    (
        |entry| entry.redirect_uris = vec!["https://app.example/cb#f".into()],
        "redirect_uris: ",
    ),
    (
        |entry| entry.redirect_uris = vec!["https://app.example/*".into()],
        "has a * where none may be",
    ),
    (
        |entry| entry.redirect_uris = vec!["https://global.consent.azure-apim.net/*".into()],
        "has a * where none may be",
    ),
    (
        |entry| entry.redirect_uris = vec!["https://*.consent.azure-apim.net/redirect/".into()],
        "has a * where none may be",
    ),
    (
        |entry| entry.secrets.clear(),
        "redirect_uris: A * needs a secret",
    ),
    (
        |entry| entry.scopes = vec!["mail.send".into()],
        "scopes: \"mail.send\" is not offered. Write some of: user.read, mail.read.",
    ),
    (
        |entry| entry.users = vec!["alice".into()],
        "users: \"alice\" is no user.",
    ),
    (
        |entry| entry.users = vec!["@".into()],
        "users: \"@\" is no user.",
    ),
    (
        |entry| {
            entry.redirect_uris = vec!["https://app.example/cb".into()];
            entry.secrets.clear();
            entry.pkce_optional = true;
        },
        "pkce_optional: Only a client with a secret may leave PKCE out.",
    ),
];

#[test]
fn wrong_member_of_an_entry_is_an_error_that_says_what_to_write() {
    for (change, expected) in WRONG {
        let mut wrong = entry();
        change(&mut wrong);
        let errors = list(vec![wrong]).unwrap_err();
        let [error] = errors.as_slice() else {
            panic!("{expected}: {errors:?}");
        };
        assert!(
            error.starts_with("client 1") && error.contains(expected),
            "{expected}: {error}"
        );
    }
}

#[test]
fn errors_of_all_entries_are_reported_together() {
    let wrong = |position, id: &str| ClientEntry {
        position,
        id: id.to_owned(),
        scopes: vec!["other".to_owned()],
        users: vec!["nobody".to_owned()],
        ..ClientEntry::default()
    };
    let errors = list(vec![entry(), wrong(2, "one"), wrong(3, "one")]).unwrap_err();
    let starts = [
        "client 2 (\"one\"), scopes",
        "client 2 (\"one\"), users",
        "client 3 (\"one\"), scopes",
        "client 3 (\"one\"), users",
        "client 3 (\"one\"), id: Another entry has it",
    ];
    assert_eq!(errors.len(), starts.len(), "{errors:?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn list_of_too_many_clients_is_an_error() {
    let numbered = |position| ClientEntry {
        position,
        id: position.to_string(),
        ..ClientEntry::default()
    };
    let entries = |most| (1..=most).map(numbered).collect();
    assert!(list(entries(limits::PREREGISTERED_CLIENTS)).is_ok());
    let errors = list(entries(limits::PREREGISTERED_CLIENTS + 1)).unwrap_err();
    assert!(errors[0].contains("too many entries"), "{errors:?}");
}

// B1, B2, H13: a `*` stands for one name below one address, and for nothing else.
#[test]
fn redirect_uri_must_be_listed() {
    let shared = client(|_| ());
    for name in ["cr938-5fzephyr-20mcp-5f43bcb8573bc3e84", "a", "A_b-1"] {
        let uri = format!("{SHARED_REDIRECT}{name}");
        assert_eq!(shared.redirect_uri(Some(&uri)).unwrap().as_str(), uri);
    }
    for rest in ["", "a/b", "..", ".", "a?b", "a%2fb", "a#b", "*", "a b", "é"] {
        assert_eq!(
            shared.redirect_uri(Some(&format!("{SHARED_REDIRECT}{rest}"))),
            None,
            "{rest}"
        );
    }
    for uri in [
        "https://global.consent.azure-apim.net/redirect",
        "https://global.consent.azure-apim.net.evil.example/redirect/a",
        "https://global.consent.azure-apim.net:443/redirect/a",
        "https://global.consent.azure-apim.net/redirect/../evil",
        "http://global.consent.azure-apim.net/redirect/a",
    ] {
        assert_eq!(shared.redirect_uri(Some(uri)), None, "{uri}");
    }
    let narrow = client(|entry| entry.redirect_uris = vec![format!("{SHARED_REDIRECT}cr938-*")]);
    assert!(
        narrow
            .redirect_uri(Some(&format!("{SHARED_REDIRECT}cr938-5f")))
            .is_some()
    );
    assert!(
        narrow
            .redirect_uri(Some(&format!("{SHARED_REDIRECT}cr939-5f")))
            .is_none()
    );

    let uris = ["https://app.example/cb", "http://localhost/cb"].map(str::to_owned);
    let exact = client(|entry| entry.redirect_uris = uris.to_vec());
    assert!(exact.redirect_uri(Some("https://app.example/cb")).is_some());
    assert!(
        exact
            .redirect_uri(Some("http://localhost:5000/cb"))
            .is_some()
    );
    for other in [
        "https://app.example/cb/",
        "https://app.example:443/cb",
        "http://127.0.0.1/cb",
    ] {
        assert_eq!(exact.redirect_uri(Some(other)), None, "{other}");
    }
    assert_eq!(exact.redirect_uri(None), None);
    assert_eq!(shared.redirect_uri(None), None);
    let only = client(|entry| entry.redirect_uris = uris[..1].to_vec());
    assert!(only.redirect_uri(None).is_some());
}

// E9
#[test]
fn secret_is_known_by_its_hash_and_two_are_good_while_one_is_replaced() {
    let known = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7";
    assert_eq!(SecretHash::of(&secret("data")).to_string(), known);
    assert_eq!(
        SecretHash::parse(&known.to_uppercase()),
        SecretHash::parse(known)
    );
    for wrong in [
        "",
        known.trim_start_matches('3'),
        &format!("{known}0"),
        &known.replace('a', "g"),
        &known.replacen("3a", "+a", 1),
    ] {
        assert_eq!(SecretHash::parse(wrong), None, "{wrong}");
    }
    let new = "0".repeat(32);
    let two = client(|entry| entry.secrets.push(SecretHash::of(&secret(&new))));
    assert!(two.is_proven_by(Some(&secret(SECRET))) && two.is_proven_by(Some(&secret(&new))));
    assert!(!two.is_proven_by(None) && !two.is_proven_by(Some(&secret(known))));
    let public = client(|entry| {
        entry.secrets.clear();
        entry.redirect_uris.clear();
    });
    assert!(public.is_proven_by(None) && !public.is_proven_by(Some(&secret(SECRET))));
    assert!(!format!("{two:?}").contains(known));
}

#[test]
fn listed_users_groups_roles_and_domains_are_read() {
    let id = "00000000-0000-4000-8000-00000000a11c";
    let listed = client(|entry| {
        entry.users = vec![id.to_uppercase(), "Bob@contoso.example".into()];
        entry.groups = vec![id.to_owned()];
        entry.roles = vec!["Mcp.User".into()];
        entry.domains = vec!["fabrikam.example".into()];
    });
    let allowed = listed.allowed_users;
    assert!(allowed.has_object_id(id) && allowed.groups() == [id]);
    assert!(allowed.has_username("bob@CONTOSO.example") && allowed.has_role("Mcp.User"));
    assert!(allowed.has_username("carol@fabrikam.example"));
    assert!(!allowed.has_username("carol@contoso.example"));
    assert!(client(|_| ()).allowed_users.is_everybody());
}
