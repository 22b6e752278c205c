//! What the Tokio runtime at hand was built with.
//!
//! Tokio has no way to ask whether a runtime has a timer and I/O: code that uses a missing one panics. So both are tried once
//! for each runtime, and the panic is caught. The panic hook sees it, at most twice for a runtime.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};

/// What a runtime can do for those who run on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drivers {
    pub(crate) timer: bool,
    #[cfg(feature = "client")]
    pub(crate) io: bool,
}

/// Runtimes to remember for threads that meet them for the first time.
const MOST_RUNTIMES: usize = 64;

static KNOWN: Mutex<VecDeque<(Id, Drivers)>> = Mutex::new(VecDeque::new());

thread_local! {
    /// The runtime that this thread asked about last: nearly always the one that it asks about next.
    static LAST: Cell<Option<(Id, Drivers)>> = const { Cell::new(None) };
}

/// Whether waiting on Tokio's timer works here.
pub(crate) fn has_timer() -> bool {
    Handle::try_current().is_ok_and(|runtime| drivers(&runtime).timer)
}

/// What the runtime was built with, which must be the current one.
pub(crate) fn drivers(current: &Handle) -> Drivers {
    let id = current.id();
    if let Some((_, drivers)) = LAST.get().filter(|(last, _)| *last == id) {
        return drivers;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().find(|(other, _)| *other == id).map(|(_, drivers)| *drivers);
    let drivers = found.unwrap_or_else(|| {
        let drivers = try_out();
        if known.len() == MOST_RUNTIMES {
            known.pop_front();
        }
        known.push_back((id, drivers));
        drivers
    });
    LAST.set(Some((id, drivers)));
    drivers
}

#[allow(clippy::disallowed_methods, reason = "nothing waits for this timer")]
fn try_out() -> Drivers {
    Drivers {
        timer: catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok(),
        #[cfg(feature = "client")]
        io: catch_unwind(register_socket).is_ok(),
    }
}

/// Registers a socket, to which nothing is ever sent. Where no socket can be made, a connection fails with an error.
#[cfg(feature = "client")]
fn register_socket() {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

    let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
    let socket = UdpSocket::bind(addresses.as_slice()).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
    let _ = socket.and_then(tokio::net::UdpSocket::from_std);
}
