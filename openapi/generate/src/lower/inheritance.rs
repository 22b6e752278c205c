//! Parents and children: schemas that take over another one by `allOf`, as server frameworks write class hierarchies.

use std::collections::BTreeSet;

use crate::lower::Lowering;
use crate::pointer::{Located, Pointer};

impl<'d> Lowering<'d> {
    /// Does the schema take over `parent` by `allOf`, itself or through another one?
    pub(crate) fn inherits(&self, child: &Located<'d>, parent: &Pointer) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![child.clone()];
        while let Some(here) = waiting.pop() {
            for part in here.get("allOf").iter().flat_map(Located::elements) {
                let reached = self.document.resolve(&part).unwrap_or(part);
                if reached.at == *parent {
                    return true;
                }
                if seen.insert(reached.at.clone()) {
                    waiting.push(reached);
                }
            }
        }
        false
    }

    /// The components that take over this one, if it has a discriminator and names no alternatives itself.
    pub(crate) fn children(&self, parent: &Located<'d>) -> Vec<Located<'d>> {
        let names_alternatives = parent.value.get("oneOf").is_some() || parent.value.get("anyOf").is_some();
        if parent.value.get("discriminator").is_none() || names_alternatives {
            return Vec::new();
        }
        let section = self.document.section(&["components", "schemas"]);
        let components = section.iter().flat_map(Located::fields).map(|(_, schema)| schema);
        components.filter(|schema| schema.at != parent.at && self.inherits(schema, &parent.at)).collect()
    }
}
