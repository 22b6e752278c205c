use crate::guess::*;

async fn g51_kind(tasks: TasksApi) -> anyhow::Result<()> {
    let l = tasks.list_tasks().all(true).kind([TaskKind::Bug]).await?;
    Ok(())
}

async fn g52_since(tasks: TasksApi) -> anyhow::Result<()> {
    let l = tasks.list_tasks().updated_since("2026-01-01T00:00:00Z").owner("u_1").title_contains("login").await?;
    Ok(())
}

async fn g53_status(tasks: TasksApi) -> anyhow::Result<()> {
    tasks.list_tasks().status([TaskStatus::Planned, TaskStatus::Blocked]).await?;
    Ok(())
}

async fn g54_whole(tasks: TasksApi) -> anyhow::Result<Option<String>> {
    let l = tasks.list_tasks().await?;
    Ok(l.tasks[0].fetch(&tasks).await?.into_inner().description)
}

async fn g55_stream(tasks: TasksApi) -> anyhow::Result<()> {
    use futures_util::StreamExt;
    let mut stream = tasks.list_tasks().stream();
    while let Some(t) = stream.next().await {
        println!("{}", t?.title);
    }
    Ok(())
}

async fn g56_once(tasks: TasksApi) -> anyhow::Result<()> {
    tasks.find_or_create("ci/nightly", NewTask::new("The nightly job fails")).await?;
    Ok(())
}
