//! Devices whose steps come to different replicas, and to a store that is away.

use super::*;
use crate::exchange::ExchangeId;

// Q5, A15
#[test]
fn device_its_user_and_its_polls_may_each_come_to_another_replica() {
    let mut waiting = Waiting::new();
    assert!(
        !waiting
            .world
            .store
            .keys()
            .any(|key| key.starts_with("device/"))
    );
    waiting.world.share_store();
    waiting.begin_anew();
    waiting.world.go_to_another_replica();
    assert_eq!(waiting.poll()["error"], "authorization_pending");
    let typed = waiting.user_code.clone();
    waiting.world.go_to_another_replica();
    let page = text(&post(
        &mut waiting.world,
        "/device",
        &[("user_code", &typed)],
    ));
    assert!(page.contains("Approve"), "{page}");
    let code = waiting.sign_in(waiting.challenge());
    waiting.world.go_to_another_replica();
    let page = waiting.finish(&format!("code={code}"));
    assert!(text(&page).contains("The device is connected"));
    waiting.world.go_to_another_replica();
    let tokens = waiting.poll();
    assert_eq!(tokens["token_type"], "Bearer", "{tokens}");
    waiting.world.go_to_another_replica();
    assert_eq!(waiting.poll()["error"], "expired_token", "it was told once");
}

// F15, Q5: while the keys of the replicas are being changed, one after the other.
#[test]
fn device_that_began_before_a_change_of_the_key_is_connected() {
    let mut waiting = Waiting::new();
    waiting.world.share_store();
    waiting.begin_anew();
    waiting.world.go_to_another_replica();
    waiting.world.server.change_key();
    assert_eq!(waiting.poll()["error"], "authorization_pending");
    let code = waiting.sign_in(waiting.challenge());
    let page = waiting.finish(&format!("code={code}"));
    assert!(text(&page).contains("The device is connected"));
    let tokens = waiting.poll();
    assert_eq!(tokens["token_type"], "Bearer", "{tokens}");
    assert_eq!(waiting.poll()["error"], "expired_token", "it was told once");
}

// A15, Q5: whoever guesses at all replicas gets no more guesses.
#[test]
fn wrong_user_code_is_told_to_the_other_replicas() {
    let mut waiting = Waiting::new();
    let wrong = [("user_code", "BBBB-BBBB")];
    post(&mut waiting.world, "/device", &wrong);
    assert!(waiting.world.published.is_empty(), "there are none");
    waiting.world.share_store();
    waiting.world.go_to_another_replica();
    for _ in 0..limits::WRONG_USER_CODES {
        post(&mut waiting.world, "/device", &wrong);
    }
    let told = std::mem::take(&mut waiting.world.published);
    waiting.world.go_to_another_replica();
    let server = &waiting.world.server;
    for message in told {
        let message = crate::replicas::open_message(&message, &server.server, server.now.unix)
            .and_then(crate::replicas::FromReplica::for_hub);
        waiting
            .world
            .hub
            .handle(ExchangeId(0), message.unwrap(), server.now);
    }
    assert_eq!(post(&mut waiting.world, "/device", &wrong).status(), 429);
}

// A15: that page says whether a device waits, too.
#[test]
fn user_codes_are_not_guessed_by_deciding_for_devices() {
    let mut waiting = Waiting::new();
    let guess =
        |world: &mut World| get(world, "/device/return?error=access_denied&state=BBBB-BBBB");
    for _ in 0..limits::WRONG_USER_CODES {
        assert_eq!(guess(&mut waiting.world).status(), 410);
    }
    assert_eq!(guess(&mut waiting.world).status(), 429);
}

// Q4
#[test]
fn device_is_told_to_try_again_while_the_store_is_away() {
    let mut waiting = Waiting::new();
    waiting.world.share_store();
    waiting.begin_anew();
    let code = waiting.sign_in(waiting.challenge());
    let typed = waiting.user_code.clone();
    waiting.world.store_is_down = true;
    assert_eq!(waiting.poll()["error"], "temporarily_unavailable");
    let client = waiting.client.clone();
    assert_eq!(begin(&mut waiting.world, &client).status(), 503);
    let typing = post(&mut waiting.world, "/device", &[("user_code", &typed)]);
    assert_eq!(typing.status(), 503);
    assert_eq!(waiting.finish(&format!("code={code}")).status(), 503);
    waiting.world.store_is_down = false;
    waiting.finish(&format!("code={code}"));
    assert_eq!(waiting.poll()["token_type"], "Bearer");
}

#[test]
fn device_of_another_client_is_not_told() {
    let mut waiting = Waiting::new();
    let code = waiting.sign_in(waiting.challenge());
    waiting.finish(&format!("code={code}"));
    let own = waiting.client.clone();
    waiting.client = client_id(&waiting.world.server, &["http://127.0.0.1:2/cb"]);
    assert_eq!(waiting.poll()["error"], "expired_token");
    waiting.client = own;
    assert_eq!(waiting.poll()["token_type"], "Bearer");
}
