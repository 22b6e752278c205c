//! The best makespan there is, from a client that sees the service's counters and never guesses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::server::ONE_WAY;
use crate::windows::{Counters, Model};

/// Each call is sent so that it arrives at the first moment at which the service admits it and a caller is free.
///
/// For all three models the service admits at any time at least as many requests as it would had the earlier ones come
/// later, so sending each as early as possible is best.
pub fn makespan(model: Model, callers: usize, calls: usize) -> Duration {
    let mut counters = Counters::new(model);
    let mut free: BinaryHeap<Reverse<Duration>> = (0..callers).map(|_| Reverse(Duration::ZERO)).collect();
    let mut last = Duration::ZERO;
    for _ in 0..calls {
        let Reverse(caller) = free.pop().unwrap();
        // The counters see the requests in the order of time.
        let mut arrival = last.max(caller + ONE_WAY);
        while let Err(wait) = counters.admit(arrival) {
            arrival += wait;
        }
        last = arrival;
        free.push(Reverse(arrival + ONE_WAY));
    }
    last + ONE_WAY
}
