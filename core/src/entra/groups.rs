//! The groups of a user who is in more than a token names ("overage"): Graph is asked, by the user's own token, and of what
//! it answers the groups are kept that this server names anywhere (threat D21).
//!
//! The token names an address to ask, too. It is that of an interface that is gone, and text of a token: nobody goes there.
//!
//! Source: Microsoft identity platform, "Groups overage claim"; Microsoft Graph, "directoryObject: getMemberObjects".

use std::collections::BTreeSet;

use ::http::Response;
use bytes::Bytes;
use serde::Deserialize;

use super::graph_fetch;
use crate::{
    ask::{Ask, Awaiting, Fetch},
    catalog::Names,
    env::Env,
    event::Answer,
    limits,
    log_event::{Field, LogEvent, LogEventId},
    provider_metadata::is_guid,
    secret::Secret,
    session::record::{Hash, User},
    step::Cx,
    throttle::Throttled,
};

/// Security groups alone, as tokens name them, and those that they are in by other groups.
const PATH: &str = "v1.0/me/getMemberObjects";
const BODY: &str = r#"{"securityEnabledOnly":true}"#;

/// Graph is asked which groups a user is in.
#[derive(Debug)]
pub(crate) struct GroupsRequest(Awaiting<Fetch>);

/// Nobody knows which groups the user is in: they count as in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupsUnknown;

/// The groups that the settings, the entry of a client and the tools name: the others change nothing here.
fn named<'a>(client: &Hash, env: Env<'a>) -> BTreeSet<&'a str> {
    let listed = env.clients.of_hash(&client.0);
    let of_client = listed.map_or(&[][..], |client| client.allowed_users.groups());
    let of_settings = env.server.config.allowed_users.groups();
    let of_tools = env.catalog.named_groups();
    let of_lists = of_settings.iter().chain(of_client).map(String::as_str);
    of_lists.chain(of_tools).collect()
}

/// Whether any group matters here, so that it is worth to ask.
pub(crate) fn matter(client: &Hash, env: Env<'_>) -> bool {
    !named(client, env).is_empty()
}

impl GroupsRequest {
    /// Asks; `None` if no group matters here.
    pub(crate) fn start(
        user: &User,
        client: &Hash,
        access_token: &Secret<String>,
        cx: &mut Cx<'_>,
    ) -> Option<Result<Self, GroupsUnknown>> {
        if !matter(client, cx.env) {
            return None;
        }
        let throttle = &cx.env.entra.throttle;
        let wait = throttle.wait(&Throttled::Graph(user.key()), cx.env.now.instant);
        if wait.is_some() {
            return Some(Err(unknown("Graph wants no requests at the moment", cx)));
        }
        Some(match graph_fetch::post(PATH, BODY, access_token, cx) {
            Some(fetch) => Ok(Self(cx.fetch(fetch))),
            None => Err(unknown("Graph has no such address", cx)),
        })
    }

    /// Which of the groups that are named here the user is in.
    pub(crate) fn handle(
        self,
        client: &Hash,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Result<Names, GroupsUnknown> {
        let answer = self.0.into_answer(answer);
        read(answer, &named(client, cx.env)).map_err(|reason| unknown(reason, cx))
    }
}

/// Says for the log why nobody knows the groups.
pub(crate) fn unknown(reason: &str, cx: &mut Cx<'_>) -> GroupsUnknown {
    cx.log(LogEvent::new(LogEventId::GraphGroupsUnknown).with(Field::Reason, reason));
    GroupsUnknown
}

fn read(answer: <Fetch as Ask>::Answer, named: &BTreeSet<&str>) -> Result<Names, &'static str> {
    #[derive(Deserialize)]
    struct Body {
        value: Vec<String>,
    }
    let response: Response<Bytes> = answer.map_err(|fault| fault.as_str())?;
    if response.status() != 200 {
        return Err("Graph refused the request");
    }
    let body: Body =
        serde_json::from_slice(response.body()).map_err(|_| "the answer is no list of groups")?;
    let ids = body.value.iter().filter(|id| is_guid(id));
    let ids = ids.map(|id| id.to_ascii_lowercase());
    let of_interest = ids.filter(|id| named.contains(id.as_str()));
    Ok(of_interest.take(limits::GROUPS).collect())
}
