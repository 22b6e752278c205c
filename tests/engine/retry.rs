//! Which failures are repeated, how patiently, and what an error says of it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use onehorizon::transport::{BoxFuture, Failure};
use onehorizon::{Configuration, Credential, Error, ErrorKind, Retry, Secret, Sent, TokenProvider};
use onehorizon_testing::Reply;
use support::wire::{Wire, idempotent_write, limited, ok, plain, read, refused, status, unsafe_write};

const SECOND: Duration = Duration::from_secs(1);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn fails(request: onehorizon::apis::Request) -> Error {
    request.await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_repeated_for_every_class_since_nothing_was_sent() {
    for make in [read, idempotent_write, unsafe_write] {
        for failure in [Failure::Connect, Failure::ConnectTimeout] {
            let wire = Wire::new([Reply::fail(failure), Reply::fail(failure)]);
            let response = make(&wire.configuration()).await.unwrap();
            assert_eq!(response.attempts(), 3);

            let wire = Wire::new(vec![Reply::fail(failure); 3]);
            let error = fails(make(&wire.configuration())).await;
            assert_eq!((error.attempts(), error.was_sent(), wire.count()), (3, Sent::No, 3));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_repeated_only_where_doing_it_twice_does_no_harm() {
    for (make, attempts) in [(read as fn(&Configuration) -> _, 3), (idempotent_write, 3), (unsafe_write, 1)] {
        let wire = Wire::new(vec![Reply::fail(Failure::Interrupted); 3]);
        let error = fails(make(&wire.configuration())).await;
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, attempts));
        assert_eq!((error.was_sent(), wire.count()), (Sent::Maybe, attempts as usize));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_server_is_asked_again_only_where_doing_it_twice_does_no_harm() {
    for code in [408, 500, 502, 503, 504] {
        for (make, attempts) in [(read as fn(&Configuration) -> _, 3), (idempotent_write, 3), (unsafe_write, 1)] {
            let wire = Wire::new(vec![status(code); 3]);
            let error = fails(make(&wire.configuration())).await;
            assert_eq!((error.status(), error.attempts(), error.was_sent()), (Some(code), attempts, Sent::Yes));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_services_form_under_another_media_type_is_not_the_services() {
    let body = r#"{"code":429,"message":"slow down"}"#;
    for (media, attempts) in [
        ("application/json", 3),
        ("Application/JSON; charset=utf-8", 3),
        ("text/html", 1),
        ("text/plain", 1),
        ("application/problem+json", 1),
        ("application/json, text/html", 1),
    ] {
        let wire = Wire::new(vec![Reply::new(429, media, body); 3]);
        assert_eq!(fails(unsafe_write(&wire.configuration())).await.attempts(), attempts, "{media}");
        let wire = Wire::new(vec![Reply::new(429, media, body); 3]);
        assert_eq!(fails(read(&wire.configuration())).await.attempts(), 3, "{media}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_document_lists_every_status_after_which_a_read_is_repeated() {
    let text = include_str!("../../docs/retry-safety.md");
    let (_, list) = text.split_once("These statuses are treated as 500 is, whatever the body: ").unwrap();
    let listed: Vec<u16> = list.lines().next().unwrap().trim_end_matches('.').split(", ").map(parsed).collect();
    for code in (300..=599).filter(|code| ![401, 429].contains(code)) {
        for reply in [status(code), Reply::html(code), Reply::new(code, "", "")] {
            for (make, repeats) in
                [(read as fn(&Configuration) -> _, true), (idempotent_write, true), (unsafe_write, false)]
            {
                let wire = Wire::new(vec![reply.clone(); 3]);
                let expected = if repeats && listed.contains(&code) { 3 } else { 1 };
                assert_eq!(fails(make(&wire.configuration())).await.attempts(), expected, "{code}");
            }
        }
    }
}

fn parsed(text: &str) -> u16 {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_response_that_would_be_the_same_again_is_final() {
    for code in [301, 400, 403, 404, 405, 409, 410, 413, 422, 501, 505] {
        let wire = Wire::new(vec![status(code); 3]);
        assert_eq!(fails(read(&wire.configuration())).await.attempts(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_503_that_names_a_wait_does_not_show_that_nothing_was_done() {
    // A cache in front of the service writes the first of these when the service died over the request.
    let page = "<html><h1>Error 503 Backend fetch failed</h1></html>".to_owned();
    for unavailable in [plain(503, page), plain(503, String::new()), status(503)] {
        let unavailable = unavailable.header("retry-after", 2);
        let wire = Wire::new(vec![unavailable.clone(); 2]);
        let error = fails(unsafe_write(&wire.configuration())).await;
        assert_eq!((error.attempts(), error.retry_after(), error.is_retryable()), (1, Some(2 * SECOND), true));

        let wire = Wire::new(vec![unavailable.clone(); 2]);
        let response = unsafe_write(&wire.configuration()).idempotency_key("k1").await.unwrap();
        assert_eq!((response.attempts(), wire.sent()), (3, vec![0, 2000, 4000]));
        assert_eq!(response.time_spent().backoff, 4 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_lets_an_unsafe_write_be_repeated_only_in_the_services_own_form() {
    let own = || refused("standard rate limit exceeded, retry in 2 seconds");
    assert_eq!(unsafe_write(&Wire::new([own()]).configuration()).await.unwrap().attempts(), 2);
    for body in [
        "<html>slow down</html>",
        "",
        "Too Many Requests",
        r#"{"message":"slow down"}"#,
        r#"{"code":503,"message":"x"}"#,
    ] {
        let foreign = || plain(429, body.to_owned()).header("retry-after", 2);
        let error = fails(unsafe_write(&Wire::new([foreign()]).configuration())).await;
        assert_eq!((error.attempts(), error.retry_after()), (1, Some(2 * SECOND)), "{body}");
        for make in [read, idempotent_write] {
            assert_eq!(make(&Wire::new([foreign()]).configuration()).await.unwrap().attempts(), 2, "{body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn prose_of_an_unavailable_service_does_not_let_a_write_be_repeated() {
    let gave_up = plain(503, r#"{"message":"gave up after 2 seconds"}"#.to_owned());
    let wire = Wire::new([gave_up]);
    let error = fails(unsafe_write(&wire.configuration())).await;
    assert_eq!((error.attempts(), error.retry_after()), (1, None));

    let wire = Wire::new([status(503).header("x-ratelimit-remaining", 0).header("x-ratelimit-reset", 2)]);
    assert_eq!(fails(unsafe_write(&wire.configuration())).await.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_lets_a_write_be_repeated() {
    let wire = Wire::rule(|request, _| match request.headers.get("idempotency-key") {
        Some(key) if key == "k1" => Reply::fail(Failure::Interrupted),
        _ => ok(),
    });
    let error = fails(unsafe_write(&wire.configuration()).idempotency_key("k1")).await;
    assert_eq!((error.attempts(), wire.count()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_attempt_may_have_done_is_not_forgotten() {
    let wire =
        Wire::new([Reply::fail(Failure::Interrupted), Reply::fail(Failure::Connect), Reply::fail(Failure::Connect)]);
    let error = fails(idempotent_write(&wire.configuration())).await;
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Connect, Sent::Maybe));

    let wire = Wire::new([status(500), Reply::fail(Failure::Connect), Reply::fail(Failure::Connect)]);
    assert_eq!(fails(read(&wire.configuration())).await.was_sent(), Sent::Yes);
}

#[tokio::test(start_paused = true)]
async fn waits_double_from_1_s_up_to_8_s() {
    let wire = Wire::new(vec![status(500); 9]);
    let configuration = wire.builder().retry(Retry::default().attempts(9)).build().unwrap();
    let error = fails(read(&configuration)).await;
    let sent = wire.sent();
    let waits: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000]);
    assert_eq!(error.time_spent().backoff, ms(47_000));
}

#[tokio::test(start_paused = true)]
async fn waits_are_spread_over_half_of_their_length() {
    // The machine's own random numbers: the shortest of many first waits is near 500 ms, the longest near 1 s.
    let mut waits = Vec::new();
    for _ in 0..400 {
        let wire = Wire::new([status(500)]);
        let configuration = Configuration::builder().api_key("key").transport(wire.transport()).build().unwrap();
        read(&configuration).await.unwrap();
        waits.push(wire.sent()[1] - wire.sent()[0]);
    }
    assert!(waits.iter().all(|wait| (500..=1001).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < 550) && waits.iter().any(|wait| *wait > 950), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_makes_as_many_attempts_as_it_is_set_to() {
    let wire = Wire::rule(|_, _| status(500));
    let configuration = wire.configuration();
    assert_eq!(fails(read(&configuration).attempts(1)).await.attempts(), 1);
    assert_eq!(fails(read(&configuration).attempts(5)).await.attempts(), 5);
    let never = wire.builder().retry(Retry::never()).build().unwrap();
    assert_eq!(fails(read(&never)).await.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn clones_share_a_budget_of_one_retry_for_five_calls() {
    let wire = Wire::rule(|_, _| status(500));
    let configuration = wire.configuration();
    for _ in 0..1000 {
        let _ = read(&configuration.clone()).await;
    }
    // 10 to start with, and a fifth of the calls: 1000 calls make 1210 requests instead of 3000.
    assert_eq!(wire.count(), 1000 + 10 + 200);
}

#[tokio::test(start_paused = true)]
async fn a_good_day_does_not_save_up_retries_for_a_storm() {
    let wire = Wire::rule(|_, at| if at < SECOND { ok().after(ms(1)) } else { status(500) });
    let configuration = wire.configuration();
    for _ in 0..900 {
        read(&configuration).await.unwrap();
    }
    tokio::time::sleep(SECOND).await;
    let before = wire.count();
    for _ in 0..5 {
        let _ = read(&configuration).attempts(20).await;
    }
    let retries = wire.count() - before - 5;
    assert!(retries <= 21, "{retries}");
}

#[tokio::test(start_paused = true)]
async fn refusals_for_the_quota_do_not_use_the_budget() {
    let wire = Wire::rule({
        let mut seen = 0;
        move |_, _| {
            seen += 1;
            if seen % 2 == 1 { limited(1) } else { ok() }
        }
    });
    let configuration = wire.configuration();
    for _ in 0..50 {
        unsafe_write(&configuration).await.unwrap();
    }
    assert_eq!(wire.count(), 100);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_time_limit() {
    let wire = Wire::new(vec![Reply::never(); 3]);
    let error = fails(read(&wire.configuration()).timeout(2 * SECOND)).await;
    assert_eq!((error.kind(), error.attempts(), error.was_sent()), (ErrorKind::Timeout, 3, Sent::Maybe));
    assert!(!error.is_deadline());
    assert_eq!(error.time_spent().requests, 6 * SECOND);

    let wire = Wire::new([Reply::never()]);
    assert_eq!(fails(unsafe_write(&wire.configuration()).timeout(SECOND)).await.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_everything_and_the_error_says_where_the_time_went() {
    let wire = Wire::new([status(500).after(SECOND), limited(3).after(SECOND), Reply::never()]);
    let error = fails(read(&wire.configuration()).deadline(ms(10_000))).await;
    assert!(error.is_timeout() && error.is_deadline());
    assert_eq!((error.attempts(), error.was_sent()), (3, Sent::Yes));
    let time = error.time_spent();
    assert_eq!((time.requests, time.backoff, time.quota), (ms(6_000), ms(1_000), ms(3_000)));
    assert_eq!(time.total(), ms(10_000));
    assert!(error.to_string().contains("[6.0 s for requests, 1.0 s between them, 3.0 s for the quota]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let wire = Wire::new([status(503).header("retry-after", 20)]);
    let started = tokio::time::Instant::now();
    let error = fails(read(&wire.configuration()).deadline(10 * SECOND)).await;
    assert_eq!((error.status(), error.attempts()), (Some(503), 1));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_sends_nothing() {
    let wire = Wire::new([]);
    let error = fails(unsafe_write(&wire.configuration()).deadline(Duration::ZERO)).await;
    assert!(error.is_deadline());
    assert_eq!((error.attempts(), error.was_sent(), wire.count()), (0, Sent::No, 0));
}

/// Tokens that are replaced when refused; the first may take its time.
struct Tokens {
    delay: Duration,
    replaced: Arc<AtomicU32>,
    spare: u32,
}

impl TokenProvider for Tokens {
    fn token(&self) -> BoxFuture<'_, Result<Secret, Box<dyn StdError + Send + Sync>>> {
        Box::pin(async {
            tokio::time::sleep(self.delay).await;
            Ok(Secret::from("t0"))
        })
    }

    fn replace(&self, _: &Secret) -> BoxFuture<'_, Result<Option<Secret>, Box<dyn StdError + Send + Sync>>> {
        let number = self.replaced.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move { Ok((number <= self.spare).then(|| Secret::from(format!("t{number}")))) })
    }
}

fn with_tokens(wire: &Wire, delay: Duration, spare: u32) -> (Configuration, Arc<AtomicU32>) {
    let replaced = Arc::new(AtomicU32::new(0));
    let credential = Credential::provider(Tokens { delay, replaced: Arc::clone(&replaced), spare });
    (wire.builder().credential(credential).build().unwrap(), replaced)
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_even_for_a_write() {
    let wire =
        Wire::rule(|request, _| if request.headers["authorization"] == "Bearer t1" { ok() } else { status(401) });
    let (configuration, replaced) = with_tokens(&wire, Duration::ZERO, 5);
    let response = unsafe_write(&configuration).await.unwrap();
    assert_eq!((response.attempts(), replaced.load(Ordering::Relaxed)), (2, 1));

    let wire = Wire::rule(|_, _| status(401));
    let (configuration, replaced) = with_tokens(&wire, Duration::ZERO, 5);
    let error = fails(read(&configuration)).await;
    assert!(error.is_unauthorized());
    assert_eq!((wire.count(), replaced.load(Ordering::Relaxed)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_replacement_is_an_error_at_once() {
    let wire = Wire::rule(|_, _| status(401));
    let (configuration, _) = with_tokens(&wire, Duration::ZERO, 0);
    assert!(fails(read(&configuration)).await.is_unauthorized());
    assert_eq!(wire.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_getting_a_token() {
    let wire = Wire::new([]);
    let (configuration, _) = with_tokens(&wire, 3600 * SECOND, 0);
    let error = fails(unsafe_write(&configuration).deadline(5 * SECOND)).await;
    assert!(error.is_deadline());
    assert_eq!((error.was_sent(), error.time_spent().total(), wire.count()), (Sent::No, 5 * SECOND, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_after_a_failed_attempt_to_delete_it_may_be_gone_because_of_that() {
    let hint = async |steps: Vec<Reply>| {
        let error = Wire::new(steps).configuration().request("DELETE", "/thing").await.unwrap_err();
        assert!(error.is_not_found());
        error.hint().unwrap_or_default().contains("earlier attempt")
    };
    assert!(hint(vec![Reply::fail(Failure::Interrupted), status(404)]).await);
    assert!(hint(vec![status(500), status(404)]).await);
    assert!(!hint(vec![Reply::fail(Failure::Connect), status(404)]).await);
    assert!(!hint(vec![status(404)]).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaves_nothing_behind() {
    let steps = [Reply::never(), status(500), limited(20)];
    for step in steps {
        let wire = Wire::rule(move |_, _| step.clone());
        let configuration = wire.configuration();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let call = tokio::time::timeout(ms(100), read(&configuration).into_future()).await;
        assert!(call.is_err(), "still at it");
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), tasks);
        let sent = wire.count();
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!((wire.count(), configuration.quota().waiting), (sent, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn success_reports_attempts_and_times_too() {
    let wire = Wire::new([status(500), refused("retry in 2 seconds"), ok().after(ms(50))]);
    let response = read(&wire.configuration()).await.unwrap();
    let time = response.time_spent();
    assert_eq!(response.attempts(), 3);
    assert_eq!((time.requests, time.backoff, time.quota), (ms(50), SECOND, 2 * SECOND));
}
