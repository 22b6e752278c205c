use crate::guess::*;

async fn g41_set(tasks: TasksApi) -> anyhow::Result<()> {
    tasks.edit_task("x", |t| t.status = TaskStatus::Completed).await?;
    Ok(())
}

async fn g42_push(tasks: TasksApi) -> anyhow::Result<()> {
    tasks.edit_task("x", |t| t.contributors.push(TaskContributor::assignee("u"))).await?;
    tasks.edit_task("x", |t| t.contributors.retain(|c| c.user_id != "u")).await?;
    Ok(())
}

async fn g43_options(tasks: TasksApi) -> anyhow::Result<bool> {
    let edit = tasks.edit_task("x", |t| t.title.push('!')).workspace("w_2");
    let edited = edit.deadline(Duration::from_secs(30)).attempts(1).header("x-job", "nightly").check_conflict().await?;
    println!("{}", edited.title);
    Ok(edited.was_written())
}

async fn g44_fallible(tasks: TasksApi) -> anyhow::Result<()> {
    let change = |t: &mut Task| {
        let n: u32 = "x".parse()?;
        t.topic = Some(n.to_string());
        Ok::<(), anyhow::Error>(())
    };
    tasks.edit_task("x", change).await?;
    Ok(())
}

async fn g45_question_mark(tasks: TasksApi) -> Result<(), Error> {
    tasks
        .try_edit_task("x", |t| {
            t.title = "7".parse::<u8>()?.to_string();
            Ok(())
        })
        .await?;
    Ok(())
}

async fn g46_borrowed(tasks: &TasksApi, title: &str) -> Result<(), Error> {
    tasks.edit_task("x", |t| t.title = title.to_owned()).await?;
    Ok(())
}

async fn g47_update(tasks: TasksApi) -> anyhow::Result<()> {
    let mut t = tasks.fetch_task("x").await?;
    t.status = TaskStatus::Completed;
    tasks.update_task("x", &*t).await?;
    tasks.create_task(NewTask::new("y")).await?;
    Ok(())
}

async fn g48_call_options(tasks: TasksApi) -> anyhow::Result<()> {
    tasks.fetch_task("x").timeout(Duration::from_secs(1)).await?;
    Ok(())
}

async fn g49_bulk(tasks: TasksApi) -> anyhow::Result<()> {
    let report = tasks.bulk().edit_each(["a", "b"], |t| t.status = TaskStatus::Completed).await?;
    for item in &report {
        println!("{item}");
    }
    Ok(())
}

fn g50_blocking_edit(config: &Configuration) -> anyhow::Result<()> {
    blocking::TasksApi::new(config).edit_task("x", |t| t.status = TaskStatus::Completed).send()?;
    Ok(())
}

async fn g72_update_what_was_fetched(tasks: TasksApi) -> anyhow::Result<()> {
    let mut t = tasks.fetch_task("x").await?;
    t.status = TaskStatus::Completed;
    tasks.update_task("x", &t).await?;
    tasks.update_task(&t.task_id, &*t).await?;
    let written = tasks.update_task("x", t).await?.into_inner();
    tasks.update_task("x", &written).await?;
    tasks.update_task("x", Box::new(written)).await?;
    Ok(())
}

async fn g73_update_what_was_edited(tasks: TasksApi) -> anyhow::Result<()> {
    let edited = tasks.edit_task("x", |t| t.completed_at = Some(std::time::SystemTime::now().into())).await?;
    tasks.update_task("x", &edited).await?;
    let once = tasks.find_or_create("nightly build", NewTask::new("The nightly build fails")).await?;
    tasks.update_task(&once.task_id, &once).await?;
    Ok(())
}

fn g74_blocking_update(config: &Configuration) -> anyhow::Result<()> {
    let tasks = blocking::TasksApi::new(config);
    let mut t = tasks.fetch_task("x").send()?;
    t.title.push('!');
    tasks.update_task("x", &t).send()?;
    Ok(())
}

async fn g75_early_return(tasks: TasksApi) -> anyhow::Result<()> {
    let change = |t: &mut Task| -> Result<(), String> {
        if t.title.is_empty() {
            return Err("no title".into());
        }
        t.team_ids.push("tm_1".into());
        Ok(())
    };
    tasks.edit_task("x", change).await?;
    Ok(())
}

fn g92_blocking_bulk(tasks: &blocking::TasksApi) -> anyhow::Result<()> {
    let report = tasks
        .bulk()
        .edit_each(["a", "b"], |t| t.status = TaskStatus::Completed)
        .edit_task(tasks.edit_task("c", |t| t.title.push('!')).deadline(Duration::from_secs(30)))
        .create("new", NewTask::new("New"))
        .find_or_create("once", NewTask::new("Once"))
        .concurrency(2)
        .state_file("bulk.state")
        .on_progress(|progress| eprintln!("{}/{}", progress.finished(), progress.total()))
        .send()?;
    for item in report.failed() {
        eprintln!("{item}");
    }
    Ok(())
}
