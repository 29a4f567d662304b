//! What a tool says of its tasks.

use super::*;

/// Says where it is, twice, and much in between.
pub(super) fn tells(call: &Call) -> Step<ToolResult> {
    let says = |progress: f64, message: &str| {
        Step::effect(Effect::Progress(
            ProgressNotification::new(progress, None).message(message),
        ))
    };
    match call.results().len() {
        0 => says(0.0, "reading"),
        1 | 52 => Step::effect(Effect::Sleep(Duration::from_secs(5))),
        51 => says(51.0, &"w".repeat(1000)),
        number if number < 51 => says(1.0, &format!("page {number}")),
        _ => Step::done("told"),
    }
}

pub(super) fn tool() -> Tool {
    Tool::new("tells", "Says where it is")
        .tasks(TaskSupport::Optional)
        .task_ttl(Duration::from_secs(90))
        .poll_interval(Duration::from_millis(2500))
}

#[test]
fn progress_of_a_task_is_its_status_message() {
    let mut world = world();
    let (_, task) = call(&mut world, "tells");
    assert_eq!(get(&mut world, &task)["statusMessage"], "reading");
    let writes = |world: &World| {
        let mut tasks = world.store.iter();
        let (_, stored) = tasks.find(|(key, _)| key.starts_with("task/")).unwrap();
        stored.version.0
    };
    let before = writes(&world);
    world.wait(6);
    let shown = get(&mut world, &task)["statusMessage"].clone();
    let limit = limits::STATUS_MESSAGE_CHARS;
    assert_eq!(shown, "w".repeat(limit));
    // However much it says, it is written once a second.
    assert!(writes(&world) <= before + 3, "{before} {}", writes(&world));
    world.wait(5);
    let done = get(&mut world, &task);
    assert_eq!(done["status"], "completed");
    assert_eq!(done.get("statusMessage"), None);
}

#[test]
fn tool_says_how_long_its_tasks_are_kept_and_how_often_to_ask() {
    let mut world = world();
    let began = world.server.now.unix;
    let (id, task) = call(&mut world, "tells");
    for told in [answer(&world, id), get(&mut world, &task)] {
        assert_eq!(told["ttlMs"], 90_000);
        assert_eq!(told["pollIntervalMs"], 2500);
    }
    world.wait(12);
    assert_eq!(status(&mut world, &task), "completed");
    let mut tasks = world.store.iter();
    let (_, stored) = tasks.find(|(key, _)| key.starts_with("task/")).unwrap();
    assert_eq!(stored.record.expires, began.after(Duration::from_secs(90)));
    let (_, usual) = call(&mut world, "slow");
    let usual = get(&mut world, &usual);
    assert_eq!(
        (&usual["ttlMs"], &usual["pollIntervalMs"]),
        (&json!(3_600_000), &json!(1000))
    );
}
