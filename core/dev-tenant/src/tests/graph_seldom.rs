//! What Graph answers seldom, so that whoever asks it must be tried with it.

use super::{
    graph_content::{granted, list},
    *,
};
use crate::GraphError;

#[test]
fn link_to_the_next_page_leads_to_where_it_is_told_to() {
    let (mut world, token) = granted("alice");
    let inbox = "/v1.0/me/mailFolders/inbox/messages?$top=1";
    for (origin, expected) in [
        (Some("https://evil.example"), "https://evil.example"),
        (None, ORIGIN),
    ] {
        let origin = origin.map(str::to_owned);
        world.control(Control::NextLinkOrigin { origin });
        let page = list(&mut world, &token, inbox);
        let next = page["@odata.nextLink"].as_str().unwrap();
        let rest = next.strip_prefix(expected).unwrap();
        assert!(
            rest.starts_with("/v1.0/me/mailFolders/inbox/messages?"),
            "{next}"
        );
    }
}

#[test]
fn delta_link_gives_what_has_changed_and_is_gone_one_day() {
    let (mut world, token) = granted("alice");
    let delta = "/v1.0/me/mailFolders/inbox/messages/delta";
    let first = list(&mut world, &token, delta);
    assert_eq!(first["value"].as_array().unwrap().len(), 3);
    let link = first["@odata.deltaLink"].as_str().unwrap();
    let link = link.strip_prefix(ORIGIN).unwrap().to_owned();
    let next = list(&mut world, &token, &link);
    assert!(next["value"].as_array().unwrap().is_empty());
    assert!(next["@odata.deltaLink"].is_string());
    let gone = world.me(&format!("{link}0"), &token);
    assert_eq!(gone.status(), 410);
    assert_eq!(json(&gone)["error"]["code"], "syncStateNotFound");
    world.control(Control::GraphError(GraphError {
        status: 410,
        ..GraphError::default()
    }));
    let gone = world.me(&link, &token);
    assert_eq!(gone.status(), 410);
    assert_eq!(json(&gone)["error"]["code"], "resyncRequired");
}

// Four requests at once for a mailbox; those for other things, and of others, do not count.
#[test]
fn mailbox_that_is_asked_too_much_at_once_is_429() {
    let (mut world, token) = granted("alice");
    let path = "/v1.0/me/messages";
    let status = |world: &mut World, path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        match world.reply(&request.body(Bytes::new()).unwrap()) {
            Reply::Respond(response) => response.status().as_u16(),
            Reply::Later(_, reply) => match *reply {
                Reply::Respond(response) => {
                    if response.status() == 429 {
                        let error = &json(&response)["error"];
                        assert_eq!(error["code"], "ApplicationThrottled");
                    }
                    response.status().as_u16()
                }
                other => panic!("{other:?}"),
            },
            Reply::Sign(_) => panic!("Graph signs nothing"),
        }
    };
    for _ in 0..6 {
        assert_eq!(status(&mut world, path), 200, "one after the other");
    }
    world.control(Control::Latency {
        milliseconds: 2000,
        path: "/v1.0/".to_owned(),
    });
    let statuses = [(); 5].map(|()| status(&mut world, path));
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
    assert_eq!(status(&mut world, "/v1.0/me/people"), 200);
    world.now += 2;
    assert_eq!(status(&mut world, path), 200);
}
