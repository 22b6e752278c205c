//! Lists that come in pages: where a cursor goes out as a parameter and comes back in the response.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::types::ident;
use crate::emit::{Files, Printed, header, print};
use crate::error::Error;
use crate::ir::{Body, Field, Operation, ParameterType, Place, Program, Response, Struct, Type};

/// What is emitted beside the impls, as it stands.
const RUNTIME: &str = include_str!("paging_runtime.rs");

/// The same for the blocking clients.
const BLOCKING: &str = include_str!("paging_blocking.rs");

/// The module of an operation that pages.
pub(crate) const HOME: &str = "paging";

/// How an operation pages.
pub(crate) struct Paging {
    /// The parameter that takes the cursor, or nothing where the page has the address of the next one.
    pub(crate) parameter: Option<String>,
    /// The model that is a page.
    pub(crate) page: String,
    /// The expression of the next page's cursor, from `self`.
    next: TokenStream,
    /// The field of the items, and what they are.
    items: (String, String),
}

/// The file of the pages, if an operation has any.
pub(crate) fn emit(program: &Program, source: &str, files: &mut Files) -> Result<(), Error> {
    let operations = program.groups.iter().flat_map(|group| &group.operations);
    let pages: BTreeMap<String, Paging> =
        operations.filter_map(|operation| of(program, operation)).map(|paging| (paging.page.clone(), paging)).collect();
    if pages.is_empty() {
        return Ok(());
    }
    let impls = pages.values().map(|paging| {
        let (page, next) = (ident(&paging.page), &paging.next);
        let (field, item) = (ident(&paging.items.0), ident(&paging.items.1));
        quote! {
            impl Page for super::super::models::#page {
                type Item = super::super::models::#item;
                fn next_cursor(&self) -> Option<&str> {
                    #next
                }
                fn into_items(self) -> Vec<Self::Item> {
                    self.#field.list()
                }
            }
        }
    });
    let impls = print(impls.map(Printed::Tokens))?;
    let head = header(source).trim_end_matches('\n').to_owned() + "\n";
    files.insert(format!("blocking/{HOME}.rs"), format!("{head}//!\n//! Lists that come in pages.\n\n{BLOCKING}"));
    files.insert(format!("apis/{HOME}.rs"), format!("{head}//!\n//! Lists that come in pages.\n\n{RUNTIME}\n{impls}"));
    Ok(())
}

/// The methods of the builder: every page, and every item.
pub(crate) fn methods(program: &Program, operation: &Operation) -> Option<TokenStream> {
    let paging = of(program, operation)?;
    let page = ident(&paging.page);
    let next = paging.parameter.as_ref().map_or_else(|| quote! { None }, |parameter| quote! { Some(#parameter) });
    Some(quote! {
        #[doc = " The pages one after another, one request each. A cursor that was set is where they begin."]
        pub fn pages(self) -> super::paging::Pages<#page> {
            super::paging::Pages::new(self.call, #next, Call::send)
        }
        #[doc = " What all pages contain, one by one; the next page is fetched when it is needed."]
        pub fn items(self) -> super::paging::Items<#page> {
            super::paging::Items::new(self.pages())
        }
    })
}

/// The same methods of the blocking builder.
pub(crate) fn blocking_methods(program: &Program, operation: &Operation) -> Option<TokenStream> {
    let paging = of(program, operation)?;
    let (page, builder) = (ident(&paging.page), ident(&operation.builder));
    Some(quote! {
        #[doc = " The pages one after another, one request each. A cursor that was set is where they begin."]
        pub fn pages(self) -> super::paging::Pages<#page> {
            super::paging::Pages::new(self.configuration, apis::#builder::pages(self.call))
        }
        #[doc = " What all pages contain, one by one; the next page is fetched when it is needed."]
        pub fn items(self) -> super::paging::Items<#page> {
            super::paging::Items::new(self.configuration, apis::#builder::items(self.call))
        }
    })
}

/// How an operation pages, if it does.
pub(crate) fn of(program: &Program, operation: &Operation) -> Option<Paging> {
    if operation.parameters.iter().any(|parameter| matches!(parameter.name.as_str(), "pages" | "items")) {
        return None;
    }
    let Response::Json(Type::Named(page)) = &operation.response else { return None };
    let body = structure(program, page)?;
    let mut cursors = operation.parameters.iter().filter(|parameter| {
        parameter.place == Place::Query
            && !parameter.required
            && parameter.list.is_none()
            && parameter.ty == ParameterType::Text
            && crate::lower::is_cursor(&parameter.wire)
    });
    let cursor = cursors.next().filter(|_| cursors.next().is_none());
    let by_cursor = cursor.and_then(|cursor| Some((Some(cursor.wire.clone()), next(program, body, is_next)?)));
    let by_link = || (operation.method == "GET").then(|| Some((None, next(program, body, is_link)?))).flatten();
    let (parameter, next) = by_cursor.or_else(by_link)?;
    Some(Paging { parameter, page: page.clone(), next, items: items(program, body)? })
}

fn structure<'p>(program: &'p Program, name: &str) -> Option<&'p Struct> {
    program.items.iter().find(|item| item.name == name).and_then(|item| match &item.body {
        Body::Struct(body) => Some(body),
        _ => None,
    })
}

/// The one list of objects, or that which the curation names.
fn items(program: &Program, body: &Struct) -> Option<(String, String)> {
    let element = |field: &Field| match field.ty.clone().unwrap_null().0 {
        Type::List(inner) => match *inner {
            Type::Named(name) => structure(program, &name).map(|_| (field.name.clone(), name)),
            _ => None,
        },
        _ => None,
    };
    let mut lists = body.fields.iter().filter_map(element);
    if let Some((named, _)) = &body.items {
        return lists.find(|(field, _)| field == named);
    }
    let first = lists.next()?;
    lists.next().is_none().then_some(first)
}

/// The next page's cursor: a string of the page, or of an object in it that is about paging.
fn next(program: &Program, body: &Struct, test: fn(&Field) -> bool) -> Option<TokenStream> {
    if let Some(field) = body.fields.iter().find(|field| test(field)) {
        let name = ident(&field.name);
        return Some(quote! { self.#name.text() });
    }
    body.fields.iter().filter(|field| is_about_paging(&field.wire)).find_map(|field| {
        let (ty, nullable) = field.ty.clone().unwrap_null();
        let Type::Named(inner) = ty else { return None };
        let cursor = structure(program, &inner)?.fields.iter().find(|field| test(field))?;
        let (outer, cursor) = (ident(&field.name), ident(&cursor.name));
        Some(if field.required && !nullable {
            quote! { self.#outer.#cursor.text() }
        } else {
            quote! { self.#outer.as_ref().and_then(|inner| inner.#cursor.text()) }
        })
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_next(field: &Field) -> bool {
    let is_text = matches!(field.ty.clone().unwrap_null().0, Type::Text);
    is_text
        && matches!(
            plain(&field.wire).as_str(),
            "nextcursor"
                | "nextpagetoken"
                | "nexttoken"
                | "nextpagecursor"
                | "nextcontinuationtoken"
                | "endcursor"
                | "cursornext"
        )
}

/// The address of the next page: `next`, `nextLink`, `next_url`, `@odata.nextLink`.
fn is_link(field: &Field) -> bool {
    let is_text = matches!(field.ty.clone().unwrap_null().0, Type::Text);
    is_text
        && matches!(
            plain(&field.wire).as_str(),
            "next"
                | "nextlink"
                | "nexturl"
                | "nexturi"
                | "nexthref"
                | "nextpage"
                | "nextpageurl"
                | "nextpagelink"
                | "odatanextlink"
        )
}

fn is_about_paging(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "meta"
            | "metadata"
            | "paging"
            | "pagination"
            | "pageinfo"
            | "page"
            | "pages"
            | "cursors"
            | "responsemetadata"
            | "links"
    )
}
