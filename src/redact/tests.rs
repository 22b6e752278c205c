//! Every covered way to write a secret, and random ones.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing)]

use base64::Engine as _;

use super::*;

/// A canary with every character that some writer escapes.
const SECRET: &str = "eyJh/bGci+OiJ9==x&y";

fn redactor() -> Redactor {
    Redactor::new([SECRET])
}

fn redacted(redactor: &Redactor, text: &str) -> String {
    String::from_utf8(redactor.bytes(text.as_bytes(), OUTSIDE).into_owned()).unwrap()
}

fn percent(pattern: fn(u8) -> String) -> String {
    SECRET
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { pattern(byte) })
        .collect()
}

fn spellings() -> Vec<String> {
    let mut all = vec![
        SECRET.to_owned(),
        SECRET.replace('/', "\\/"),
        SECRET.replace('/', "\\\\/"),
        percent(|byte| format!("%{byte:02X}")),
        percent(|byte| format!("%{byte:02x}")),
        percent(|byte| format!("%25{byte:02X}")),
        percent(|byte| format!("%2525{byte:02x}")),
        percent(|byte| format!("\\u00{byte:02x}")),
        percent(|byte| format!("\\u00{byte:02X}")),
        percent(|byte| format!("\\\\u00{byte:02X}")),
        percent(|byte| format!("\\x{byte:02x}")),
        percent(|byte| format!("&#{byte};")),
        percent(|byte| format!("&#x{byte:X};")),
        SECRET.replace('&', "&amp;"),
        SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        SECRET.replace("bGci", "bG\r\n ci"),
        SECRET.replace("bGci", "bG\\r\\n\\tci"),
        SECRET.replace("bGci", "bG\r\n \n\t\r\nci"),
        SECRET.replace("/bGci", "%\r\n 2FbGci"),
        SECRET.replace("/bGci", "%\\r\\n\\t2FbGci"),
        SECRET.replace("/bGci", "=2FbG=\r\nci"),
        SECRET.replace('/', "%u002F"),
        SECRET.replace('/', "\\u{2f}"),
        SECRET.replace('/', "\\057"),
        SECRET.replace('/', "\\u00252F"),
        SECRET.replace('/', "%5Cu002f"),
        SECRET.replace('/', "&#37;2F"),
        SECRET.replace('/', "&amp;#47;"),
        SECRET.replace('/', "&amp;amp;sol;"),
        SECRET.replace('/', "&sol;").replace('+', "&plus;").replace('=', "&equals;"),
    ];
    for prefix in ["", "u:", "user:", "some-user:"] {
        let whole = format!("{prefix}{SECRET}");
        for (encoded, ends_with_secret) in [
            (base64::engine::general_purpose::STANDARD.encode(&whole), true),
            (base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&whole), true),
            (base64::engine::general_purpose::STANDARD.encode(format!("{whole}:and more")), false),
        ] {
            all.push(encoded.replace('/', "\\/"));
            all.push(encoded.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D"));
            if ends_with_secret {
                all.push(format!("{}\r\n\t{}", &encoded[..encoded.len() - 8], &encoded[encoded.len() - 8..]));
            }
            all.push(encoded);
        }
    }
    all
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    for spelling in spellings() {
        let text = format!("before {spelling} after");
        let clean = redacted(&redactor(), &text);
        assert!(clean.starts_with("before [redacted]") && clean.ends_with(" after"), "{spelling}: {clean}");
    }
}

#[test]
fn innocent_text_is_kept_as_it_is() {
    for text in ["", "eyJh", "eyJh/bGci+OiJ9==x&z", "%", "\\", "&", "%2", "\\u00", "&#", "ä%zz\\q&unknown;", "eyJh%2"]
    {
        assert_eq!(redacted(&redactor(), text), text);
        assert_eq!(redactor().excerpt(text.as_bytes()), text.as_bytes());
    }
    assert_eq!(redacted(&Redactor::new([""]), "anything"), "anything");
    assert_eq!(redacted(&Redactor::new(["key"]), "a2V5 is base64"), "a2V5 is base64");
}

#[test]
fn a_spelling_that_the_cap_cuts_leaves_nothing_of_the_secret() {
    for spelling in spellings() {
        for shown in (1..spelling.len()).step_by(3) {
            let body = format!("{}{}{spelling}{}", "x".repeat(BODY_CAP - shown - 1), ' ', "y".repeat(BODY_CAP));
            let kept = redactor().excerpt(body.as_bytes());
            let kept = String::from_utf8_lossy(&kept);
            let tail = kept.trim_start_matches('x').trim_start();
            let is_before_secret = ["dTp", "dXNlcjp", "c29tZS11c2VyOm"].iter().any(|before| before.starts_with(tail));
            assert!(is_before_secret || "[redacted]".starts_with(tail), "{spelling}, {shown}: {tail}");
        }
    }
}

#[test]
fn headers_that_repeat_a_secret_go_also_when_it_is_in_pieces() {
    for spelling in spellings().iter().filter(|spelling| !spelling.contains('\n')) {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_str(&format!("Bearer {spelling}")).unwrap());
        headers.append("x-pieces", HeaderValue::from_str(&spelling[..4]).unwrap());
        headers.append("x-pieces", HeaderValue::from_str(&spelling[4..]).unwrap());
        headers.append("x-kept", HeaderValue::from_static("one"));
        headers.append("x-kept", HeaderValue::from_static("two"));
        let kept = redactor().headers(headers);
        assert_eq!((kept.len(), kept.get_all("x-kept").iter().count()), (2, 2), "{spelling}");
    }
}

#[test]
fn an_error_chain_that_repeats_a_secret_is_dropped() {
    for spelling in spellings() {
        assert!(redactor().error(format!("it said {spelling}").into()).is_none(), "{spelling}");
    }
    assert!(redactor().error("it said nothing".into()).is_some());
}

#[test]
fn a_line_has_no_control_and_no_direction_characters() {
    assert_eq!(one_line(" a\nb\u{202e}c\u{2066}d\u{7}e\u{200f}f "), "a b c d e f");
    assert_eq!(one_line(&"ä".repeat(501)), "ä".repeat(500) + "…");
}

/// Characters that some writer escapes are half of a random secret.
fn random_secret(random: &mut fastrand::Rng) -> String {
    const SPECIAL: &[u8] = b"/+=%&\"\\";
    let letter = |random: &mut fastrand::Rng| {
        if random.bool() { char::from(*random.choice(SPECIAL).unwrap()) } else { random.alphanumeric() }
    };
    (0..random.usize(8..24)).map(|_| letter(random)).collect()
}

/// How one writer writes a string; what it does not escape stays as it is.
fn written(random: &mut fastrand::Rng, text: &str) -> String {
    let way = random.u8(0..14);
    let everything = random.bool();
    let upper = random.bool();
    let hex = |byte: u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    text.bytes()
        .map(|byte| {
            let plain = char::from(byte).to_string();
            if way == 0 {
                // As JSON must.
                return match byte {
                    b'"' | b'\\' => format!("\\{plain}"),
                    b'/' if everything => "\\/".to_owned(),
                    b'\r' => "\\r".to_owned(),
                    b'\n' => "\\n".to_owned(),
                    b'\t' => "\\t".to_owned(),
                    _ => plain,
                };
            }
            if byte.is_ascii_alphanumeric() && !everything {
                return plain;
            }
            match way {
                1 | 2 => format!("%{}", hex(byte)),
                3 | 4 => format!("\\u00{}", hex(byte)),
                5 => format!("\\x{}", hex(byte)),
                6 => format!("\\u{{{}}}", hex(byte)),
                7 => format!("\\{byte:03o}"),
                8 => format!("&#{byte};"),
                9 => format!("&#x{};", hex(byte)),
                10 => format!("&#{byte:05};"),
                11 => format!("%u00{}", hex(byte)),
                12 => format!("={}", hex(byte).to_uppercase()),
                _ => match byte {
                    b'&' => "&amp;".to_owned(),
                    b'"' => "&quot;".to_owned(),
                    b'/' => "&sol;".to_owned(),
                    b'+' => "&plus;".to_owned(),
                    b'=' => "&equals;".to_owned(),
                    b'%' => "&percnt;".to_owned(),
                    b'\\' => "&bsol;".to_owned(),
                    b'#' => "&num;".to_owned(),
                    b';' => "&semi;".to_owned(),
                    _ => plain,
                },
            }
        })
        .collect()
}

/// With some lines folded in it, also within escapes.
fn folded(random: &mut fastrand::Rng, text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..random.usize(0..3) {
        let fold = *random.choice(&["\r\n ", "\r\n\t", "\n ", "\r\n  \r\n\t", "=\r\n", "\n"]).unwrap();
        let at = random.usize(1..text.len());
        // There it would end a line of quoted-printable.
        if !text[..at].ends_with('=') {
            text.insert_str(at, fold);
        }
    }
    text
}

#[test]
fn a_random_secret_is_found_in_whatever_three_writers_make_of_it() {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    for seed in 0..3_000 {
        let random = &mut fastrand::Rng::with_seed(seed);
        let secret = random_secret(random);
        let way = random.u8(0..6);
        let is_base64 = way < 2;
        let mut text = match way {
            0 => STANDARD.encode(format!("user:{secret}")),
            1 => URL_SAFE_NO_PAD.encode(format!("{}{secret}/after", "u".repeat(random.usize(0..4)))),
            _ => secret.clone(),
        };
        let fold_after = random.usize(0..4);
        let writers = random.usize(0..=3);
        for writer in 0..writers {
            if fold_after == writer {
                text = folded(random, &text);
            }
            text = written(random, &text);
        }
        if fold_after >= writers {
            text = folded(random, &text);
        }
        let redactor = Redactor::new([secret.as_str()]);
        let whole = format!("it got <{text}> and more");
        assert!(redactor.finds_in(whole.as_bytes()), "seed {seed}: {secret} in {text:?}");
        let clean = redacted(&redactor, &whole);
        assert!(!redactor.finds_in(clean.as_bytes()), "seed {seed}: {secret} in {text:?}: {clean:?}");
        assert!(clean.starts_with("it got <") && clean.ends_with("> and more"), "seed {seed}: {clean:?}");
        if !is_base64 {
            assert_eq!(clean, "it got <[redacted]> and more", "seed {seed}: {secret} in {text:?}");
        }
    }
}

#[test]
fn a_secret_in_an_innocent_neighbourhood_of_escapes_is_found() {
    let redactor = redactor();
    for around in ["%", "%2", "\\", "\\u00", "&", "&#", "&am", "=", "=\r\n", "%25", "\r\n", "[", "e", "eyJh"] {
        let text = format!("{around}{SECRET}{around}");
        assert_eq!(redacted(&redactor, &text), format!("{around}[redacted]{around}"));
    }
}

#[test]
fn a_short_secret_is_taken_out_of_what_comes_from_outside_only() {
    let redactor = Redactor::new(["x"]);
    assert_eq!(redactor.own_line("no proxy for example.invalid"), "no proxy for example.invalid");
    assert_eq!(redactor.line("the key x"), "the key [redacted]");
    assert_eq!(Redactor::new([SECRET]).own_line(&format!("to {SECRET}")), "to [redacted]");
}

#[test]
fn hostile_text_is_searched_no_further_than_the_cap() {
    for hostile in ["%", "&", "\\", "=\r\n", "&#0", "%25", "e"] {
        let kept = redactor().excerpt(hostile.repeat(1 << 20).as_bytes());
        assert!(kept.len() <= BODY_CAP && kept.len() > BODY_CAP - 64, "{hostile:?}: {}", kept.len());
    }
}
