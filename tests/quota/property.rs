//! Random faults over many calls: a write is done once at the most, and success means that it was done.

use std::time::Duration;

use onehorizon::models::{NewTask, Task};
use onehorizon::{Configuration, Error, Sent, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Wait};
use proptest::prelude::*;
use tokio::task::JoinSet;

/// Cases of this many calls each, 10,000 in all.
const CASES: u32 = 100;
const CALLS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    /// The caller says that doing it twice does no harm.
    CreateWithKey,
    Update,
    Fetch,
}

#[derive(Clone, Debug)]
struct Step {
    operation: Operation,
    faults: Vec<Fault>,
    deadline: Option<u64>,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => Just(Operation::Create),
        1 => Just(Operation::CreateWithKey),
        1 => Just(Operation::Update),
        1 => Just(Operation::Fetch),
    ]
}

fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![
        (0..50u64).prop_map(Wait::Message),
        (0..50u64).prop_map(Wait::RetryAfter),
        (0..50u64, 0..50u64).prop_map(|(header, message)| Wait::Both { header, message }),
        Just(Wait::Untold),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let fault = prop_oneof![
        2 => Just(Fault::pass()),
        2 => Just(Fault::drop_before()),
        2 => Just(Fault::drop_after()),
        1 => (0..200usize).prop_map(Fault::truncate),
        1 => Just(Fault::hang()),
        1 => (0..60_000u64).prop_map(|delay| Fault::slow(Duration::from_millis(delay))),
        2 => wait().prop_map(Fault::rate_limited),
        1 => prop_oneof![Just(500u16), Just(502), Just(503), Just(504), Just(408), Just(409)].prop_map(Fault::status),
        1 => Just(Fault::html(502)),
        1 => (0..50u64).prop_map(|wait| Fault::status(503).header("retry-after", &wait.to_string())),
    ];
    (fault, prop_oneof![3 => Just(0u64), 1 => 0..2_000u64])
        .prop_map(|(fault, late)| if late == 0 { fault } else { fault.after(Duration::from_millis(late)) })
}

fn step() -> impl Strategy<Value = Step> {
    let deadline = prop_oneof![4 => Just(None), 1 => (0..90_000u64).prop_map(Some)];
    (operation(), proptest::collection::vec(fault(), 0..5), deadline).prop_map(|(operation, faults, deadline)| Step {
        operation,
        faults,
        deadline,
    })
}

fn fake() -> (FakeOneHorizon, TasksApi) {
    let fake = FakeOneHorizon::builder().quota_off().in_process();
    let configuration =
        Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport()).build().unwrap();
    let tasks = TasksApi::new(&configuration);
    (fake, tasks)
}

fn changed() -> Task {
    serde_json::from_str(r#"{"taskId":"tsk_1001","title":"changed"}"#).unwrap()
}

/// Makes one call; the success carries nothing.
async fn call(tasks: &TasksApi, operation: Operation, deadline: Option<u64>) -> Result<(), Error> {
    let deadline = Duration::from_millis(deadline.unwrap_or(3_600_000));
    match operation {
        Operation::Create => drop(tasks.create_task(NewTask::new("new")).deadline(deadline).await?),
        Operation::CreateWithKey => {
            drop(tasks.create_task(NewTask::new("new")).deadline(deadline).idempotency_key("k").await?);
        }
        Operation::Update => drop(tasks.update_task("tsk_1001", changed()).replace_whole().deadline(deadline).await?),
        Operation::Fetch => drop(tasks.fetch_task("tsk_1001").deadline(deadline).await?),
    }
    Ok(())
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Create | Operation::CreateWithKey => "createTask",
        Operation::Update => "updateTask",
        Operation::Fetch => "fetchTask",
    }
}

/// Runs the calls one after the other and looks at each.
async fn one_by_one(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (fake, tasks) = fake();
    for step in steps {
        fake.clear_script();
        fake.script(step.faults.clone());
        let before = fake.executed(name(step.operation));
        let result = call(&tasks, step.operation, step.deadline).await;
        let executed = fake.executed(name(step.operation)) - before;
        if step.operation == Operation::Create {
            prop_assert!(executed <= 1, "executed {executed} times: {step:?}");
        }
        match &result {
            Ok(()) => prop_assert!(executed >= 1, "a success without the work: {step:?}"),
            Err(error) => {
                let honest = error.was_sent() != Sent::No || executed == 0;
                prop_assert!(honest, "executed, and said to be never sent: {error} {step:?}");
            }
        }
        if step.faults.is_empty() && step.deadline.is_none() {
            prop_assert!(result.is_ok(), "no fault, and {result:?}");
        }
        // A wait that the fake asked for is over before the next call.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    prop_assert!(fake.violations().is_empty());
    Ok(())
}

/// Runs the calls all at once: they share the gate, the budget and the faults.
async fn all_at_once(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (fake, tasks) = fake();
    fake.script(steps.iter().flat_map(|step| step.faults.clone()));
    let mut set = JoinSet::new();
    let calls = steps.len() as u64;
    for step in steps {
        let tasks = tasks.clone();
        set.spawn(async move { call(&tasks, Operation::Create, step.deadline).await.is_ok() });
    }
    let done = set.join_all().await.into_iter().filter(|done| *done).count() as u64;
    let executed = fake.executed("createTask");
    prop_assert!((done..=calls).contains(&executed), "{calls} calls, {done} successes, {executed} executed");
    Ok(())
}

fn in_virtual_time(work: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_write_is_done_at_most_once_and_success_means_that_it_was_done(
        steps in proptest::collection::vec(step(), CALLS),
    ) {
        in_virtual_time(one_by_one(steps))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn calls_at_the_same_time_are_done_at_most_once_each(steps in proptest::collection::vec(step(), 1..40)) {
        in_virtual_time(all_at_once(steps))?;
    }
}
