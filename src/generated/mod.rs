pub(crate) mod models;
#[cfg(feature = "client")]
pub(crate) mod apis;
