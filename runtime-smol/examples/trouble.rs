//! How tools fail, and what comes of it: `cargo run -p entra-mcp-smol --example trouble-smol`.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use entra_mcp_smol::{
    Bytes, CallError, Context, InvokeOutput, Next, Request, Response, Server, StartError,
    TaskSupport, Tool,
};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Divide {
    dividend: i64,
    divisor: i64,
}

/// What the model can mend is an error with a message.
async fn divide(_cx: Context, n: Divide) -> Result<i64, CallError> {
    let quotient = n.dividend.checked_div(n.divisor);
    Ok(quotient.ok_or("This cannot be divided. Try another divisor.")?)
}

/// What is nobody's business but the operator's goes to the log; the client is told that it failed.
async fn read_config(_cx: Context, (): ()) -> Result<String, CallError> {
    std::fs::read_to_string("/no/such/folder/config").map_err(CallError::internal)
}

/// A panic is one failed call.
async fn panic(_cx: Context, (): ()) -> Result<(), CallError> {
    panic!("a bug of this tool")
}

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Counts who waits, until it is dropped.
struct Waiting;

impl Waiting {
    fn new() -> Self {
        WAITING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Who cancels has it stopped: its future is dropped where it waits.
async fn wait(cx: Context, (): ()) -> Result<(), CallError> {
    let _waiting = Waiting::new();
    cx.progress_with_message(0.0, None, "waiting to be cancelled")
        .await?;
    loop {
        smol::Timer::after(Duration::from_secs(60)).await;
    }
}

async fn waiting(_cx: Context, (): ()) -> Result<usize, CallError> {
    Ok(WAITING.load(Ordering::SeqCst))
}

/// Put around every call: the result of a tool says which one it is of.
async fn signed(cx: Context, next: Next) -> Result<InvokeOutput, CallError> {
    let name = cx.name().to_owned();
    Ok(match next.run(cx).await? {
        InvokeOutput::Tool(result) => InvokeOutput::Tool(result.meta("com.example/tool", name)),
        other => other,
    })
}

/// So is one in what is served beside: its peer gets 500, and the log its words.
async fn broken(_: Request<Bytes>) -> Response<Bytes> {
    panic!("a bug of this route")
}

/// What is offered; the tests have it, too.
pub(crate) fn offer(server: Server) -> Server {
    // Where the client knows tasks, the call goes on after its request was answered.
    let wait_tool = Tool::new("wait", "Waits until it is cancelled").tasks(TaskSupport::Optional);
    server
        .around(signed)
        .route("/broken", broken)
        .tool(Tool::new("divide", "Divides whole numbers"), divide)
        .tool(Tool::new("readConfig", "Has a fault"), read_config)
        .tool(Tool::new("panic", "Has a bug"), panic)
        .tool(wait_tool, wait)
        .tool(
            Tool::new("waiting", "How many calls of `wait` go on"),
            waiting,
        )
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}
