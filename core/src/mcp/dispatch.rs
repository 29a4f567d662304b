//! From the method of a request to what answers it.

mod session_methods;

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::{
    invocation::{Called, ClientProfile, Invocation, InvocationCx, ServerMessage},
    lists,
    resolve::{self, Rejection},
    results, tasks, v2026_07_28,
};
use crate::{
    admit::caller::Caller,
    catalog::{Catalog, TaskSupport, ToolResult},
    event::Event,
    hub::{FromHub, FromHubKind},
    json_rpc::{Error, Id, Request, Response},
    step::Cx,
    time::Instant,
};

/// Requests that are answered one after the other: one, or those of a batch.
#[derive(Debug)]
pub(crate) struct RequestBatch {
    peer: ClientProfile,
    todo: VecDeque<Request>,
    current: Option<(Request, Current)>,
    answers: Vec<Response>,
    outgoing: Vec<ServerMessage>,
}

/// What a request waits for.
#[derive(Debug)]
enum Current {
    Call(Box<Invocation>),
    Subscribing,
    Task(tasks::Asked),
}

/// How far the work is, and what to send to the client before anything else.
#[derive(Debug)]
pub(crate) struct BatchProgress {
    pub(crate) outgoing: Vec<ServerMessage>,
    pub(crate) step: BatchStep,
}

/// How far the work is.
#[derive(Debug)]
pub(crate) enum BatchStep {
    /// It goes on.
    Waiting(Box<RequestBatch>),
    /// These are the answers, in the order of the requests.
    Done(Vec<Response>),
    /// The user must sign in again; this request found out.
    SessionOver(Id),
}

/// Whether work becomes a task.
pub(crate) enum IntoTask {
    /// This call does.
    Task(Request, Box<Invocation>),
    /// It goes on as it is.
    No(Box<RequestBatch>),
}

/// What one request leads to.
enum Reply {
    Result(Map<String, Value>),
    Error(Error),
    Call(Called),
    Subscribing,
    Task(tasks::Asking),
}

impl RequestBatch {
    /// Begins. Whether the scopes suffice was checked: [`missing_scopes`].
    pub(crate) fn start(
        peer: ClientProfile,
        requests: Vec<Request>,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> BatchProgress {
        let work = Self {
            peer,
            todo: requests.into(),
            current: None,
            answers: Vec::new(),
            outgoing: Vec::new(),
        };
        work.go_on(caller, cx)
    }

    /// When it wants to be woken.
    pub(crate) fn wake(&self) -> Option<Instant> {
        match &self.current {
            Some((_, Current::Call(call))) => call.wake(),
            _ => None,
        }
    }

    /// The call that does not end at once and becomes a task, if its tool and its client want that. A
    /// input_request that comes before anything else was asked before.
    pub(crate) fn into_task(self: Box<Self>, caller: &Caller, cx: &Cx<'_>) -> IntoTask {
        let catalog = &cx.env.server.catalog;
        match self.current {
            Some((request, Current::Call(call)))
                if may_become_task(task_support(&request, caller, catalog), self.peer) =>
            {
                IntoTask::Task(request, call)
            }
            current => IntoTask::No(Box::new(Self { current, ..*self })),
        }
    }

    /// It matters no more.
    pub(crate) fn cancel(self, cx: &mut Cx<'_>) {
        if let Some((_, Current::Call(call))) = self.current {
            call.cancel(cx);
        }
    }

    /// Its time is over: what was not answered gets an error.
    pub(crate) fn time_out(mut self, cx: &mut Cx<'_>) -> Vec<Response> {
        let mut answers = std::mem::take(&mut self.answers);
        let current = self.current.as_ref().map(|(request, _)| request.id.clone());
        let rest = self.todo.iter().map(|request| request.id.clone());
        for id in current.into_iter().chain(rest) {
            let error = Error::new(Error::INTERNAL, "This took too long and was ended.");
            answers.push(Response::error(Some(id), error));
        }
        self.cancel(cx);
        answers
    }

    /// The next state after an event.
    pub(crate) fn handle(
        mut self,
        event: Event,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> BatchProgress {
        let Some((request, current)) = self.current.take() else {
            return self.go_on(caller, cx);
        };
        match current {
            Current::Call(call) => {
                let out = &mut self.outgoing;
                let called = call.handle(event, &mut InvocationCx { caller, cx, out });
                if let Some(over) = self.called(request, called, caller, cx) {
                    return self.worked(BatchStep::SessionOver(over));
                }
            }
            Current::Subscribing => match event {
                Event::FromHub(FromHub(FromHubKind::Subscribed(room))) => {
                    let error = Error::invalid_params("There are too many subscriptions.");
                    self.reply(request, if room { Ok(Map::new()) } else { Err(error) }, cx);
                }
                _ => self.current = Some((request, current)),
            },
            Current::Task(asked) => {
                let asking = asked.handle(event, cx);
                self.asking(request, asking, cx);
            }
        }
        self.go_on(caller, cx)
    }

    fn go_on(mut self, caller: &Caller, cx: &mut Cx<'_>) -> BatchProgress {
        while self.current.is_none() {
            let Some(request) = self.todo.pop_front() else {
                let answers = std::mem::take(&mut self.answers);
                return self.worked(BatchStep::Done(answers));
            };
            let out = &mut self.outgoing;
            match answer(&request, self.peer, &mut InvocationCx { caller, cx, out }) {
                Reply::Result(result) => self.reply(request, Ok(result), cx),
                Reply::Error(error) => self.reply(request, Err(error), cx),
                Reply::Subscribing => self.current = Some((request, Current::Subscribing)),
                Reply::Task(asking) => self.asking(request, asking, cx),
                Reply::Call(called) => {
                    if let Some(over) = self.called(request, called, caller, cx) {
                        return self.worked(BatchStep::SessionOver(over));
                    }
                }
            }
        }
        let outgoing = std::mem::take(&mut self.outgoing);
        let step = BatchStep::Waiting(Box::new(self));
        BatchProgress { outgoing, step }
    }

    fn asking(&mut self, request: Request, asking: tasks::Asking, cx: &Cx<'_>) {
        match asking {
            tasks::Asking::Waiting(asked) => self.current = Some((request, Current::Task(asked))),
            tasks::Asking::Done(result) => self.reply(request, result, cx),
        }
    }

    fn worked(self, step: BatchStep) -> BatchProgress {
        BatchProgress {
            outgoing: self.outgoing,
            step,
        }
    }

    /// What became of a call; an id, if the user must sign in again.
    fn called(
        &mut self,
        request: Request,
        called: Called,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Option<Id> {
        let revision = self.peer.revision;
        let result = match called {
            Called::Waiting(call) => {
                self.current = Some((request, Current::Call(call)));
                return None;
            }
            Called::SessionOver => return Some(request.id),
            Called::Done(result) => results::finished(result, &request, revision, caller, cx),
            Called::InputRequired(questions, answers) => {
                results::input_required(&questions, &answers, &request, caller, cx)
            }
            Called::Lacks(ability) => Err(v2026_07_28::missing_capability(ability.to_json())),
            // Who cancels a request wants no answer (basic/utilities/cancellation).
            Called::Cancelled => return None,
        };
        self.reply(request, result, cx);
        None
    }

    fn reply(&mut self, request: Request, result: Result<Map<String, Value>, Error>, cx: &Cx<'_>) {
        let revision = self.peer.revision;
        self.answers.push(match result {
            Ok(result) if revision.features().stateless => {
                let result = v2026_07_28::with_result_meta(result, &cx.env.server.catalog);
                Response::result(request.id, Value::Object(result))
            }
            Ok(result) => Response::result(request.id, Value::Object(result)),
            Err(error) => Response::error(Some(request.id), results::of_revision(error, revision)),
        });
    }
}

fn may_become_task(support: TaskSupport, peer: ClientProfile) -> bool {
    peer.tasks && support != TaskSupport::Never
}

/// Whether calls of the tool that a request names, and that the caller may know of, may become tasks.
fn task_support(request: &Request, caller: &Caller, catalog: &Catalog) -> TaskSupport {
    if request.method != "tools/call" {
        return TaskSupport::Never;
    }
    let name = request.params.get("name").and_then(Value::as_str);
    let entry = name.and_then(|name| resolve::find_tool(name, caller, catalog));
    entry.map_or(TaskSupport::Never, |entry| entry.tool.task_support())
}

/// The scopes that a request needs, if the caller was not granted them all (threat P1).
pub(crate) fn missing_scopes(
    request: &Request,
    caller: &Caller,
    catalog: &Catalog,
) -> Option<Vec<String>> {
    if request.method != "tools/call" {
        return None;
    }
    let name = request.params.get("name")?.as_str()?;
    let needed = resolve::find_tool(name, caller, catalog)?.tool.scopes();
    let lacks = needed.iter().any(|scope| !caller.may(scope));
    lacks.then(|| needed.to_vec())
}

fn answer(request: &Request, peer: ClientProfile, doing: &mut InvocationCx<'_, '_>) -> Reply {
    let (server, revision) = (doing.cx.env.server, peer.revision);
    let catalog = &server.catalog;
    if !is_offered(&request.method, doing.caller, catalog) {
        return Reply::Error(Error::method_not_found());
    }
    let support = task_support(request, doing.caller, catalog);
    if support == TaskSupport::Required && !peer.tasks {
        return match revision.features().stateless {
            true => Reply::Error(tasks::unknown_to_client()),
            false => {
                let words = "This tool needs tasks, which this revision of MCP does not have.";
                Reply::Result(ToolResult::error(words).to_json(revision))
            }
        };
    }
    let peer = ClientProfile {
        // What may become a task has no stream for what it says before.
        streams: peer.streams && !may_become_task(support, peer),
        ..peer
    };
    if let Some(ready) = resolve::resolve(request, revision, doing.caller, catalog) {
        let started = match ready {
            Ok(ready) => resolve::start(ready, request, peer, doing),
            Err(Rejection::Error(error)) => Err(error),
            Err(Rejection::Result(result)) => return Reply::Result(result),
        };
        return match started {
            Ok(called) => Reply::Call(called),
            Err(error) => Reply::Error(error),
        };
    }
    let params = &request.params;
    let result = match request.method.as_str() {
        "tools/list" => lists::tools(revision, params, doing.caller, server),
        "prompts/list" => lists::prompts(revision, params, catalog),
        "resources/list" => lists::resources(revision, params, catalog),
        "resources/templates/list" => lists::templates(revision, params, catalog),
        "server/discover" if revision.features().stateless => {
            Ok(v2026_07_28::discover(doing.caller, catalog))
        }
        "tasks/get" | "tasks/update" | "tasks/cancel" if revision.features().stateless => {
            match peer.tasks {
                true => return Reply::Task(tasks::Asked::start(request, doing.caller, doing.cx)),
                false => Err(tasks::unknown_to_client()),
            }
        }
        method => match peer.mcp_session {
            Some(mcp_session) => {
                return session_methods::reply(method, request, mcp_session, doing);
            }
            None => Err(Error::method_not_found()),
        },
    };
    match result {
        Ok(result) => Reply::Result(result),
        Err(error) => Reply::Error(error),
    }
}

/// Whether there is anything behind a method: a client finds out what a server has not by its error.
fn is_offered(method: &str, caller: &Caller, catalog: &Catalog) -> bool {
    match method {
        "prompts/list" | "prompts/get" => !catalog.prompts().is_empty(),
        "resources/list" | "resources/read" | "resources/templates/list" => catalog.has_resources(),
        "resources/subscribe" | "resources/unsubscribe" => {
            catalog.has_resources() && catalog.changes()
        }
        "completion/complete" => catalog.completes(),
        "tasks/get" | "tasks/update" | "tasks/cancel" => resolve::has_tasks(caller, catalog),
        _ => true,
    }
}
