//! Receives webhooks in an AWS Lambda function behind an API gateway or a function URL.
//!
//! The gateway may hand the body over in base64; `lambda_http` decodes it. A function forgets what it keeps in memory: use a
//! claim store that lasts, such as `onehorizon-redis` or `onehorizon-postgres`, where an event must not be handled twice.

// ANCHOR: receiver
use lambda_http::{Body, Error, Request, Response, run, service_fn};
use onehorizon::webhook::{Event, Receiver, Verified, Verifier};

async fn webhook(receiver: &Receiver, request: Request) -> Result<Response<Body>, Error> {
    let (parts, body) = request.into_parts();
    let reply = receiver.receive(parts.method.as_str(), &parts.headers, body.as_ref(), handle).await;
    Ok(reply.into())
}

async fn handle(event: Verified<Event>) -> Result<(), std::io::Error> {
    println!("{} {}", event.event_type(), event.id());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let receiver = Receiver::new(Verifier::from_env()?);
    run(service_fn(|request| webhook(&receiver, request))).await
}
// ANCHOR_END: receiver

#[cfg(test)]
mod tests {
    use super::*;

    /// What a gateway hands over, with the body in base64.
    const EVENT: &str = include_str!("../../tests/gateway.json");

    #[tokio::test]
    async fn a_body_in_base64_is_the_event_and_a_second_delivery_is_a_duplicate() {
        let receiver = Receiver::new(Verifier::key("the-key").unwrap());
        for duplicate in [false, true] {
            let request = lambda_http::request::from_str(EVENT).unwrap();
            let response = webhook(&receiver, request).await.unwrap();
            assert_eq!(response.status(), 200, "{:?}", response.body());
            let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!((body["id"].as_str(), body["duplicate"] == true), (Some("evt_1"), duplicate));
        }
    }
}
