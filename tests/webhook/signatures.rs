//! Signatures: what is signed, what breaks it, and which headers count.

use onehorizon::webhook::{AuthFailure, Scheme, Signer};

use support::proofs::{BODY, Headers, SECRET, SIGNED_AT, VECTORS, at, failure, signed_verifier};

#[test]
fn the_published_vectors_are_signed_and_verified() {
    let signer = Signer::new(SECRET).unwrap();
    for (id, timestamp, payload, signature) in VECTORS {
        assert_eq!(signer.sign(id, at(timestamp), payload.as_bytes()), signature);
        let headers = Headers::signed(id, &timestamp.to_string(), signature);
        let verifier = signed_verifier(timestamp);
        let verified = verifier.verify(headers.find(), payload.as_bytes()).unwrap();
        assert_eq!((verified.label(), verified.scheme()), (Some("relay"), Scheme::Signature));
        assert!(verified.is_body_signed());
    }
}

#[test]
fn a_secret_works_with_and_without_its_prefix_and_padding() {
    let bare = SECRET.strip_prefix("whsec_").unwrap();
    for secret in [SECRET, bare] {
        assert_eq!(Signer::new(secret).unwrap().sign(VECTORS[0].0, at(SIGNED_AT), BODY), VECTORS[0].3);
    }
    let (padded, unpadded) = (Signer::new("aGVsbG8=").unwrap(), Signer::new("aGVsbG8").unwrap());
    assert_eq!(padded.sign("a", at(1), b""), unpadded.sign("a", at(1), b""));
}

#[test]
fn the_signers_headers_are_accepted() {
    let signer = Signer::new(SECRET).unwrap();
    let signed = signer.headers("evt_1", at(SIGNED_AT), b"\xff\x00 not text");
    let headers = Headers(signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    assert!(signed_verifier(SIGNED_AT).verify(headers.find(), b"\xff\x00 not text").is_ok());
}

#[test]
fn any_change_to_id_time_or_body_breaks_the_signature() {
    let verifier = signed_verifier(SIGNED_AT);
    let (id, timestamp, payload, signature) = VECTORS[0];
    let timestamp = timestamp.to_string();
    let verify = |id: &str, timestamp: &str, payload: &str, signature: &str| {
        verifier.verify(Headers::signed(id, timestamp, signature).find(), payload.as_bytes()).map(drop)
    };
    assert!(verify(id, &timestamp, payload, signature).is_ok());
    let later = (SIGNED_AT + 1).to_string();
    for (id, timestamp, payload, signature) in [
        ("msg_x", timestamp.as_str(), payload, signature),
        (id, later.as_str(), payload, signature),
        (id, &timestamp, r#"{"test": 2432232315}"#, signature),
        (id, &timestamp, payload, "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="),
        (id, &timestamp, payload, "v1,"),
        (id, &timestamp, payload, "v1"),
        (id, &timestamp, payload, &signature["v1,".len()..]),
        (id, &timestamp, payload, &signature.replace("v1,", "v2,")),
        (id, &timestamp, payload, &signature[..signature.len() - 4]),
        (id, &timestamp, payload, &format!("{signature}A")),
        (id, &timestamp, payload, &signature.replace("v1,", "v1a,")),
    ] {
        assert_eq!(failure(verify(id, timestamp, payload, signature)), AuthFailure::WrongSignature, "{signature}");
    }
}

#[test]
fn one_fitting_signature_among_many_is_enough() {
    let (id, timestamp, _, signature) = VECTORS[0];
    let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    let verifier = signed_verifier(SIGNED_AT);
    for list in [
        format!("{wrong} {signature}"),
        format!("{signature} {wrong}"),
        format!("v1a,abc {wrong}  {signature} garbage"),
        signature.trim_end_matches('=').to_owned(),
    ] {
        let headers = Headers::signed(id, &timestamp.to_string(), &list);
        assert!(verifier.verify(headers.find(), BODY).is_ok(), "{list}");
    }
}

#[test]
fn a_signature_header_that_an_intermediary_cut_or_joined_still_counts() {
    let (id, timestamp, _, right) = VECTORS[0];
    let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    let bare = right.strip_prefix("v1,").unwrap();
    let verifier = signed_verifier(SIGNED_AT);
    let timestamp = timestamp.to_string();
    let accepts = |lines: &[&str]| {
        let mut headers = vec![("Webhook-Id", id), ("webhook-timestamp", timestamp.as_str())];
        headers.extend(lines.iter().map(|line| ("Webhook-Signature", *line)));
        verifier.verify(&headers, BODY).is_ok()
    };
    for lines in [
        vec![wrong, right],
        vec![right, wrong],
        vec!["v1", bare],
        vec!["v1a,abc", "v1", bare],
        vec![&format!("{right}, {wrong}")],
        vec![&format!("{wrong}, {right}")],
        vec![&format!("{wrong},{right}")],
        vec![&format!("{right},{wrong}")],
        vec![&format!("{wrong} ,\t{right}")],
        vec![&format!("v1, {bare}")],
        vec!["", right],
        vec![" ", wrong, right],
    ] {
        assert!(accepts(&lines), "{lines:?}");
    }
    for lines in [vec![wrong, wrong], vec![bare], vec!["v1"], vec!["v2", bare], vec![&format!("v1a,{bare}")], vec![","]]
    {
        assert!(!accepts(&lines), "{lines:?}");
    }
    let joined = [("webhook-id", format!("{id}, {id}")), ("webhook-timestamp", format!("{timestamp},{timestamp}"))];
    let headers: Vec<(&str, &str)> =
        joined.iter().map(|(name, value)| (*name, &**value)).chain([("webhook-signature", right)]).collect();
    assert!(verifier.verify(&headers, BODY).is_ok(), "lines that were joined with themselves");
    let two = [("webhook-id", "msg_other, msg"), ("webhook-timestamp", &timestamp), ("webhook-signature", right)];
    assert!(verifier.verify(&two, BODY).is_err());
}
