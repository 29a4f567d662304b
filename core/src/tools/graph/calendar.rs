//! The calendar and the tasks that are left to do.
//!
//! Source: Microsoft Graph v1.0, "List calendarView", "List lists", "List tasks" of To Do.

use serde_json::{Map, Value, json};

use super::{
    Offer, Permission, arguments,
    fields::{self, Field, flag, text, texts},
    list::{List, UNREADABLE, ask, with_paging, words},
};
use crate::catalog::{Call, CallError, EffectResult, GraphRequest, Step, Tool, ToolResult};

pub(super) const SCOPES: &[Permission] = &[
    ("calendars.read", "Calendars.Read", "Read your calendars."),
    ("tasks.read", "Tasks.Read", "Read your tasks."),
];

const EVENTS: List = List {
    items: "events",
    fields: &[
        text("id", "/id", "The id."),
        text("subject", "/subject", "The subject."),
        text(
            "start",
            "/start/dateTime",
            "When it begins, in the time zone.",
        ),
        text("end", "/end/dateTime", "When it ends, in the time zone."),
        text("timeZone", "/start/timeZone", "The time zone of both."),
        text("location", "/location/displayName", "Where it is."),
        text(
            "organizer",
            "/organizer/emailAddress/address",
            "The address of who invites.",
        ),
        texts(
            "attendees",
            "/attendees",
            "/emailAddress/address",
            "The addresses of who is invited.",
        ),
        flag(
            "isOnlineMeeting",
            "/isOnlineMeeting",
            "Whether it is held online.",
        ),
        text(
            "bodyPreview",
            "/bodyPreview",
            "How its text begins, which others may have written.",
        ),
        text(
            "webLink",
            "/webLink",
            "Where the user sees it in a browser.",
        ),
    ],
};

const TASK: &[Field] = &[
    text("id", "/id", "The id."),
    text("list", "/list", "The name of the list that it is in."),
    text("title", "/title", "What is to do."),
    text("status", "/status", "How far it is."),
    text("due", "/dueDateTime/dateTime", "By when."),
    text(
        "timeZone",
        "/dueDateTime/timeZone",
        "The time zone of that.",
    ),
];

/// How many lists are read at most.
const LISTS: usize = 5;

pub(super) fn offers() -> Vec<Offer> {
    let time = |what: &str| json!({"type": "string", "pattern": "^[0-9T:.Z+-]{10,40}$", "description": what});
    let range = json!({
        "start": time("From when, such as 2026-12-01T00:00:00; in the time zone, unless it says its own."),
        "end": time("Until when."),
        "timeZone": {"type": "string", "pattern": "^[A-Za-z0-9/_+ .()-]{1,60}$",
            "description": "A time zone, such as Europe/Berlin; UTC unless said."},
    });
    let view = Tool::new(
        "calendar_view",
        "List what is in the signed-in user's calendar between two times, each event of a series on its own.",
    )
    .title("View the calendar")
    .input_schema(arguments(&with_paging(range), &["start", "end"]))
    .output_schema(EVENTS.output_schema())
    .requires_scope("calendars.read");
    let tasks = Tool::new(
        "tasks",
        "List the tasks that the signed-in user has left to do in Microsoft To Do, of the first five lists.",
    )
    .title("List tasks")
    .output_schema(tasks_schema())
    .requires_scope("tasks.read");
    vec![(view, step_view), (tasks, step_tasks)]
}

fn tasks_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"tasks": {"type": "array", "items": fields::schema(TASK)}},
        "required": ["tasks"],
        "additionalProperties": false,
    })
}

fn step_view(call: &Call) -> Step<ToolResult> {
    EVENTS.step(call, || {
        let select =
            "id,subject,start,end,location,organizer,attendees,isOnlineMeeting,bodyPreview,webLink";
        let zone = match call.text("timeZone") {
            "" => "UTC",
            zone => zone,
        };
        Ok(GraphRequest::get(["v1.0", "me", "calendarView"])
            .query("startDateTime", call.text("start"))
            .query("endDateTime", call.text("end"))
            .query("$select", select)
            .query("$orderby", "start/dateTime")
            .header("Prefer", format!("outlook.timezone=\"{zone}\"")))
    })
}

/// Asks for the lists, then for the tasks of each.
fn step_tasks(call: &Call) -> Step<ToolResult> {
    let [first, rest @ ..] = call.results() else {
        let request = GraphRequest::get(["v1.0", "me", "todo", "lists"]);
        return ask(request.query("$top", LISTS));
    };
    let lists = match values(first) {
        Ok(lists) => lists,
        Err(error) => return Step::failed(error),
    };
    let name = |list: &Value, name: &str| {
        let text = list.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let lists: Vec<_> = lists
        .iter()
        .map(|list| (name(list, "id"), name(list, "displayName")))
        .take(LISTS)
        .collect();
    if let Some((id, _)) = lists.get(rest.len()) {
        let request = GraphRequest::get(["v1.0", "me", "todo", "lists", id, "tasks"]);
        return ask(request
            .query("$filter", "status ne 'completed'")
            .query("$top", 50));
    }
    let mut tasks = Vec::new();
    for ((_, list), result) in lists.iter().zip(rest) {
        match values(result) {
            Ok(found) => tasks.extend(found.into_iter().map(|task| of_list(task, list))),
            Err(error) => return Step::failed(error),
        }
    }
    Step::done(ToolResult::structured(&json!({"tasks": tasks})))
}

fn of_list(mut task: Value, list: &str) -> Map<String, Value> {
    if let Some(members) = task.as_object_mut() {
        members.insert("list".to_owned(), json!(list));
    }
    fields::pick(TASK, &task)
}

/// The items of a page.
fn values(result: &EffectResult) -> Result<Vec<Value>, CallError> {
    let found = match result {
        EffectResult::Graph(Ok(found)) => found.json::<Value>()?,
        EffectResult::Graph(Err(error)) => return Err(words(error)),
        _ => Value::Null,
    };
    match found.get("value").and_then(Value::as_array) {
        Some(values) => Ok(values.clone()),
        None => Err(UNREADABLE.into()),
    }
}
