//! Work that takes long: a child process that ends with its call, progress, a task, and what computes:
//! `cargo run -p entra-mcp-blocking --example builder-blocking`. The tests below use nothing but `testing`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use entra_mcp_blocking::{CallError, Context, LogLevel, Server, StartError, TaskSupport, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is run. Never a command of the caller's.
const STEPS: &str = "for step in configure compile link; do echo $step; done";

#[derive(Deserialize, JsonSchema)]
struct Build {
    /// How many seconds each step takes besides.
    #[serde(default)]
    pause: u8,
}

/// A child process that ends with its call.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the child, and tells each of its steps. If the call is cancelled, that is an error, and the child ends.
fn build(cx: &Context, build: Build) -> Result<String, CallError> {
    let steps = STEPS.replace("echo", &format!("sleep {}; echo", build.pause));
    let child = Command::new("sh")
        .args(["-c", &steps])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = KillOnDrop(child.map_err(CallError::internal)?);
    let output = child.0.stdout.take().ok_or("There is no output.")?;
    let mut steps = 0.0;
    for line in BufReader::new(output).lines() {
        let line = line.map_err(CallError::internal)?;
        steps += 1.0;
        cx.progress_with_message(steps, 3.0, line.as_str())?;
        cx.log(LogLevel::Info, line)?;
    }
    let status = child.0.wait().map_err(CallError::internal)?;
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

/// Computes. Each call has a thread of its own: it looks now and then whether anybody still waits.
fn checksum(cx: &Context, sum: Sum) -> Result<u64, CallError> {
    if sum.up_to > 1_000_000_000 {
        return Err("That is too much.".into());
    }
    let mut computed: u64 = 0;
    for number in 1..=sum.up_to {
        if number.is_multiple_of(1 << 20) && cx.is_cancelled() {
            return Err("Nobody waits for it.".into());
        }
        computed = computed.rotate_left(5) ^ number;
    }
    Ok(computed)
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
    use entra_mcp_blocking::{
        Config,
        testing::{Script, SignIn},
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn each_step_is_reported_and_logged() {
        let (cx, seen) = Script::new().context::<Context>();
        let built = build(&cx, Build { pause: 0 }).unwrap();
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
        let refused = checksum(&cx, Sum { up_to: u64::MAX });
        assert_eq!(
            refused,
            Err(CallError::Message("That is too much.".to_owned()))
        );
        assert!(checksum(&cx, Sum { up_to: 10 }).is_ok());
    }

    #[test]
    fn client_is_told_each_step() {
        let folder = std::env::temp_dir().join(format!("builder-blocking-{}", std::process::id()));
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
