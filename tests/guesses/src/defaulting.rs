use crate::guess::*;

fn g15_unwrap_or_default(t: &Task) -> String {
    t.description.clone().unwrap_or_default()
}

fn g16_as_deref(t: &Task) -> &str {
    t.topic.as_deref().unwrap_or("none")
}

fn g17_new_task() -> NewTask {
    NewTask::new("x").description("y").status(TaskStatus::Planned).kind(TaskKind::Bug)
}

fn g18_task_of_a_test() -> Task {
    let mut t = Task::new("tsk_1");
    t.title = "x".into();
    t
}

fn g19_assign(t: &mut Task) {
    t.title = "new".to_string();
    t.status = TaskStatus::Completed;
    t.topic = Some("a".into());
    t.description = None;
}

fn g20_ids(id: &str) -> (TaskId, TaskId, TaskId) {
    ("tsk_1".into(), TaskId::from(id), id.to_owned().into())
}

fn g21_print(t: &Task) -> String {
    format!("{:<12} {:>10} {}", t.task_id, t.status, t.title)
}

fn g84_ids_to_strings(id: TaskId, text: &str) -> (TaskId, String, String, String) {
    (TaskId::new(text), String::from(&id), id.to_string(), id.into())
}

fn g85_task_of_a_response(response: Response<Task>) -> Task {
    response.into()
}

async fn g86_task_of_a_call(tasks: TasksApi) -> anyhow::Result<Task> {
    tasks.edit_task("x", |t| t.title.push('!')).await?;
    Ok(tasks.fetch_task("x").await?.into())
}
