//! Receives webhooks with hyper alone.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use onehorizon::webhook::{Event, Receiver, Reply, Verified, Verifier, WebhookError};

async fn webhook(receiver: Receiver, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(reply(&receiver, request).await.unwrap_or_else(|refusal| refusal).into())
}

async fn reply(receiver: &Receiver, request: Request<Incoming>) -> Result<Reply, Reply> {
    let (parts, mut body) = request.into_parts();
    let mut collected = receiver.begin(parts.method.as_str(), &parts.headers)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| receiver.refuse(WebhookError::Unreadable))?;
        if let Some(chunk) = frame.data_ref() {
            collected.push(chunk).map_err(|error| receiver.refuse(error))?;
        }
    }
    Ok(receiver.receive(parts.method.as_str(), &parts.headers, collected.as_slice(), handle).await)
}

async fn handle(event: Verified<Event>) -> Result<(), std::io::Error> {
    println!("{} {}", event.event_type(), event.id());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::new(Verifier::from_env()?);
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let receiver = receiver.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| webhook(receiver.clone(), request));
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                eprintln!("connection: {error}");
            }
        });
    }
}
