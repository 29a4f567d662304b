//! A token of Entra ID in place of a password, as Redis has them in Azure.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use entra_mcp_core::{
    ask::{Fetch, FetchFault, FetchTarget},
    config::{ClientCredential, EntraApp, RedisPassword, RedisServer},
};
use http::Response;

use super::*;
use crate::{client_credential::ClientAssertions, store::suite::now};

const USER: &str = "5d1e0f7a-0000-4000-8000-000000000001";

/// Entra ID, which gives another token each time, good for so long; how often it was asked.
fn entra_id(seconds: u64) -> (StoreTokens, Arc<AtomicUsize>) {
    let entra = EntraApp {
        tenant: "9122040d-6c67-4c5b-b112-36a304b66dad".to_owned(),
        tenants: entra_mcp_core::config::Tenants::One,
        client_id: "00001111-aaaa-2222-bbbb-3333cccc4444".to_owned(),
        credential: ClientCredential::Secret("the secret".to_owned().into()),
        authority_host: url::Url::parse("https://login.example/").unwrap(),
        graph: url::Url::parse("https://graph.example/").unwrap(),
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let fetch = move |fetch: Fetch| {
        let FetchTarget::Configured(request) = fetch.target else {
            return Err(FetchFault::Forbidden);
        };
        assert!(request.uri().path().ends_with("/oauth2/v2.0/token"));
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let token = token(number);
        let body = format!(r#"{{"access_token":"{token}","expires_in":{seconds}}}"#);
        Ok(Response::new(body.into()))
    };
    let assertions = ClientAssertions::open(&entra.credential, None, now()).unwrap();
    let tokens = StoreTokens::new(entra, assertions, Box::new(fetch));
    (tokens, asked)
}

/// The token that is given the first time, the second time, and so on.
fn token(number: usize) -> String {
    format!("header.token-{number}.signature")
}

/// Redis takes these tokens of the user.
fn accept(redis: &RedisProcess, tokens: &[usize]) {
    let mut command = redis::cmd("ACL");
    command
        .arg("SETUSER")
        .arg(USER)
        .arg(["reset", "on", "~*", "&*", "+@all"].as_slice());
    for number in tokens {
        command.arg(format!(">{}", token(*number)));
    }
    command.exec(&mut redis.connection()).unwrap();
}

fn server(redis: &RedisProcess) -> RedisServer {
    RedisServer {
        user: Some(USER.to_owned()),
        password: Some(RedisPassword::EntraToken),
        ..redis.server()
    }
}

#[test]
fn token_of_entra_id_opens_the_store_and_is_used_until_it_ends_soon() {
    let redis = RedisProcess::start();
    accept(&redis, &[0]);
    let (tokens, asked) = entra_id(3599);
    let store = RedisStore::open(&server(&redis), None, Some(tokens), now()).unwrap();
    assert!(put(&store, "a", "one", Guard::Any));
    // A connection is made anew with the same token.
    store.pool.age();
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn token_that_ends_soon_is_replaced_before_the_server_ends_the_connection() {
    let redis = RedisProcess::start();
    // One to listen with, and one for all else.
    accept(&redis, &[0, 1]);
    let (tokens, asked) = entra_id(60);
    let store = RedisStore::open(&server(&redis), None, Some(tokens), now()).unwrap();
    assert!(put(&store, "a", "one", Guard::Any));
    // Only the next one is taken, and the connection has been used for long enough.
    accept(&redis, &[2]);
    store.pool.age();
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    // The server ends it by itself.
    accept(&redis, &[3]);
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("USER").arg(USER);
    let _: u64 = kill.query(&mut redis.connection()).unwrap();
    let again = || text(get(&store, "a")).as_deref() == Some("one");
    assert!(again() || again());
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn token_that_redis_refuses_is_shown_nowhere() {
    let redis = RedisProcess::start();
    accept(&redis, &[7]);
    let (tokens, _) = entra_id(3599);
    let error = RedisStore::open(&server(&redis), None, Some(tokens), now()).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains(&token(0)), "{text}");
    let none = RedisStore::open(&server(&redis), None, None, now()).unwrap_err();
    assert!(none.to_string().contains("Entra ID"), "{none}");
}
