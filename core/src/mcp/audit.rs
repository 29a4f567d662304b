//! What the log and the audit log tell of calls: which tool, by whom, how it ended and how long it took; never with what
//! arguments.

use crate::{
    admit::caller::Caller,
    json_rpc::{Error, Json, Request, ResultBody},
    log_event::{AuditOutcome, Field, LogEvent, LogEventId},
    step::Cx,
};

/// A request is answered: if it called a tool, that is told.
pub(super) fn called(
    request: &Request,
    result: &Result<ResultBody, Error>,
    caller: &Caller,
    cx: &mut Cx<'_>,
) {
    let outcome = match result {
        // The backend has not been called yet.
        Ok(result) if cx.env.gateway().is_some() && result.asks() => AuditOutcome::Asked,
        Ok(result) if result.is_error() => AuditOutcome::Failed,
        Ok(_) => AuditOutcome::Done,
        Err(_) => AuditOutcome::Refused,
    };
    tell(request, outcome, caller, cx);
}

/// Nobody waits for the call any more, or it took too long.
pub(super) fn cancelled(request: &Request, caller: &Caller, cx: &mut Cx<'_>) {
    tell(request, AuditOutcome::Cancelled, caller, cx);
}

/// A call that a backend is to answer was refused before there was one.
pub(super) fn refused_at_gateway(request: &Request, caller: &Caller, cx: &mut Cx<'_>) {
    if cx.env.gateway().is_some() {
        tell(request, AuditOutcome::Refused, caller, cx);
    }
}

/// What was called needs scopes that were not granted.
pub(super) fn step_up(needed: &[String], cx: &mut Cx<'_>) {
    let required = LogEvent::new(LogEventId::StepUpRequired);
    cx.audit(required.with(Field::Scope, needed.join(" ")));
}

fn tell(request: &Request, outcome: AuditOutcome, caller: &Caller, cx: &mut Cx<'_>) {
    if request.method != "tools/call" {
        return;
    }
    let called = match cx.env.gateway() {
        None => of(LogEventId::ToolCalled, request, caller, cx),
        Some(gateway) => of(LogEventId::GatewayCalled, request, caller, cx)
            .with(Field::Backend, gateway.shown())
            .with(Field::Bytes, "0"),
    };
    cx.log(called.with(Field::Outcome, outcome.as_str()));
}

/// What is known of a call: who makes it, of which tool, and how long it has taken.
pub(super) fn of(id: LogEventId, request: &Request, caller: &Caller, cx: &Cx<'_>) -> LogEvent {
    let outline = &caller.session.outline;
    let event = LogEvent::new(id)
        .with(Field::Subject, outline.subject.as_str())
        .with(Field::Client, outline.client.name())
        .with(Field::Milliseconds, cx.milliseconds().to_string());
    // Whatever else a client names may hold what nobody wants to keep.
    let name = request.params.get("name").and_then(Json::as_str);
    let mut tools = cx.env.catalog.tools_for(|_| true);
    match tools.find(|entry| name == Some(entry.tool.name())) {
        Some(entry) if request.method == "tools/call" => event.with(Field::Tool, entry.tool.name()),
        _ => event,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::log_event::Level;
    use crate::mcp::testing::{World, profile, rpc};

    /// The lines about calls of tools, once Alice has called one.
    fn told(world: &mut World, params: &Value) -> Vec<Value> {
        let session = world.initialize("alice", "2025-11-25");
        let named = [("mcp-session-id", session.as_str())];
        let _ = world.post("alice", &named, rpc(7, "tools/call", params));
        let lines = world.logged.iter();
        let lines = lines.filter(|line| line.id() == LogEventId::ToolCalled);
        let lines = lines.map(|line| line.audit_line("2026-03-01T10:00:00Z").unwrap());
        lines
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }

    #[test]
    fn call_is_told_with_its_user_and_without_its_arguments() {
        let mut world = World::new();
        let secret = json!({"name": "getUserDetails", "arguments": {"token": "very secret"}});
        let line = told(&mut world, &secret).remove(0);
        let session = world.session("alice");
        assert_eq!(line["tool"], "getUserDetails");
        assert_eq!(line["tenant_id"], session.user.tenant_id);
        assert_eq!(line["object_id"], session.user.oid);
        assert_eq!(line["session"], session.id.to_string());
        assert_eq!(line["client"].as_str().unwrap().len(), 32);
        assert_eq!(line["request_id"], "0000000000000001");
        assert!(line["ms"].is_u64(), "{line}");
        assert!(!line.to_string().contains("secret"), "{line}");
    }

    #[test]
    fn call_whose_tool_fails_is_told_as_failed() {
        let mut world = World::new();
        world.graph_responds(403, &json!({"error": {"code": "Forbidden"}}));
        let line = told(
            &mut world,
            &json!({"name": "getUserDetails", "arguments": {}}),
        )
        .remove(0);
        assert_eq!(line["outcome"], "failed", "{line}");
    }

    #[test]
    fn name_of_a_tool_that_is_not_offered_is_not_told() {
        let mut world = World::new();
        let line = told(&mut world, &json!({"name": "adele@contoso.com"})).remove(0);
        assert_eq!(
            (&line["tool"], &line["outcome"]),
            (&Value::Null, &json!("refused"))
        );
        assert!(!line.to_string().contains("adele@"), "{line}");
    }

    #[test]
    fn call_is_a_line_of_the_log_where_there_is_no_audit_log() {
        let mut world = World::new();
        world.server.server.config.audit_log = None;
        let params = json!({"name": "getUserDetails", "arguments": {}});
        world.graph_responds(200, &profile("alice"));
        assert_eq!(told(&mut world, &params).len(), 1);
        let outline = world.session("alice").outline.clone();
        let line = world.logged.iter();
        let mut line = line.filter(|line| line.id() == LogEventId::ToolCalled);
        let line = line.next().unwrap();
        assert_eq!(line.level(), Level::Info);
        assert_eq!(line.field(Field::Tool), Some("getUserDetails"));
        assert_eq!(line.field(Field::Outcome), Some("done"));
        assert_eq!(line.field(Field::Subject), Some(outline.subject.as_str()));
        assert_eq!(
            line.field(Field::Client),
            Some(outline.client.name().as_str())
        );
        assert!(line.field(Field::Milliseconds).is_some(), "{line:?}");
        assert!(line.field(Field::RequestId).is_some(), "{line:?}");
    }

    #[test]
    fn other_requests_are_no_calls() {
        let mut world = World::new();
        let session = world.initialize("alice", "2025-11-25");
        let named = [("mcp-session-id", session.as_str())];
        let _ = world.post("alice", &named, rpc(7, "tools/list", &json!({})));
        let is_call = |line: &LogEvent| line.id() == LogEventId::ToolCalled;
        assert!(!world.logged.iter().any(is_call), "{:?}", world.logged);
    }
}
