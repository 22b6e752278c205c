//! One value or several, as an argument.

/// One value of an enum or an id, or several of them: `TaskStatus::Planned`, `[TaskStatus::Planned, TaskStatus::Blocked]`, a
/// `Vec`, an iterator.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a `{T}` nor several of them",
    label = "expected one `{T}`, or an array, a `Vec` or an iterator of them",
    note = "a string is read by `\"planned\".parse::<TaskStatus>()?`, which refuses what is not known"
)]
pub trait OneOrMany<T> {
    #[doc(hidden)]
    fn into_vec(self) -> Vec<T>;
}

impl<T, I> OneOrMany<T> for I
where
    I: IntoIterator,
    I::Item: Item<T>,
{
    fn into_vec(self) -> Vec<T> {
        self.into_iter().map(Item::into_item).collect()
    }
}

/// An item of several: whatever turns into a `T`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `{T}`",
    label = "expected items that are a `{T}`",
    note = "a string is read by `\"planned\".parse::<TaskStatus>()?`, which refuses what is not known"
)]
pub trait Item<T> {
    fn into_item(self) -> T;
}

// The words above say more than those of `From`.
#[diagnostic::do_not_recommend]
impl<T, I: Into<T>> Item<T> for I {
    fn into_item(self) -> T {
        self.into()
    }
}
