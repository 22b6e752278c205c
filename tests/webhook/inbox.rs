//! What the durable inboxes have in common.

use std::time::{Duration, UNIX_EPOCH};

use onehorizon::webhook::inbox::{AttemptEnd, InboxSettings, Job, Worked};
use onehorizon_testing::NewEvent;

#[test]
fn waits_double_with_each_failed_attempt_up_to_the_longest() {
    let mut settings = InboxSettings::default();
    settings.backoff = Duration::from_secs(2)..Duration::from_secs(60);
    let waits = [1, 2, 3, 5, 6, 33, u32::MAX].map(|attempt| settings.delay_after(attempt).as_secs());
    assert_eq!(waits, [2, 4, 8, 32, 60, 60, 60]);
    assert_eq!(settings.delay_after(0).as_secs(), 2);
}

#[test]
fn each_end_of_an_attempt_is_counted_by_itself() {
    let mut worked = Worked::default();
    for end in [AttemptEnd::Done, AttemptEnd::Retried, AttemptEnd::Dead, AttemptEnd::Superseded, AttemptEnd::Done] {
        worked.count(end);
    }
    assert_eq!((worked.done, worked.retried, worked.dead, worked.superseded), (2, 1, 1, 1));
}

#[test]
fn a_job_for_a_test_is_a_first_attempt() {
    let event = NewEvent::new("task.created", "evt_1").resource("task", "tsk_1").build().unwrap();
    let job = Job::new(event, UNIX_EPOCH);
    assert_eq!((job.attempt, job.label), (1, None));
}
