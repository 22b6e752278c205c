//! Conversions of `Timestamp`; `cargo test --all-features` runs them.

use std::time::{SystemTime, UNIX_EPOCH};

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

/// What each library makes of a string: seconds and nanoseconds since 1970.
fn read(text: &str) -> [Option<(i64, u32)>; 4] {
    let time = Timestamp::from(text);
    [
        time.to_jiff().ok().map(|t| (t.as_second(), u32::try_from(t.subsec_nanosecond()).unwrap())),
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
