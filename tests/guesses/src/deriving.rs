use crate::guess::*;

#[derive(serde::Serialize)]
struct G27Row<'a> {
    id: &'a TaskId,
    status: &'a TaskStatus,
    title: &'a str,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct G28Stored {
    task: Task,
    kind: Option<TaskKind>,
}

#[cfg(feature = "clap")]
#[derive(clap::Parser)]
struct G29Cli {
    #[arg(long)]
    status: TaskStatus,
    #[arg(long)]
    id: TaskId,
    #[arg(long)]
    kind: Option<TaskKind>,
}

async fn g30_json(tasks: TasksApi) -> anyhow::Result<String> {
    let list = tasks.list_tasks().await?;
    serde_json::to_string_pretty(&list.tasks)?;
    Ok(serde_json::to_string(&list)?)
}

#[derive(Clone)]
struct G31State {
    tasks: TasksApi,
    config: Configuration,
}

fn g32_into_box(e: Error) -> Box<dyn std::error::Error + Send + Sync> {
    e.into()
}
