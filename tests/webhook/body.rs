//! Bodies are collected up to a cap, and a stranger's word reserves little.

use onehorizon::webhook::{BodyCollector, WebhookError};

fn too_large(result: Result<impl Sized, WebhookError>) -> Option<usize> {
    match result {
        Err(WebhookError::TooLarge { limit }) => Some(limit),
        _ => None,
    }
}

#[test]
fn chunks_are_joined_up_to_the_last_byte_of_the_cap() {
    let mut body = BodyCollector::new(5);
    assert_eq!((body.limit(), body.as_slice()), (5, &b""[..]));
    body.push(b"ab").unwrap();
    body.push(b"cde").unwrap();
    body.push(b"").unwrap();
    assert_eq!(body.as_slice(), b"abcde");
    assert_eq!(too_large(body.push(b"f")), Some(5));
    assert_eq!(body.into_bytes(), b"abcde");
}

#[test]
fn a_chunk_that_does_not_fit_is_not_kept_and_a_smaller_one_still_fits() {
    let mut body = BodyCollector::new(4);
    body.push(b"ab").unwrap();
    assert_eq!(too_large(body.push(b"cde")), Some(4));
    body.push(b"cd").unwrap();
    assert_eq!(body.as_slice(), b"abcd");
}

#[test]
fn an_announced_length_is_refused_beyond_the_cap_and_not_at_it() {
    assert!(BodyCollector::announced(4, Some(b"4")).is_ok());
    assert_eq!(too_large(BodyCollector::announced(4, Some(b"5"))), Some(4));
    assert_eq!(too_large(BodyCollector::announced(usize::MAX, Some(b"99999999999999999999999"))), Some(usize::MAX));
}

#[test]
fn a_length_that_is_no_number_announces_nothing() {
    for value in [&b""[..], b" ", b"-1", b"1e3", b"0x10", b"five"] {
        let mut body = BodyCollector::announced(4, Some(value)).unwrap();
        body.push(b"abcd").unwrap();
        assert!(body.push(b"e").is_err());
    }
    assert_eq!(BodyCollector::announced(4, None).unwrap().limit(), 4);
}

#[test]
fn what_is_announced_is_reserved_in_one_piece_up_to_16_kib() {
    let reserved =
        |length: &str| BodyCollector::announced(1 << 20, Some(length.as_bytes())).unwrap().into_bytes().capacity();
    assert!((2_000..4_000).contains(&reserved("2000")), "{}", reserved("2000"));
    assert!((16 * 1024..32 * 1024).contains(&reserved("1000000")), "{}", reserved("1000000"));
}
