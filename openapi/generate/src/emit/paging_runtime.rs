use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::engine::{Call, Pending};
use crate::error::{Error, ErrorKind};
use crate::response::Response;

/// How many pages are fetched at most, unless [`Pages::max_pages`] says otherwise.
const MAX_PAGES: u32 = 10_000;

/// One page of a list.
pub trait Page: Send + 'static {
    /// What the list contains.
    type Item: Send + 'static;

    /// The cursor of the next page, or its address; none on the last one.
    fn next_cursor(&self) -> Option<&str>;

    /// What this page contains, perhaps nothing.
    fn into_items(self) -> Vec<Self::Item>;
}

/// The pages of a list, one request each. The address of a next page is followed on the same host and route alone. An empty page in the middle is a page like any other; only a page without a
/// cursor is the last. It ends with an error when a request fails, when the service returns a cursor a second time, and
/// after [`max_pages`](Self::max_pages) pages; [`cursor`](Self::cursor) says then where to go on.
///
/// A stream, and without an extension trait a `while let Some(page) = pages.next().await`.
#[must_use = "pages are fetched as they are asked for"]
pub struct Pages<P> {
    call: Call,
    /// The parameter that takes the cursor; none where the service returns the address of the next page.
    parameter: Option<&'static str>,
    send: fn(Call) -> Pending<P>,
    cursor: Option<String>,
    seen: BTreeSet<String>,
    left: u32,
    state: State<P>,
}

enum State<P> {
    Between,
    Fetching(Pending<P>),
    Failed(Error),
    Ended,
}

impl<P: Page> Pages<P> {
    #[allow(dead_code, reason = "the operations may be behind a feature")]
    pub(crate) fn new(call: Call, parameter: Option<&'static str>, send: fn(Call) -> Pending<P>) -> Self {
        Self { call, parameter, send, cursor: None, seen: BTreeSet::new(), left: MAX_PAGES, state: State::Between }
    }

    /// Begins at a cursor that an earlier list returned.
    pub fn starting_at(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// Fetches at most so many pages, by default 10,000; that more were left is an error.
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.left = pages;
        self
    }

    /// The cursor of the page that comes next; also after an error, to go on from it later.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next page; `None` after the last one.
    ///
    /// # Errors
    /// Those of the call, `Decode` for a cursor that the service returns a second time, `Invalid` when the limit of pages
    /// is reached.
    pub async fn next(&mut self) -> Option<Result<Response<P>, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// What follows a page: another one, an error, or the end.
    fn after(&mut self, page: &P) -> State<P> {
        let Some(next) = page.next_cursor().filter(|next| !next.is_empty()).map(str::to_owned) else {
            self.cursor = None;
            return State::Ended;
        };
        if self.cursor.as_ref() == Some(&next) || !self.seen.insert(next.clone()) {
            return State::Failed(Error::new(
                ErrorKind::Decode,
                "the service returned the cursor of an earlier page: the list would never end",
            ));
        }
        self.cursor = Some(next);
        State::Between
    }
}

impl<P: Page> Stream for Pages<P> {
    type Item = Result<Response<P>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Failed(error) => return Poll::Ready(Some(Err(error))),
                State::Between if self.left == 0 => {
                    let what = "the list has more pages than `max_pages` allows: raise it, or go on at `cursor()`";
                    return Poll::Ready(Some(Err(Error::new(ErrorKind::Invalid, what))));
                }
                State::Between => {
                    self.left -= 1;
                    let mut call = self.call.clone();
                    let turned = match (&self.cursor, self.parameter) {
                        (Some(cursor), Some(parameter)) => {
                            call.query(parameter, cursor);
                            Ok(())
                        }
                        (Some(link), None) => call.follow(link),
                        (None, _) => Ok(()),
                    };
                    if let Err(what) = turned {
                        return Poll::Ready(Some(Err(Error::new(ErrorKind::Decode, what))));
                    }
                    self.state = State::Fetching((self.send)(call));
                }
                State::Fetching(mut pending) => {
                    let Poll::Ready(fetched) = Pin::new(&mut pending).poll(context) else {
                        self.state = State::Fetching(pending);
                        return Poll::Pending;
                    };
                    if let Ok(page) = &fetched {
                        self.state = self.after(page);
                    }
                    return Poll::Ready(Some(fetched));
                }
            }
        }
    }
}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("call", &self.call).field("left", &self.left).finish_non_exhaustive()
    }
}

/// The items of all pages one by one; the next page is fetched when those of the last are used up.
#[must_use = "items are fetched as they are asked for"]
pub struct Items<P: Page> {
    pages: Pages<P>,
    page: std::vec::IntoIter<P::Item>,
}

impl<P: Page> Items<P> {
    #[allow(dead_code, reason = "the operations may be behind a feature")]
    pub(crate) fn new(pages: Pages<P>) -> Self {
        Self { pages, page: Vec::new().into_iter() }
    }

    /// As [`Pages::starting_at`].
    pub fn starting_at(mut self, cursor: impl Into<String>) -> Self {
        self.pages = self.pages.starting_at(cursor);
        self
    }

    /// As [`Pages::max_pages`].
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.pages = self.pages.max_pages(pages);
        self
    }

    /// The cursor of the page after the one whose items are being returned.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.pages.cursor()
    }

    /// The next item; `None` after the last one.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub async fn next(&mut self) -> Option<Result<P::Item, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<P: Page> Stream for Items<P> {
    type Item = Result<P::Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut self.pages).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(page)) => self.page = page.into_inner().into_items().into_iter(),
            }
        }
    }
}

impl<P: Page> fmt::Debug for Items<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).field("left", &self.page.len()).finish()
    }
}

// Nothing in them is pinned in place: a call on its way is boxed, items lie in a vector.
impl<P> Unpin for Pages<P> {}
impl<P: Page> Unpin for Items<P> {}

/// A cursor in a field that may be missing or not.
trait Text {
    fn text(&self) -> Option<&str>;
}

impl Text for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Text for Option<String> {
    fn text(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// A list in a field that may be missing or not.
trait List<T> {
    fn list(self) -> Vec<T>;
}

impl<T> List<T> for Vec<T> {
    fn list(self) -> Vec<T> {
        self
    }
}

impl<T> List<T> for Option<Vec<T>> {
    fn list(self) -> Vec<T> {
        self.unwrap_or_default()
    }
}
