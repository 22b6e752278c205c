//! What settings may be and what not.

use super::*;

#[test]
fn accidents_of_copying_are_refused() {
    for (text, fault) in [
        ("", Fault::Empty),
        (" \t", Fault::Empty),
        ("\n", Fault::Empty),
        ("key\n", Fault::LineEnd),
        ("key\r\n", Fault::LineEnd),
        ("\nkey", Fault::LineEnd),
        ("k\ney", Fault::SeveralLines),
        ("key\r\nother\r\n", Fault::SeveralLines),
        ("key ", Fault::Blank),
        ("\u{a0}key", Fault::Blank),
        ("k\u{7}ey", Fault::Control),
        ("\u{feff}key", Fault::Invisible('\u{feff}')),
        ("ke\u{200b}y", Fault::Invisible('\u{200b}')),
        ("key\u{202e}", Fault::Invisible('\u{202e}')),
        ("\"key\"", Fault::Quoted),
        ("'key'", Fault::Quoted),
        ("`key`", Fault::Quoted),
        ("\u{201c}key\u{201d}", Fault::Quoted),
        (" 'key'", Fault::Quoted),
        ("${ONE_API_KEY}", Fault::Placeholder),
        ("https://${HOST}/api", Fault::Placeholder),
        ("{{ key }}", Fault::Placeholder),
        ("<your key>", Fault::Placeholder),
        ("$(cat key)", Fault::Placeholder),
        ("$ONE_API_KEY", Fault::Placeholder),
        ("%ONE_API_KEY%", Fault::Placeholder),
        ("\u{ab}key\u{bb}", Fault::Quoted),
        ("\u{201a}key\u{2018}", Fault::Quoted),
        ("\u{2039}key\u{203a}", Fault::Quoted),
        ("ke\u{a0}y", Fault::OddBlank('\u{a0}')),
        ("ke\u{2003}y", Fault::OddBlank('\u{2003}')),
        ("ke\u{3000}y", Fault::OddBlank('\u{3000}')),
        ("ke\ty", Fault::Control),
        ("ke\u{fffd}y", Fault::Undecodable),
        ("ke\u{ffff}y", Fault::Control),
        ("Bearer the-key", Fault::Scheme),
        ("bearer: the-key", Fault::Scheme),
        ("ONE_API_KEY=abc", Fault::Line),
        ("export ONE_API_KEY=abc", Fault::Line),
        ("ONE_API_KEY='abc'", Fault::Line),
    ] {
        assert_eq!(check(Form::Text, text), Err(fault), "{text:?}");
    }
}

#[test]
fn what_only_looks_like_an_accident_passes() {
    for text in
        ["key", "a key with blanks", "it's", "\"", "$ecret", "100%", "a<b>c", "{x}", "sch\u{fc}ssel", "pa$$w0rd{}"]
    {
        assert_eq!(check(Form::Text, text), Ok(()), "{text:?}");
    }
}

#[cfg(feature = "client")]
#[test]
fn a_token_and_an_address_have_no_blanks() {
    assert_eq!(check(Form::Token, "Bearer key"), Err(Fault::Scheme));
    assert_eq!(check(Form::Token, "bearer: key"), Err(Fault::Scheme));
    assert_eq!(check(Form::Token, "the key"), Err(Fault::Blank));
    assert_eq!(check(Form::Token, "k\u{e9}y"), Err(Fault::NotAscii));
    assert_eq!(check(Form::Token, "eyJh.bGci+/=="), Ok(()));
    assert_eq!(check(Form::Address, "https://a b"), Err(Fault::Blank));
    assert_eq!(check(Form::Address, "https://onehorizon.ai/api/v1"), Ok(()));
}

#[test]
fn every_character_that_nobody_sees_is_refused() {
    let invisible = "\u{ad}\u{34f}\u{600}\u{61c}\u{6dd}\u{70f}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200d}\u{200e}\u{200f}\
                     \u{202a}\u{202e}\u{2060}\u{2066}\u{206f}\u{2800}\u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{110bd}\u{1bca0}\
                     \u{1d173}\u{e0001}\u{e0041}\u{e0100}\u{e01ef}";
    for c in invisible.chars() {
        for text in [format!("{c}key"), format!("k{c}ey"), format!("key{c}"), c.to_string()] {
            assert_eq!(check(Form::Text, &text), Err(Fault::Invisible(c)), "U+{:04X}", u32::from(c));
        }
    }
}

#[test]
fn what_stands_for_a_value_is_refused() {
    let placeholders = [
        "$env:ONE_API_KEY",
        "$Env:KEY",
        "#{KEY}",
        "%{KEY}",
        "{KEY}",
        "{ONE_API_KEY}",
        "[ONE_API_KEY]",
        "__ONE_API_KEY__",
        "@@key@@",
        "!KEY!",
        "#KEY#",
        "<%= key %>",
        "${{ secrets.KEY }}",
        "{{key}}",
        "$(key)",
        "<key>",
        "undefined",
        "null",
        "NULL",
        "None",
        "nil",
        "NaN",
        "(null)",
        "[object Object]",
        "changeme",
        "CHANGE_ME",
        "replace-me",
        "placeholder",
        "TODO",
        "YOUR_API_KEY",
        "your-api-key",
        "your api key",
        "YourApiKeyHere",
        "<your key>",
        "INSERT_YOUR_TOKEN_HERE",
        "paste-your-webhook-secret-here",
        "xxx",
        "XXXXXXXX",
        "***",
        "...",
        "\u{2022}\u{2022}\u{2022}\u{2022}",
        "op://vault/item/key",
        "arn:aws:secretsmanager:eu:1:secret:x",
        "ENC[AES256_GCM,data:x]",
        "vault:secret/data/x#key",
        " null",
    ];
    for text in placeholders {
        assert_eq!(check(Form::Text, text), Err(Fault::Placeholder), "{text}");
    }
    let values = [
        "nullable",
        "none-of-it",
        "yours",
        "your",
        "yourcompany-key",
        "enterprise-key",
        "insertion-id",
        "replacement",
        "x",
        "xx",
        "xxy",
        "*",
        "a$B",
        "100%",
        "{key}",
        "[x]",
        "key!",
        "a#b#c",
        "__init__x",
        "env:KEY",
        "A_B==",
        "ABC=",
        "a_b=c",
        "k=v",
        "op:key",
        "todos",
    ];
    for text in values {
        assert_eq!(check(Form::Text, text), Ok(()), "{text}");
    }
}

#[cfg(feature = "client")]
#[test]
fn variables_in_addresses_are_placeholders() {
    for text in [
        "https://$HOST/api/v1",
        "https://$host/api/v1",
        "https://api.$DOMAIN/v1",
        "https://onehorizon.ai:$PORT/api/v1",
        "http://$PROXY:3128",
        "$PROXY:3128",
        "proxy.example:$PORT",
        "https://%HOST%/api",
        "https://api.%domain%/v1",
        "https://onehorizon.ai/$BASE_PATH/v1",
        "https://onehorizon.ai/%BASE_PATH%",
        "https://onehorizon.ai/%HOST%/v1",
        "http://$USER:$PASSWORD@proxy:3128",
        "http://u:%PASS_WORD%@proxy:1",
        "https://undefined/api/v1",
        "https://null:443/api",
        "null",
        "https://#{HOST}/x",
        "$env:HOST",
        "https://app.example/cb?x=$STATE_ID",
    ] {
        assert_eq!(check(Form::Address, text), Err(Fault::Placeholder), "{text}");
    }
    for text in [
        "https://onehorizon.ai/api/v1",
        "http://u:pa$WORD@proxy:3128",
        "http://u:p%24w%25@proxy",
        "https://a.example/%C3%A4/%20x%20",
        "https://a.example/?$filter=x",
        "https://a.example/$metadata",
        "https://a.example/cost$",
        "https://a.example/%41%42",
        "http://[fe80::1%25eth0]:80/",
        "https://null.example/",
        "https://a.example/$1",
        "https://a.example/undefined",
        "com.example.app:/callback",
    ] {
        assert_eq!(check(Form::Address, text), Ok(()), "{text}");
    }
}

#[cfg(feature = "client")]
#[test]
fn nothing_listens_at_port_zero() {
    for text in
        ["https://onehorizon.ai:0/api/v1", "http://127.0.0.1:0", "proxy:00", "http://[::1]:0/x", "http://u:p@proxy:0?x"]
    {
        assert_eq!(check(Form::Address, text), Err(Fault::PortZero), "{text}");
    }
    for text in [
        "https://onehorizon.ai:10/",
        "http://[::0]/",
        "http://u:0@proxy:80",
        "https://a.example/:0",
        "http://a.example:/",
    ] {
        assert_eq!(check(Form::Address, text), Ok(()), "{text}");
    }
}

#[test]
#[cfg(feature = "client")]
fn plain_ids_are_checked_as_by_the_closer_look() {
    let words = [
        "current",
        "tsk_1001",
        "a",
        "9",
        "undefined",
        "null",
        "NaN",
        "Null",
        "none",
        "nil",
        "todo",
        "TBD",
        "changeme",
        "change-me",
        "your-task-id",
        "YOUR_KEY",
        "your",
        "insert_your_token_here",
        "xxx",
        "XXXX",
        "xx",
        "x-x",
        "x_",
        "a__b",
        "a--",
        "bearer",
        "your-task-1",
        "xxx1",
        "null1",
        "0",
        "key_1",
        "taskId",
        "workspaceId",
        "arn",
        "n-a",
        "replace_me",
        "placeholder",
    ];
    for text in words {
        assert!(is_plain(text), "{text}");
        for form in [Form::Id, Form::Segment] {
            assert_eq!(check(form, text), check_closely(form, text), "{form:?} {text}");
        }
    }
    assert!(["", "_x", "__NAME__", "-", "a b", "a.b", "\u{e4}", "a\n"].iter().all(|text| !is_plain(text)));
    assert_eq!(check(Form::Id, "your-task-id"), Err(Fault::Placeholder));
}
