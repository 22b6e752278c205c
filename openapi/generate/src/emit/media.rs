//! Responses that are not one JSON value: how they are sent for, and the enum of an operation with several.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::types::{ident, tokens};
use crate::emit::{doc_attributes, doc_lines};
use crate::ir::{Operation, Response, StatusVariant};

/// The type of the response, and the call that sends for it.
pub(crate) fn response(response: &Response) -> (TokenStream, TokenStream) {
    match response {
        Response::Json(ty) => (tokens(ty), quote! { send() }),
        Response::Empty => (quote! { () }, quote! { send_empty() }),
        Response::Optional(ty) => {
            let ty = tokens(ty);
            (quote! { Option<#ty> }, quote! { send_optional() })
        }
        Response::Bytes { media } => (quote! { Bytes }, quote! { send_bytes(#media) }),
        Response::ByStatus { name, .. } => {
            let name = ident(name);
            (quote! { #name }, quote! { send_by_status() })
        }
    }
}

/// The enum of an operation whose response depends on its status.
pub(crate) fn by_status(operation: &Operation, gate: &TokenStream) -> Vec<TokenStream> {
    let Response::ByStatus { name, variants } = &operation.response else { return Vec::new() };
    let docs = doc_lines(&[format!("What `{}` returns, by the status of the response.", operation.name)]);
    let name = ident(name);
    let declared = variants.iter().map(declaration);
    let read = variants.iter().map(|variant| {
        let (status, name) = (variant.status, ident(&variant.name));
        let value = variant.ty.as_ref().map(|_| quote! { (read_json(body)?) });
        quote! { #status => Self::#name #value, }
    });
    vec![
        quote! {
            #docs
            #gate
            #[derive(Clone, Debug)]
            #[non_exhaustive]
            pub enum #name {
                #(#declared)*
                #[doc = " Another successful status, with the body as it came."]
                Other(StatusCode, Bytes),
            }
        },
        quote! {
            #gate
            impl ByStatus for #name {
                fn read(status: StatusCode, body: &Bytes) -> serde_json::Result<Self> {
                    Ok(match status.as_u16() {
                        #(#read)*
                        _ => Self::Other(status, body.clone()),
                    })
                }
            }
        },
    ]
}

fn declaration(variant: &StatusVariant) -> TokenStream {
    let docs = doc_attributes(&variant.docs, &format!("Status {}.", variant.status), true);
    let name = ident(&variant.name);
    let value = variant.ty.as_ref().map(tokens).map(|ty| quote! { (#ty) });
    quote! { #docs #name #value, }
}
