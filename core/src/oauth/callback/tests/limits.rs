//! How often callbacks make this server ask Entra (threat D14).

use serde_json::json;

use super::{AtEntra, error_of, header, is_clearing, is_page};
use crate::{
    limits,
    log_event::{Field, LogEventId},
    testing,
};

/// Another sign-in of the same client, begun by this browser's user or by a stranger.
fn again(browser: AtEntra, seed: u8) -> AtEntra {
    let client = browser.client.clone();
    AtEntra::begin(browser.world, client, seed)
}

fn refuse(browser: &mut AtEntra) -> ::http::Response<bytes::Bytes> {
    let body = json!({"error": "invalid_grant", "error_codes": [9002313]});
    browser.world.entra_responds(400, &body);
    browser.return_with(&[("code", "a made-up code")])
}

/// Strangers make codes up until they have to wait.
fn flood(mut browser: AtEntra) -> AtEntra {
    for seed in 0..limits::REFUSED_CODES_OF_STRANGERS {
        browser = again(browser, 10 + u8::try_from(seed).unwrap());
        assert_eq!(error_of(&refuse(&mut browser)), "access_denied");
    }
    again(browser, 200)
}

// D14
#[test]
fn callback_that_failed_is_redeemed_no_more() {
    let mut browser = AtEntra::new();
    assert_eq!(error_of(&refuse(&mut browser)), "access_denied");
    for code in ["a made-up code", "another one"] {
        let response = browser.return_with(&[("code", code)]);
        assert!(is_page(&response) && is_clearing(&response));
        let line = browser.world.logged.last().unwrap();
        assert_eq!(line.id(), LogEventId::SignInReplayed);
        let reference = line.field(Field::RequestId).unwrap();
        assert!(testing::text(&response).contains(reference));
    }
    assert_eq!(browser.world.redeemed.len(), 1);
}

// D14
#[test]
fn flood_of_made_up_codes_gets_a_page_that_may_be_loaded_again() {
    let mut browser = flood(AtEntra::new());
    let asked = browser.world.redeemed.len();
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(
        header(&response, "set-cookie"),
        "",
        "it may still be finished"
    );
    let line = browser.world.logged.last().unwrap();
    assert_eq!(line.id(), LogEventId::SignInLimited);
    let page = testing::text(&response);
    assert!(
        page.contains(line.field(Field::RequestId).unwrap()),
        "{page}"
    );
    assert!(page.contains("wait 1 seconds"), "{page}");
    assert_eq!(browser.world.redeemed.len(), asked);

    let now = &mut browser.world.server.now;
    now.instant = now
        .instant
        .after(limits::REFUSED_CODE_OF_STRANGERS_RECOVERY);
    let response = browser.finish(&tokens);
    assert!(header(&response, "location").contains("code="));
}

// D14
#[test]
fn flood_from_one_address_leaves_others_their_sign_ins() {
    let client = |last: u8| Some(std::net::IpAddr::from([192, 0, 2, last]).into());
    let mut browser = AtEntra::new();
    browser.world.client = client(1);
    for seed in 0..limits::REFUSED_CODES_OF_ADDRESS {
        browser = again(browser, 10 + u8::try_from(seed).unwrap());
        assert_eq!(error_of(&refuse(&mut browser)), "access_denied");
    }
    let mut browser = again(browser, 200);
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "10");
    browser.world.client = client(2);
    let response = browser.finish(&tokens);
    assert!(header(&response, "location").contains("code="));
}

// D14
#[test]
fn browser_in_which_a_user_has_signed_in_goes_on_during_a_flood() {
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    let device = response
        .headers()
        .get_all("set-cookie")
        .iter()
        .find_map(|cookie| {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';')?;
            assert!(rest.contains("HttpOnly; SameSite=Lax"));
            pair.starts_with("entra-mcp-device=")
                .then(|| pair.to_owned())
        })
        .expect("the browser is remembered");
    let mut browser = flood(browser);
    let tokens = browser.tokens(json!({}));
    assert_eq!(browser.finish(&tokens).status(), 503);
    browser.cookie = format!("{}; {device}", browser.cookie);
    let response = browser.finish(&tokens);
    assert!(header(&response, "location").contains("code="));
}

// D1, Q5
#[test]
fn sign_in_that_one_replica_has_redeemed_is_spent_on_the_others() {
    for is_shared in [true, false] {
        let mut browser = AtEntra::new();
        if is_shared {
            browser.world.share_store();
        }
        assert_eq!(error_of(&refuse(&mut browser)), "access_denied");
        browser.world.go_to_another_replica();
        let response = refuse(&mut browser);
        assert_eq!(response.status(), if is_shared { 400 } else { 303 });
        let times = if is_shared { 1 } else { 2 };
        assert_eq!(browser.world.redeemed.len(), times);
        if is_shared {
            let line = browser.world.logged.last().unwrap();
            assert_eq!(line.id(), LogEventId::SignInReplayed);
        }
    }
}

// D14, Q5: whoever floods all replicas gets no more codes to Entra.
#[test]
fn code_that_entra_has_refused_to_one_replica_counts_on_the_others() {
    let mut browser = AtEntra::new();
    browser.world.share_store();
    let mut browser = flood(browser);
    let told = std::mem::take(&mut browser.world.published);
    browser.world.go_to_another_replica();
    let server = &browser.world.server;
    let codes = usize::try_from(limits::REFUSED_CODES_OF_STRANGERS).unwrap();
    assert_eq!(told.len(), codes);
    for message in told {
        let message = crate::replicas::open_message(&message, &server.server, server.now.unix)
            .and_then(crate::replicas::FromReplica::for_hub);
        let from = crate::exchange::ExchangeId(0);
        browser.world.hub.handle(from, message.unwrap(), server.now);
    }
    let tokens = browser.tokens(json!({}));
    assert_eq!(browser.finish(&tokens).status(), 503);
    assert_eq!(browser.world.redeemed.len(), codes);
}

// Q4, Q5: nobody knows whether another replica has redeemed it.
#[test]
fn sign_in_is_not_redeemed_while_the_shared_store_is_away() {
    let mut browser = AtEntra::new();
    browser.world.share_store();
    browser.world.store_is_down = true;
    let response = browser.return_with(&[("code", "entra code")]);
    assert_eq!(error_of(&response), "temporarily_unavailable");
    assert!(browser.world.redeemed.is_empty());
}

// M16
#[test]
fn record_of_a_spent_sign_in_holds_nothing_and_expires_with_it() {
    let mut browser = AtEntra::new();
    browser.world.share_store();
    refuse(&mut browser);
    let stored: Vec<_> = browser.world.store.iter().collect();
    let [(key, spent)] = stored.as_slice() else {
        panic!("there is one record");
    };
    assert!(key.starts_with("spent/") && !key.contains(browser.sign_in.state.expose()));
    assert!(spent.record.bytes.is_empty());
    let until = spent.record.expires.until(browser.world.server.now.unix);
    assert_eq!(until, limits::SIGN_IN_TIMEOUT + limits::CLOCK_LEEWAY);
}
