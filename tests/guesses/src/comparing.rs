use crate::guess::*;

async fn g01_status(tasks: TasksApi) -> anyhow::Result<bool> {
    let t = tasks.fetch_task("x").await?;
    Ok(t.status == TaskStatus::InProgress)
}

async fn g02_kind_and_status(tasks: TasksApi) -> anyhow::Result<usize> {
    let l = tasks.list_tasks().await?;
    Ok(l.tasks.iter().filter(|t| t.kind == TaskKind::Bug && t.status != TaskStatus::Completed).count())
}

fn g03_id_with_text(t: &Task) -> bool {
    t.task_id == "tsk_1"
}

fn g04_title(t: &Task) -> bool {
    t.title == "x" && t.title.contains("job")
}

fn g05_status_with_text(t: &Task) -> bool {
    t.status == "planned"
}

fn g06_two_tasks(a: &Task, b: &Task) -> bool {
    a == b
}

fn g07_kind_of_error(e: &Error) -> bool {
    e.kind() == ErrorKind::NotFound || e.status() == Some(404) || e.is_not_found()
}

fn g76_owner(t: &Task) -> bool {
    t.user_id.as_deref() == Some("u_1") || t.user_id == Some("u_2".into()) || t.task_id.starts_with("tsk_")
}

fn g77_owner_or_nobody(t: &Task) -> &str {
    t.user_id.as_deref().unwrap_or("nobody")
}

fn g82_ids_with_strings(t: &Task, wanted: String, ids: &[String]) -> bool {
    let same =
        t.task_id == wanted && wanted == t.task_id && "tsk_1" == t.task_id && t.user_id != Some(UserId::new("u_1"));
    same || ids.iter().any(|id| t.task_id == *id)
}

fn g83_status_with_strings(t: &Task, wanted: String) -> bool {
    t.status == wanted && wanted == t.status && "planned" == t.status
}
