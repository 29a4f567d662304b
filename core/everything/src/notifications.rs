//! Tools that say something before they answer: progress, lines of the log, changes; and one that lets
//! its client come back for the answer.

use std::time::Duration;

use entra_mcp_core::catalog::{
    Call, CatalogBuilder, ChangeNotification, Effect, LogLevel, Step, ToolResult,
};

use crate::{plain, resources::WATCHED};

const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    plain(
        catalog,
        &[
            ("test_tool_with_progress", "Tells how far it is", progress),
            ("test_tool_with_logging", "Writes lines of the log", logging),
            ("test_logging_tool", "Writes a line of the log", one_line),
            (
                "test_trigger_tool_change",
                "Announces that tools changed",
                tools_change,
            ),
            (
                "test_trigger_prompt_change",
                "Announces that prompts changed",
                prompts_change,
            ),
            (
                "test_trigger_resource_change",
                "Announces that the watched resource changed",
                resource_changes,
            ),
            (
                "test_reconnection",
                "Lets its client come back for the answer",
                reconnection,
            ),
        ],
    )
}

fn progress(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::progress(0.0, Some(100.0))),
        2 => Step::effect(Effect::progress(50.0, Some(100.0))),
        4 => Step::effect(Effect::progress(100.0, Some(100.0))),
        1 | 3 => Step::effect(Effect::Sleep(PAUSE)),
        _ => Step::done("Progress was reported three times."),
    }
}

fn logging(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::log(LogLevel::Info, "Tool execution started")),
        2 => Step::effect(Effect::log(LogLevel::Info, "Tool processing data")),
        4 => Step::effect(Effect::log(LogLevel::Info, "Tool execution completed")),
        1 | 3 => Step::effect(Effect::Sleep(PAUSE)),
        _ => Step::done("Three lines were written."),
    }
}

fn one_line(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::log(
            LogLevel::Info,
            "Whoever asked for this level reads it",
        )),
        _ => Step::done("A line was written."),
    }
}

fn tools_change(call: &Call) -> Step<ToolResult> {
    change(call, ChangeNotification::Tools)
}

fn prompts_change(call: &Call) -> Step<ToolResult> {
    change(call, ChangeNotification::Prompts)
}

fn resource_changes(call: &Call) -> Step<ToolResult> {
    change(call, ChangeNotification::Resource(WATCHED.to_owned()))
}

fn change(call: &Call, change: ChangeNotification) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::NotifyChanged(change)),
        _ => Step::done("The change was announced."),
    }
}

fn reconnection(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::CloseStream(Duration::from_millis(500))),
        1 => Step::effect(Effect::Sleep(Duration::from_millis(100))),
        _ => Step::done("Reconnection test completed successfully."),
    }
}
