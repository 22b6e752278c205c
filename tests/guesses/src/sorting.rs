use crate::guess::*;

async fn g22_by_status(tasks: TasksApi) -> anyhow::Result<()> {
    let mut l = tasks.list_tasks().await?.into_inner().tasks;
    l.sort_by_key(|t| t.status.clone());
    Ok(())
}

fn g23_by_title(l: &mut [Task]) {
    l.sort_by(|a, b| a.title.cmp(&b.title));
}

fn g24_group(l: Vec<Task>) -> BTreeMap<TaskStatus, Vec<Task>> {
    let mut groups: BTreeMap<TaskStatus, Vec<Task>> = BTreeMap::new();
    for t in l {
        groups.entry(t.status.clone()).or_default().push(t);
    }
    groups
}

fn g25_maps(l: Vec<Task>) -> (HashMap<TaskId, Task>, HashSet<TaskKind>) {
    let kinds = l.iter().map(|t| t.kind.clone()).collect();
    (l.into_iter().map(|t| (t.task_id.clone(), t)).collect(), kinds)
}

fn g26_newest(l: &[Task]) -> Option<&Task> {
    l.iter().max_by_key(|t| t.updated_at.as_ref().and_then(|u| u.to_system_time()))
}

async fn g66_newest_first(tasks: TasksApi) -> anyhow::Result<Option<TaskSummary>> {
    let mut l = tasks.list_tasks().await?.into_inner().tasks;
    l.sort_by(|a, b| b.updated_at.cmp(&a.updated_at));
    Ok(l.iter().max_by_key(|t| t.created_at.clone()).cloned())
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Row {
    updated: Option<Timestamp>,
    priority: TaskPriority,
    id: TaskId,
}

fn g88_map_by_id(by_id: &HashMap<TaskId, Task>, sorted: &BTreeMap<TaskId, Task>) -> Option<String> {
    let title = &by_id.get("tsk_1")?.title;
    Some(sorted.get("tsk_2").map_or(title, |t| &t.title).clone())
}
