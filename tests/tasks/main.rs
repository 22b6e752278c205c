//! The tasks of `docs/tasks`: the reference solutions pass the checks.

use onehorizon::Configuration;
use onehorizon_testing::FakeOneHorizon;

fn configuration(fake: &FakeOneHorizon) -> Configuration {
    Configuration::builder().transport(fake.transport()).api_key(fake.api_key()).build().unwrap()
}

/// A reference solution and the check of its task.
macro_rules! task {
    ($test:ident, $check:ident: $check_file:literal, $solution:ident: $solution_file:literal) => {
        #[path = $check_file]
        mod $check;
        #[path = $solution_file]
        mod $solution;

        #[tokio::test(start_paused = true)]
        async fn $test() {
            $check::check($solution::run).await;
        }
    };
}

task!(create_a_bug, check_01: "../../docs/tasks/01-create-a-bug/check.rs", solution_01: "solutions/01.rs");
task!(list_open_titles, check_02: "../../docs/tasks/02-list-open-titles/check.rs", solution_02: "solutions/02.rs");
task!(edit_and_keep_the_rest, check_03: "../../docs/tasks/03-edit-and-keep-the-rest/check.rs", solution_03: "solutions/03.rs");
task!(explain_errors, check_04: "../../docs/tasks/04-explain-errors/check.rs", solution_04: "solutions/04.rs");
task!(stay_within_the_quota, check_05: "../../docs/tasks/05-stay-within-the-quota/check.rs", solution_05: "solutions/05.rs");
task!(never_create_twice, check_06: "../../docs/tasks/06-never-create-twice/check.rs", solution_06: "solutions/06.rs");
task!(receive_webhooks, check_07: "../../docs/tasks/07-receive-webhooks/check.rs", solution_07: "solutions/07.rs");
task!(rotate_a_webhook_key, check_08: "../../docs/tasks/08-rotate-a-webhook-key/check.rs", solution_08: "solutions/08.rs");
task!(reach_a_route_without_types, check_09: "../../docs/tasks/09-reach-a-route-without-types/check.rs", solution_09: "solutions/09.rs");
task!(clear_a_field, check_10: "../../docs/tasks/10-clear-a-field/check.rs", solution_10: "solutions/10.rs");
