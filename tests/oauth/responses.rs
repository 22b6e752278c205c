//! Token responses: whatever is odd beside the tokens costs neither them nor the refresh token that was just replaced.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::oauth::{OauthErrorKind, Tokens};
use support::oauth::{Say, Server, stale};

/// What a refresh makes of a response.
async fn refreshed(body: &str) -> Tokens {
    let body = body.to_owned();
    let server = Server::new(move |_, _| Say::Json(200, body.clone()));
    let credential = stale(&server);
    credential.access_token().await.unwrap_or_else(|error| panic!("{error}"));
    credential.latest().unwrap()
}

fn with(field: &str) -> String {
    format!(r#"{{"access_token":"new","refresh_token":"rotated",{field}}}"#)
}

#[tokio::test]
async fn an_odd_field_beside_the_tokens_loses_neither_of_them() {
    for field in [
        r#""scope":["openid","email"]"#,
        r#""scope":{"a":1}"#,
        r#""scope":42"#,
        r#""scope":["openid",7]"#,
        r#""scope":"lone \ud83d surrogate""#,
        r#""\ud83d":1"#,
        r#""\udc00x":{"\ud83d":[]}"#,
        r#""id_token":{}"#,
        r#""id_token":false"#,
        r#""error":"""#,
        r#""error":null"#,
        r#""error":false"#,
        r#""error":"invalid_grant""#,
        r#""error_description":"""#,
        r#""expires_in":true"#,
        r#""expires_in":"soon""#,
        r#""expires_in":-1"#,
        r#""expires_in":1e400"#,
        r#""expires_in":{}"#,
        r#""expires_in":"inf""#,
        r#""expires_in":99999999999999999999"#,
        r#""token_type":"Bearer ""#,
        r#""token_type":"BEARER""#,
        r#""token_type":"""#,
        r#""token_type":null"#,
        r#""token_type":7"#,
        r#""token_type":["Bearer"]"#,
        r#""token_type":"mac""#,
        r#""expires_at":"2030-01-01""#,
        r#""user":{"name":"\ud83d","id":1e999}"#,
        r#""refresh_token":"rotated""#,
        r#""access_token":"new""#,
    ] {
        let tokens = refreshed(&with(field)).await;
        assert_eq!(tokens.access_token.expose(), "new", "{field}");
        assert_eq!(tokens.refresh_token.as_ref().unwrap().expose(), "rotated", "{field}");
        let saved = serde_json::to_string(&tokens).unwrap();
        let read: Tokens = serde_json::from_str(&saved).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), saved, "saved tokens are read back: {field}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_kept() {
    for (field, name) in [
        (r#""scope":{"a":1}"#, "scope"),
        (r#""id_token":{"sub":1}"#, "id_token"),
        (r#""expires_in":true"#, "expires_in"),
        (r#""token_type":"mac""#, "token_type"),
        (r#""error":"slow_down""#, "error"),
        (r#""team":{"id":1}"#, "team"),
    ] {
        let tokens = refreshed(&with(field)).await;
        let raw = tokens.extra.raw(name).unwrap_or_else(|| panic!("{field}: {:?}", tokens.extra));
        assert!(field.ends_with(raw), "{field}: {raw}");
        assert!(serde_json::to_string(&tokens).unwrap().contains(field), "{field}");
    }
}

#[tokio::test]
async fn a_servers_own_expiry_is_believed_neither_now_nor_after_a_restart() {
    for (fields, lifetime) in [
        (r#""expires_at":1000"#, false),
        (r#""expires_at":99999999999"#, false),
        (r#""expires_at":1000,"expires_at":2000"#, false),
        (r#""expires_\u0061t":1000"#, false),
        (r#""expires_at":1000,"expires_in":3600"#, true),
        (r#""expires_in":3600,"expires_at":99999999999"#, true),
        (r#""server_expires_at":1,"expires_at":1000"#, false),
    ] {
        let tokens = refreshed(&with(fields)).await;
        assert_eq!(tokens.expires_at.is_some(), lifetime, "{fields}");
        let saved = serde_json::to_string(&tokens).unwrap();
        let read: Tokens = serde_json::from_str(&saved).unwrap();
        let seconds = |tokens: &Tokens| tokens.expires_at.map(|end| end.duration_since(UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(seconds(&read), seconds(&tokens), "{fields}: {saved}");
        let own = tokens.extra.raw("server_expires_at").unwrap();
        assert!(fields.contains(own) && read.extra.raw("server_expires_at") == Some(own), "it is kept: {saved}");
    }
}

#[tokio::test]
async fn scopes_are_read_as_text_or_as_a_list() {
    for (field, scope) in [
        (r#""scope":"openid email""#, Some("openid email")),
        (r#""scope":["openid","email"]"#, Some("openid email")),
        (r#""scope":[]"#, Some("")),
        (r#""scope":null"#, None),
        (r#""x":1"#, None),
        (r#""scope":"first","scope":"last""#, Some("last")),
    ] {
        assert_eq!(refreshed(&with(field)).await.scope.as_deref(), scope, "{field}");
    }
}

#[tokio::test]
async fn a_lifetime_is_read_in_any_form_that_says_one() {
    for (json, seconds) in [
        ("3600", Some(3600)),
        ("3600.0", Some(3600)),
        ("59.9", Some(59)),
        ("\"3600\"", Some(3600)),
        ("\" 59.9 \"", Some(59)),
        ("0", Some(0)),
        ("true", None),
        ("-5", None),
        ("\"-5\"", None),
        ("\"NaN\"", None),
        ("\"1 hour\"", None),
        ("null", None),
    ] {
        let asked = SystemTime::now();
        let tokens = refreshed(&with(&format!(r#""expires_in":{json}"#))).await;
        let lifetime = tokens.expires_at.map(|end| end.duration_since(asked).unwrap_or_default());
        match (lifetime, seconds) {
            (None, None) => {}
            (Some(got), Some(wanted)) => {
                let wanted = Duration::from_secs(wanted);
                assert!(
                    got + Duration::from_secs(1) >= wanted && got < wanted + Duration::from_secs(60),
                    "{json}: {got:?}"
                );
            }
            (got, wanted) => panic!("{json}: {got:?} instead of {wanted:?}"),
        }
    }
}

#[tokio::test]
async fn a_refresh_token_of_an_odd_shape_leaves_the_old_one() {
    for odd in ["null", "\"\"", "{}", "[]", "false"] {
        let tokens = refreshed(&format!(r#"{{"access_token":"new","refresh_token":{odd}}}"#)).await;
        assert_eq!(tokens.refresh_token.unwrap().expose(), "refresh-0", "{odd}");
    }
}

#[tokio::test]
async fn tokens_are_found_behind_a_byte_order_mark_and_in_a_form() {
    let json = with(r#""expires_in":3600"#);
    let form = "access_token=new&refresh_token=rotated&expires_in=3600&token_type=bearer&scope=a+b";
    for body in [format!("\u{feff}{json}"), format!("\r\n \u{feff} {json}"), format!("{json}\n"), form.to_owned()] {
        let tokens = refreshed(&body).await;
        assert_eq!(
            (tokens.access_token.expose(), tokens.refresh_token.as_ref().unwrap().expose()),
            ("new", "rotated"),
            "{body:?}"
        );
        assert!(tokens.expires_at.is_some(), "{body:?}");
    }
}

#[tokio::test]
async fn a_response_without_an_access_token_is_an_error_and_the_refresh_token_is_kept() {
    for (body, kind) in [
        (r#"{"refresh_token":"rotated"}"#, OauthErrorKind::Decode),
        (r#"{"access_token":""}"#, OauthErrorKind::Decode),
        (r#"{"access_token":null,"error":null}"#, OauthErrorKind::Decode),
        (r#"["access_token"]"#, OauthErrorKind::Decode),
        ("access_token=", OauthErrorKind::Decode),
        ("", OauthErrorKind::Decode),
        (r#"{"error":"temporarily_unavailable"}"#, OauthErrorKind::Refused),
        (r#"{"error":"slow_down","access_token":""}"#, OauthErrorKind::Refused),
    ] {
        let server = Server::new(move |_, _| Say::Json(200, body.to_owned()));
        let credential = stale(&server);
        let error = credential.access_token().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body}: {error}");
        assert!(!error.to_string().contains("rotated"), "{error}");
        assert_eq!(credential.latest().unwrap().refresh_token.unwrap().expose(), "refresh-0");
    }
}

#[test]
fn saved_tokens_with_an_odd_field_are_still_tokens() {
    let text = r#"{"access_token":"a","refresh_token":{"odd":1},"expires_at":"soon","scope":["x","y"],"mine":[1]}"#;
    let tokens: Tokens = serde_json::from_str(text).unwrap();
    assert_eq!((tokens.access_token.expose(), tokens.scope.as_deref()), ("a", Some("x y")));
    assert!(tokens.refresh_token.is_none() && tokens.expires_at.is_none());
    let written = serde_json::to_string(&tokens).unwrap();
    for kept in [r#""refresh_token":{"odd":1}"#, r#""expires_at":"soon""#, r#""mine":[1]"#] {
        assert!(written.contains(kept), "{written}");
    }
    let value: Tokens = serde_json::from_value(serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(value.access_token.expose(), "a");
    assert!(serde_json::from_str::<Tokens>("{}").is_err() && serde_json::from_str::<Tokens>("[]").is_err());
}
