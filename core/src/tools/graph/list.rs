//! Lists of Graph's, page by page.
//!
//! Source: Microsoft Graph, "Paging Microsoft Graph data in your app".

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::fields::{self, Field};
use crate::catalog::{
    Call, CallError, Effect, EffectResult, GraphError, GraphRequest, Step, ToolResult,
};

/// How many items a page has unless the call says so.
const USUAL: u64 = 25;

/// The most that it may say.
const MOST: u64 = 50;

/// The longest cursor that is read: Graph's own are some hundred bytes.
const CURSOR_BYTES: usize = 4096;

/// A tool that lists something.
#[derive(Debug)]
pub(super) struct List {
    /// The member of the result that holds the items.
    pub(super) items: &'static str,
    /// What is returned of each.
    pub(super) fields: &'static [Field],
}

impl List {
    /// The schema of the result.
    pub(super) fn output_schema(&self) -> Value {
        let mut properties = Map::new();
        let items = json!({"type": "array", "items": fields::schema(self.fields)});
        properties.insert(self.items.to_owned(), items);
        let next = json!({"type": ["string", "null"],
            "description": "For the next page, as the argument `cursor`; null at the end."});
        properties.insert("nextCursor".to_owned(), next);
        json!({
            "type": "object",
            "properties": properties,
            "required": [self.items, "nextCursor"],
            "additionalProperties": false,
        })
    }

    /// Asks for the page that the call wants of this list, and chooses of it.
    pub(super) fn step(
        &self,
        call: &Call,
        request: impl FnOnce() -> Result<GraphRequest, CallError>,
    ) -> Step<ToolResult> {
        match call.results() {
            [] => match request().and_then(|request| paged(request, call)) {
                Ok(request) => ask(request),
                Err(error) => Step::failed(error),
            },
            [EffectResult::Graph(Ok(found)), ..] => match found.json::<Value>() {
                Ok(page) => Step::done(self.read(&page)),
                Err(error) => Step::failed(error),
            },
            [EffectResult::Graph(Err(error)), ..] => Step::failed(words(error)),
            _ => Step::failed(UNREADABLE),
        }
    }

    fn read(&self, page: &Value) -> ToolResult {
        let items = page.get("value").and_then(Value::as_array);
        let Some(items) = items else {
            return ToolResult::error(UNREADABLE);
        };
        let items = items.iter().map(|item| fields::pick(self.fields, item));
        let next = page.get("@odata.nextLink").and_then(Value::as_str);
        let mut result = Map::new();
        result.insert(self.items.to_owned(), items.map(Value::Object).collect());
        result.insert("nextCursor".to_owned(), json!(next.and_then(cursor_of)));
        ToolResult::structured(&result)
    }
}

pub(super) const UNREADABLE: &str = "Microsoft Graph gave an answer that could not be read.";

/// The step that asks Graph.
pub(super) fn ask<R>(request: GraphRequest) -> Step<R> {
    Step::effect(Effect::Graph(Box::new(request)))
}

/// The arguments of every list, beside its own.
pub(super) fn with_paging(mut properties: Value) -> Value {
    if let Some(properties) = properties.as_object_mut() {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": MOST,
            "description": format!("How many items, {USUAL} unless said.")});
        let cursor = json!({"type": "string",
            "description": "`nextCursor` of the page before, with the same other arguments."});
        properties.insert("limit".to_owned(), limit);
        properties.insert("cursor".to_owned(), cursor);
    }
    properties
}

fn paged(request: GraphRequest, call: &Call) -> Result<GraphRequest, CallError> {
    let limit = call.arguments().get("limit").and_then(Value::as_u64);
    let request = request.query("$top", limit.unwrap_or(USUAL).clamp(1, MOST));
    match call.text("cursor") {
        "" => Ok(request),
        cursor => match place_of(cursor) {
            Some((name, value)) => Ok(request.query(name, value)),
            None => Err("The cursor is none of this tool's: leave it out to begin anew.".into()),
        },
    }
}

/// By which parameters Graph's next links go on.
const PLACES: [&str; 2] = ["$skiptoken", "$skip"];

/// What a link says of the place in the list. Where it leads is ours to say.
fn cursor_of(link: &str) -> Option<String> {
    let url = Url::parse(link).ok()?;
    let (name, value) = url
        .query_pairs()
        .find(|(name, _)| PLACES.contains(&name.as_ref()))?;
    let pair = form_urlencoded::Serializer::new(String::new())
        .append_pair(&name, &value)
        .finish();
    (pair.len() <= CURSOR_BYTES).then(|| URL_SAFE_NO_PAD.encode(pair))
}

fn place_of(cursor: &str) -> Option<(&'static str, String)> {
    if cursor.len() > 2 * CURSOR_BYTES {
        return None;
    }
    let pair = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (name, value) = form_urlencoded::parse(&pair).next()?;
    let name = PLACES.into_iter().find(|place| *place == name)?;
    Some((name, value.into_owned()))
}

/// What model and user are told of an error. A guest or a user without a licence has no mailbox and no drive, which is no
/// fault.
pub(super) fn words(error: &GraphError) -> CallError {
    match error.code.as_str() {
        "MailboxNotEnabledForRESTAPI" | "MailboxNotHostedInExchangeOnline" => {
            "This account has no mailbox in Microsoft 365.".into()
        }
        "ResourceNotFound" | "itemNotFound" | "ErrorItemNotFound" => {
            "It is not there (any more), or this account has no mailbox or drive to look in.".into()
        }
        _ => error.clone().into(),
    }
}
