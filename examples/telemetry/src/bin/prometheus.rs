//! Works for some seconds and has metrics for Prometheus meanwhile: `cargo run --bin prometheus 127.0.0.1:9000 60`.
#![allow(clippy::disallowed_methods, reason = "a program, not the library")]

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use onehorizon::Configuration;
use onehorizon::metrics::Metrics;
use onehorizon::quota::Pacing;
use onehorizon::webhook::{Receiver, Verifier};
use onehorizon_telemetry::{WEBHOOK_KEY, work};
use onehorizon_testing::FakeOneHorizon;

/// What the conventions advise for the duration of requests, and more for waits.
const SECONDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 120.0];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap_or_else(|| "127.0.0.1:9000".to_owned()).parse()?;
    let seconds: u64 = arguments.next().unwrap_or_else(|| "60".to_owned()).parse()?;

    // Histograms by their unit: without buckets they would be summaries, which cannot be added up over replicas.
    PrometheusBuilder::new()
        // `_seconds` and `_total`, as a collector names them too.
        .with_recommended_naming(true)
        .with_http_listener(address)
        .set_buckets_for_metric(Matcher::Suffix("duration".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("wait".to_owned()), &SECONDS)?
        .install()?;
    println!("listening on http://{address}/metrics");

    let fake = FakeOneHorizon::builder().quota(10_000, 60).start().await?;
    let configuration = Configuration::builder()
        .base_url(fake.url())
        .api_key(fake.api_key())
        .pacing(Pacing::new().window(50, Duration::from_secs(60)))
        .hooks(Metrics::new())
        .build()?;
    let verifier = Verifier::builder().key("2026-06", WEBHOOK_KEY).build()?;
    let receiver = Receiver::builder(verifier).hooks(Metrics::new()).build();

    let end = Instant::now() + Duration::from_secs(seconds);
    for round in 0.. {
        let left = end.saturating_duration_since(Instant::now());
        let Ok(()) = tokio::time::timeout(left, work(&fake, &configuration, &receiver, round)).await else { break };
        // Now and then more work than the quota has room for.
        let pause = Duration::from_secs(if round % 8 < 4 { 2 } else { 12 });
        tokio::time::sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
    }
    Ok(())
}
