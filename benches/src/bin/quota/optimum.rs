//! The optimal makespan: that of a client that sees the service's counters.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::server::ONE_WAY;
use crate::windows::{Counters, Model};

/// Each call arrives as soon as the service admits it and a caller is free.
///
/// In all three models, moving earlier requests earlier never reduces what the service admits later, so sending each as
/// early as possible is optimal.
pub fn makespan(model: Model, callers: usize, calls: usize) -> Duration {
    let mut counters = Counters::new(model);
    let mut free: BinaryHeap<Reverse<Duration>> = (0..callers).map(|_| Reverse(Duration::ZERO)).collect();
    let mut last = Duration::ZERO;
    for _ in 0..calls {
        let Reverse(caller) = free.pop().unwrap();
        // The counters see the requests in order of time.
        let mut arrival = last.max(caller + ONE_WAY);
        while let Err(wait) = counters.admit(arrival) {
            arrival += wait;
        }
        last = arrival;
        free.push(Reverse(arrival + ONE_WAY));
    }
    last + ONE_WAY
}
