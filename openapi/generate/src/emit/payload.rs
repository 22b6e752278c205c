//! What a webhook event may carry: the list that the enum `Payload` is made of.

use std::fmt::Write as _;

use crate::emit::{doc_text, header};
use crate::ir::{Docs, Program, Type};
use crate::naming::{pascal, snake};

/// A macro that hands the families to another: documentation, variant, type, field, and the router's method.
pub(crate) fn emit(program: &Program, source: &str) -> Option<String> {
    let payload = program.payload.as_ref()?;
    let mut text = header(source);
    text.push_str(
        "/// Hands what a webhook event may carry to a macro.\nmacro_rules! for_each_payload {\n    ($then:ident) => {\n        $then! {\n",
    );
    for field in payload {
        let Type::Named(ty) = field.ty.clone().unwrap_null().0 else { continue };
        let docs = Docs { notes: Vec::new(), ..field.docs.clone() };
        text.push_str(&doc_text(&docs, &format!("The field `{}`.", field.wire), true, "            "));
        let (variant, handler) = (pascal(&field.wire), snake(&field.wire));
        let _ = writeln!(text, "            {variant}({ty}) = {:?} on_{handler},", field.wire);
    }
    text.push_str("        }\n    };\n}\n\npub(crate) use for_each_payload;\n");
    Some(text)
}
