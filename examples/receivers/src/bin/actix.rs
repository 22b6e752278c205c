//! Receives webhooks with actix-web.

// ANCHOR: receiver
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, PayloadConfig, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use onehorizon::webhook::{Event, Receiver, Verified, Verifier};

async fn webhook(request: HttpRequest, body: Bytes, receiver: Data<Receiver>) -> HttpResponse {
    let headers = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let reply = receiver.receive(request.method().as_str(), headers, &body, handle).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status()).unwrap_or_default());
    for header in reply.headers() {
        response.insert_header(header);
    }
    response.body(reply.into_body())
}

async fn handle(event: Verified<Event>) -> Result<(), std::io::Error> {
    println!("{} {}", event.event_type(), event.id());
    Ok(())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Data::new(Receiver::new(Verifier::from_env()?));
    let limit = PayloadConfig::new(receiver.verifier().max_body_bytes());
    let server = HttpServer::new(move || {
        App::new().app_data(limit.clone()).app_data(receiver.clone()).route("/webhook", to(webhook))
    })
    .workers(1)
    .bind(("127.0.0.1", port()))?;
    for address in server.addrs() {
        println!("listening on {address}");
    }
    Ok(server.run().await?)
}

fn port() -> u16 {
    std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000)
}
// ANCHOR_END: receiver
