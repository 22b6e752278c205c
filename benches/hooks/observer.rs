//! The engine without hooks, for comparison: `benches/hooks/run` builds the crate with this instead of
//! `src/engine/observer.rs`.
#![allow(missing_docs, clippy::unused_self, clippy::needless_pass_by_ref_mut, dead_code)]

use std::marker::PhantomData;
use std::time::Duration;

use super::call::Call;
use crate::error::{Error, ErrorKind};
use crate::hooks::{CallInfo, WaitKind};
use crate::metadata::Metadata;

pub(super) fn info(_: &Call) -> CallInfo<'_> {
    unreachable!()
}

pub(super) struct Observer<'a>(PhantomData<&'a Call>);

impl<'a> Observer<'a> {
    #[inline]
    pub(super) fn start(_: &'a Call) -> Self {
        Self(PhantomData)
    }

    #[inline]
    pub(super) fn waits(&self, _: WaitKind, _: Duration) {}

    #[inline]
    pub(super) fn attempt_started(&mut self, _: u32) {}

    #[inline]
    pub(super) fn attempt_ended(&mut self, _: &Metadata, _: Option<ErrorKind>) {}

    #[inline]
    pub(super) fn ended(self, _: Result<&Metadata, &Error>) {}
}
