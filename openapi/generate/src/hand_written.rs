//! The methods that clients and builders have beside the emitted ones, read from `src/apis`: operations and parameters
//! may not take their names.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::Error;

/// Type and method, as they stand in the source.
pub type Methods = BTreeSet<(String, String)>;

/// Reads the methods of every inherent `impl` in the Rust files below `directory`.
///
/// # Errors
/// When a file cannot be read or is not Rust.
pub fn methods(directory: &Path) -> Result<Methods, Error> {
    let mut found = Methods::new();
    for path in crate::check::listing(directory)? {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|source| crate::check::io(&path, source))?;
        let file = syn::parse_file(&text).map_err(|error| Error::unreadable(format!("{}: {error}", path.display())))?;
        for item in &file.items {
            let syn::Item::Impl(block) = item else { continue };
            let syn::Type::Path(ty) = block.self_ty.as_ref() else { continue };
            let Some(name) = ty.path.segments.last().map(|last| last.ident.to_string()) else { continue };
            if block.trait_.is_some() {
                continue;
            }
            for item in &block.items {
                if let syn::ImplItem::Fn(method) = item {
                    found.insert((name.clone(), method.sig.ident.to_string()));
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_methods_of_clients_and_builders_are_found() {
        let apis = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/apis");
        let found = methods(&apis).unwrap();
        let has = |client: &str, method: &str| found.contains(&(client.to_owned(), method.to_owned()));
        assert!(has("TasksApi", "edit_task") && has("ApiKeysApi", "rotate_api_key"), "{found:?}");
        assert!(has("ListTasks", "updated_since"), "{found:?}");
    }
}
