//! Who may deliver: keys, signatures, rotation, clocks and the order of the checks.

use std::time::Duration;

use onehorizon::webhook::{AuthFailure, Scheme, Signer, Verifier, VerifierError, WebhookError};
use proptest::prelude::*;
use support::moment::Moment;

use support::proofs::{BODY, Headers, KEY, OTHER_SECRET, SECRET, SIGNED_AT, VECTORS, at, failure, signed_verifier};

#[test]
fn the_right_key_proves_the_sender_but_not_the_body() {
    let verifier = Verifier::key(KEY).unwrap();
    let headers = Headers::key(KEY);
    let verified = verifier.verify(headers.find(), BODY).unwrap();
    assert_eq!(*verified.get(), BODY);
    assert_eq!((verified.label(), verified.scheme()), (Some("key"), Scheme::Key));
    assert!(!verified.is_body_signed());
}

#[test]
fn the_verified_body_is_the_very_memory_that_was_given() {
    let verifier = signed_verifier(SIGNED_AT);
    let verified = verifier.verify(Headers::vector().find(), BODY).map(|v| v.get().as_ptr()).unwrap();
    assert_eq!(verified, BODY.as_ptr());
}

#[test]
fn white_space_around_a_presented_key_does_not_matter_as_in_http() {
    let verifier = Verifier::key(KEY).unwrap();
    assert!(verifier.verify(Headers::key(&format!("\t{KEY} ")).find(), BODY).is_ok());
}

#[test]
fn headers_that_an_intermediary_doubled_or_joined_still_count() {
    let verifier = Verifier::key(KEY).unwrap();
    let body = br#"{"specversion":"1.0","id":"evt_a","type":"a.b","source":"s","time":"2026-05-10T09:30:00Z","workspaceid":"w","datacontenttype":"application/json","data":{"resource":{"type":"a","id":"b"}}}"#;
    let event = |pairs: &[(&str, &str)]| verifier.event(&pairs.to_vec(), body);
    let (key, json) = (("x-one-webhook-key", KEY), ("content-type", "application/cloudevents+json"));
    let joined = format!("other, {KEY}");
    for pairs in [
        vec![("x-one-webhook-key", "other"), key, json],
        vec![key, ("x-one-webhook-key", "other"), json],
        vec![("x-one-webhook-key", &*joined), json],
        vec![key, ("content-type", "application/json"), json],
        vec![key, ("content-type", "application/json, application/cloudevents+json; charset=utf-8")],
        vec![key, json, ("x-one-event-id", "evt_a, evt_a")],
        vec![key, json, ("x-one-event-id", "evt_a"), ("x-one-event-id", "evt_a")],
    ] {
        let event = event(&pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"));
        assert_eq!(event.id().as_str(), "evt_a", "{pairs:?}");
    }
    for pairs in [
        vec![("x-one-webhook-key", "other"), ("x-one-webhook-key", "another"), json],
        vec![key, ("content-type", "application/json"), ("content-type", "text/html")],
    ] {
        assert!(event(&pairs).is_err(), "{pairs:?}");
    }
    let mut many = vec![("x-one-webhook-key", "other"); 100];
    many.extend([key, json]);
    assert!(event(&many).is_err(), "only so many are compared");
}

#[test]
fn a_secret_with_an_accident_of_copying_is_refused_when_the_verifier_is_built() {
    for (text, says) in [
        (format!("{KEY}\n"), "line end"),
        (format!("{KEY}\r\n"), "line end"),
        (format!(" {KEY}"), "white space"),
        (format!("\u{feff}{KEY}"), "U+FEFF"),
        (format!("{KEY}\u{200b}"), "U+200B"),
        (format!("\"{KEY}\""), "quotes"),
        (format!("'{KEY}'"), "quotes"),
        ("${ONE_WEBHOOK_KEY}".to_owned(), "placeholder"),
        ("<your key>".to_owned(), "placeholder"),
        ("undefined".to_owned(), "placeholder"),
        ("$env:ONE_WEBHOOK_KEY".to_owned(), "placeholder"),
        (format!("ONE_WEBHOOK_KEY={KEY}"), "env file"),
        (format!("Bearer {KEY}"), "Bearer"),
        (format!("\u{ab}{KEY}\u{bb}"), "quotes"),
        (format!("{KEY}\u{a0}{KEY}"), "U+00A0"),
        (format!("{KEY}\u{fe0f}"), "U+FE0F"),
        (format!("{KEY}\u{3164}"), "U+3164"),
        (format!("{KEY}\u{fffd}"), "U+FFFD"),
    ] {
        for built in [Verifier::key(text.as_str()), Verifier::signed(text.as_str())] {
            let error = built.unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains(KEY), "{text:?}: {error}");
        }
    }
}

#[test]
fn any_other_key_is_refused_whatever_its_length() {
    let verifier = Verifier::key(KEY).unwrap();
    for wrong in ["x", &KEY[..KEY.len() - 1], &format!("{KEY}x"), &KEY.to_uppercase(), &"k".repeat(10_000)] {
        assert_eq!(failure(verifier.verify(Headers::key(wrong).find(), BODY)), AuthFailure::WrongKey, "{wrong}");
    }
    let not_utf8 = |name: &str| (name == "x-one-webhook-key").then_some(&b"\xff\xfe"[..]);
    assert_eq!(failure(verifier.verify(not_utf8, BODY)), AuthFailure::WrongKey);
}

#[test]
fn a_missing_or_empty_key_header_is_named() {
    let verifier = Verifier::key(KEY).unwrap();
    for headers in [Headers::of(&[]), Headers::key(""), Headers::key("  ")] {
        let missing = failure(verifier.verify(headers.find(), BODY));
        assert_eq!(missing, AuthFailure::Missing { header: "x-one-webhook-key".to_owned() });
        assert!(missing.to_string().contains("x-one-webhook-key"));
    }
}

#[test]
fn a_key_that_cannot_work_is_a_constructor_error() {
    for empty in ["", "   ", "\n\t"] {
        assert!(matches!(Verifier::key(empty), Err(VerifierError::Unusable { what: "webhook key", .. })));
    }
    assert!(matches!(Verifier::key("two\nlines"), Err(VerifierError::Unusable { what: "webhook key", .. })));
    assert!(matches!(Verifier::builder().build(), Err(VerifierError::NoSecret)));
    assert!(matches!(
        Verifier::builder().key("a", KEY).signed("a", SECRET).build(),
        Err(VerifierError::DuplicateLabel { label }) if label == "a"
    ));
}

#[test]
fn a_signing_secret_that_cannot_work_is_a_constructor_error() {
    for bad in ["whsec_not base64!", "whsec_a", "whpk_AAAA", "ßßß"] {
        assert!(matches!(Verifier::signed(bad), Err(VerifierError::InvalidSecret { .. })), "{bad}");
    }
    for empty in ["", "whsec_", "  "] {
        assert!(
            matches!(Verifier::signed(empty), Err(VerifierError::Unusable { what: "signing secret", .. })),
            "{empty:?}"
        );
    }
    assert!(matches!(Signer::new("?"), Err(VerifierError::InvalidSecret { .. })));
}

#[test]
fn errors_and_debug_output_never_show_a_secret() {
    let verifier = Verifier::builder().key("one", KEY).signed("two", SECRET).build().unwrap();
    let wrong = verifier.verify(Headers::key("presented-secret").find(), BODY).unwrap_err();
    let config = Verifier::signed("whsec_hidden!").unwrap_err();
    let builder = Verifier::builder().key("one", KEY);
    let verified = Verifier::key(KEY).unwrap().verify(Headers::key(KEY).find(), BODY).map(|v| format!("{v:?}"));
    let shown = format!(
        "{verifier:?} {builder:?} {wrong} {wrong:?} {config} {config:?} {:?} {verified:?}",
        Signer::new(SECRET).unwrap()
    );
    assert!(shown.contains("one") && shown.contains("two"), "labels help: {shown}");
    for secret in [KEY, "presented-secret", "hidden", &SECRET[6..], "2432232314"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn each_of_several_keys_is_accepted_and_the_result_says_which() {
    let verifier = Verifier::builder().key("new", "key-2").key("old", "key-1").build().unwrap();
    for (key, label) in [("key-1", "old"), ("key-2", "new")] {
        assert_eq!(verifier.verify(Headers::key(key).find(), BODY).unwrap().label(), Some(label));
    }
    assert_eq!(failure(verifier.verify(Headers::key("key-3").find(), BODY)), AuthFailure::WrongKey);
}

#[test]
fn a_key_past_its_end_is_refused_by_name() {
    let verifier = |now: u64| {
        Verifier::builder()
            .key("new", "key-2")
            .key_until("old", "key-1", at(1_000))
            .clock(Moment(move || at(now)))
            .build()
            .unwrap()
    };
    assert!(verifier(1_000).verify(Headers::key("key-1").find(), BODY).is_ok());
    let expired = failure(verifier(1_001).verify(Headers::key("key-1").find(), BODY));
    assert_eq!(expired, AuthFailure::Expired { label: "old".to_owned() });
    assert!(verifier(1_001).verify(Headers::key("key-2").find(), BODY).is_ok());
}

#[test]
fn a_key_that_ended_under_one_label_still_counts_under_another() {
    let verifier =
        Verifier::builder().key_until("ended", KEY, at(1)).key("current", KEY).clock(Moment(|| at(2))).build().unwrap();
    assert_eq!(verifier.verify(Headers::key(KEY).find(), BODY).unwrap().label(), Some("current"));
}

#[test]
fn a_signing_secret_past_its_end_is_refused_by_name() {
    let verifier = Verifier::builder()
        .signed_until("old relay", SECRET, at(SIGNED_AT - 1))
        .clock(Moment(|| at(SIGNED_AT)))
        .build()
        .unwrap();
    let expired = failure(verifier.verify(Headers::vector().find(), BODY));
    assert_eq!(expired, AuthFailure::Expired { label: "old relay".to_owned() });
}

#[test]
fn headers_are_taken_in_the_form_that_the_framework_has() {
    let verifier = Verifier::key(KEY).unwrap();
    let mut map = http::HeaderMap::new();
    map.insert("X-One-Webhook-Key", KEY.parse().unwrap());
    assert!(verifier.verify(&map, BODY).is_ok());
    assert!(verifier.verify(&[("X-ONE-WEBHOOK-KEY", KEY)], BODY).is_ok());
    assert!(verifier.verify(&vec![("x-one-webhook-key".to_owned(), KEY.as_bytes().to_vec())], BODY).is_ok());
    let hash: std::collections::HashMap<String, String> = [("X-One-Webhook-Key".to_owned(), KEY.to_owned())].into();
    assert!(verifier.verify(&hash, BODY).is_ok());
    assert!(verifier.verify(&hash.into_iter().collect::<std::collections::BTreeMap<_, _>>(), BODY).is_ok());
    assert!(verifier.verify(|name: &str| (name == "x-one-webhook-key").then_some(KEY.as_bytes()), BODY).is_ok());
    assert!(verifier.verify(&[("x-one-webhook-keys", KEY)], BODY).is_err());
}

#[test]
fn secrets_can_be_replaced_while_the_program_runs_in_all_clones() {
    let verifier = Verifier::key("the old key").unwrap();
    let clone = verifier.clone();
    verifier.replace(Verifier::builder().key("new", KEY).build().unwrap());
    assert_eq!(clone.verify(Headers::key(KEY).find(), BODY).unwrap().label(), Some("new"));
    assert!(clone.verify(Headers::key("the old key").find(), BODY).is_err());
}

#[test]
fn each_of_several_signing_secrets_is_accepted_and_the_result_says_which() {
    let verifier = Verifier::builder()
        .signed("other", OTHER_SECRET)
        .signed("relay", SECRET)
        .clock(Moment(|| at(SIGNED_AT)))
        .build()
        .unwrap();
    assert_eq!(verifier.verify(Headers::vector().find(), BODY).unwrap().label(), Some("relay"));
}

#[test]
fn a_signature_is_fresh_for_five_minutes_both_ways() {
    for (now, fresh) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
        let verifier = signed_verifier(SIGNED_AT.checked_add_signed(now).unwrap());
        let result = verifier.verify(Headers::vector().find(), BODY);
        match (now > 0, fresh) {
            (_, true) => assert!(result.is_ok(), "{now}"),
            (true, false) => assert!(matches!(result, Err(WebhookError::TooOld { age, .. }) if age.as_secs() == 301)),
            (false, false) => {
                assert!(matches!(result, Err(WebhookError::TooNew { ahead, .. }) if ahead.as_secs() == 301));
            }
        }
    }
}

#[test]
fn the_tolerance_can_be_set() {
    let verifier = |now: u64| {
        Verifier::builder()
            .signed("relay", SECRET)
            .tolerance(Duration::from_secs(10))
            .clock(Moment(move || at(now)))
            .build()
            .unwrap()
    };
    assert!(verifier(SIGNED_AT + 10).verify(Headers::vector().find(), BODY).is_ok());
    let stale = verifier(SIGNED_AT + 11).verify(Headers::vector().find(), BODY).unwrap_err();
    assert_eq!(
        stale.to_string(),
        "the webhook was signed 11 s ago, more than the 10 s allowed; compare the two clocks"
    );
    assert_eq!((stale.status(), stale.code()), (401, "stale"));
}

#[test]
fn a_timestamp_is_decimal_digits_and_nothing_else() {
    let signer = Signer::new(SECRET).unwrap();
    let signature = signer.sign("msg", at(SIGNED_AT), BODY);
    for odd in ["", " ", "soon", "-1", "+1614265330", "1614265330.0", "0x60", "99999999999999999999999"] {
        let result = signed_verifier(SIGNED_AT).verify(Headers::signed("msg", odd, &signature).find(), BODY);
        match failure(result) {
            AuthFailure::InvalidTimestamp { header } | AuthFailure::Missing { header } => {
                assert_eq!(header, "webhook-timestamp");
            }
            other => panic!("{odd:?}: {other}"),
        }
    }
}

#[test]
fn a_missing_signature_header_is_named() {
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = Headers::vector();
        headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case(missing));
        let failure = failure(signed_verifier(SIGNED_AT).verify(headers.find(), BODY));
        assert_eq!(failure, AuthFailure::Missing { header: missing.to_owned() });
    }
}

#[test]
fn a_right_key_does_not_excuse_a_wrong_signature() {
    let verifier =
        Verifier::builder().key("key", KEY).signed("relay", SECRET).clock(Moment(|| at(SIGNED_AT))).build().unwrap();
    let mut both = Headers::vector();
    both.0.extend(Headers::key(KEY).0);
    assert_eq!(verifier.verify(both.find(), BODY).unwrap().scheme(), Scheme::Signature);
    assert_eq!(failure(verifier.verify(both.find(), b"{}")), AuthFailure::WrongSignature);
    assert_eq!(verifier.verify(Headers::key(KEY).find(), b"{}").unwrap().scheme(), Scheme::Key);
}

#[test]
fn a_signature_header_means_nothing_to_a_verifier_of_keys() {
    let verifier = Verifier::key(KEY).unwrap();
    let mut both = Headers::signed("a", "1", "v1,wrong");
    both.0.extend(Headers::key(KEY).0);
    assert_eq!(verifier.verify(both.find(), BODY).unwrap().scheme(), Scheme::Key);
}

#[test]
fn header_names_can_be_set() {
    let verifier = Verifier::builder()
        .key("key", KEY)
        .signed("relay", SECRET)
        .key_header("X-Relay-Key")
        .signature_header_prefix("Svix")
        .clock(Moment(|| at(SIGNED_AT)))
        .build()
        .unwrap();
    assert!(verifier.verify(Headers::of(&[("x-relay-key", KEY)]).find(), BODY).is_ok());
    let mut renamed = Headers::vector();
    for (name, _) in &mut renamed.0 {
        *name = name.replace("Webhook", "svix");
    }
    assert_eq!(verifier.verify(renamed.find(), BODY).unwrap().scheme(), Scheme::Signature);
    for bad in ["", "white space", "line\nbreak", "ü", "colon:"] {
        let result = Verifier::builder().key("key", KEY).key_header(bad).build();
        assert!(matches!(result, Err(VerifierError::InvalidHeaderName { .. })), "{bad:?}");
    }
    assert!(Verifier::builder().signed("s", SECRET).signature_header_prefix("").build().is_err());
}

#[test]
fn checks_run_in_order_size_authenticity_freshness_media_type_content() {
    let verifier = Verifier::builder()
        .signed("relay", SECRET)
        .max_body_bytes(BODY.len())
        .clock(Moment(|| at(SIGNED_AT + 1_000)))
        .build()
        .unwrap();
    let too_large = [BODY, b" "].concat();
    let nothing = Headers::of(&[]);
    assert!(
        matches!(verifier.event(nothing.find(), &too_large), Err(WebhookError::TooLarge { limit }) if limit == BODY.len())
    );
    assert!(matches!(verifier.event(nothing.find(), BODY), Err(WebhookError::Unauthorized(_))));
    let wrong = Headers::signed("id", "1", VECTORS[0].3);
    assert!(matches!(verifier.event(wrong.find(), BODY), Err(WebhookError::Unauthorized(_))));
    assert!(matches!(verifier.event(Headers::vector().find(), BODY), Err(WebhookError::TooOld { .. })));

    let fresh = signed_verifier(SIGNED_AT);
    assert!(matches!(fresh.event(Headers::vector().find(), BODY), Err(WebhookError::UnsupportedMediaType)));
    let mut typed = Headers::vector();
    typed.0.push(("Content-Type".to_owned(), "application/cloudevents+json".to_owned()));
    let incomplete = fresh.event(typed.find(), BODY).unwrap_err();
    assert_eq!(incomplete.attribute(), Some("specversion"));
}

#[test]
fn accepting_everybody_is_explicit_and_visible() {
    let verifier = Verifier::insecure_accept_all();
    let verified = verifier.verify(Headers::of(&[]).find(), BODY).unwrap();
    assert_eq!((verified.label(), verified.scheme()), (None, Scheme::Unchecked));
    assert!(!verified.is_body_signed());
    assert!(
        verifier.verify(Headers::of(&[]).find(), &vec![b' '; 256 * 1024 + 1]).is_err(),
        "the size is still checked"
    );
}

proptest! {
    #[test]
    fn whatever_is_signed_is_verified_and_nothing_else(
        secret in prop::collection::vec(any::<u8>(), 1..80),
        id in "[ -~]{1,40}",
        seconds in 0..20_000_000_000_u64,
        body in prop::collection::vec(any::<u8>(), 0..300),
        flipped in any::<prop::sample::Index>(),
    ) {
        use base64::Engine;
        let secret = base64::engine::general_purpose::STANDARD.encode(secret);
        let proof = Signer::new(secret.as_str()).unwrap().headers(&id, at(seconds), &body);
        let find = |name: &str| proof.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_bytes());
        let verifier = Verifier::builder().signed("s", secret).clock(Moment(move || at(seconds))).build().unwrap();
        prop_assert_eq!(verifier.verify(find, &body).is_ok(), !id.trim().is_empty());
        let mut changed = body.clone();
        changed.push(0);
        prop_assert!(verifier.verify(find, &changed).is_err());
        if !body.is_empty() {
            changed = body;
            let at = flipped.index(changed.len());
            changed[at] ^= 1;
            prop_assert!(verifier.verify(find, &changed).is_err());
        }
    }

    #[test]
    fn no_header_makes_the_verifier_panic_or_accept(
        key in prop::collection::vec(any::<u8>(), 0..100),
        id in prop::collection::vec(any::<u8>(), 0..100),
        timestamp in prop_oneof!["[0-9]{0,30}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..30)],
        signature in prop_oneof!["(v1,[A-Za-z0-9+/=]{0,60} ?){0,4}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        let verifier = Verifier::builder().key("key", KEY).signed("s", SECRET).clock(Moment(|| at(1))).build().unwrap();
        let find = |name: &str| match name {
            "x-one-webhook-key" => Some(key.as_slice()),
            "webhook-id" => Some(id.as_slice()),
            "webhook-timestamp" => Some(timestamp.as_slice()),
            "webhook-signature" => Some(signature.as_slice()),
            _ => None,
        };
        prop_assert!(verifier.verify(find, BODY).is_err());
        prop_assert!(verifier.event(find, BODY).is_err());
    }
}
