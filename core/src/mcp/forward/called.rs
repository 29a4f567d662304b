//! What the log tells of calls of the backend: who called which tool, and how it ended; never with what arguments.

use super::{Forward, gateway};
use crate::{
    backend::BackendFault,
    catalog::is_tool_name,
    gateway::RawMessage,
    log_event::{AuditOutcome, Field, LogEvent, LogEventId},
    mcp::invocation::InvocationCx,
    step::Cx,
};

/// The backend has answered.
pub(super) fn answered(
    forward: &Forward,
    message: &RawMessage,
    is_error: bool,
    icx: &mut InvocationCx<'_, '_>,
) {
    let outcome = match is_error {
        true => AuditOutcome::Refused,
        false if message.says_is_error() => AuditOutcome::Failed,
        false => AuditOutcome::Done,
    };
    tell(forward, outcome, message.text().len(), icx);
}

/// The policy refuses it, or there is no such tool.
pub(super) fn refused(forward: &Forward, icx: &mut InvocationCx<'_, '_>) {
    tell(forward, AuditOutcome::Refused, 0, icx);
}

/// There are too many calls already.
pub(super) fn full(forward: &Forward, icx: &mut InvocationCx<'_, '_>) -> BackendFault {
    let fault = BackendFault::too_many_calls();
    fault_of_backend(fault, None, icx.cx);
    refused(forward, icx);
    fault
}

/// Nobody waits for it any more, or it took too long.
pub(super) fn cancelled(forward: &Forward, icx: &mut InvocationCx<'_, '_>) {
    tell(forward, AuditOutcome::Cancelled, 0, icx);
}

/// The backend did not answer.
pub(super) fn failed(forward: &Forward, fault: BackendFault, icx: &mut InvocationCx<'_, '_>) {
    fault_of_backend(fault, forward.excerpt.as_deref(), icx.cx);
    tell(forward, AuditOutcome::Failed, 0, icx);
}

/// Whatever it was asked.
pub(crate) fn fault_of_backend(fault: BackendFault, excerpt: Option<&str>, cx: &mut Cx<'_>) {
    let backend = gateway(cx).shown();
    let event = |id| LogEvent::new(id).with(Field::Backend, &backend);
    cx.log(match fault {
        BackendFault::Leaked => event(LogEventId::GatewayLeaked),
        BackendFault::Refused(status) => {
            event(LogEventId::GatewayRefused).with(Field::Status, status.as_u16().to_string())
        }
        BackendFault::Busy(_) => {
            event(LogEventId::GatewayBusy).with_text(Field::Reason, fault.message())
        }
        BackendFault::Full(..) => {
            event(LogEventId::GatewayFull).with_text(Field::Reason, fault.reason())
        }
        _ => {
            let event = event(LogEventId::GatewayFailed).with_text(Field::Reason, fault.reason());
            let event = match fault {
                BackendFault::Status(status) => {
                    event.with(Field::Status, status.as_u16().to_string())
                }
                _ => event,
            };
            match excerpt {
                Some(text) => event.with(Field::Text, text),
                None => event,
            }
        }
    });
}

/// The backend has lost the session.
pub(super) fn reopened(cx: &mut Cx<'_>) {
    let backend = gateway(cx).shown();
    cx.log(LogEvent::new(LogEventId::GatewaySessionReopened).with(Field::Backend, backend));
}

fn tell(forward: &Forward, outcome: AuditOutcome, bytes: usize, icx: &mut InvocationCx<'_, '_>) {
    if forward.method != "tools/call" {
        return;
    }
    let took = icx.cx.env.now.instant.since(forward.began);
    let outline = &icx.caller.session.outline;
    let mut event = LogEvent::new(LogEventId::GatewayCalled)
        .with(Field::Backend, gateway(icx.cx).shown())
        .with(Field::Subject, &outline.subject)
        .with(Field::Client, outline.client.name());
    // What a client calls a tool that there is not may hold what nobody wants to keep: unless it is the name of a tool by its form.
    if let Some(name) = forward.message.param("name")
        && (outcome != AuditOutcome::Refused || is_tool_name(&name))
    {
        event = event.with(Field::Tool, &name);
    }
    icx.cx.log(
        event
            .with(Field::Outcome, outcome.as_str())
            .with(Field::Milliseconds, took.as_millis().to_string())
            .with(Field::Bytes, bytes.to_string()),
    );
}
