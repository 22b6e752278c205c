use crate::guess::*;

fn g08_status(t: Task) -> u8 {
    match t.status {
        TaskStatus::Planned => 1,
        TaskStatus::InProgress | TaskStatus::Completed => 2,
        _ => 3,
    }
}

fn g09_status_as_text(t: &Task) -> u8 {
    match t.status.as_str() {
        "planned" => 1,
        _ => 2,
    }
}

fn g10_if_let(t: &Task) -> usize {
    if let Some(d) = &t.description { d.len() } else { 0 }
}

fn g11_matches(t: &Task) -> bool {
    matches!(t.kind, TaskKind::Bug)
}

async fn g12_error(tasks: TasksApi) -> Option<Duration> {
    match tasks.fetch_task("x").await {
        Err(e) if e.is_rate_limited() => e.retry_after(),
        Err(e) => match e.kind() {
            ErrorKind::Unauthorized => None,
            _ => None,
        },
        Ok(_) => None,
    }
}

fn g13_parse() -> Result<TaskStatus, impl std::error::Error> {
    "planned".parse::<TaskStatus>()
}

fn g14_webhook(event: webhook::Event) -> Option<String> {
    match event.payload() {
        webhook::Payload::Task(task) => Some(task.title.clone()),
        _ => None,
    }
}

async fn g65_clone_an_error(tasks: TasksApi) -> Option<Error> {
    let e = tasks.fetch_task("x").await.err()?;
    let e2 = e.clone();
    Some(e2)
}

fn g87_try_into(given: &str, owned: String) -> anyhow::Result<(TaskStatus, TaskKind)> {
    let status: TaskStatus = given.try_into()?;
    Ok((status, TaskKind::try_from(owned)?))
}
