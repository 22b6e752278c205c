//! Plays a case of a client on the scripted transport.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use onehorizon::models::{NewApiKey, NewTask, TaskStatus};
use onehorizon::transport::Failure;
use onehorizon::{ApiKeysApi, Configuration, DocumentsApi, Error, Retry, TasksApi};
use onehorizon_testing::{ManualClock, Reply, ScriptedTransport};
use serde::Serialize;
use serde_json::Value;

use crate::expect::{self, Outcome, items};

pub async fn play(case: &Value) -> Vec<String> {
    let transport = ScriptedTransport::new(script(&case["script"]));
    let outcome = call(case, &transport).await.map_err(|error| Box::new(error.into()));
    let outcome: Outcome = outcome;
    expect::compare(&case["expect"], &transport.requests(), &outcome)
}

/// The replies that a script stands for.
pub fn script(steps: &Value) -> Vec<Reply> {
    items(steps)
        .flat_map(|step| {
            let times = step["times"].as_u64().unwrap_or(1);
            (0..times).map(|_| reply(step))
        })
        .collect()
}

fn reply(step: &Value) -> Reply {
    if let Some(fault) = step["fault"].as_str() {
        return match fault {
            "refused" => Reply::fail(Failure::Connect),
            "dropped" | "cut" => Reply::fail(Failure::Interrupted),
            "never" => Reply::never(),
            other => panic!("the fault {other}"),
        };
    }
    let status = u16::try_from(step["status"].as_u64().unwrap()).unwrap();
    let body = match step {
        Value::Object(step) if step.contains_key("json") => step["json"].to_string().into_bytes(),
        Value::Object(step) if step.contains_key("base64") => {
            BASE64_STANDARD.decode(step["base64"].as_str().unwrap()).unwrap()
        }
        step => {
            let repeat = usize::try_from(step["repeat"].as_u64().unwrap_or(1)).unwrap();
            step["body"].as_str().unwrap_or_default().repeat(repeat).into_bytes()
        }
    };
    let headers = step["headers"].as_object();
    let media_type = headers.and_then(|headers| headers.get("content-type"));
    let media_type = media_type.map_or("application/json", |media_type| media_type.as_str().unwrap_or_default());
    let media_type = if body.is_empty() { "" } else { media_type };
    let others = headers.into_iter().flatten().filter(|(name, _)| *name != "content-type");
    others.fold(Reply::new(status, media_type, body), |reply, (name, value)| {
        reply.header(name, value.as_str().unwrap_or_default())
    })
}

fn configuration(settings: &Value, transport: &ScriptedTransport) -> Result<Configuration, Error> {
    let seconds = |name: &str| settings[name].as_f64().map(Duration::from_secs_f64);
    let mut builder = Configuration::builder().transport(transport.clone()).clock(ManualClock::on_tokio());
    builder = match (settings.get("api_key"), settings["oauth_token"].as_str()) {
        (_, Some(token)) => builder.oauth_token(token),
        (Some(Value::Null), None) => builder,
        (Some(key), None) => builder.api_key(key.as_str().unwrap()),
        (None, None) => builder.api_key("key-of-the-cases"),
    };
    if let Some(url) = settings["base_url"].as_str() {
        builder = builder.base_url(url);
    }
    if let Some(workspace) = settings["workspace"].as_str() {
        builder = builder.workspace(workspace);
    }
    if let Some(timeout) = seconds("timeout") {
        builder = builder.timeout(timeout);
    }
    if let Some(limit) = settings["max_response_bytes"].as_u64() {
        builder = builder.max_response_bytes(usize::try_from(limit).unwrap());
    }
    let mut retry = Retry::default();
    if let Some(attempts) = settings["attempts"].as_u64() {
        retry = retry.attempts(u32::try_from(attempts).unwrap());
    }
    if let Some(wait) = seconds("max_wait") {
        retry = retry.max_wait(wait);
    }
    builder.retry(retry).build()
}

/// Makes the call and returns its result as JSON, with the number of entries where it is a list.
async fn call(case: &Value, transport: &ScriptedTransport) -> Result<(String, Option<usize>), Error> {
    let configuration = configuration(&case["settings"], transport)?;
    let tasks = TasksApi::new(&configuration);
    let keys = ApiKeysApi::new(&configuration);
    let documents = DocumentsApi::new(&configuration);
    let (operation, arguments) = case["call"].as_object().and_then(|call| call.iter().next()).unwrap();
    let text = |name: &str| arguments[name].as_str().unwrap();
    match operation.as_str() {
        "fetchTask" => {
            let fetched = tasks.fetch_task(text("taskId")).await?;
            let Some(title) = case["then"]["updateTask"]["title"].as_str() else { return Ok((json(&*fetched), None)) };
            let mut task = fetched.into_inner();
            task.title = title.to_owned();
            let id = task.task_id.clone();
            Ok((json(&*tasks.update_task(id, task).await?), None))
        }
        "listTasks" => {
            let mut list = tasks.list_tasks();
            if let Some(all) = arguments["all"].as_bool() {
                list = list.all(all);
            }
            if let Some(status) = arguments.get("status") {
                let status: Vec<TaskStatus> =
                    items(status).map(|one| TaskStatus::other(one.as_str().unwrap())).collect();
                list = list.status(status);
            }
            let list = list.await?;
            Ok((json(&*list), Some(list.tasks.len())))
        }
        "createTask" => {
            let title = arguments["body"]["title"].as_str().unwrap();
            Ok((json(&*tasks.create_task(NewTask::new(title)).await?), None))
        }
        "revokeApiKey" => {
            keys.revoke_api_key(text("apiKeyId")).await?;
            Ok(("null".to_owned(), None))
        }
        "createApiKey" => {
            let description = arguments["body"]["description"].as_str().unwrap();
            Ok((json(&*keys.create_api_key(NewApiKey::new(description)).await?), None))
        }
        "listApiKeys" => {
            let list = keys.list_api_keys().await?;
            Ok((json(&*list), Some(list.api_keys.len())))
        }
        "listDocuments" => {
            let mut list = documents.list_documents();
            if let Some(id) = arguments["taskId"].as_str() {
                list = list.task_id(id);
            }
            if let Some(include) = arguments["includeContent"].as_bool() {
                list = list.include_content(include);
            }
            if let Some(limit) = arguments["limit"].as_u64() {
                list = list.limit(limit);
            }
            let list = list.await?;
            Ok((json(&*list), Some(list.documents.len())))
        }
        other => panic!("the operation {other}"),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}
