//! Lists of hosts, as `NO_PROXY` has them.

/// Hosts: a string with commas in between, or a list of strings.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of hosts",
    label = "expected a string such as \"localhost,.internal.example\", or an array or `Vec` of strings"
)]
pub trait HostList {
    #[doc(hidden)]
    fn joined(self) -> String;
}

impl HostList for &str {
    fn joined(self) -> String {
        self.to_owned()
    }
}

impl HostList for String {
    fn joined(self) -> String {
        self
    }
}

impl HostList for &String {
    fn joined(self) -> String {
        self.clone()
    }
}

impl<S: AsRef<str>> HostList for &[S] {
    fn joined(self) -> String {
        self.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(",")
    }
}

impl<S: AsRef<str>, const N: usize> HostList for [S; N] {
    fn joined(self) -> String {
        self.as_slice().joined()
    }
}

impl<S: AsRef<str>, const N: usize> HostList for &[S; N] {
    fn joined(self) -> String {
        self.as_slice().joined()
    }
}

impl<S: AsRef<str>> HostList for Vec<S> {
    fn joined(self) -> String {
        self.as_slice().joined()
    }
}

impl<S: AsRef<str>> HostList for &Vec<S> {
    fn joined(self) -> String {
        self.as_slice().joined()
    }
}
