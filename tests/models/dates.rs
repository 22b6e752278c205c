//! Conversions of `Timestamp`; `cargo test --all-features` runs them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::Timestamp;

#[test]
fn a_timestamp_keeps_its_text_and_converts_on_demand() {
    let time: Timestamp = serde_json::from_str(r#""2026-05-10T08:30:00.1+02:00""#).unwrap();
    assert_eq!(time.as_str(), "2026-05-10T08:30:00.1+02:00");
    let seconds = 1_778_394_600;
    assert_eq!(time.to_jiff().unwrap().as_second(), seconds);
    assert_eq!(time.to_chrono().unwrap().timestamp(), seconds);
    assert_eq!(time.to_time().unwrap().unix_timestamp(), seconds);
}

#[test]
fn a_timestamp_of_a_date_library_is_written_as_it_writes_it() {
    let time = Timestamp::from("2026-05-10T08:30:00Z");
    assert_eq!(Timestamp::from(time.to_jiff().unwrap()), time);
}

#[test]
fn a_text_that_is_no_point_in_time_does_not_convert() {
    let soon = Timestamp::from("soon");
    assert!(soon.to_jiff().is_err() && soon.to_chrono().is_err() && soon.to_time().is_err());
}

fn since_1970(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap(), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let nanos = (1_000_000_000 - before.subsec_nanos()) % 1_000_000_000;
            (-i64::try_from(before.as_secs()).unwrap() - i64::from(nanos > 0), nanos)
        }
    }
}

fn parts(nanos: i128) -> (i64, u32) {
    const SECOND: i128 = 1_000_000_000;
    (i64::try_from(nanos.div_euclid(SECOND)).unwrap(), u32::try_from(nanos.rem_euclid(SECOND)).unwrap())
}

/// What each library makes of a string: seconds and nanoseconds since 1970.
fn read(text: &str) -> [Option<(i64, u32)>; 4] {
    let time = Timestamp::from(text);
    [
        time.to_jiff().ok().map(|t| parts(t.as_nanosecond())),
        time.to_chrono().ok().map(|t| (t.timestamp(), t.timestamp_subsec_nanos())),
        time.to_time().ok().map(|t| (t.unix_timestamp(), t.nanosecond())),
        time.to_system_time().map(since_1970),
    ]
}

#[test]
fn all_libraries_read_the_same_strings_as_the_same_instant() {
    const AT: i64 = 1_778_401_800;
    for (text, seconds, nanos) in [
        ("2026-05-10T08:30:00Z", AT, 0),
        ("2026-05-10t08:30:00z", AT, 0),
        ("2026-05-10 08:30:00Z", AT, 0),
        ("2026-05-10 08:30:00+00", AT, 0),
        ("2026-05-10T08:30:00+0000", AT, 0),
        ("2026-05-10T08:30:00-00:00", AT, 0),
        ("2026-05-10T08:30:00-0000", AT, 0),
        ("2026-05-10T10:30:00+02:00", AT, 0),
        ("2026-05-10T10:30:00+0200", AT, 0),
        ("2026-05-10T10:30:00+02", AT, 0),
        ("2026-05-10T03:00:00-05:30", AT, 0),
        ("2026-05-11T08:29:00+23:59", AT, 0),
        ("2026-05-10T08:30Z", AT, 0),
        ("2026-05-10T10:30+0200", AT, 0),
        ("2026-05-10T08:30:00.5Z", AT, 500_000_000),
        ("2026-05-10T08:30:00,5Z", AT, 500_000_000),
        ("2026-05-10T08:30:00.123456789Z", AT, 123_456_789),
        ("2026-05-10T08:30:00.1234567891Z", AT, 123_456_789),
        ("2026-05-10T08:30:00.12345678999999999999999999Z", AT, 123_456_789),
        ("2026-05-10T08:30:60Z", AT + 59, 0),
        ("2016-12-31T23:59:60Z", 1_483_228_799, 0),
        ("2016-12-31T23:59:60.5Z", 1_483_228_799, 500_000_000),
        ("+002026-05-10T08:30:00Z", AT, 0),
        (" 2026-05-10T08:30:00Z\n", AT, 0),
        ("1969-12-31T23:59:59Z", -1, 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800, 0),
    ] {
        assert_eq!(read(text), [Some((seconds, nanos)); 4], "{text}");
    }
}

#[test]
fn all_libraries_refuse_the_same_strings() {
    for text in [
        "",
        "soon",
        "2026-05-10",
        "2026-05-10T08:30:00",
        "2026-05-10T08:30",
        "2026-05-10T24:00:00Z",
        "2026-05-10T08:30:00.Z",
        "2026-05-10T08:30:61Z",
        "2026-05-10T08:60:00Z",
        "2026-13-10T08:30:00Z",
        "2025-02-29T00:00:00Z",
        "2026-05-10T08:30:00+24:00",
        "2026-05-10T08:30:00+02:60",
        "2026-05-10T08:30:00+2",
        "2026-05-10T08:30:00+02:",
        "2026-05-10T08:30:00+02:00:00",
        "2026-05-10T08:30:00 Z",
        "2026-05-10T08:30:00Z[UTC]",
        "2026-05-10T08:30:00[Europe/Oslo]",
        "2026-05-10T08Z",
        "20260510T083000Z",
        "2026-5-1T8:30:00Z",
        "2026-05-10T08:30:00ZZ",
        "12026-05-10T08:30:00Z",
        "-002026-05-10T08:30:00Z",
        "1778401800",
        "2026-W19-7T08:30:00Z",
        "２026-05-10T08:30:00Z",
    ] {
        assert_eq!(read(text), [None; 4], "{text}");
    }
}

#[test]
fn newest_first_is_by_instant_and_puts_what_cannot_be_read_last() {
    let strings = [
        "soon",
        "2026-05-10T10:30:00+02:00",
        "2026-05-10T09:00:00Z",
        "",
        "2026-05-10T08:30:00Z",
        "2026-05-10 08:29:59Z",
    ];
    let mut times: Vec<Timestamp> = strings.map(Timestamp::from).into();
    times.sort_by(|a, b| b.cmp(a));
    let sorted: Vec<_> = times.iter().map(Timestamp::as_str).collect();
    let expected = [
        "2026-05-10T09:00:00Z",
        "2026-05-10T10:30:00+02:00",
        "2026-05-10T08:30:00Z",
        "2026-05-10 08:29:59Z",
        "soon",
        "",
    ];
    assert_eq!(sorted, expected);
    for (a, one) in times.iter().enumerate() {
        for (b, two) in times.iter().enumerate() {
            assert_eq!(one.cmp(two), b.cmp(&a), "{one} {two}");
            assert_eq!(one == two, one.cmp(two).is_eq());
        }
    }
    assert!(Some(Timestamp::from("soon")) > None);
}

#[test]
fn an_instant_of_a_clock_or_a_library_is_written_so_that_all_read_it_back() {
    let mut random = fastrand::Rng::with_seed(11);
    // From the year 0 to the last second that every library has.
    let (first, last) = (-62_167_219_200, 253_402_207_200);
    let odd = [first, -1, 0, 951_782_400, 951_868_800, 4_107_542_400, -2_203_891_200, last];
    let drawn: Vec<i64> = (0..2_000).map(|_| random.i64(first..=last)).collect();
    for seconds in odd.into_iter().chain(drawn) {
        let nanos = *[0, 1, 500_000_000, 999_999_999].get(random.usize(0..4)).unwrap();
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole } + Duration::new(0, nanos);
        let chrono = chrono::DateTime::from_timestamp(seconds, nanos).unwrap();
        let east = chrono::FixedOffset::east_opt(random.i32(-80_000..80_000)).unwrap();
        let dated = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap() + Duration::new(0, nanos);
        let jiff = jiff::Timestamp::new(seconds, i32::try_from(nanos).unwrap()).unwrap();
        let text = Timestamp::from(time);
        for other in [
            Timestamp::from(chrono),
            Timestamp::from(chrono.with_timezone(&east)),
            Timestamp::from(dated),
            Timestamp::from(dated.to_offset(time::UtcOffset::from_whole_seconds(east.local_minus_utc()).unwrap())),
            Timestamp::from(jiff),
            Timestamp::from(jiff.to_zoned(jiff::tz::TimeZone::UTC)),
        ] {
            assert_eq!(other, text, "{seconds} {nanos}");
        }
        assert_eq!(read(text.as_str()), [Some((seconds, nanos)); 4], "{text}");
    }
}

#[test]
fn an_instant_far_away_is_written_without_a_panic() {
    for seconds in [253_402_300_800_u64, 1 << 40, 1 << 55] {
        for time in
            [UNIX_EPOCH.checked_add(Duration::from_secs(seconds)), UNIX_EPOCH.checked_sub(Duration::from_secs(seconds))]
        {
            let text = time.map(Timestamp::from).unwrap();
            assert!(text.to_system_time().is_none(), "{text}");
        }
    }
}
