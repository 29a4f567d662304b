//! Work that takes long: a child process that ends with its call, progress, a task, and what computes on a thread of its own:
//! `cargo run -p entra-mcp-smol --example builder-smol`. The tests below use nothing but `testing`.

use std::{process::Stdio, time::Duration};

use entra_mcp_smol::{
    CallError, Context, LogLevel, Server, StartError, TaskSupport, Tool, unblock,
};
use schemars::JsonSchema;
use serde::Deserialize;
use smol::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    stream::StreamExt as _,
};

/// What is run. Never a command of the caller's.
const STEPS: &str = "for step in configure compile link; do echo $step; done";

#[derive(Deserialize, JsonSchema)]
struct Build {
    /// How many seconds each step takes besides.
    #[serde(default)]
    pause: u8,
}

/// Runs the child, and tells each of its steps. If the call is cancelled, its future is dropped, and the child with it.
async fn build(cx: Context, build: Build) -> Result<String, CallError> {
    let mut child = Command::new("sh")
        .args([
            "-c",
            &STEPS.replace("echo", &format!("sleep {}; echo", build.pause)),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(CallError::internal)?;
    let output = child.stdout.take().ok_or("There is no output.")?;
    let mut lines = BufReader::new(output).lines();
    let mut steps = 0.0;
    while let Some(line) = lines.next().await {
        let line = line.map_err(CallError::internal)?;
        steps += 1.0;
        cx.progress_with_message(steps, 3.0, line.as_str()).await?;
        cx.log(LogLevel::Info, line).await?;
    }
    let status = child.status().await.map_err(CallError::internal)?;
    match status.success() {
        true => Ok(format!("It is built, in {steps} steps.")),
        false => Err("The build failed: read its log.".into()),
    }
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    /// At most 1,000,000,000.
    up_to: u64,
}

/// Computes on a thread of its own: the executor's threads are for everybody.
async fn checksum(_cx: Context, sum: Sum) -> Result<u64, CallError> {
    if sum.up_to > 1_000_000_000 {
        return Err("That is too much.".into());
    }
    let computed = unblock(move || {
        let each = |sum: u64, number: u64| sum.rotate_left(5) ^ number;
        (1..=sum.up_to).fold(0, each)
    });
    Ok(computed.await)
}

fn offer(server: Server) -> Server {
    let build_tool = Tool::new("build", "Builds the program")
        .timeout(Duration::from_secs(300))
        .tasks(TaskSupport::Optional);
    let checksum_tool = Tool::new("checksum", "Computes a checksum").read_only();
    server.tool(build_tool, build).tool(checksum_tool, checksum)
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}

#[cfg(test)]
mod tests {
    use entra_mcp_smol::{
        Config,
        testing::{Script, SignIn},
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn each_step_is_reported_and_logged() {
        let (cx, seen) = Script::new().context::<Context>();
        let built = smol::block_on(build(cx, Build { pause: 0 })).unwrap();
        assert_eq!(built, "It is built, in 3 steps.");
        let steps: Vec<_> = seen
            .progress()
            .into_iter()
            .filter_map(|(.., step)| step)
            .collect();
        assert_eq!(steps, ["configure", "compile", "link"]);
        assert_eq!(seen.log().len(), 3);
    }

    #[test]
    fn work_that_is_too_much_is_refused() {
        let (cx, _) = Script::new().context::<Context>();
        let refused = smol::block_on(checksum(cx, Sum { up_to: u64::MAX }));
        assert_eq!(
            refused,
            Err(CallError::Message("That is too much.".to_owned()))
        );
    }

    #[test]
    fn client_is_told_each_step() {
        let folder = std::env::temp_dir().join(format!("builder-smol-{}", std::process::id()));
        let config = Config::dev_tenant().data_folder(&folder);
        let running = offer(Server::new(config)).start().unwrap();
        let alice = SignIn::new("alice").to(&running).unwrap();
        let built = alice.call("build", &json!({})).unwrap();
        assert_eq!(built.text(), "It is built, in 3 steps.");
        let told = alice.notifications();
        let is_progress = |one: &serde_json::Value| one["method"] == "notifications/progress";
        assert!(told.iter().any(is_progress), "{told:?}");
        drop(running);
        std::fs::remove_dir_all(folder).ok();
    }
}
