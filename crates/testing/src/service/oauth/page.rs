//! The HTML pages of the login.

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::service::reply;
use crate::service::state::{Role, State};

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;background:#f3f4f6;color:#111827;margin:0;display:grid;place-items:center;min-height:100vh}\
main{background:#fff;border:1px solid #d1d5db;border-radius:12px;padding:2rem;width:26rem;max-width:90vw}\
h1{font-size:1.25rem;margin:0 0 .5rem}code{background:#f3f4f6;padding:.1em .3em;border-radius:4px;overflow-wrap:anywhere}\
fieldset{border:0;padding:0;margin:1rem 0}legend{font-weight:600}label{display:block;padding:.25rem 0}\
button{font:inherit;padding:.5rem 1.25rem;border-radius:8px;border:1px solid #9ca3af;background:#fff;cursor:pointer}\
button[value=allow]{background:#1d4ed8;border-color:#1d4ed8;color:#fff}small{color:#4b5563}";

/// Asks which user logs in, and whether the app may act for them.
pub(crate) fn consent(client_id: &str, parameters: &[(String, String)], state: &State) -> Response<Bytes> {
    let scope = parameters.iter().find(|(name, _)| name == "scope").map_or("", |(_, scope)| scope.as_str());
    let item = |scope| format!("<li><code>{}</code></li>", escape(scope));
    let scopes = scope.split_whitespace().map(item).collect::<Vec<_>>().concat();
    let fields = parameters
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "user" | "decision"))
        .map(|(name, value)| format!(r#"<input type="hidden" name="{}" value="{}">"#, escape(name), escape(value)))
        .collect::<Vec<_>>()
        .concat();
    let mut checked = " checked";
    let users = state
        .users
        .iter()
        .map(|user| {
            let (id, role, checked) = (escape(&user.id), role(user.role), std::mem::take(&mut checked));
            format!(r#"<label><input type="radio" name="user" value="{id}"{checked}> {id} ({role})</label>"#)
        })
        .collect::<Vec<_>>()
        .concat();
    let client_id = escape(client_id);
    html(
        StatusCode::OK,
        &format!(
            r#"<h1>Let <code>{client_id}</code> act for you?</h1>
<p>The app will be able to do in this workspace what you can do.</p><ul>{scopes}</ul>
<form method="post">{fields}<fieldset><legend>Log in as</legend>{users}</fieldset>
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form>
<p><small>This is a fake One Horizon for tests: no password, no real account.</small></p>"#
        ),
    )
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

/// Says what makes a login impossible.
pub(crate) fn problem(words: &str) -> Response<Bytes> {
    html(StatusCode::BAD_REQUEST, &format!("<h1>This login cannot go on</h1><p>{}</p>", escape(words)))
}

fn html(status: StatusCode, main: &str) -> Response<Bytes> {
    let mut response = reply::empty(status);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fake One Horizon</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body><main>{main}</main></body></html>"
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // No script runs here, and no other page can frame the buttons.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    *response.body_mut() = page.into();
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
