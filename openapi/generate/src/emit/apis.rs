//! The API clients: one struct per tag, one builder per operation.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;

use crate::curation::{Access, RetryClass};
use crate::emit::types::{ident, tokens};
use crate::emit::{Files, Printed, doc_attributes, doc_lines, header, media, paging, print, use_models};
use crate::error::Error;
use crate::ir::{Group, ListStyle, Operation, Parameter, ParameterType, Place, Program, RequestBody, Type, Writing};

pub(crate) fn emit(program: &Program, source: &str, files: &mut Files) -> Result<(), Error> {
    files.insert("apis/mod.rs".to_owned(), modules(program, source));
    for group in &program.groups {
        let mut text = header(source);
        text.push_str(&print([Printed::Tokens(uses(group))])?.replace("\n\n", "\n"));
        text.push('\n');
        let mut parts = vec![client(group), methods(group)];
        for operation in &group.operations {
            parts.push(constant(operation));
            parts.extend(media::by_status(operation, &gate(operation)));
            parts.extend(builder(group, operation, paging::methods(program, operation)));
        }
        text.push_str(&print(parts.into_iter().map(Printed::Tokens))?);
        files.insert(format!("apis/{}.rs", group.home), text);
    }
    Ok(())
}

/// The modules of the groups, and that of the pages if an operation has any.
pub(crate) fn modules(program: &Program, source: &str) -> String {
    let mut modules = root(program, source);
    let operations = program.groups.iter().flat_map(|group| &group.operations);
    if operations.into_iter().any(|operation| paging::of(program, operation).is_some()) {
        let _ = writeln!(modules, "\npub mod {};", paging::HOME);
    }
    modules
}

/// The modules of the groups; one whose operations are all hidden is hidden with them.
fn root(program: &Program, source: &str) -> String {
    let mut root = header(source);
    let mut groups: Vec<&Group> = program.groups.iter().collect();
    groups.sort_unstable_by_key(|group| &group.home);
    let hidden =
        |group: &Group| feature(group).map_or_else(String::new, |name| format!("#[cfg(feature = {name:?})]\n"));
    for group in &groups {
        let _ = writeln!(root, "{}mod {};", hidden(group), group.home);
    }
    root.push('\n');
    for group in &groups {
        let _ = writeln!(root, "{}pub use self::{}::*;", hidden(group), group.home);
    }
    root
}

/// The feature that a whole client hides behind.
fn feature(group: &Group) -> Option<&str> {
    let first = group.operations.first()?.feature.as_deref()?;
    group.operations.iter().all(|operation| operation.feature.as_deref() == Some(first)).then_some(first)
}

/// What the file names: always the prelude, then models, then what some operations need.
fn uses(group: &Group) -> TokenStream {
    let (open, gated): (Vec<&Operation>, Vec<&Operation>) =
        group.operations.iter().partition(|operation| operation.feature.is_none());
    let open = Needs::of(&open);
    let gated = Needs::of(&gated);
    let models = quote! { super::super::models };
    let always = use_models(&models, &open.models);
    let sometimes = use_models(&models, &gated.models.difference(&open.models).cloned().collect());
    let sometimes = (!sometimes.is_empty())
        .then(|| quote! { #[allow(unused_imports, reason = "for operations behind a feature")] #sometimes });
    let always_runtime = use_runtime(&open.runtime);
    let sometimes_runtime = use_runtime(&gated.runtime.difference(&open.runtime).copied().collect());
    let sometimes_runtime = (!sometimes_runtime.is_empty())
        .then(|| quote! { #[allow(unused_imports, reason = "for operations behind a feature")] #sometimes_runtime });
    quote! { use crate::apis::prelude::*; #always #sometimes #always_runtime #sometimes_runtime }
}

fn use_runtime(names: &BTreeSet<&'static str>) -> TokenStream {
    if names.is_empty() {
        return TokenStream::new();
    }
    let names = names.iter().map(|name| ident(name));
    quote! { use crate::models::runtime::{#(#names),*}; }
}

/// The names that operations need beside the prelude's.
#[derive(Default)]
struct Needs {
    models: BTreeSet<String>,
    runtime: BTreeSet<&'static str>,
}

impl Needs {
    fn of(operations: &[&Operation]) -> Self {
        let mut needs = Self::default();
        for operation in operations {
            let bodies = operation.body.iter().filter(|body| !is_bytes(body)).map(|body| &body.ty);
            let parameters = operation.parameters.iter().filter_map(|parameter| match &parameter.ty {
                ParameterType::Into(ty) => Some(ty),
                _ => None,
            });
            for ty in bodies.chain(parameters).chain(operation.response.types()) {
                ty.mentions(&mut needs.models);
                runtime_names(ty, &mut needs.runtime);
            }
        }
        needs
    }
}

fn runtime_names(ty: &Type, into: &mut BTreeSet<&'static str>) {
    match ty {
        Type::Secret => drop(into.insert("Secret")),
        Type::Timestamp => drop(into.insert("Timestamp")),
        Type::Json => drop(into.insert("Json")),
        Type::List(inner) | Type::Map(inner) | Type::Nullable(inner) | Type::Boxed(inner) => runtime_names(inner, into),
        _ => {}
    }
}

pub(super) fn client(group: &Group) -> TokenStream {
    let docs = doc_attributes(&group.docs, "Operations of one group.", false);
    let name = ident(&group.name);
    quote! {
        #docs
        #[derive(Clone, Debug)]
        pub struct #name {
            pub(crate) configuration: Configuration,
        }
    }
}

fn methods(group: &Group) -> TokenStream {
    let name = ident(&group.name);
    let methods =
        group.operations.iter().flat_map(|operation| [Some(method(operation)), method_with(operation)]).flatten();
    quote! {
        impl #name {
            #[doc = " A client that shares the configuration's connections and quota."]
            #[must_use]
            pub fn new(configuration: &Configuration) -> Self {
                Self { configuration: configuration.clone() }
            }
            #(#methods)*
        }
    }
}

fn method(operation: &Operation) -> TokenStream {
    let docs = operation_docs(operation);
    let (gate, alias) = (gate(operation), alias(operation));
    let deprecated = operation.deprecated.then(|| quote! { #[deprecated = "the contract says so"] });
    let (name, builder, constant) = (ident(&operation.name), ident(&operation.builder), ident(&operation.constant));
    let required: Vec<&Parameter> = operation.parameters.iter().filter(|parameter| parameter.required).collect();
    let body = operation.body.as_ref().filter(|body| body.required);
    let mut arguments: Vec<TokenStream> = required.iter().map(|parameter| argument(parameter)).collect();
    arguments.extend(body.map(body_argument));
    let mut fills: Vec<TokenStream> =
        operation.fixed_query.iter().map(|(name, value)| quote! { call.query(#name, #value); }).collect();
    fills.extend(required.iter().map(|parameter| fill(parameter, &quote! { call })));
    fills.extend(body.map(|body| fill_body(body, &quote! { call })));
    fills.extend(body.filter(|body| body.read_whole).map(|body| {
        let name = ident(&body.name);
        quote! { call.needs_whole(#name.body().is_whole()); }
    }));
    let binding = if fills.is_empty() {
        quote! { let call }
    } else {
        quote! { let mut call }
    };
    quote! {
        #docs
        #alias
        #gate
        #deprecated
        pub fn #name(&self, #(#arguments),*) -> #builder {
            #binding = Call::new(self.configuration.settings(), &#constant);
            #(#fills)*
            #builder { call }
        }
    }
}

/// The same call for hand-written code, with any body that is written as JSON: `update_task_with`.
fn method_with(operation: &Operation) -> Option<TokenStream> {
    let body = operation.body.as_ref().filter(|body| body.read_whole)?;
    let gate = gate(operation);
    let (name, builder, constant) =
        (ident(&format!("{}_with", operation.name)), ident(&operation.builder), ident(&operation.constant));
    let required: Vec<&Parameter> = operation.parameters.iter().filter(|parameter| parameter.required).collect();
    let arguments = required.iter().map(|parameter| argument(parameter));
    let fills = required.iter().map(|parameter| fill(parameter, &quote! { call }));
    let call = quote! { call };
    let write = match &body.writing {
        Writing::Json => quote! { #call.json(body); },
        Writing::JsonAs(media) => quote! { #call.json_as(#media, body); },
        Writing::Form | Writing::Bytes(_) => return None,
    };
    Some(quote! {
        #gate
        pub(crate) fn #name(&self, #(#arguments,)* body: &(impl serde::Serialize + ?Sized)) -> #builder {
            let mut call = Call::new(self.configuration.settings(), &#constant);
            #(#fills)*
            #write
            #builder { call }
        }
    })
}

fn constant(operation: &Operation) -> TokenStream {
    let gate = gate(operation);
    let (name, id, path) = (ident(&operation.constant), &operation.id, &operation.path);
    let method = ident(&operation.method);
    let deduced = operation.docs.evidence.as_deref() == Some("inferred");
    let retry = match operation.retry {
        RetryClass::Read => quote! { RetryClass::Read },
        RetryClass::IdempotentWrite => quote! { RetryClass::IdempotentWrite },
        RetryClass::UnsafeWrite => quote! { RetryClass::UnsafeWrite },
    };
    let access = match operation.access {
        Access::Any => quote! { Access::Any },
        Access::Oauth => quote! { Access::OauthOnly },
    };
    quote! {
        #gate
        static #name: Operation = Operation { id: #id, method: Method::#method, path: #path, retry: #retry, access: #access, deduced: #deduced };
    }
}

fn builder(group: &Group, operation: &Operation, pages: Option<TokenStream>) -> Vec<TokenStream> {
    let gate = gate(operation);
    let name = ident(&operation.builder);
    let docs = doc_lines(&[format!("The call being built by [`{}::{}`].", group.name, operation.name)]);
    let (response, send) = media::response(&operation.response);
    let optional = operation.parameters.iter().filter(|parameter| !parameter.required).map(setter);
    let body = operation.body.as_ref().filter(|body| !body.required).map(|body| {
        let docs = doc_attributes(&body.docs, "The body.", true);
        let (name, argument, fill) = (ident(&body.name), body_argument(body), fill_body(body, &quote! { self.call }));
        quote! { #docs pub fn #name(mut self, #argument) -> Self { #fill self } }
    });
    let whole = operation.body.as_ref().filter(|body| body.read_whole).map(|_| {
        let docs = doc_lines(REPLACE_WHOLE.map(str::to_owned).as_slice());
        quote! { #docs pub fn replace_whole(mut self) -> Self { self.call.replace_whole(); self } }
    });
    let methods: Vec<TokenStream> = optional.chain(body).chain(whole).chain(pages).collect();
    let methods = if methods.is_empty() {
        TokenStream::new()
    } else {
        quote! { #gate impl #name { #(#methods)* } }
    };
    vec![
        quote! {
            #docs
            #gate
            #[must_use = "a request does nothing until it is awaited or sent"]
            #[derive(Clone, Debug)]
            pub struct #name {
                pub(crate) call: Call,
            }
        },
        methods,
        quote! {
            #gate
            call_builder!(#name, #send -> #response);
        },
    ]
}

/// What the method says that sends a body which was not read whole.
pub(crate) const REPLACE_WHOLE: [&str; 4] = [
    "Sends the body although it was not read whole from the service, as one that was made by hand, stored and read back, or",
    "taken from an event.",
    "",
    "Without this such a body is `Invalid`: what it lacks, the service would lose.",
];

fn setter(parameter: &Parameter) -> TokenStream {
    let docs = doc_attributes(&parameter.docs, &format!("Sets `{}`.", parameter.wire.replace('`', "'")), true);
    let (name, argument, fill) = (ident(&parameter.name), argument(parameter), fill(parameter, &quote! { self.call }));
    quote! {
        #docs
        pub fn #name(mut self, #argument) -> Self {
            #fill
            self
        }
    }
}

/// The names by which the documentation's search finds the method too: the contract's, and `get_…` for what is called `fetch_…`.
pub(crate) fn alias(operation: &Operation) -> TokenStream {
    let id = &operation.id;
    let contract =
        (*id != operation.name && !id.is_empty() && id.chars().all(char::is_alphanumeric)).then(|| id.clone());
    let guess = operation.name.strip_prefix("fetch_").map(|rest| format!("get_{rest}"));
    contract.into_iter().chain(guess).map(|name| quote! { #[doc(alias = #name)] }).collect()
}

pub(crate) fn gate(operation: &Operation) -> TokenStream {
    operation.feature.as_ref().map_or_else(TokenStream::new, |feature| quote! { #[cfg(feature = #feature)] })
}

pub(crate) fn argument(parameter: &Parameter) -> TokenStream {
    let name = ident(&parameter.name);
    let element = match &parameter.ty {
        ParameterType::Text => quote! { impl AsRef<str> },
        ParameterType::Into(ty) => {
            let ty = tokens(ty);
            quote! { impl Into<#ty> }
        }
        ParameterType::Scalar(ty) => tokens(ty),
    };
    if let (Some(_), ParameterType::Into(ty)) = (&parameter.list, &parameter.ty) {
        let ty = tokens(ty);
        quote! { #name: impl OneOrMany<#ty> }
    } else if parameter.list.is_some() {
        quote! { #name: impl IntoIterator<Item = #element> }
    } else {
        quote! { #name: #element }
    }
}

/// The statements that put a parameter's value into the call.
fn fill(parameter: &Parameter, call: &TokenStream) -> TokenStream {
    let name = ident(&parameter.name);
    let wire = &parameter.wire;
    if let Some(style) = parameter.list {
        let separator = match style {
            ListStyle::Repeat => quote! { None },
            ListStyle::Comma => quote! { Some(",") },
            ListStyle::Space => quote! { Some(" ") },
            ListStyle::Pipe => quote! { Some("|") },
        };
        let item = match &parameter.ty {
            ParameterType::Text => quote! { item.as_ref().to_owned() },
            ParameterType::Scalar(_) => quote! { item.to_string() },
            ParameterType::Into(_) => {
                let item = quote! { item.as_str().to_owned() };
                return quote! { #call.query_list(#wire, #name.into_vec().iter().map(|item| #item), #separator); };
            }
        };
        return quote! { #call.query_list(#wire, #name.into_iter().map(|item| #item), #separator); };
    }
    let put = |value: TokenStream| match parameter.place {
        Place::Path => quote! { #call.path(#wire, #value); },
        Place::Header => quote! { #call.header(#wire, #value); },
        Place::Query => quote! { #call.query(#wire, #value); },
    };
    match &parameter.ty {
        ParameterType::Text => put(quote! { #name.as_ref() }),
        ParameterType::Scalar(_) => put(quote! { #name }),
        ParameterType::Into(ty) => {
            let ty = tokens(ty);
            let put = put(quote! { #name.as_str() });
            quote! { let #name: #ty = #name.into(); #put }
        }
    }
}

fn is_bytes(body: &RequestBody) -> bool {
    matches!(body.writing, Writing::Bytes(_))
}

pub(crate) fn body_argument(body: &RequestBody) -> TokenStream {
    let (name, ty) = (ident(&body.name), tokens(&body.ty));
    if is_bytes(body) {
        quote! { #name: impl Into<Bytes> }
    } else if body.into {
        quote! { #name: impl Into<#ty> }
    } else {
        quote! { #name: impl BodyOf<#ty> }
    }
}

fn fill_body(body: &RequestBody, call: &TokenStream) -> TokenStream {
    let (name, ty) = (ident(&body.name), tokens(&body.ty));
    let write = |value: TokenStream| match &body.writing {
        Writing::Json => quote! { #call.json(#value); },
        Writing::JsonAs(media) => quote! { #call.json_as(#media, #value); },
        Writing::Form => quote! { #call.form(#value); },
        Writing::Bytes(media) => quote! { #call.bytes(#media, #name.into()); },
    };
    if body.into && !is_bytes(body) {
        let write = write(quote! { &#name });
        quote! { let #name: #ty = #name.into(); #write }
    } else {
        write(quote! { #name.body() })
    }
}

/// Description, route, what a failure means for repeating it, who may call it, evidence.
pub(crate) fn operation_docs(operation: &Operation) -> TokenStream {
    let mut docs = operation.docs.clone();
    let again = match operation.retry {
        RetryClass::Read => "yes, it is a read",
        RetryClass::IdempotentWrite if operation.method == "PUT" => {
            "yes, a second execution leaves the same state and overwrites what somebody else wrote in between"
        }
        RetryClass::IdempotentWrite => "yes, a second execution leaves the same state",
        RetryClass::UnsafeWrite => "no, a second execution might do the work twice",
    };
    docs.notes.insert(
        0,
        format!(
            "`{} {}`. Retried after a failure that may have reached the service: {again}.",
            operation.method, operation.path
        ),
    );
    if operation.access == Access::Oauth {
        docs.notes.push("Needs an OAuth access token: the service refuses API keys here.".to_owned());
    }
    doc_attributes(&docs, &format!("The operation `{}`.", operation.id), false)
}
