//! A receiver on axum with the store in memory, on one thread. Prints its URL on the first line.
#![allow(clippy::unwrap_used, reason = "a bench panics on failure")]

use std::convert::Infallible;

use onehorizon::webhook::{Event, Receiver, Verified, Verifier, axum_routes::route};
use onehorizon_benches::deliveries::KEY;

fn main() {
    let receiver = Receiver::new(Verifier::key(KEY).unwrap());
    let app = axum::Router::new().route("/webhook", route(receiver, async |event: Verified<Event>| {
        assert!(!event.id().as_str().is_empty());
        Ok::<_, Infallible>(())
    }));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}/webhook", listener.local_addr().unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}
