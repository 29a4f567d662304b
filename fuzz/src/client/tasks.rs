//! Tasks, as a client uses them: it begins one, asks how far it is, answers its questions, cancels it.
//!
//! Source: the tasks extension of MCP 2026-07-28.

use std::time::Duration;

use serde_json::json;

use super::{Client, ClientError, Dialect, features::expect, request::LeakedName, text};

impl Client {
    pub(super) async fn use_tasks(&mut self) -> Result<(), ClientError> {
        if self.dialect != Dialect::Modern {
            return Ok(());
        }
        self.knows_tasks = true;
        let done = self.use_task().await;
        self.knows_tasks = false;
        done
    }

    async fn use_task(&mut self) -> Result<(), ClientError> {
        let world = self.peer.world().clone();
        let (tool, arguments) = world.choose(|choice| {
            choice
                .pick(&[
                    ("slow_compute", json!({"seconds": 20, "label": "it"})),
                    ("failing_job", json!({})),
                    ("protocol_error_job", json!({})),
                    ("confirm_delete", json!({"filename": "a file"})),
                    ("multi_input", json!({})),
                    ("test_tool_with_task", json!({})),
                    ("world_slow", json!({})),
                    ("world_failing", json!({})),
                    ("world_endless", json!({})),
                ])
                .clone()
        });
        let params = json!({"name": tool, "arguments": arguments});
        let begun = self.ask("tools/call", params).await?;
        if begun.get("resultType") != Some(&json!("task")) {
            return Ok(());
        }
        let task = json!({"taskId": text(&begun, "taskId")?});
        self.leak_name(LeakedName::Task(text(&begun, "taskId")?));
        let patience = world.choose(|choice| choice.below(30));
        for poll in 0..60 {
            let state = self.ask("tasks/get", task.clone()).await?;
            match text(&state, "status")?.as_str() {
                "input_required" => {
                    let responses = self.responses(state.get("inputRequests"));
                    let mut params = task.clone();
                    params
                        .as_object_mut()
                        .map(|members| members.insert("inputResponses".to_owned(), responses));
                    self.ask("tasks/update", params).await?;
                }
                "working" if poll >= patience => {
                    self.ask("tasks/cancel", task.clone()).await?;
                }
                "working" => {}
                _ => return Ok(()),
            }
            world.sleep(Duration::from_secs(2)).await;
        }
        expect(
            !self.expects_no_faults,
            "a task goes on although it was cancelled",
        )
    }
}
