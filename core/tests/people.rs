//! Two people never mix, whatever id they guess (threats I2, I4, P3).

use entra_mcp_fuzz::{
    client::{ClientError, Dialect},
    fixture::Fixture,
    world::World,
};

fn two(dialect: Dialect) -> (World, Fixture, Fixture) {
    let world = World::faultless();
    let mut alice = Fixture::of(&world, "alice", dialect);
    let mut grace = Fixture::of(&world, "grace", dialect);
    alice.use_tools().expect("alice signs in");
    grace.use_tools().expect("grace signs in");
    (world, alice, grace)
}

// I4, P3: the same request ids, side by side.
#[test]
fn users_at_once_each_get_their_own_details_in_every_revision() {
    for dialect in Dialect::ALL {
        let (world, mut alice, mut grace) = two(dialect);
        for _ in 0..4 {
            let mut both = Box::pin(async {
                let grace = grace.client.get_user_details();
                let mut grace = std::pin::pin!(grace);
                let mut first = None;
                // Both requests are under way before either is answered.
                std::future::poll_fn(|context| {
                    if let std::task::Poll::Ready(done) = grace.as_mut().poll(context) {
                        first = Some(done);
                    }
                    std::task::Poll::Ready(())
                })
                .await;
                let alice = alice.client.get_user_details().await;
                let grace = match first {
                    Some(done) => done,
                    None => grace.await,
                };
                (alice, grace)
            });
            let (one, other) = world.run(both.as_mut());
            assert_eq!(one.unwrap().user_principal_name, "alice@contoso.example");
            assert_eq!(other.unwrap().user_principal_name, "grace@contoso.example");
        }
    }
}

// I2
#[test]
fn mcp_session_of_another_user_is_not_found_and_cannot_be_ended() {
    for dialect in Dialect::ALL {
        let (world, mut alice, mut grace) = two(dialect);
        if !matches!(dialect, Dialect::Streamable(_)) {
            continue;
        }
        let session = alice.client.session().unwrap().to_owned();
        grace.client.set_session(&session);
        assert_eq!(grace.ask().unwrap_err().status(), Some(404), "{dialect:?}");
        let ended = world.run(grace.client.end_session()).unwrap_err();
        assert_eq!(ended.status(), Some(404), "{dialect:?}");
        alice.ask().unwrap();
    }
}

// I4
#[test]
fn stream_of_another_user_accepts_no_post() {
    let (world, mut alice, grace) = two(Dialect::Sse);
    let endpoint = alice.client.session().unwrap().to_owned();
    let mut request = grace.client.request(http::Method::POST, &endpoint);
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert("content-type", json);
    *request.body_mut() = r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#.into();
    let response = world.run(grace.client.peer.fetch(request)).unwrap();
    assert_eq!(response.status(), 404);
    alice.ask().unwrap();
}

// I9: another session of the same user with another client is another owner.
#[test]
fn mcp_session_belongs_to_user_and_client() {
    let world = World::faultless();
    let dialect = Dialect::Streamable("2025-06-18");
    let mut one = Fixture::of(&world, "alice", dialect);
    let mut other = Fixture::of(&world, "alice", dialect);
    other.client.redirect_uri = "http://127.0.0.1:49152/other".to_owned();
    one.use_tools().unwrap();
    other.use_tools().unwrap();
    let session = one.client.session().unwrap().to_owned();
    // A refresh, even a new sign-in, of the same client keeps it.
    one.refresh().unwrap();
    one.ask().unwrap();
    one.sign_in().unwrap();
    one.ask().unwrap();
    other.client.set_session(&session);
    let error = other.ask().unwrap_err();
    assert!(
        matches!(error, ClientError::Status { status: 404, .. }),
        "{error}"
    );
}

// F11
#[test]
fn request_without_token_is_refused_whatever_its_mcp_session() {
    let (_, alice, mut grace) = two(Dialect::Streamable("2025-11-25"));
    let session = alice.client.session().unwrap().to_owned();
    grace.client.tokens = None;
    grace.client.set_session(&session);
    assert_eq!(grace.ask().unwrap_err().status(), Some(401));
}
