use onehorizon::webhook::Verifier;

pub fn run(headers: &[(&str, &str)], body: &[u8]) -> Option<String> {
    let verifier = Verifier::builder().key("new", "new-key").key("old", "old-key").build().ok()?;
    let header = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes());
    Some(verifier.verify(header, body).ok()?.label()?.to_owned())
}
