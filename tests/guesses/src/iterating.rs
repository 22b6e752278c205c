use crate::guess::*;

async fn g33_by_value(tasks: TasksApi) -> anyhow::Result<()> {
    for t in tasks.list_tasks().await? {
        println!("{}", t.task_id);
    }
    Ok(())
}

async fn g34_by_reference(tasks: TasksApi) -> anyhow::Result<usize> {
    let list = tasks.list_tasks().all(true).await?;
    for t in &list {
        println!("{}", t.title);
    }
    for t in &list.tasks {}
    Ok(list.tasks.len())
}

async fn g35_collect(tasks: TasksApi) -> anyhow::Result<Vec<String>> {
    Ok(tasks.list_tasks().await?.into_iter().map(|t| t.title).collect())
}

async fn g36_futures(tasks: TasksApi) -> anyhow::Result<()> {
    let futures: Vec<_> = ["a", "b"].into_iter().map(|id| tasks.fetch_task(id)).collect();
    for future in futures {
        future.await?;
    }
    Ok(())
}

async fn g37_side_by_side(tasks: TasksApi) -> anyhow::Result<()> {
    let (a, b) = tokio::try_join!(tasks.fetch_task("a").into_future(), tasks.fetch_task("b").into_future())?;
    tokio::spawn(tasks.fetch_task("c").into_future()).await??;
    Ok(())
}

async fn g38_timeout_around(tasks: TasksApi) -> anyhow::Result<()> {
    tokio::time::timeout(Duration::from_secs(1), tasks.fetch_task("x")).await??;
    Ok(())
}

async fn g39_contributors(tasks: TasksApi) -> anyhow::Result<bool> {
    let t = tasks.fetch_task("x").await?;
    Ok(t.contributors.iter().any(|c| c.user_id == "u_1") || t.contributors.is_empty())
}

fn g40_blocking(config: &Configuration) -> anyhow::Result<()> {
    let tasks = blocking::TasksApi::new(config);
    for t in tasks.list_tasks().all(true).send()? {
        println!("{}", t.title);
    }
    std::thread::scope(|s| {
        s.spawn(|| tasks.fetch_task("x").send());
    });
    Ok(())
}

async fn g79_all_at_once(tasks: TasksApi) -> Result<Vec<Response<Task>>, Error> {
    futures_util::future::try_join_all(["a", "b"].map(|id| tasks.fetch_task(id).send())).await
}
