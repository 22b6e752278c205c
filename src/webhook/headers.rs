//! The headers of a request, whatever framework received it.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// The headers of a request.
///
/// Implemented for a reference to [`http::HeaderMap`](https://docs.rs/http) (with the feature `http`, which `client` and `axum` switch on), to a
/// slice or list of pairs, to a map of strings, and for a closure that looks a header up by its lower-case name (written in
/// place it names the type of its argument, `|name: &str|`):
///
/// ```
/// use onehorizon::webhook::Verifier;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::key("the key from Settings > Apps")?;
///
/// let pairs = [("X-One-Webhook-Key", "the key from Settings > Apps")];
/// verifier.verify(&pairs, b"{}")?;
///
/// let find = |name: &str| pairs.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes());
/// verifier.verify(find, b"{}")?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as the headers of a request",
    note = "pass `&http::HeaderMap` (feature `http`), a reference to pairs or to a map of strings, or a closure `|name: &str| …`"
)]
pub trait Headers<'h> {
    /// The value of the first line of this header. Names are compared without regard to case; `name` is lower case.
    fn get(&self, name: &str) -> Option<&'h [u8]>;

    /// The values of all lines of this header.
    ///
    /// A proxy may cut a header into several lines. A closure sees one line alone, so join the lines with a blank where
    /// that may happen.
    fn get_all(&self, name: &str) -> Vec<&'h [u8]> {
        self.get(name).into_iter().collect()
    }
}

/// The value of a header, once where an intermediary joined a line with itself (`evt_1, evt_1`).
pub(in crate::webhook) fn once(value: &[u8]) -> &[u8] {
    let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    match parts.next() {
        Some(first) if parts.all(|part| part == first) => first,
        _ => value.trim_ascii(),
    }
}

impl<'h, F> Headers<'h> for F
where
    F: Fn(&str) -> Option<&'h [u8]>,
{
    fn get(&self, name: &str) -> Option<&'h [u8]> {
        self(name)
    }
}

/// No headers, for events that did not come by HTTP.
pub(super) struct NoHeaders;

impl<'h> Headers<'h> for NoHeaders {
    fn get(&self, _: &str) -> Option<&'h [u8]> {
        None
    }
}

/// The lines of `name` in pairs of name and value.
fn lines<'h, N, V>(pairs: impl Iterator<Item = (&'h N, &'h V)>, name: &str) -> impl Iterator<Item = &'h [u8]>
where
    N: AsRef<str> + 'h,
    V: AsRef<[u8]> + 'h,
{
    pairs.filter(move |(known, _)| known.as_ref().eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
}

macro_rules! headers_in_pairs {
    ($([$($generics:tt)*] $type:ty, $pair:pat => $parts:expr;)*) => {$(
        impl<'h, N: AsRef<str>, V: AsRef<[u8]>, $($generics)*> Headers<'h> for &'h $type {
            fn get(&self, name: &str) -> Option<&'h [u8]> {
                lines(self.iter().map(|$pair| $parts), name).next()
            }

            fn get_all(&self, name: &str) -> Vec<&'h [u8]> {
                lines(self.iter().map(|$pair| $parts), name).collect()
            }
        }
    )*};
}

headers_in_pairs! {
    [] [(N, V)], (name, value) => (name, value);
    [const COUNT: usize] [(N, V); COUNT], (name, value) => (name, value);
    [] Vec<(N, V)>, (name, value) => (name, value);
    [S: BuildHasher] HashMap<N, V, S>, (name, value) => (name, value);
    [] BTreeMap<N, V>, (name, value) => (name, value);
}

#[cfg(feature = "http")]
impl<'h> Headers<'h> for &'h http::HeaderMap {
    fn get(&self, name: &str) -> Option<&'h [u8]> {
        http::HeaderMap::get(self, name).map(http::HeaderValue::as_bytes)
    }

    fn get_all(&self, name: &str) -> Vec<&'h [u8]> {
        http::HeaderMap::get_all(self, name).iter().map(http::HeaderValue::as_bytes).collect()
    }
}
