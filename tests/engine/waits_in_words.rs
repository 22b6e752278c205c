//! Waits in the words of a refusal and in its resets, in the ways that people and programs write times.

use std::time::Duration;

use support::wire::{TIME_OF_DAY, Wire, ok, refused, unsafe_write};

/// The wait that a refusal with this message asks for, in milliseconds.
async fn asked(message: &str) -> Option<u128> {
    let wire = Wire::new([refused(message)]);
    let error = unsafe_write(&wire.configuration()).attempts(1).await.unwrap_err();
    error.retry_after().map(|wait| wait.as_millis())
}

async fn check(cases: &[(&str, u128)]) {
    for (message, milliseconds) in cases {
        assert_eq!(asked(message).await, Some(*milliseconds), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn marks_of_thousands_are_part_of_a_number() {
    check(&[
        ("retry in 1,200 seconds", 1_200_000),
        ("retry in 1 200 seconds", 1_200_000),
        ("retry in 1\u{a0}200 seconds", 1_200_000),
        ("retry in 1\u{202f}200 seconds", 1_200_000),
        ("retry in 1\u{2009}200 s", 1_200_000),
        ("retry in 1'200 seconds", 1_200_000),
        ("retry in 1\u{2019}200 seconds", 1_200_000),
        ("retry in 1_200 seconds", 1_200_000),
        ("retry in 1,200,000 ms", 1_200_000),
        ("retry in 1.200.000 ms", 1_200_000),
        ("retry in 1 200 000 ms", 1_200_000),
        ("retry in 1,200.5 seconds", 1_200_500),
        ("retry in 1.200,5 seconds", 1_200_500),
        ("retry in 1 200,5 seconds", 1_200_500),
        ("wait 1 200s", 1_200_000),
        ("retry in 12 minutes 100 seconds", 820_000),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_comma_is_a_decimal_point_where_no_thousands_follow() {
    check(&[
        ("retry in 12,5 seconds", 12_500),
        ("retry in 1,25 minutes", 75_000),
        ("retry in 0,5 hours", 1_800_000),
        ("retry in 0,500 minutes", 30_000),
        ("retry in 43,0s", 43_000),
        ("retry in 12.5 seconds", 12_500),
        ("retry in 1.500 seconds", 1_500),
        ("retry in 1 min, 5 s", 65_000),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn units_are_known_by_their_usual_names() {
    check(&[
        ("retry in 1 hr 5 min", 3_900_000),
        ("retry in 2 hrs", 7_200_000),
        ("retry in 2hrs", 7_200_000),
        ("retry in 1 week", 604_800_000),
        ("retry in 2 weeks", 1_209_600_000),
        ("retry in 1 wk 1 day", 691_200_000),
        ("retry in 1w", 604_800_000),
        ("retry in 1 month", 2_592_000_000),
        ("retry in 43000 msec", 43_000),
        ("retry in 43000 msecs", 43_000),
        ("retry in 43000 millis", 43_000),
        ("retry in 43 sec.", 43_000),
        ("retry in 43 second(s)", 43_000),
        ("retry after a 43-second pause", 43_000),
        ("retry in 43-seconds", 43_000),
        ("retry in PT1M30S", 90_000),
        ("retry in ~43s", 43_000),
        ("retry in [43s]", 43_000),
        ("retry in 1 minute & 5 seconds", 65_000),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn clocks_ranges_and_numbers_in_words_are_read() {
    check(&[
        ("retry in 1:30 minutes", 90_000),
        ("retry in 1:30 hours", 5_400_000),
        ("retry in 00:01:30", 90_000),
        ("wait 01:00:00", 3_600_000),
        ("retry in 10-20 seconds", 20_000),
        ("retry in 10 to 20 seconds", 20_000),
        ("retry in 10\u{2013}20s", 20_000),
        ("try again in a minute", 60_000),
        ("try again in an hour", 3_600_000),
        ("try again in half an hour", 1_800_000),
        ("try again in thirty seconds", 30_000),
        ("please wait for about five minutes", 300_000),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_several_waits_the_longest_counts() {
    check(&[
        ("Try again in 43 seconds. Waited 5 seconds already.", 43_000),
        ("Waited 90 seconds already. Try again in 43 seconds.", 43_000),
        ("Retried after 5 seconds. Try again in 43 seconds.", 43_000),
        ("Retry in 43 seconds; wait 5 seconds between requests", 43_000),
        ("Wait 5 seconds between requests; retry in 43 seconds", 43_000),
        ("Retry in 5 seconds, and if that fails retry in 43 seconds", 43_000),
        ("40 requests in 15 minutes; resets in 43 seconds", 43_000),
        ("5 seconds used, 43 seconds left", 43_000),
        ("43 seconds left, 5 seconds used", 43_000),
        ("43 seconds. Try again later.", 43_000),
        ("Your plan allows 100 requests in a day. Retry in 43 seconds.", 43_000),
        ("200 requests in 15 minutes exceeded, 43 seconds left", 43_000),
        ("You can send requests again in 5 minutes", 300_000),
        ("requests are allowed again in 5 minutes (200 requests in 15 minutes)", 300_000),
        ("5 more requests in 43 seconds", 43_000),
        ("try again later: 40 requests per 60 seconds", 60_000),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_wait_is_not_read_as_one() {
    for message in [
        "try again at 10:30",
        "try again at 10:30:00",
        "try again on 2026-05-10",
        "retry in 5 parsecs",
        "retry in 1.2.3 seconds",
        "retry in -3 seconds",
        "retry in a few seconds",
        "40 requests a minute",
        "waited a while",
        "retry in 1:2:3:4 hours",
        "retry in :30",
        "retry 3 of 5",
        "error 1 200",
        "Your plan allows 100 requests in a day. Retry later.",
        "200 requests in 15 minutes exceeded",
        "40 API calls within a minute are allowed",
        "you made 250 of 200 requests in 15 minutes",
        "limit: 200 requests per workspace in 15 minutes",
        "1000/1000 requests used in 24 hours",
        "Retry later: 1000 requests per day",
    ] {
        assert_eq!(asked(message).await, None, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_of_any_length_are_no_trouble() {
    for message in [
        "retry in 99999999999999999999999999 weeks",
        &format!("retry in {} seconds", "9".repeat(400)),
        &"1,".repeat(5_000),
    ] {
        let asked = asked(message).await;
        assert!(asked.is_none_or(|wait| wait <= 366 * 86_400_000), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_read_as_a_unix_time_and_with_its_unit() {
    let now = TIME_OF_DAY.as_secs();
    let at = |seconds: u64| (now + seconds).to_string();
    for (header, milliseconds) in [
        (at(43), Some(43_000)),
        (format!("{}.5", at(43)), Some(43_500)),
        (format!("{}000", at(43)), Some(43_000)),
        (format!("{}000000", at(43)), Some(43_000)),
        (format!("{}000000000", at(43)), Some(43_000)),
        (format!("{}, {}", at(43), at(50)), Some(50_000)),
        (at(86_400 * 30), Some(86_400_000 * 30)),
        // What is over is not a wait of a year.
        ((now - 600).to_string(), Some(0)),
        (format!("{}000", now - 600), Some(0)),
        ("999999999".to_owned(), Some(366 * 86_400_000)),
        ("43s".to_owned(), Some(43_000)),
        ("43 seconds".to_owned(), Some(43_000)),
        ("1500ms".to_owned(), Some(1_500)),
        ("1m5s".to_owned(), Some(65_000)),
        ("PT43S".to_owned(), Some(43_000)),
        ("120junk".to_owned(), None),
        ("-43s".to_owned(), None),
    ] {
        let wire = Wire::new([refused("rate limit exceeded").header("retry-after", &header)]);
        let error = unsafe_write(&wire.configuration()).attempts(1).await.unwrap_err();
        let asked = error.retry_after().map(|wait| (wait + Duration::from_micros(500)).as_millis());
        assert_eq!(asked, milliseconds, "{header}");
    }
    // By the service's own clock, if it sends one.
    let ahead = httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + TIME_OF_DAY + Duration::from_secs(3_600));
    let wire = Wire::new([refused("x").header("retry-after", at(3_643)).header("date", ahead)]);
    let error = unsafe_write(&wire.configuration()).attempts(1).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(43)));
}

#[tokio::test(start_paused = true)]
async fn a_reset_further_away_than_the_longest_window_is_in_milliseconds() {
    let in_three = TIME_OF_DAY.as_secs() + 3;
    for (reset, milliseconds) in [
        ("43", Some(43_000)),
        ("900", Some(900_000)),
        ("960", Some(960_000)),
        ("961", Some(961)),
        ("30000", Some(30_000)),
        ("43000", Some(43_000)),
        ("60000", Some(60_000)),
        ("86400", Some(86_400)),
        ("900000", Some(900_000)),
        ("960001", None),
        ("43.5", Some(43_500)),
        ("43000.2", Some(43_000)),
        ("43, 43", Some(43_000)),
        ("43, 900", Some(900_000)),
        ("43;w=60", Some(43_000)),
        (" 43 ; w=60, 12;w=900", Some(43_000)),
        ("43s", Some(43_000)),
        ("1m5s", Some(65_000)),
        ("43000ms", Some(43_000)),
        ("-43", None),
        ("soon", None),
        ("inf", None),
        ("1e3", None),
        ("", None),
        (&in_three.to_string(), Some(3_000)),
        (&format!("{in_three}.5"), Some(3_500)),
    ] {
        for name in ["x-ratelimit-reset", "ratelimit-reset"] {
            let wire = Wire::new([refused("rate limit exceeded").header(name, reset)]);
            let error = unsafe_write(&wire.configuration()).attempts(1).await.unwrap_err();
            let asked = error.retry_after().map(|wait| wait.as_secs_f64().mul_add(1_000.0, 0.5).floor());
            assert_eq!(asked, milliseconds.map(f64::from), "{name}: {reset}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_of_the_quota_are_read_with_parameters_and_from_several_lines() {
    let wire = Wire::new([ok()
        .header("ratelimit-limit", "200, 200;w=900, 40;w=60")
        .header("ratelimit-remaining", "150;w=900, 12;w=60")
        .header("ratelimit-reset", "43")]);
    let response = unsafe_write(&wire.configuration()).await.unwrap();
    let limit = response.rate_limit().unwrap();
    assert_eq!((limit.limit, limit.remaining, limit.reset), (Some(40), Some(12), Some(Duration::from_secs(43))));
}
