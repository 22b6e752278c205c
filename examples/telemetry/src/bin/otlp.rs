//! Sends spans and metrics of some calls and deliveries to an OpenTelemetry collector.
//!
//! `OTEL_EXPORTER_OTLP_ENDPOINT` says where it is (http://localhost:4318). Prints the trace contexts that arrived at the service.

use std::error::Error;

use metrics_opentelemetry::{OpenTelemetryMetrics, OpenTelemetryRecorder};
use onehorizon::metrics::Metrics;
use onehorizon::webhook::{Receiver, Verifier};
use onehorizon::{Configuration, TasksApi};
use onehorizon_telemetry::{ContinueTrace, TraceContext, WEBHOOK_KEY, work};
use onehorizon_testing::FakeOneHorizon;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The exporter's own HTTP client asks for the process's TLS provider, also for http://; this SDK needs none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let resource = || Resource::builder().with_service_name("telemetry-example").build();
    let spans = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_batch_exporter(SpanExporter::builder().with_http().build()?)
        .build();
    let meters = SdkMeterProvider::builder()
        .with_resource(resource())
        .with_periodic_exporter(MetricExporter::builder().with_http().build()?)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("onehorizon"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    // Before the hooks are made: they describe the metrics to the recorder that is there.
    metrics::set_global_recorder(OpenTelemetryRecorder::new(OpenTelemetryMetrics::new(meters.meter("onehorizon"))))
        .map_err(|_| "there is a recorder already")?;

    let fake = FakeOneHorizon::start().await?;
    let configuration = Configuration::builder()
        .base_url(fake.url())
        .api_key(fake.api_key())
        .layer(TraceContext)
        .hooks(Metrics::new())
        .build()?;
    let verifier = Verifier::builder().key("2026-06", WEBHOOK_KEY).build()?;
    let receiver = Receiver::builder(verifier).hooks(ContinueTrace).hooks(Metrics::new()).build();
    TasksApi::new(&configuration).list_tasks().await?;
    let job = tracing::info_span!(target: "program", "nightly job");
    work(&fake, &configuration, &receiver, 0).instrument(job).await;

    for request in fake.requests() {
        if let Some(context) = request.header("traceparent") {
            println!("{} {context}", request.path());
        }
    }
    // Exporters block, and want another thread than a runtime's.
    tokio::task::spawn_blocking(move || -> Result<(), String> {
        spans.shutdown().map_err(|error| error.to_string())?;
        meters.shutdown().map_err(|error| error.to_string())
    })
    .await??;
    Ok(())
}
