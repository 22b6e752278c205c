//! Events to test receivers with, and what sends them.

pub(crate) mod registered;
pub(crate) mod report;
pub(crate) mod sender;
