//! The limits of rate hold for all replicas together, whichever of them is asked (threat M17).

use std::time::Duration;

use bytes::Bytes;
use entra_mcp_core::config::{Rate, RateLimits};
use entra_mcp_fuzz::{
    choice::Choice,
    ids::Role,
    options::{Faults, Options},
    world::World,
};
use http::Request;

const COUNT: u32 = 30;
const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: u32 = 6;

/// How many registrations somebody gets who asks the three replicas for them as often as they answer.
fn registrations(seed: u64, message_lost: u32) -> u32 {
    let mut options = Options::faultless()
        .with_replicas(3)
        .at("https://mcp.example.com");
    options.rate_limits = RateLimits {
        registration: Rate::new(COUNT, MINUTE),
        ..RateLimits::none()
    };
    options.latency = (Duration::from_millis(1), Duration::from_millis(400));
    options.faults = Faults {
        message_lost,
        ..Faults::default()
    };
    let world = World::new(options, Choice::seeded(seed));
    let peer = world.peer("somebody", Role::Client);
    let body =
        r#"{"redirect_uris":["http://127.0.0.1:9/callback"],"token_endpoint_auth_method":"none"}"#;
    let end = world.moment().after(MINUTE * MINUTES);
    let asking = async {
        let mut registered = 0;
        while world.moment() < end {
            world.sleep(Duration::from_millis(50)).await;
            let request = Request::post("https://mcp.example.com/register")
                .header("content-type", "application/json")
                .body(Bytes::from_static(body.as_bytes()))
                .expect("a request");
            let status = peer.fetch(request).await.expect("an answer").status();
            assert!([201, 429].contains(&status.as_u16()), "{status}");
            registered += u32::from(status == 201);
        }
        registered
    };
    let registered = world.run(asking);
    world.end();
    registered
}

// M17
#[test]
fn rate_is_that_of_all_replicas_together() {
    let registered = registrations(0, 0);
    // The whole of it once on each of them, before they know of each other; then as much as comes back.
    let most = 3 * COUNT + COUNT * MINUTES;
    assert!(registered <= most, "{registered} of {most}");
    assert!(registered >= COUNT * MINUTES, "{registered}: too strict");
}

// M17
#[test]
fn lost_message_allows_what_it_would_have_counted() {
    let registered = registrations(1, 300);
    let most = 3 * COUNT + COUNT * MINUTES * 3 / 2;
    assert!(registered <= most, "{registered} of {most}");
    // Each alone.
    let apart = registrations(2, 1000);
    assert!(apart >= 2 * COUNT * MINUTES, "{apart}");
}
