//! What the servers of a world offer: the server's own, everything that the conformance suite asks of
//! a server, and things that the runtime performs, which behave in every way that a function can.
//!
//! A call that the runtime performs plays a script: slow, chatty, failing, never-ending, asking. What
//! it says names the user who called, so that the text of one user's call is never in another's
//! (the checks see to it); what it says of a fault, or after it was cancelled, is labelled too.

use std::time::Duration;

use entra_mcp_core::{
    ask::{Invoke, InvokeOutput, Target},
    catalog::{
        Call, CallError, Catalog, ChangeNotification, CompleteResult, Effect, ElicitationSchema,
        FieldSchema, GraphRequest, Handler, InputRequest, LogLevel, LogNotification,
        ProgressNotification, Prompt, PromptArgument, PromptMessages, Resource, ResourceContents,
        ResourcePage, TaskSupport, Tool, ToolResult,
    },
};
use serde_json::json;

use crate::{
    checks::{Ledger, Sort},
    choice::Choice,
};

/// The text of a fault. It is for the log.
const FAULT: &str = "database-7f1c93 of the operator's is broken";
/// The text of a call that was cancelled. It is for nobody.
const LATE: &str = "late-5d20e8 of a call that is over";

/// The resource that the runtime reads.
pub const PAGE: &str = "world://page";
/// How many changes a burst has, and how many lines of the log.
const BURST: usize = 100;
/// How long a line of a burst is: together they do not fit into the queue of a stream.
const BURST_LINE: usize = 1000;
/// The resource that is watched.
pub const WATCHED: &str = "test://watched-resource";

/// What an attacker answers to a question that another was asked. Nobody sees it.
pub const FORGED: &str = "forged-41ab77 by somebody else";

/// Labels what must not leak.
pub(crate) fn label(ledger: &mut Ledger) {
    ledger.know(FAULT, Sort::Fault, "text of a fault");
    ledger.know(FORGED, Sort::Key, "an answer of somebody who was not asked");
    ledger.know(LATE, Sort::Key, "text of a cancelled call");
}

/// Everything.
///
/// # Panics
///
/// Never: it is well formed, as every run shows.
#[must_use]
pub fn everything() -> Catalog {
    let own = entra_mcp_core::tools::register(Catalog::builder());
    let mut catalog = entra_mcp_everything::register(own);
    for (name, description, tasks) in [
        ("world_slow", "Takes its time", TaskSupport::Optional),
        ("world_chatty", "Says a lot", TaskSupport::Never),
        ("world_failing", "Is broken", TaskSupport::Optional),
        ("world_endless", "Never ends", TaskSupport::Optional),
        ("world_asking", "Asks first", TaskSupport::Never),
        ("world_changing", "Changes a resource", TaskSupport::Never),
        (
            "world_graph",
            "Asks Graph again and again",
            TaskSupport::Optional,
        ),
        (
            "world_bursting",
            "Changes the lists often",
            TaskSupport::Never,
        ),
    ] {
        let tool = Tool::new(name, description).tasks(tasks);
        catalog = catalog.tool(tool, Handler::Runtime);
    }
    let prompt = Prompt::new("world_prompt", "Made by the runtime");
    let prompt = prompt.argument(PromptArgument::new("topic").required());
    catalog
        .resource(Resource::new(PAGE, "A page"), Handler::Runtime)
        .prompt(prompt, Handler::Runtime)
        .complete_prompt("world_prompt", Handler::Runtime)
        .build()
        .expect("the world's catalog is well formed")
}

/// What a call does next.
#[derive(Debug)]
pub(crate) enum ScriptStep {
    /// It has this effect.
    Effect(Effect),
    /// It works, or waits.
    Pause(Duration),
    /// It is over.
    End(Result<InvokeOutput, CallError>),
}

/// What a call will do, the last first; an endless one has no end.
pub(crate) fn script(perform: &Invoke, choice: &mut Choice) -> Vec<ScriptStep> {
    let (call, target) = (&perform.call, &perform.target);
    let mut steps = match target {
        Target::Tool(name) => tool(name, call, choice),
        _ => vec![ScriptStep::Pause(moment(choice))],
    };
    if !matches!(target, Target::Tool(name) if name == "world_endless") {
        let end = match target {
            Target::Tool(name) if name == "world_failing" => {
                Err(CallError::Internal(FAULT.to_owned()))
            }
            _ => Ok(performed(target, &with_caller(call, "the end"))),
        };
        steps.push(ScriptStep::End(end));
    }
    steps.reverse();
    steps
}

fn tool(name: &str, call: &Call, choice: &mut Choice) -> Vec<ScriptStep> {
    match name {
        "world_slow" => vec![ScriptStep::Pause(
            choice.between(Duration::from_secs(1), Duration::from_secs(40)),
        )],
        "world_chatty" => (0..3 + choice.below(20))
            .flat_map(|number| chat(number, call, choice))
            .collect(),
        "world_endless" => vec![
            ScriptStep::Effect(Effect::progress(1.0, None)),
            ScriptStep::Pause(moment(choice)),
            ScriptStep::Effect(Effect::log(LogLevel::Info, &with_caller(call, "for ever"))),
        ],
        "world_asking" if call.answer("sure").is_none() => {
            let form = ElicitationSchema::new().field("sure", FieldSchema::boolean());
            let question = InputRequest::form(with_caller(call, "is it you?"), form);
            vec![
                ScriptStep::Pause(moment(choice)),
                ScriptStep::Effect(Effect::request_input("sure", question)),
            ]
        }
        "world_changing" => vec![ScriptStep::Effect(Effect::NotifyChanged(
            ChangeNotification::Resource(WATCHED.to_owned()),
        ))],
        "world_graph" => (0..6)
            .flat_map(|number| {
                let pause = choice.between(Duration::from_secs(5), Duration::from_secs(40));
                let me = GraphRequest::get_path("v1.0/me");
                let graph = match number % 3 {
                    2 => Effect::GraphStream(Box::new(me)),
                    _ => Effect::Graph(Box::new(me)),
                };
                [ScriptStep::Pause(pause), ScriptStep::Effect(graph)]
            })
            .collect(),
        "world_bursting" => (0..BURST)
            .map(|_| Effect::NotifyChanged(ChangeNotification::Tools))
            .chain((0..BURST).map(|_| {
                Effect::log(
                    LogLevel::Warning,
                    &with_caller(call, &".".repeat(BURST_LINE)),
                )
            }))
            .map(ScriptStep::Effect)
            .collect(),
        _ => vec![ScriptStep::Pause(moment(choice))],
    }
}

fn chat(number: u64, call: &Call, choice: &mut Choice) -> [ScriptStep; 2] {
    let effect = match choice.below(3) {
        0 => Effect::Log(LogNotification::new(
            LogLevel::Warning,
            json!({"says": with_caller(call, "hello")}),
        )),
        1 => Effect::log(LogLevel::Debug, &with_caller(call, "a detail")),
        _ => {
            let progress = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
            let notification = ProgressNotification::new(progress, None);
            Effect::Progress(notification.message(with_caller(call, "on the way")))
        }
    };
    [
        ScriptStep::Effect(effect),
        ScriptStep::Pause(moment(choice)),
    ]
}

/// What a call tries after it was cancelled, the last first.
pub(crate) fn late_effects(target: &Target) -> Vec<ScriptStep> {
    vec![
        ScriptStep::End(Ok(performed(target, LATE))),
        ScriptStep::Effect(Effect::log(LogLevel::Emergency, LATE)),
        ScriptStep::Pause(Duration::from_secs(1)),
        ScriptStep::Effect(Effect::Progress(
            ProgressNotification::new(1e9, None).message(LATE),
        )),
    ]
}

/// A text that names the caller.
fn with_caller(call: &Call, text: &str) -> String {
    format!("{text} ({})", call.principal().oid)
}

fn moment(choice: &mut Choice) -> Duration {
    choice.between(Duration::from_millis(1), Duration::from_secs(3))
}

fn performed(target: &Target, text: &str) -> InvokeOutput {
    match target {
        Target::Tool(_) => InvokeOutput::Tool(ToolResult::from(text)),
        Target::Resource(uri) | Target::Template(uri) | Target::Listed(uri) => {
            InvokeOutput::Contents(vec![ResourceContents::text(uri, text)].into())
        }
        Target::Prompt(_) => InvokeOutput::PromptMessages(PromptMessages::new().user(text)),
        Target::ListResources => InvokeOutput::ResourcePage(ResourcePage::default()),
        Target::CompletePrompt(..) | Target::CompleteTemplate(..) => {
            InvokeOutput::Values(CompleteResult::new([text]))
        }
    }
}
