//! What users have in Microsoft 365: mail, events, files, chats, sites and tasks, the same for everybody who has a mailbox.
//!
//! Source: Microsoft Graph v1.0, the pages of each request; "Paging Microsoft Graph data in your app"; "Advanced query
//! capabilities on Microsoft Entra ID objects".

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{
    DevTenant,
    graph::{found, require},
    graph_error::GraphErrorResponse,
    request_context::RequestContext,
    users::Account,
};

/// Where the links lead that files are got by.
const DOWNLOAD: &str = "/download/";

pub(super) type Answer = Result<Response<Bytes>, GraphErrorResponse>;

impl DevTenant {
    /// The answer to a request for what a user has, if it is one.
    pub(super) fn content_of_graph(&self, cx: &RequestContext<'_>) -> Option<Answer> {
        let path = percent_decoded(cx.path.strip_prefix("/v1.0/")?);
        let parts: Vec<_> = cx
            .path
            .strip_prefix("/v1.0/")?
            .split('/')
            .map(percent_decoded)
            .collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        if cx.method == Method::POST && parts == ["search", "query"] {
            return Some(self.with(cx, "Files.Read.All", |account| search(cx, account)));
        }
        if cx.method != Method::GET {
            return None;
        }
        Some(match parts.as_slice() {
            ["me", "mailFolders", "inbox", "messages", "delta"] => self.changes(cx),
            ["me", "mailFolders", "inbox", "messages"] | ["me", "messages"] => {
                self.with(cx, "Mail.Read", |account| {
                    let mail = mailbox(account, MAIL)?;
                    Ok(self.page(cx, searched(cx, mail)))
                })
            }
            ["me", "messages", id] => {
                self.with(cx, "Mail.Read", |account| one(mailbox(account, MAIL)?, id))
            }
            ["me", "calendarView"] => self.with(cx, "Calendars.Read", |account| {
                let events = mailbox(account, EVENTS)?;
                Ok(self.page(cx, between(cx, events)?))
            }),
            ["me", "events", id] => self.with(cx, "Calendars.Read", |account| {
                one(mailbox(account, EVENTS)?, id)
            }),
            ["me", "drive", "root", _] if path.contains("search(q='") => {
                self.with(cx, "Files.Read", |account| {
                    let query = path.split("search(q='").nth(1).unwrap_or_default();
                    let query = query.strip_suffix("')").unwrap_or(query).replace("''", "'");
                    let files = items(account, FILES).into_iter().map(without_content);
                    Ok(self.page(cx, files.filter(|file| has(file, &query)).collect()))
                })
            }
            ["drives", _, "items", id] => {
                self.with(cx, "Files.Read", |account| one(items(account, FILES), id))
            }
            ["drives", _, "items", id, "content"] => self.with(cx, "Files.Read", |account| {
                one(items(account, FILES), id)?;
                Ok(self.link(id))
            }),
            parts => return self.collaboration(cx, parts),
        })
    }

    /// The answer to a request for chats, people, sites or tasks.
    fn collaboration(&self, cx: &RequestContext<'_>, parts: &[&str]) -> Option<Answer> {
        Some(match parts {
            ["me", "chats"] => self.with(cx, "Chat.ReadBasic", |account| {
                Ok(self.page(cx, items(account, CHATS)))
            }),
            ["chats", chat, "messages"] => self.with(cx, "Chat.Read", |account| {
                Ok(self.page(cx, within(items(account, CHATS), chat, "messages")?))
            }),
            ["chats", chat, "messages", id] => self.with(cx, "Chat.Read", |account| {
                one(within(items(account, CHATS), chat, "messages")?, id)
            }),
            ["me", "people"] => self.with(cx, "People.Read", |account| {
                Ok(self.page(cx, searched(cx, self.colleagues(account))))
            }),
            ["users"] => self.with(cx, "User.ReadBasic.All", |account| {
                check_advanced(cx)?;
                Ok(self.page(cx, searched(cx, self.colleagues(account))))
            }),
            ["sites"] => self.with(cx, "Sites.Read.All", |account| {
                let query = cx.query.one("search").ok().flatten().unwrap_or_default();
                let sites = items(account, SITES).into_iter();
                Ok(self.page(cx, sites.filter(|site| has(site, query)).collect()))
            }),
            ["sites", id] => self.with(cx, "Files.Read.All", |account| {
                one(items(account, SITES), id)
            }),
            ["me", "todo", "lists"] => self.with(cx, "Tasks.Read", |account| {
                Ok(self.page(cx, items(account, TASKS)))
            }),
            ["me", "todo", "lists", list, "tasks"] => self.with(cx, "Tasks.Read", |account| {
                let tasks = within(items(account, TASKS), list, "tasks")?;
                let is_open = |task: &Value| member(task, "status") != "completed";
                Ok(self.page(cx, tasks.into_iter().filter(is_open).collect()))
            }),
            _ => return None,
        })
    }

    /// What a link gives: without a token, and to nobody who sends one.
    pub(super) fn download(&self, cx: &RequestContext<'_>) -> Option<Response<Bytes>> {
        let id = cx.path.strip_prefix(DOWNLOAD)?;
        let files: Vec<Value> = serde_json::from_str(FILES).unwrap_or_default();
        let file = files.into_iter().find(|file| member(file, "id") == id)?;
        let mut response = Response::new(Bytes::new());
        if cx.headers.contains_key(header::AUTHORIZATION) {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return Some(response);
        }
        let content = member(&file, "content").as_bytes();
        let range = cx
            .header("range")
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'));
        let bounds =
            range.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        let (first, last): (usize, usize) = bounds.unwrap_or((0, content.len()));
        let end = content.len().min(last.saturating_add(1));
        let piece = content.get(first.min(end)..end).unwrap_or_default();
        *response.body_mut() = Bytes::copy_from_slice(piece);
        if range.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        Some(response)
    }

    fn link(&self, id: &str) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::FOUND;
        let link = format!("{}{DOWNLOAD}{id}", self.config.origin);
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LOCATION, link);
        }
        response
    }

    /// The answer to somebody whose token has this permission.
    pub(super) fn with<'a>(
        &'a self,
        cx: &RequestContext<'_>,
        scope: &str,
        answer: impl FnOnce(&'a Account) -> Answer,
    ) -> Answer {
        let token = self.access(cx)?;
        let account = self.person_of(&token)?;
        require(&token, scope)?;
        answer(account)
    }

    /// Everybody in the directory.
    fn colleagues(&self, account: &Account) -> Vec<Value> {
        let all = self.directory.all().iter().map(|account| account.user);
        all.filter(|user| user.tenant == account.user.tenant)
            .map(|user| {
                let address = json!({"address": user.mail.unwrap_or(user.username), "relevanceScore": 1});
                json!({"id": user.oid, "displayName": user.display_name, "mail": user.mail,
                    "userPrincipalName": user.username, "jobTitle": user.job_title, "scoredEmailAddresses": [address]})
            })
            .collect()
    }
}

pub(super) const MAIL: &str = include_str!("content/mail.json");
const EVENTS: &str = include_str!("content/events.json");
const FILES: &str = include_str!("content/files.json");
const CHATS: &str = include_str!("content/chats.json");
const SITES: &str = include_str!("content/sites.json");
const TASKS: &str = include_str!("content/tasks.json");

/// What somebody has; `{mail}` stands for their address.
fn items(account: &Account, content: &str) -> Vec<Value> {
    let mail = account.user.mail.unwrap_or(account.user.username);
    serde_json::from_str(&content.replace("{mail}", mail)).unwrap_or_default()
}

/// The same of what is in a mailbox, which some have not.
pub(super) fn mailbox(account: &Account, content: &str) -> Result<Vec<Value>, GraphErrorResponse> {
    if account.user.mail.is_some() && account.user.home.is_none() {
        return Ok(items(account, content));
    }
    let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.";
    let (status, code) = (StatusCode::NOT_FOUND, "MailboxNotEnabledForRESTAPI");
    Err(GraphErrorResponse::new(status, code, message))
}

fn not_there() -> GraphErrorResponse {
    let message = "The resource could not be found.";
    GraphErrorResponse::new(StatusCode::NOT_FOUND, "itemNotFound", message)
}

fn one(all: Vec<Value>, id: &str) -> Answer {
    let item = all.into_iter().find(|item| item["id"] == id);
    item.map(|item| found(&without_content(item)))
        .ok_or_else(not_there)
}

/// What is inside of one of these.
fn within(all: Vec<Value>, id: &str, member: &str) -> Result<Vec<Value>, GraphErrorResponse> {
    let mut item = all
        .into_iter()
        .find(|item| item["id"] == id)
        .ok_or_else(not_there)?;
    match item.get_mut(member).map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(not_there()),
    }
}

fn without_content(mut item: Value) -> Value {
    if let Some(members) = item.as_object_mut() {
        members.remove("content");
    }
    item
}

/// An item of a list: what is inside of it has a list of its own.
pub(super) fn listed(mut item: Value) -> Value {
    if let Some(members) = item.as_object_mut() {
        members.retain(|name, _| name != "messages" && name != "tasks");
    }
    item
}

/// Whether one of its texts contains the words.
fn has(item: &Value, query: &str) -> bool {
    let text = item.to_string().to_lowercase();
    let mut words = query.split_whitespace().filter(|word| *word != "OR");
    words.all(|word| text.contains(&word.to_lowercase()))
}

/// Those that `$search` finds: words, or names of members with a word, of which one must fit.
fn searched(cx: &RequestContext<'_>, all: Vec<Value>) -> Vec<Value> {
    let Some(query) = cx.query.one("$search").ok().flatten() else {
        return all;
    };
    let choices: Vec<String> = query
        .split(" OR ")
        .map(|choice| {
            choice
                .trim_matches('"')
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let fits = |item: &Value| choices.iter().any(|words| has(item, words));
    all.into_iter().filter(fits).collect()
}

/// The events between two times.
fn between(cx: &RequestContext<'_>, all: Vec<Value>) -> Result<Vec<Value>, GraphErrorResponse> {
    let one = |name| cx.query.one(name).ok().flatten();
    let (Some(from), Some(until)) = (one("startDateTime"), one("endDateTime")) else {
        let message = "This request requires a time window specified by the query string parameters StartDateTime and \
                       EndDateTime.";
        let (status, code) = (StatusCode::BAD_REQUEST, "ErrorInvalidParameter");
        return Err(GraphErrorResponse::new(status, code, message));
    };
    let is_in = |event: &Value| {
        let at = |name: &str| {
            let time = event.get(name).map(|time| member(time, "dateTime"));
            time.unwrap_or_default().to_owned()
        };
        at("start").as_str() < until && at("end").as_str() > from
    };
    Ok(all.into_iter().filter(is_in).collect())
}

/// The directory is searched by those only who take an answer that is not of this moment.
fn check_advanced(cx: &RequestContext<'_>) -> Result<(), GraphErrorResponse> {
    let is_search = cx.query.all("$search").next().is_some();
    if !is_search
        || cx
            .header("consistencylevel")
            .eq_ignore_ascii_case("eventual")
    {
        return Ok(());
    }
    let message = "Request with $search query parameter only works through MSGraph with a special request header: \
                   'ConsistencyLevel: eventual'";
    let (status, code) = (StatusCode::BAD_REQUEST, "Request_UnsupportedQuery");
    Err(GraphErrorResponse::new(status, code, message))
}

/// A member that is a text, or nothing.
fn member<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// `POST /v1.0/search/query`: one request, of kinds that go together.
fn search(cx: &RequestContext<'_>, account: &Account) -> Answer {
    let body: Value = serde_json::from_slice(cx.body).unwrap_or_default();
    let bad =
        |message: &str| GraphErrorResponse::new(StatusCode::BAD_REQUEST, "BadRequest", message);
    let requests = body
        .get("requests")
        .and_then(Value::as_array)
        .map(Vec::as_slice);
    let Some([request]) = requests else {
        return Err(bad("Only one search request is supported."));
    };
    let query = request
        .get("query")
        .map(|query| member(query, "queryString"))
        .unwrap_or_default();
    let types = request
        .get("entityTypes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let types: Vec<_> = types.filter_map(Value::as_str).collect();
    let all = match types.as_slice() {
        ["message"] => mailbox(account, MAIL)?,
        ["event"] => mailbox(account, EVENTS)?,
        ["chatMessage"] => {
            let chats = items(account, CHATS);
            let messages =
                chats
                    .into_iter()
                    .filter_map(|mut chat| match chat.get_mut("messages")?.take() {
                        Value::Array(messages) => Some(messages),
                        _ => None,
                    });
            messages.flatten().collect()
        }
        ["driveItem", "site"] => [items(account, FILES), items(account, SITES)].concat(),
        _ => return Err(bad("These entity types cannot be searched together.")),
    };
    let hits = all.into_iter().filter(|item| has(item, query)).map(|item| {
        let id = member(&item, "id").to_owned();
        json!({"hitId": id, "rank": 1, "summary": format!("<c0>{query}</c0> …<ddd/>"), "resource": without_content(item)})
    });
    let hits: Vec<_> = hits.collect();
    Ok(found(
        &json!({"value": [{"searchTerms": [query], "hitsContainers": [
            {"total": hits.len(), "moreResultsAvailable": false, "hits": hits}
        ]}]}),
    ))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
