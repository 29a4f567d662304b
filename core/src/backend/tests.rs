use std::sync::Arc;

use ::http::Request;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    config::{Backend, BackendAddress, BackendIdentity, BackendLimits, Gateway},
    limits,
    mcp::testing::World,
};

pub(crate) fn gateway(identity: BackendIdentity) -> Gateway {
    let address = "http://127.0.0.1:8000/mcp";
    Gateway {
        name: None,
        backend: Backend::Http(Arc::new(BackendAddress::parse(address).unwrap())),
        identity,
        audience: address.to_owned(),
        header: None,
        call_timeout: limits::BACKEND_CALL,
        answer_bytes: limits::BACKEND_MESSAGE_BYTES,
        limits: BackendLimits::of_address(),
        held_bytes: limits::BACKEND_HELD_BYTES,
        authorities: None,
        certificate: None,
        policy: None,
    }
}

fn world(identity: Option<BackendIdentity>) -> World {
    let mut world = World::new();
    world.server.server.config.gateway = identity.map(gateway);
    world
}

fn get(world: &mut World, path: &str) -> (u16, Option<Value>) {
    let request = Request::get(path).header("host", "localhost:3001");
    let response = world.send(request.body(Bytes::new()).unwrap());
    let body = serde_json::from_slice(response.body()).ok();
    (response.status().as_u16(), body)
}

fn metadata(world: &mut World) -> Value {
    let (_, document) = get(world, "/.well-known/oauth-authorization-server");
    document.unwrap()
}

#[test]
fn key_set_is_there_if_assertions_are_signed_and_the_metadata_name_it() {
    let mut world = world(Some(BackendIdentity::ASSERTION));
    let (status, set) = get(&mut world, "/jwks.json");
    let key = &set.unwrap()["keys"][0];
    assert_eq!((status, &key["alg"]), (200, &Value::from("ES256")));
    assert!(key.get("d").is_none());
    let named = metadata(&mut world)["jwks_uri"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(named.ends_with("/jwks.json"), "{named}");
}

#[test]
fn server_that_signs_nothing_has_no_key_set() {
    for identity in [None, Some(BackendIdentity::NONE)] {
        let mut world = world(identity);
        assert_eq!(get(&mut world, "/jwks.json").0, 404);
        assert!(metadata(&mut world).get("jwks_uri").is_none());
    }
}

// Q5: whichever replica signs, each publishes the key.
#[test]
fn replicas_have_the_key_that_the_first_of_them_made() {
    let mut one = world(Some(BackendIdentity::BEARER));
    let mut other = world(Some(BackendIdentity::BEARER));
    let set = get(&mut one, "/jwks.json");
    other.store = one.store.clone();
    assert_eq!(get(&mut other, "/jwks.json"), set);
}

#[test]
fn keys_that_cannot_be_stored_are_not_used() {
    let mut world = world(Some(BackendIdentity::ASSERTION));
    world.store_is_down = true;
    assert_eq!(get(&mut world, "/jwks.json").0, 503);
    world.store_is_down = false;
    assert_eq!(
        get(&mut world, "/jwks.json").0,
        503,
        "it was tried a moment ago"
    );
    world.wait(1);
    assert_eq!(get(&mut world, "/jwks.json").0, 200);
}

// G3: the store holds no key that is readable without the master key.
#[test]
fn private_key_is_stored_sealed() {
    let mut world = world(Some(BackendIdentity::ASSERTION));
    get(&mut world, "/jwks.json");
    let record = &world.store["assertion-keys"].record.bytes;
    let is_in = |text: &[u8]| record.windows(text.len()).any(|window| window == text);
    assert!(!is_in(b"private") && !is_in(b"keys"));
}
