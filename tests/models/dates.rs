//! Conversions of `Timestamp`; `cargo test --all-features` runs them.

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
