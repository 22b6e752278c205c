//! How long the service asks to wait, in all the ways in which it may say so.

use std::time::{Duration, SystemTime};

use onehorizon::WaitSource;
use onehorizon_testing::{ManualClock, Reply};
use support::wire::{TIME_OF_DAY, Wire, limited, ok, read, refused, status, unsafe_write};

const SECOND: Duration = Duration::from_secs(1);

/// The milliseconds between a refusal and the next attempt.
async fn waited_after(step: Reply) -> u64 {
    let wire = Wire::new([step]);
    unsafe_write(&wire.configuration()).max_wait(SECOND * 100_000).await.unwrap();
    wire.sent()[1]
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_read_from_the_message() {
    for (message, milliseconds) in [
        ("standard rate limit exceeded, retry in 43 seconds", 43_000),
        ("standard rate limit exceeded, retry in 1 second", 1_000),
        ("STANDARD RATE LIMIT EXCEEDED, RETRY IN 43 SECONDS.", 43_000),
        ("Too many requests. Retry in 2 minutes", 120_000),
        ("retry in 2 minutes and 5 seconds, please", 125_000),
        ("retry in 1 minute, 30 seconds", 90_000),
        ("retry in 1.5 seconds", 1_500),
        ("retry in 43s", 43_000),
        ("try again in 1m30s!", 90_000),
        ("Please wait 2750 ms before the next request", 2_750),
        ("Please wait 750 ms before the next request", 1_000),
        ("retry in 1,200 seconds", 1_200_000),
        ("200 requests, 1,200 seconds: retry in 1,200,000 ms", 1_200_000),
        ("1 hour left to wait", 3_600_000),
        ("40 requests per 60 seconds exceeded; retry in 12 seconds", 12_000),
        ("more than 200 requests in 15 minutes: retry in 43 seconds", 43_000),
        ("retry in 43 seconds (limit: 200 requests per 15 minutes)", 43_000),
        ("limit of 40 per 1 minute reached, 20 seconds left", 20_000),
        ("retry in 7 seconds. 15 minutes is the window.", 7_000),
        ("retry in 7 seconds, 15 minutes is the window", 7_000),
        ("retry in 1 min 5 sec", 65_000),
        ("retry in 2 mins 5 secs", 125_000),
        ("retry in 1 minute and 30 seconds 500 ms", 90_500),
        ("retry in 1 m 5 s", 65_000),
        ("retry in 2500 milliseconds", 2_500),
        ("40 every 60 seconds, 7 seconds left", 7_000),
        ("40 each 60 seconds, 7 seconds left", 7_000),
        ("40 within 60 seconds, 7 seconds left", 7_000),
        ("40 in the last 60 seconds, 7 seconds left", 7_000),
        ("40 in the past 60 seconds, 7 seconds left", 7_000),
        ("40 a 60 seconds, 7 seconds left", 7_000),
    ] {
        assert_eq!(waited_after(refused(message)).await, milliseconds, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn units_from_days_to_milliseconds_are_read() {
    for (message, milliseconds) in [
        ("retry in 1 hour, 2 minutes and 3 seconds", 3_723_000),
        ("retry in 1h2m3.5s", 3_723_500),
        ("retry in 1 day 2 hours", 93_600_000),
        ("retry in 2 h", 7_200_000),
        ("retry in 2 d", 172_800_000),
        ("retry in 2 days", 172_800_000),
        ("retry in 1 millisecond", 1),
    ] {
        let wire = Wire::new([refused(message)]);
        let error = unsafe_write(&wire.configuration()).attempts(1).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_millis(milliseconds)), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_wait_leads_to_backing_off() {
    for message in [
        "standard rate limit exceeded",
        "retry later",
        "retry in a few seconds",
        "retry in -3 seconds",
        "more than 40 requests per 60 seconds",
        "code 43",
        "retry in 5s5m",
        "retry in 5s5s",
        "retry in 5 parsecs",
        "retry in 1.2.3 seconds",
        "",
    ] {
        assert_eq!(waited_after(refused(message)).await, 1_000, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_read_from_plain_text_and_from_no_page() {
    for (media_type, body, milliseconds) in [
        ("text/plain", "standard rate limit exceeded, retry in 7 seconds", 7_000),
        ("Text/Plain; charset=utf-8", "\u{feff}retry in 7 seconds\n", 7_000),
        ("text/plain", "slow down", 1_000),
        ("text/html", "<p>retry in 7 seconds</p>", 1_000),
        ("", "retry in 7 seconds", 1_000),
        ("text/plain", &format!("{}retry in 7 seconds", " ".repeat(1024)), 1_000),
    ] {
        let wire = Wire::new([Reply::new(429, media_type, body.to_owned())]);
        read(&wire.configuration()).await.unwrap();
        assert_eq!(wire.sent(), [0, milliseconds], "{media_type} {body:?}");
    }
    // It still is not the service's own form, after which a creation is sent again.
    let wire = Wire::new([Reply::new(429, "text/plain", "retry in 7 seconds")]);
    let error = unsafe_write(&wire.configuration()).await.unwrap_err();
    assert_eq!((error.attempts(), error.retry_after()), (1, Some(7 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_no_seconds_in_a_message_is_one_that_was_rounded_down() {
    assert_eq!(waited_after(refused("retry in 0 seconds")).await, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_header_counts_before_the_message() {
    assert_eq!(waited_after(limited(43).header("retry-after", 7)).await, 7_000);
    assert_eq!(waited_after(limited(43).header("retry-after", "1.5")).await, 1_500);
    assert_eq!(waited_after(limited(43).header("retry-after", " 12 ")).await, 12_000);
    assert_eq!(waited_after(limited(43).header("retry-after", "soon")).await, 43_000);
    assert_eq!(waited_after(limited(43).header("retry-after", "-1")).await, 43_000);
    assert_eq!(waited_after(limited(43).header("retry-after", "NaN")).await, 43_000);
}

#[tokio::test(start_paused = true)]
async fn a_date_is_a_wait_by_the_services_own_clock_if_it_sends_one() {
    let at = |offset: u64| httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + TIME_OF_DAY + Duration::from_secs(offset));
    assert_eq!(waited_after(limited(43).header("retry-after", at(90))).await, 90_000);
    // The service's clock is an hour ahead of this machine's.
    let ahead = limited(43).header("retry-after", at(3_690)).header("date", at(3_600));
    assert_eq!(waited_after(ahead).await, 90_000);
    let past = limited(43).header("retry-after", "Mon, 01 Jan 2024 00:00:00 GMT");
    assert_eq!(waited_after(past).await, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_honoured_at_every_status_that_is_repeated() {
    for code in [408, 425, 429, 500, 502, 503, 504, 520, 524, 529] {
        for (header, milliseconds) in [
            ("7", 7_000),
            ("1.5", 1_500),
            ("7, 9", 9_000),
            // Nothing malformed, zero, negative or past comes earlier than the backoff.
            ("0", 1_000),
            ("0.001", 1_000),
            ("-5", 1_000),
            ("-0", 1_000),
            ("120junk", 1_000),
            ("inf", 1_000),
            ("NaN", 1_000),
            ("1e3", 1_000),
            ("0x10", 1_000),
            ("+7", 1_000),
            ("1.2.3", 1_000),
            ("7, soon", 1_000),
            ("\"7\"", 1_000),
            ("", 1_000),
            ("2026-05-10T08:30:00Z", 1_000),
            ("Mon, 01 Jan 2024 00:00:00 GMT", 1_000),
            ("Monday, 01-Jan-24 00:00:00 GMT", 1_000),
        ] {
            let wire = Wire::new([status(code).header("retry-after", header)]);
            read(&wire.configuration()).await.unwrap();
            assert_eq!(wire.sent(), [0, milliseconds], "{code}, {header:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_is_rounded_up_to_whole_seconds() {
    let configuration = |wire: &Wire| {
        wire.builder()
            .clock(
                ManualClock::on_tokio().starting_at(SystemTime::UNIX_EPOCH + TIME_OF_DAY + SECOND / 2).with_random(1.0),
            )
            .build()
            .unwrap()
    };
    let wire =
        Wire::new([status(503)
            .header("retry-after", httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + TIME_OF_DAY + 3 * SECOND))]);
    read(&configuration(&wire)).await.unwrap();
    assert_eq!(wire.sent(), [0, 3_000], "2.5 s by this machine's clock");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_its_window_alone_is_waited_out() {
    let refused = |remaining: u64| {
        let refused = refused("standard rate limit exceeded");
        refused.header("x-ratelimit-remaining", remaining).header("x-ratelimit-reset", 12)
    };
    assert_eq!(waited_after(refused(0)).await, 12_000);
    assert_eq!(waited_after(refused(5)).await, 1_000, "the window has room: it is not the one that refused");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_second_does_not_fail_a_read() {
    for lucky in [false, true] {
        let wire = Wire::rule(|_, at| if at < Duration::from_millis(1_400) { status(503) } else { ok() });
        let builder =
            if lucky { wire.builder().clock(ManualClock::on_tokio().with_random(0.0)) } else { wire.builder() };
        assert!(read(&builder.build().unwrap()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_more_than_30_s_is_an_error_at_once_with_the_instant_it_ends() {
    let wire = Wire::new([limited(43)]);
    let started = tokio::time::Instant::now();
    let error = unsafe_write(&wire.configuration()).await.unwrap_err();
    assert!(error.is_rate_limited());
    assert_eq!((error.attempts(), started.elapsed(), wire.count()), (1, Duration::ZERO, 1));
    let limit = error.rate_limit().unwrap();
    assert_eq!(limit.retry_after, Some(43 * SECOND));
    assert_eq!(limit.ends_at, Some(SystemTime::UNIX_EPOCH + TIME_OF_DAY + 43 * SECOND));
    assert_eq!(limit.source, Some(WaitSource::Message));
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_can_be_set_for_a_call() {
    let wire = Wire::new([limited(43)]);
    assert_eq!(unsafe_write(&wire.configuration()).max_wait(43 * SECOND).await.unwrap().attempts(), 2);
    assert_eq!(wire.sent(), [0, 43_000]);

    let wire = Wire::new([limited(5)]);
    assert!(unsafe_write(&wire.configuration()).max_wait(SECOND).await.unwrap_err().is_rate_limited());
}

#[tokio::test(start_paused = true)]
async fn a_nonsensical_wait_is_an_error_and_does_not_overflow() {
    for seconds in ["99999999999999999999", &"9".repeat(300)] {
        let wire = Wire::new([limited(1).header("retry-after", seconds)]);
        let error = unsafe_write(&wire.configuration()).await.unwrap_err();
        assert!(error.retry_after().unwrap() > SECOND * 86_400 * 300);
        assert!(error.rate_limit().unwrap().ends_at.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_of_the_quota_are_read_from_either_spelling_of_the_headers() {
    let advised = |prefix: [&'static str; 3], reset: u64| {
        ok().header(prefix[0], 200).header(prefix[1], 150).header(prefix[2], reset)
    };
    let old = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let new = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    for (names, reset) in [(old, 60), (new, 60), (old, TIME_OF_DAY.as_secs() + 60)] {
        let wire = Wire::new([advised(names, reset)]);
        let response = unsafe_write(&wire.configuration()).await.unwrap();
        let limit = response.rate_limit().unwrap();
        assert_eq!((limit.limit, limit.remaining, limit.reset), (Some(200), Some(150), Some(60 * SECOND)));
    }
    assert!(unsafe_write(&Wire::new([]).configuration()).await.unwrap().rate_limit().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_read_in_the_unit_that_ends_within_a_window() {
    let in_three = TIME_OF_DAY + 3 * SECOND;
    let number = |number: u128| u64::try_from(number).unwrap();
    for (reset, wait) in [
        (0, Some(Duration::ZERO)),
        (43, Some(43 * SECOND)),
        (900, Some(900 * SECOND)),
        // The longest window is of 15 minutes.
        (86_400, Some(86 * SECOND)),
        (900_000, Some(900 * SECOND)),
        (999_999_999, None),
        (1_000_000_000, Some(Duration::ZERO)),
        (TIME_OF_DAY.as_secs(), Some(Duration::ZERO)),
        (in_three.as_secs(), Some(3 * SECOND)),
        (number(in_three.as_millis()), Some(3 * SECOND)),
        (number(in_three.as_micros()), Some(3 * SECOND)),
        (TIME_OF_DAY.as_secs() + 200_000, None),
        (u64::MAX, None),
    ] {
        let wire = Wire::new([ok().header("ratelimit-reset", reset)]);
        let response = unsafe_write(&wire.configuration()).await.unwrap();
        let reset_in = response.rate_limit().and_then(|limit| limit.reset);
        assert_eq!(reset_in.map(|reset| reset.as_secs_f64().round()), wait.map(|wait| wait.as_secs_f64()), "{reset}");
    }
}
