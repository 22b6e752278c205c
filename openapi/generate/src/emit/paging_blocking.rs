use std::fmt;

use super::super::apis::paging::{self as asynchronous, Page};
use crate::blocking::block_on;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::response::Response;

/// The pages of a list, one request each; an iterator that blocks for each page. An empty page in the middle is a page like
/// any other. It ends with an error when a request fails, when the service returns a cursor a second time, and after
/// [`max_pages`](Self::max_pages) pages; [`cursor`](Self::cursor) says then where to go on.
#[must_use = "pages are fetched as they are asked for"]
pub struct Pages<P> {
    configuration: Configuration,
    pages: Option<asynchronous::Pages<P>>,
    cursor: Option<String>,
}

impl<P: Page> Pages<P> {
    #[allow(dead_code, reason = "the operations may be behind a feature")]
    pub(crate) fn new(configuration: Configuration, pages: asynchronous::Pages<P>) -> Self {
        Self { configuration, pages: Some(pages), cursor: None }
    }

    /// Begins at a cursor that an earlier list returned.
    pub fn starting_at(self, cursor: impl Into<String>) -> Self {
        Self { pages: self.pages.map(|pages| pages.starting_at(cursor)), ..self }
    }

    /// Fetches at most so many pages, by default 10,000; that more were left is an error.
    pub fn max_pages(self, most: u32) -> Self {
        Self { pages: self.pages.map(|pages| pages.max_pages(most)), ..self }
    }

    /// The cursor of the page that comes next; also after an error, to go on from it later.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.pages.as_ref().map_or(self.cursor.as_deref(), asynchronous::Pages::cursor)
    }
}

impl<P: Page> Iterator for Pages<P> {
    type Item = Result<Response<P>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut pages = self.pages.take()?;
        match block_on(&self.configuration, pages.next()) {
            Ok(page) => {
                self.pages = Some(pages);
                page
            }
            Err(error) => {
                self.cursor = pages.cursor().map(str::to_owned);
                Some(Err(error))
            }
        }
    }
}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// The items of all pages one by one; the next page is fetched when those of the last are used up.
#[must_use = "items are fetched as they are asked for"]
pub struct Items<P: Page> {
    configuration: Configuration,
    items: Option<asynchronous::Items<P>>,
    cursor: Option<String>,
}

impl<P: Page> Items<P> {
    #[allow(dead_code, reason = "the operations may be behind a feature")]
    pub(crate) fn new(configuration: Configuration, items: asynchronous::Items<P>) -> Self {
        Self { configuration, items: Some(items), cursor: None }
    }

    /// As [`Pages::starting_at`].
    pub fn starting_at(self, cursor: impl Into<String>) -> Self {
        Self { items: self.items.map(|items| items.starting_at(cursor)), ..self }
    }

    /// As [`Pages::max_pages`].
    pub fn max_pages(self, most: u32) -> Self {
        Self { items: self.items.map(|items| items.max_pages(most)), ..self }
    }

    /// The cursor of the page after the one whose items are being returned.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.items.as_ref().map_or(self.cursor.as_deref(), asynchronous::Items::cursor)
    }
}

impl<P: Page> Iterator for Items<P> {
    type Item = Result<P::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut items = self.items.take()?;
        match block_on(&self.configuration, items.next()) {
            Ok(item) => {
                self.items = Some(items);
                item
            }
            Err(error) => {
                self.cursor = items.cursor().map(str::to_owned);
                Some(Err(error))
            }
        }
    }
}

impl<P: Page> fmt::Debug for Items<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("items", &self.items).finish_non_exhaustive()
    }
}
