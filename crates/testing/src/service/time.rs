//! The fake's time of day: it starts at a fixed instant, so that responses are the same in every run.

use std::time::Duration;

/// 2026-06-01T09:00:00Z in seconds since 1970.
pub(crate) const START: u64 = 1_780_304_400;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const LAST: u64 = 253_402_300_799;

/// The RFC 3339 text of an instant, given as the time since the fake began.
pub(crate) fn text(since_start: Duration) -> String {
    let seconds = START.saturating_add(since_start.as_secs()).min(LAST);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let millis = since_start.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day counted from 1970, in the Gregorian calendar.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    loop {
        let length = 365 + u64::from(leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::{Duration, text};

    #[test]
    fn the_calendar_starts_on_the_first_of_june() {
        assert_eq!(text(Duration::ZERO), "2026-06-01T09:00:00.000Z");
    }

    #[test]
    fn hours_minutes_seconds_and_milliseconds_pass() {
        assert_eq!(text(Duration::from_millis(3_725_042)), "2026-06-01T10:02:05.042Z");
        assert_eq!(text(Duration::from_secs(86_399)), "2026-06-02T08:59:59.000Z");
    }

    #[test]
    fn years_and_months_begin_after_their_last_days() {
        let day = |day: u64| text(Duration::from_secs(day * 86_400)).chars().take(10).collect::<String>();
        assert_eq!((day(29), day(30)), ("2026-06-30".to_owned(), "2026-07-01".to_owned()));
        assert_eq!((day(213), day(214)), ("2026-12-31".to_owned(), "2027-01-01".to_owned()));
        assert_eq!((day(638), day(639)), ("2028-02-29".to_owned(), "2028-03-01".to_owned()));
    }

    #[test]
    fn time_stops_at_the_last_second_that_can_be_written() {
        assert_eq!(text(Duration::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn leap_days_are_days() {
        assert_eq!(text(Duration::from_secs(637 * 86_400)), "2028-02-28T09:00:00.000Z");
        assert_eq!(text(Duration::from_secs(638 * 86_400)), "2028-02-29T09:00:00.000Z");
        assert_eq!(text(Duration::from_secs(639 * 86_400)), "2028-03-01T09:00:00.000Z");
    }
}
