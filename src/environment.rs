//! Settings from the environment.

use std::env;

/// A variable of the environment; one that is set to nothing counts as not set. The error is one line for the user.
pub(crate) fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not valid text")),
    }
}
