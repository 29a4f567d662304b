//! The names that others were given, in the hands of an attacker: states of requests, tasks, events of
//! streams, questions, requests. None of them is a credential.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use bytes::Bytes;
use http::{Method, header};
use serde_json::{Value, json};

use super::Attacker;
use crate::{
    client::{Client, Dialect, LeakedName, value},
    tools::FORGED,
};

impl Attacker {
    /// Uses a name that was given to somebody else (threats I4, I8).
    pub(super) async fn use_names(&mut self) {
        if self.client.tokens.is_none() {
            self.become_a_user().await;
        }
        let Some(name) = self.overheard_name().await else {
            return;
        };
        // Few clients have tasks, and each lasts for a while: the newest is tried besides.
        if let Some(task) = self.newest_task() {
            self.meddle_with(&task).await;
        }
        match name {
            LeakedName::State {
                method,
                params,
                state,
            } => {
                let mut params = params;
                if let Some(members) = params.as_object_mut() {
                    members.insert("requestState".to_owned(), json!(state));
                    members.insert("inputResponses".to_owned(), json!({}));
                }
                let _answer = self.modern().ask(&method, params).await;
            }
            LeakedName::Task(task) => self.meddle_with(&task).await,
            LeakedName::Event(event) => {
                self.choose_session().await;
                let _stream = self.client.open(Some(&event)).await;
            }
            LeakedName::InputRequest(question) => self.answer_for(&question).await,
            LeakedName::Request(request) => {
                self.choose_session().await;
                let _answer = self.client.cancel(request).await;
            }
        }
        self.client.disconnect();
    }

    /// One of the last names of some kind, or the next one: that may still serve.
    async fn overheard_name(&self) -> Option<LeakedName> {
        let all = Rc::clone(&self.shared.borrow().leaked_names);
        let kinds: BTreeSet<u64> = all.borrow().iter().map(kind_of).collect();
        if kinds.is_empty() {
            return None;
        }
        let kinds: Vec<u64> = kinds.into_iter().collect();
        let kind = self.world.choose(|choice| *choice.pick(&kinds));
        // Questions are open for seconds only: who is to answer one polls for it.
        let waits = self.world.choose(|choice| match choice.chance(500) {
            true => 0,
            false => choice.below(600),
        });
        let before = all.borrow().len();
        for _ in 0..waits {
            self.world.sleep(Duration::from_secs(2)).await;
            let next = all.borrow().get(before..).and_then(|next| {
                let found = next.iter().rev().find(|name| kind_of(name) == kind);
                found.cloned()
            });
            if next.is_some() || self.shared.borrow().faults_stopped {
                return next;
            }
        }
        let all = all.borrow();
        let lately: Vec<&LeakedName> = all
            .iter()
            .rev()
            .filter(|name| kind_of(name) == kind)
            .take(8)
            .collect();
        Some(self.world.choose(|choice| (*choice.pick(&lately)).clone()))
    }

    /// Waits for a task of somebody else, and uses its name (threat I4).
    pub(super) async fn meddle_with_tasks(&mut self) {
        if self.client.tokens.is_none() {
            self.become_a_user().await;
        }
        let before = self.newest_task();
        for _ in 0..600 {
            self.world.sleep(Duration::from_secs(2)).await;
            let newest = self.newest_task();
            if self.shared.borrow().faults_stopped {
                return;
            }
            if let Some(task) = newest.filter(|newest| before.as_ref() != Some(newest)) {
                return self.meddle_with(&task).await;
            }
        }
    }

    fn newest_task(&self) -> Option<String> {
        let all = Rc::clone(&self.shared.borrow().leaked_names);
        let all = all.borrow();
        all.iter().rev().find_map(|name| match name {
            LeakedName::Task(task) => Some(task.clone()),
            _ => None,
        })
    }

    /// The attacker's client, as one of 2026-07-28.
    fn modern(&self) -> Client {
        let mut client = Client::of_attacker(&self.world, self.client.peer.name(), Dialect::Modern);
        client.tokens.clone_from(&self.client.tokens);
        client.knows_tasks = true;
        client
    }

    async fn meddle_with(&self, task: &str) {
        let mut client = self.modern();
        let answers = json!({"action": "accept", "content": {"confirm": true, "name": FORGED}});
        let all = ["confirmation", "first", "second", "user_name"];
        let all = all.map(|key| (key.to_owned(), answers.clone()));
        let responses = Value::Object(all.into_iter().collect());
        for (method, params) in [
            ("tasks/get", json!({"taskId": task})),
            (
                "tasks/update",
                json!({"taskId": task, "inputResponses": responses}),
            ),
            ("tasks/cancel", json!({"taskId": task})),
        ] {
            let _answer = client.ask(method, params).await;
        }
    }

    /// A session of the attacker's own, or one that was leaked.
    async fn choose_session(&mut self) {
        let sessions = self.shared.borrow().sessions.clone();
        let sessions: Vec<String> = sessions
            .into_iter()
            .filter(|session| !session.starts_with("http"))
            .collect();
        if sessions.is_empty() || self.world.choose(|choice| choice.chance(500)) {
            let _connected = self.client.connect().await;
        } else {
            let session = self.world.choose(|choice| choice.pick(&sessions).clone());
            self.client.set_session(&session);
        }
    }

    /// Answers a question that somebody else was asked.
    async fn answer_for(&mut self, question: &Value) {
        self.choose_session().await;
        let result = json!({"action": "accept", "content": {"username": FORGED, "name": FORGED},
            "role": "assistant", "model": FORGED, "roots": []
        });
        let message = json!({"jsonrpc": "2.0", "id": question, "result": result});
        let address = self.client.address();
        let mut request = self.client.request(Method::POST, &address);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, value("application/json"));
        let accept = value("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accept);
        if let Some(session) = self.client.session() {
            headers.insert("mcp-session-id", value(session));
        }
        *request.body_mut() = Bytes::from(message.to_string());
        // The replica that asked is one of a few.
        for _ in 0..3 {
            let _answer = self.client.peer.fetch(request.clone()).await;
        }
    }
}

fn kind_of(name: &LeakedName) -> u64 {
    match name {
        LeakedName::State { .. } => 0,
        LeakedName::Task(_) => 1,
        LeakedName::Event(_) => 2,
        LeakedName::InputRequest(_) => 3,
        LeakedName::Request(_) => 4,
    }
}
