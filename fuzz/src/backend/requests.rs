//! Requests to the backend over HTTP, and what becomes of them.

use std::time::Duration;

use bytes::Bytes;
use entra_mcp_core::{
    ask::{Pull, PullFault, Ticket},
    exchange::ExchangeId,
};
use http::{HeaderMap, Method, Response, header};
use serde_json::{Value, json};

use super::{
    Key, framing,
    server::{Reply, Says, Sent},
    talks::{Said, Source},
    weather,
};
use crate::{
    checks::{Failure, Label, Sort, bearer},
    ids::{ExchangeRef, Process},
    observation::Observation,
    world::{SimEvent, State},
};

/// What a head towards the backend may have.
const HEADERS: [&str; 9] = [
    "accept",
    "content-type",
    "entra-mcp-assertion",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "x-api-key",
];

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl State {
    /// A request goes to the backend.
    pub(crate) fn pull(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Pull>,
        pull: Box<Pull>,
    ) {
        let number = self.backends.at(&pull.backend).unwrap_or(usize::MAX);
        let key = (process, id, ticket.id(), number);
        let Some(backend) = self.backends.of(key) else {
            let event = ticket.answer(Err(PullFault::Unreachable));
            let at = self.moment.after(self.latency());
            return self.schedule(at, SimEvent::Deliver(process, id, event));
        };
        let takes_tokens = backend.kind.takes_tokens();
        backend.sources.insert(key, Source::of_pull(ticket));
        self.check_endpoint(key);
        let is_ours = |name: &str| {
            HEADERS.contains(&name) || takes_tokens && name == header::AUTHORIZATION.as_str()
        };
        if let Some(name) = pull.headers.keys().find(|name| !is_ours(name.as_str())) {
            let what = format!("a request to the backend has the header {name}");
            self.fail(Failure::new("headers of our own", what));
        }
        for value in pull.headers.values() {
            self.check_what_backend_sees(key, value.as_bytes());
        }
        self.check_what_backend_sees(key, &pull.body);
        self.see(&Observation::BackendAsked {
            who: ExchangeRef::new(process, id),
            token: bearer(&pull.headers),
        });
        // That a session is over is said when nobody calls any more.
        let is_over = pull.method == Method::DELETE && bearer(&pull.headers).is_none();
        if let Err(failure) = self.shown_token(key, bearer(&pull.headers))
            && !is_over
        {
            self.fail(failure);
        }
        if let Some(whole) = pull.limits.whole {
            let late = Said::End(Err(PullFault::TimedOut));
            let at = self.moment.after(whole);
            self.schedule(at, SimEvent::BackendBreaksOff(key, Box::new(late)));
        }
        let at = self.moment.after(self.latency());
        self.schedule(at, SimEvent::PullArrives(key, pull));
    }

    /// The backend gets nothing that is a secret of the server's, its clients' or Entra's, but the assertion that is for it.
    pub(super) fn check_what_backend_sees(&mut self, key: Key, bytes: &[u8]) {
        let found = self.checks.ledger().secrets.find(bytes);
        let is_secret = |label: &&&Label| {
            label.sort != Sort::Personal && !self.backends.may_see(key, &label.name)
        };
        if let Some(label) = found.iter().find(is_secret) {
            let what = format!(
                "the backend is sent {:?} {} by {:?}",
                label.sort, label.name, key.1
            );
            // Names of its own sessions are for it alone.
            if label.name != SESSION {
                self.fail(Failure::new("nothing leaks to the backend", what));
            }
        }
    }

    /// Labels what is for the backend, or of it, and nobody else.
    pub(super) fn label_of_backend(&mut self, value: &str, name: &str, user: Option<&str>) {
        let label = Label {
            sort: Sort::Upstream,
            name: name.to_owned(),
            user: user.map(str::to_owned),
            minted_by: None,
        };
        self.checks
            .ledger_mut()
            .secrets
            .add(value.as_bytes(), label);
    }

    /// Whoever a call is made for is who the backend is told.
    pub(super) fn check_caller(&mut self, key: Key, oid: &str) {
        let who = ExchangeRef::new(key.0, key.1);
        let user = self
            .checks
            .ledger()
            .case(who)
            .and_then(|case| case.user.clone());
        if user.as_ref().is_some_and(|user| user != oid) {
            let what = format!("{who} of {user:?} calls the backend as {oid}");
            self.fail(Failure::new("calls as who they are", what));
        }
    }

    /// It reaches the backend.
    pub(crate) fn pull_arrives(&mut self, key: Key, pull: &Pull) {
        let is_left = !self
            .backends
            .of(key)
            .is_some_and(|backend| backend.sources.contains_key(&key));
        if is_left && self.choice.chance(500) {
            return;
        }
        let (moment, choice) = (self.moment, &mut self.choice);
        let Some(backend) = self.backends.of(key) else {
            return;
        };
        let weather = backend.weather;
        if choice.chance(weather.restarts) {
            self.restart_backend(key);
        }
        let Some(backend) = self.backends.of(key) else {
            return;
        };
        if moment < backend.away_until {
            return self.say(key, Duration::ZERO, Said::End(Err(PullFault::Unreachable)));
        }
        if self.choice.chance(weather.statuses) {
            let status = *self.choice.pick(&[500, 502, 503, 429, 404, 403]);
            return self.say_page(key, status, "<html>Try again</html>");
        }
        if self.choice.chance(weather.garbage) {
            let page =
                *self
                    .choice
                    .pick(&["<html>", "{\"jsonrpc\":\"2.0\"", "[]", "null", "{\"id\":1}"]);
            return self.say_page(key, 200, page);
        }
        self.serve(key, pull);
    }

    fn restart_backend(&mut self, key: Key) {
        let away = self.choice.between(Duration::ZERO, Duration::from_secs(5));
        let until = self.moment.after(away);
        self.note("backend", "= restarts");
        let Some(backend) = self.backends.of(key) else {
            return;
        };
        backend.away_until = until;
        backend.server.restart();
        let sources: Vec<Key> = backend.sources.keys().copied().collect();
        for key in sources {
            self.break_off(key, Said::End(Err(PullFault::Broken)));
        }
    }

    fn say_page(&mut self, key: Key, status: u16, page: &str) {
        let head = Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .header("retry-after", "2")
            .header("set-cookie", "theirs=of-the-backend");
        let head = head.body(()).expect("a head");
        self.say(key, Duration::ZERO, Said::Head(head));
        if !page.is_empty() {
            let page = Bytes::copy_from_slice(page.as_bytes());
            self.say(key, Duration::ZERO, Said::Piece(page));
        }
        self.say(key, Duration::ZERO, Said::End(Ok(())));
    }

    fn serve(&mut self, key: Key, pull: &Pull) {
        let session = text(&pull.headers, "mcp-session-id");
        let assertion = text(&pull.headers, "entra-mcp-assertion");
        let caller = assertion.and_then(|assertion| self.backends.verify(key, assertion));
        if let (Some(assertion), Some(caller)) = (assertion, &caller) {
            let name = self.backends.name_of_assertions(key);
            self.label_of_backend(assertion, &name, Some(&caller.oid));
            self.check_caller(key, &caller.oid);
        }
        let token = bearer(&pull.headers);
        // It was good when it was sent.
        let shown = self.shown_token(key, token).ok().flatten();
        let caller = caller.or_else(|| shown.as_ref().map(|shown| shown.caller.clone()));
        match pull.method {
            Method::DELETE => {
                let backend = self.backends.of(key);
                let is_known = backend.is_some_and(|backend| {
                    session.is_some_and(|session| backend.server.end(session))
                });
                let status = if is_known { 200 } else { 404 };
                self.say_page(key, status, "");
            }
            Method::GET => self.listen(key),
            _ => {
                let Ok(message) = serde_json::from_slice::<Value>(&pull.body) else {
                    let what = "the backend is sent what is no JSON";
                    return self.fail(Failure::new("headers of our own", what));
                };
                self.check_known(key, &message, caller.as_ref());
                self.check_bound_of_calls(key, &message, caller.as_ref());
                let wanted = shown.and_then(|shown| self.wanted_claims(key, &shown, &message));
                if let Some(wanted) = wanted {
                    let method = message.get("method").and_then(Value::as_str);
                    let is_to_listen = method == Some("subscriptions/listen");
                    return self.challenge(key, &wanted, is_to_listen);
                }
                let Some(backend) = self.backends.of(key) else {
                    return;
                };
                let sent = Sent {
                    key,
                    message: &message,
                    session,
                    caller,
                    assertion,
                    token,
                    weather: backend.weather,
                };
                let reply = backend.server.receive(&sent, &mut self.choice);
                self.reply(key, reply);
            }
        }
    }

    /// A stream on which the backend speaks of its own accord.
    fn listen(&mut self, key: Key) {
        if self.choice.chance(300) {
            return self.say_page(key, 405, "");
        }
        self.say_head(key, 200, true, None);
        let mut at = Duration::ZERO;
        for _ in 0..self.choice.below(3) {
            at += self.choice.between(Duration::ZERO, Duration::from_secs(30));
            let method = "notifications/tools/list_changed";
            let message = json!({"jsonrpc": "2.0", "method": method});
            self.say_event(key, at, &message);
        }
        at = self.say_of_resources(key, at);
        if self.choice.chance(300) {
            self.say(key, at, Said::End(Ok(())));
        }
    }

    pub(super) fn reply(&mut self, key: Key, reply: Result<Reply, Failure>) {
        match reply {
            Err(failure) => self.fail(failure),
            Ok(Reply::Status(status)) => self.say_page(key, status, ""),
            Ok(Reply::Says(says)) => self.say_answer(key, says),
        }
        self.resume(key);
    }

    /// What others hear because of a message.
    pub(super) fn resume(&mut self, key: Key) {
        let backend = self.backends.of(key);
        let resumed = backend.map(|backend| backend.server.take_resumed());
        for (key, says) in resumed.unwrap_or_default() {
            self.say_more(key, Duration::ZERO, &says);
            if !self.is_process(key) {
                self.say(key, Duration::from_millis(5), Said::End(Ok(())));
            }
        }
    }

    pub(super) fn is_process(&self, key: Key) -> bool {
        let backend = self.backends.get(key);
        let source = backend.and_then(|backend| backend.sources.get(&key));
        source.is_some_and(Source::is_process)
    }

    fn say_head(&mut self, key: Key, status: u16, is_stream: bool, session: Option<&str>) {
        let kind = match is_stream {
            true => "text/event-stream",
            false => "application/json",
        };
        let mut head = Response::builder()
            .status(status)
            .header("content-type", kind);
        if let Some(session) = session {
            head = head.header("mcp-session-id", session);
        }
        let head = head.body(()).expect("a head");
        self.say(key, Duration::ZERO, Said::Head(head));
    }

    pub(super) fn say_event(&mut self, key: Key, at: Duration, message: &Value) {
        let number = self.choice.below(1000);
        let event = framing::event(message, number, &mut self.choice);
        for piece in framing::pieces(&event, &mut self.choice) {
            self.say(key, at, Said::Piece(piece));
        }
    }

    /// More messages of an answer: how long until the last of them.
    pub(super) fn say_more(&mut self, key: Key, from: Duration, says: &Says) -> Duration {
        let mut at = from;
        for (pause, message) in &says.messages {
            at += *pause;
            match self.is_process(key) {
                true => self.say(key, at, Said::Line(Bytes::from(message.to_string()))),
                false => self.say_event(key, at, message),
            }
        }
        at
    }

    fn say_answer(&mut self, key: Key, says: Says) {
        let weather = match self.backends.of(key) {
            Some(backend) => backend.weather,
            None => return,
        };
        if let Some(session) = &says.session {
            self.label_of_backend(session, SESSION, None);
        }
        if self.choice.chance(weather.silent) {
            return self.note("backend", "= never answers");
        }
        let cut = self.choice.chance(weather.cuts).then(|| {
            let most = Duration::from_millis(400);
            self.choice.between(Duration::ZERO, most)
        });
        if let Some(cut) = cut {
            self.note("backend", "= breaks off");
            let end = Said::End(Err(PullFault::Broken));
            let at = self.moment.after(cut);
            self.schedule(at, SimEvent::BackendBreaksOff(key, Box::new(end)));
        }
        let think = weather::moment(weather, &mut self.choice);
        let is_whole = !says.goes_on && says.messages.len() == 1 && self.choice.chance(500);
        let at = self.moment.after(think);
        let answer = SimEvent::BackendAnswers(key, Box::new(says), is_whole);
        self.schedule(at, answer);
    }

    /// It begins to answer.
    pub(crate) fn backend_answers(&mut self, key: Key, says: &Says, is_whole: bool) {
        self.say_head(key, says.status, !is_whole, says.session.as_deref());
        if is_whole {
            let text = says
                .messages
                .first()
                .map(|(_, message)| message.to_string());
            for piece in framing::pieces(&text.unwrap_or_default(), &mut self.choice) {
                self.say(key, Duration::ZERO, Said::Piece(piece));
            }
            return self.say(key, Duration::ZERO, Said::End(Ok(())));
        }
        let at = self.say_more(key, Duration::ZERO, says);
        if !says.goes_on {
            self.say(key, at, Said::End(Ok(())));
        }
    }

    /// It breaks off.
    pub(crate) fn backend_breaks_off(&mut self, key: Key, end: Said) {
        self.break_off(key, end);
    }
}

/// What the name of a session of the backend is labelled.
const SESSION: &str = "the name of a session of the backend";
