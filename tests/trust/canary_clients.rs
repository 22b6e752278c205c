//! Canaries through clients and builders of every operation, stores of tokens, hooks and routers, as in `canary_types`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::apis::{CommentsApi, TaxonomyApi, TeamsApi, UsersApi, WorkspacesApi};
use onehorizon::models::{NewTask, Presence, Task, TaskStatus};
use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save, StoredTokens};
use onehorizon::oauth::{FileTokens, MemoryTokens, Tokens};
use onehorizon::quota::remote::{Batch, Exchanged, RemoteLedger, RemoteQuota, Reported, Restore};
use onehorizon::quota::{Pacing, QuotaRules, QuotaStore as _};
use onehorizon::transport::ReqwestTransport;
use onehorizon::webhook::claims::{Commit, Superseded};
use onehorizon::webhook::{
    DeliveryEnd, DeliveryHooks, DeliveryInfo, Event, EventRouter, Receiver, StatefulRouterBuilder, Verified, Verifier,
};
use onehorizon::{
    BoxFuture, Configuration, DocumentsApi, RateLimit, Secret, StoreError, SystemClock, TasksApi, blocking,
};
use onehorizon_testing::{FakeOneHorizon, Fault};
use support::canary::{API_KEY, SIGNED_URL, WEBHOOK_KEY, Watch};

fn configuration() -> Configuration {
    Configuration::builder().api_key(API_KEY).build().unwrap()
}

#[test]
fn clients_and_builders_print_no_credential() {
    let (config, mut watch) = (configuration(), Watch::default());
    let (tasks, documents) = (TasksApi::new(&config), DocumentsApi::new(&config));
    watch.look(&tasks.bulk().create("one", NewTask::new("a title")));
    watch.look(&tasks.edit_task("tsk_1", |task| task.status = TaskStatus::InProgress));
    watch.look(&tasks.find_or_create("ci/nightly", NewTask::new("a title")));
    watch.look(&tasks.list_tasks().title_contains("a title"));
    watch.look(&tasks.list_tasks().stream());
    watch.look(&documents.fetch_document("doc_1"));

    let comments = CommentsApi::new(&config);
    watch.look(&comments);
    watch.look(&comments.list_task_comments("tsk_1"));
    watch.look(&comments.create_task_comment("tsk_1", "a comment"));
    watch.look(&comments.toggle_comment_reaction("tsk_1", "cmt_1", "+1"));
    let taxonomy = TaxonomyApi::new(&config);
    watch.look(&taxonomy);
    watch.look(&taxonomy.list_taxonomy_labels());
    let teams = TeamsApi::new(&config);
    watch.look(&teams);
    watch.look(&teams.list_teams());
    let users = UsersApi::new(&config);
    watch.look(&users);
    watch.look(&users.list_users());
    watch.look(&users.fetch_current_user());
    let workspaces = WorkspacesApi::new(&config);
    watch.look(&workspaces);
    watch.look(&workspaces.list_workspaces());
    watch.look(&workspaces.fetch_workspace());

    watch.look(&blocking::TasksApi::new(&config));
    watch.look(&blocking::TasksApi::new(&config).fetch_task("tsk_1"));
    watch.look(&blocking::ApiKeysApi::new(&config));
    watch.look(&blocking::CommentsApi::new(&config));
    watch.look(&blocking::DocumentsApi::new(&config));
    watch.look(&blocking::TaxonomyApi::new(&config));
    watch.look(&blocking::TeamsApi::new(&config));
    watch.look(&blocking::UsersApi::new(&config));
    watch.look(&blocking::WorkspacesApi::new(&config));
    watch.look(&ReqwestTransport::new(reqwest::Client::builder()).unwrap());
    watch.done("builders");
}

#[tokio::test(start_paused = true)]
async fn results_print_no_credential() {
    let mut watch = Watch::default();
    let fake = FakeOneHorizon::builder().in_process();
    let config = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    watch.beware(fake.api_key());
    let tasks = TasksApi::new(&config);
    watch.look(&*Box::new(tasks.edit_task("tsk_1001", |task| task.status = TaskStatus::InProgress).await.unwrap()));
    watch.look(&tasks.find_or_create("ci/nightly", NewTask::new("a title")).await.unwrap());

    let watch = Mutex::new(watch);
    let report = tasks
        .bulk()
        .edit("tsk_1001", |task: &mut Task| task.status = TaskStatus::Review)
        .on_progress(|progress| watch.lock().unwrap().look(progress))
        .await
        .unwrap();
    let mut watch = watch.into_inner().unwrap();
    watch.look(&report);
    for item in &report {
        watch.look(item);
        watch.look(&item.outcome);
    }

    let words = format!(r#"{{"message":"no","errors":[{{"field":"title","message":"not {}"}}]}}"#, fake.api_key());
    fake.fail_next(Fault::status(422).body("application/json", words).on("createTask"));
    let error = tasks.create_task(NewTask::new("a title")).await.unwrap_err();
    watch.error(&error);
    assert!(!error.field_errors().is_empty());
    error.field_errors().iter().for_each(|field| watch.look(field));
    watch.look(&error.time_spent());

    let odd: Task = serde_json::from_str(&format!(r#"{{"taskId":"tsk_1","contributors":"{SIGNED_URL}"}}"#)).unwrap();
    odd.unreadable().iter().for_each(|unreadable| watch.look(unreadable));
    watch.look(&Task::TOPIC);
    watch.look(&Presence::Unreadable);
    watch.error(&"compleeted".parse::<TaskStatus>().unwrap_err());
    watch.done("results");
}

#[test]
fn stores_of_tokens_print_no_token() {
    let mut watch = Watch::default();
    let mut tokens = Tokens::new(Secret::from("canary-access"));
    tokens.refresh_token = Some(Secret::from("canary-refresh"));
    tokens.id_token = Some(Secret::from("canary-id"));
    let stored = StoredTokens::new(tokens, 1);
    let guard = RefreshGuard::new(7, stored.clone());
    watch.look(&stored);
    watch.look(&guard);
    watch.look(&Begin::Refresh(guard));
    watch.look(&Begin::Newer(stored.clone()));
    watch.look(&Save::Superseded(Some(stored)));
    watch.look(&MemoryTokens::new());
    watch.look(&FileTokens::new("/nowhere"));
    watch.done("token stores");
}

/// A server that shows what it gets and never replies.
struct Silent(Arc<Mutex<Watch>>);

impl RemoteLedger for Silent {
    fn exchange<'a>(&'a mut self, _: &'a QuotaRules, batch: &'a Batch) -> BoxFuture<'a, Result<Exchanged, StoreError>> {
        let mut watch = self.0.lock().unwrap();
        watch.look(batch);
        batch.reported.iter().for_each(|reported| watch.look::<Reported>(reported));
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn shared_quotas_print_no_credential() {
    let watch: Arc<Mutex<Watch>> = Arc::default();
    let (quota, driver) = RemoteQuota::new(Silent(Arc::clone(&watch)), Arc::new(SystemClock));
    let mut refused = RateLimit::default();
    refused.retry_after = Some(Duration::from_secs(60));
    quota.learn(Pacing::documented().rules(), &refused);
    tokio::time::timeout(Duration::from_secs(5), driver).await.unwrap_err();
    let mut watch = watch.lock().unwrap();
    assert!(watch.looks > 0, "the refusal was sent to the server");
    watch.look(&quota);
    watch.look(&Exchanged::default());
    watch.look(&Restore::default());
    watch.done("shared quotas");
}

/// Shows what hooks get.
#[derive(Clone)]
struct Looker(Arc<Mutex<Watch>>);

impl DeliveryHooks for Looker {
    fn received(&self, delivery: &DeliveryInfo<'_>) {
        self.0.lock().unwrap().look(delivery);
    }

    fn ended(&self, delivery: &DeliveryInfo<'_>, end: &DeliveryEnd) {
        let mut watch = self.0.lock().unwrap();
        watch.look(delivery);
        watch.look(end);
    }
}

#[tokio::test]
async fn routers_and_hooks_print_neither_keys_nor_content() {
    let looker = Looker(Arc::default());
    let done = async |_: Verified<Event>| Ok::<_, std::io::Error>(());
    let builder = EventRouter::builder();
    looker.0.lock().unwrap().look(&builder);
    let stateful: StatefulRouterBuilder<&str> = EventRouter::with_state("canary-state");
    looker.0.lock().unwrap().look(&stateful);
    let router = builder.fallback(done);
    looker.0.lock().unwrap().look(&router);

    let receiver = Receiver::builder(Verifier::key(WEBHOOK_KEY).unwrap()).hooks(looker.clone()).build();
    let headers = [("x-one-webhook-key", WEBHOOK_KEY), ("content-type", "application/cloudevents+json")];
    let find = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    let body = format!(
        r#"{{"specversion":"1.0","id":"evt_1","source":"s","type":"task.created","time":"2026-05-11T08:15:00Z",
        "datacontenttype":"application/json","workspaceid":"w_1","data":{{"resource":{{"type":"task","id":"tsk_1"}},
        "actor":{{"type":"user","id":"u_1"}},"task":{{"taskId":"tsk_1","title":"{SIGNED_URL}"}}}}}}"#
    );
    let reply = receiver.receive("POST", find, body.as_bytes(), router.handler()).await;
    assert_eq!(reply.status(), 200);
    let mut watch = looker.0.lock().unwrap();
    let superseded: Superseded = Commit::Superseded.or_superseded().unwrap_err();
    watch.error(&superseded);
    watch.done("routers and hooks");
}
