//! The blocking clients: one struct per tag, and the setters of each call, which pass on to those of the async builder.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::apis::{self, REPLACE_WHOLE, alias, argument, body_argument, client, gate, operation_docs};
use crate::emit::types::ident;
use crate::emit::{Files, Printed, doc_attributes, doc_lines, header, paging, print};
use crate::error::Error;
use crate::ir::{Group, Operation, Program};

pub(crate) fn emit(program: &Program, source: &str, files: &mut Files) -> Result<(), Error> {
    files.insert("blocking/mod.rs".to_owned(), apis::modules(program, source));
    for group in &program.groups {
        let mut text = header(source);
        text.push_str(&print([Printed::Tokens(uses())])?.replace("\n\n", "\n"));
        text.push('\n');
        let mut parts = vec![client(group), methods(group)];
        parts.extend(group.operations.iter().map(|operation| setters(program, operation)));
        text.push_str(&print(parts.into_iter().map(Printed::Tokens))?);
        files.insert(format!("blocking/{}.rs", group.home), text);
    }
    Ok(())
}

fn uses() -> TokenStream {
    quote! {
        #[allow(unused_imports, reason = "not every group needs every part")]
        use crate::blocking::prelude::*;
        #[allow(unused_imports, reason = "not every group needs every part")]
        use crate::models::runtime::{Json, Timestamp};
        #[allow(unused_imports, reason = "not every group needs every part")]
        use super::super::{apis, models::*};
    }
}

fn methods(group: &Group) -> TokenStream {
    let name = ident(&group.name);
    let methods = group.operations.iter().map(method);
    quote! {
        impl #name {
            #[doc = " A client that shares the configuration's connections, quota and background thread."]
            #[must_use]
            pub fn new(configuration: &Configuration) -> Self {
                Self { configuration: configuration.clone() }
            }
            #(#methods)*
            pub(crate) fn asynchronous(&self) -> apis::#name {
                apis::#name::new(&self.configuration)
            }
        }
    }
}

fn method(operation: &Operation) -> TokenStream {
    let docs = operation_docs(operation);
    let (gate, alias) = (gate(operation), alias(operation));
    let deprecated = operation.deprecated.then(|| quote! { #[deprecated = "the contract says so"] });
    let allowed = operation.deprecated.then(|| quote! { #[allow(deprecated)] });
    let (name, builder) = (ident(&operation.name), ident(&operation.builder));
    let required = operation.parameters.iter().filter(|parameter| parameter.required);
    let body = operation.body.iter().filter(|body| body.required);
    let arguments: Vec<_> = required.clone().map(argument).chain(body.clone().map(body_argument)).collect();
    let names = required.map(|parameter| &parameter.name).chain(body.map(|body| &body.name)).map(|name| ident(name));
    quote! {
        #docs
        #alias
        #gate
        #deprecated
        #allowed
        pub fn #name(&self, #(#arguments),*) -> Unsent<apis::#builder> {
            Unsent::new(&self.configuration, self.asynchronous().#name(#(#names),*))
        }
    }
}

fn setters(program: &Program, operation: &Operation) -> TokenStream {
    let gate = gate(operation);
    let builder = ident(&operation.builder);
    let optional = operation.parameters.iter().filter(|parameter| !parameter.required).map(|parameter| {
        let fallback = format!("Sets `{}`.", parameter.wire.replace('`', "'"));
        (doc_attributes(&parameter.docs, &fallback, true), ident(&parameter.name), argument(parameter))
    });
    let body = operation.body.iter().filter(|body| !body.required);
    let body = body.map(|body| (doc_attributes(&body.docs, "The body.", true), ident(&body.name), body_argument(body)));
    let whole = operation.body.iter().filter(|body| body.read_whole).map(|_| {
        let docs = doc_lines(REPLACE_WHOLE.map(str::to_owned).as_slice());
        quote! { #docs pub fn replace_whole(self) -> Self { self.with_call(apis::#builder::replace_whole) } }
    });
    let methods: Vec<TokenStream> = optional
        .chain(body)
        .map(|(docs, name, argument)| {
            quote! { #docs pub fn #name(self, #argument) -> Self { self.with_call(|call| call.#name(#name)) } }
        })
        .chain(whole)
        .chain(paging::blocking_methods(program, operation))
        .collect();
    let methods = if methods.is_empty() {
        TokenStream::new()
    } else {
        quote! { #gate impl Unsent<apis::#builder> { #(#methods)* } }
    };
    quote! {
        #methods
        #gate
        call_options!(Unsent<apis::#builder>, call.call.options);
    }
}
