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

async fn g67_since_yesterday(tasks: TasksApi) -> anyhow::Result<()> {
    let day = Duration::from_secs(24 * 60 * 60);
    tasks.list_tasks().updated_since(std::time::SystemTime::now() - day).await?;
    #[cfg(feature = "chrono")]
    tasks.list_tasks().updated_since(chrono::Utc::now() - chrono::Duration::days(1)).await?;
    Ok(())
}

async fn g68_one_or_several(tasks: TasksApi, wanted: Vec<TaskStatus>) -> anyhow::Result<()> {
    tasks.list_tasks().status(TaskStatus::Planned).kind(TaskKind::Bug).await?;
    tasks.list_tasks().status(&wanted).kind(vec![TaskKind::Bug]).await?;
    tasks.list_tasks().status(wanted.iter().filter(|s| **s != TaskStatus::Completed)).await?;
    tasks.list_tasks().status(Some(TaskStatus::Blocked)).scope(&TaskScope::Initiative).await?;
    Ok(())
}

async fn g69_length(tasks: TasksApi) -> anyhow::Result<usize> {
    let l = tasks.list_tasks().await?;
    if l.is_empty() || l.iter().all(|t| t.title.is_empty()) {
        return Ok(0);
    }
    Ok(l.len())
}

async fn g70_stored_query(tasks: TasksApi) -> anyhow::Result<()> {
    let bugs = tasks.list_tasks().all(true).kind(TaskKind::Bug);
    bugs.clone().owner("u_1").await?;
    bugs.await?;
    Ok(())
}

fn g71_blocking_filters(config: &Configuration) -> anyhow::Result<()> {
    let bugs = blocking::TasksApi::new(config).list_tasks().status(TaskStatus::Planned).kind(TaskKind::Bug);
    println!("{}", bugs.send()?.len());
    Ok(())
}

async fn g89_first_by_position(tasks: TasksApi) -> anyhow::Result<TaskSummary> {
    let l = tasks.list_tasks().await?;
    println!("{}", l[0].title);
    Ok(l[0].clone())
}

async fn g90_shared_client(tasks: std::sync::Arc<TasksApi>, entry: &TaskSummary) -> anyhow::Result<String> {
    Ok(entry.fetch(&tasks).await?.title.clone())
}

fn g91_blocking_whole(tasks: blocking::TasksApi) -> anyhow::Result<Option<String>> {
    let l = tasks.list_tasks().send()?;
    let whole = l.tasks[0].fetch(&tasks).send()?;
    for entry in &l {
        entry.fetch(&&tasks).timeout(Duration::from_secs(1)).send()?;
    }
    Ok(whole.into_inner().description)
}
