//! The fake as a server and as a transport.

use std::time::Duration;

use onehorizon::transport::{Failure, Transport, TransportRequest, TransportResponse};
use onehorizon_testing::{FakeOneHorizon, FakeTransport, Fault};
use support::http::Caller;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const TASK: &str = "/workspaces/current/tasks/tsk_1001";

fn address(fake: &FakeOneHorizon) -> String {
    fake.url().trim_start_matches("http://").trim_end_matches("/api/v1").to_owned()
}

#[tokio::test]
async fn it_listens_on_loopback_and_its_url_is_a_base_url() {
    let fake = FakeOneHorizon::start().await.unwrap();
    assert!(fake.url().starts_with("http://127.0.0.1:") && fake.url().ends_with("/api/v1"), "{}", fake.url());
    let other = FakeOneHorizon::start().await.unwrap();
    assert_ne!(fake.url(), other.url());
}

#[tokio::test]
async fn fakes_share_nothing() {
    let (one, other) = (FakeOneHorizon::start().await.unwrap(), FakeOneHorizon::start().await.unwrap());
    one.spend_quota();
    assert_eq!(Caller::new(&one.url(), one.api_key()).get(TASK).await.status, 429);
    assert_eq!(Caller::new(&other.url(), other.api_key()).get(TASK).await.status, 200);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let mut stream = TcpStream::connect(address(&fake)).await.unwrap();
    for _ in 0..3 {
        let request =
            format!("GET /api/v1{TASK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", fake.api_key());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut seen = String::new();
        while !seen.ends_with('}') {
            let mut part = [0; 1024];
            let count = stream.read(&mut part).await.unwrap();
            assert_ne!(count, 0, "the connection closed");
            seen.push_str(std::str::from_utf8(&part[..count]).unwrap());
        }
        assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
    }
}

#[tokio::test]
async fn many_callers_at_once_all_get_a_response() {
    let fake = FakeOneHorizon::builder().quota_off().start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let key = key.clone();
            tokio::spawn(
                async move { key.post("/workspaces/current/tasks", &format!(r#"{{"title":"{number}"}}"#)).await },
            )
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().status, 201);
    }
    assert_eq!(fake.executed("createTask"), 50);
    let mut ids: Vec<_> = fake.tasks().iter().map(|task| task.text("taskId").unwrap()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[tokio::test]
async fn shutting_down_closes_the_port_and_every_connection() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let address = address(&fake);
    let mut idle = TcpStream::connect(&address).await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    assert_eq!(key.get(TASK).await.status, 200);
    fake.shutdown().await;
    assert!(TcpStream::connect(&address).await.is_err());
    assert!(matches!(idle.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn dropping_the_fake_ends_what_hangs_in_it() {
    let fake = FakeOneHorizon::start().await.unwrap();
    fake.fail_next(Fault::hang());
    let key = Caller::new(&fake.url(), fake.api_key());
    let hanging = tokio::spawn(async move { key.send("GET", TASK, &[], "").await });
    while fake.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(fake);
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn every_response_has_a_request_id_that_the_record_knows() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    let ids =
        [key.get(TASK).await, key.get("/nowhere").await].map(|reply| reply.header("x-request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
    assert_eq!(fake.requests().iter().map(|request| request.id().to_owned()).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn a_large_request_is_served() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    let body = format!(r#"{{"title":"x","padding":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    assert_eq!(key.post("/workspaces/current/tasks", &body).await.status, 201);
}

#[tokio::test]
async fn an_enormous_request_is_refused() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    let body = format!(r#"{{"title":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    // The fake may close the connection before it has read everything.
    let reply = key.send("POST", "/workspaces/current/tasks", &[("Content-Type", "application/json")], &body).await;
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status == 413));
    assert_eq!(fake.executed("createTask"), 0);
}

fn request(fake: &FakeOneHorizon) -> TransportRequest {
    let url = format!("{}{TASK}", fake.url()).parse().unwrap();
    let mut request = TransportRequest::new("GET".parse().unwrap(), url);
    request.headers.insert("authorization", format!("Bearer {}", fake.api_key()).parse().unwrap());
    request
}

async fn send(transport: &FakeTransport, request: TransportRequest) -> Result<TransportResponse, Failure> {
    transport.send(request).await.map_err(|error| error.failure())
}

#[tokio::test(start_paused = true)]
async fn as_a_transport_it_needs_no_socket_and_no_time() {
    let fake = FakeOneHorizon::builder().in_process();
    let transport = fake.transport();
    let reply = send(&transport, request(&fake)).await.unwrap();
    assert_eq!((reply.status.as_u16(), fake.executed("fetchTask")), (200, 1));
    fake.fail_next(Fault::slow(Duration::from_secs(3600)));
    let start = Instant::now();
    assert_eq!(send(&transport, request(&fake)).await.unwrap().status, 200);
    assert_eq!(start.elapsed().as_secs(), 3600);
    fake.fail_next(Fault::hang());
    let call = tokio::time::timeout(Duration::from_secs(3600), send(&transport, request(&fake)));
    assert!(call.await.is_err());
}

#[tokio::test]
async fn as_a_transport_it_breaks_off_like_a_connection() {
    let fake = FakeOneHorizon::builder().in_process();
    let transport = fake.transport();
    for fault in [Fault::drop_before(), Fault::drop_after(), Fault::truncate(3)] {
        fake.fail_next(fault);
        assert_eq!(send(&transport, request(&fake)).await.unwrap_err(), Failure::Interrupted);
    }
    assert_eq!(fake.executed("fetchTask"), 2);
    let whole = send(&transport, request(&fake)).await.unwrap().body.len();
    fake.fail_next(Fault::truncate(whole));
    assert_eq!(send(&transport, request(&fake)).await.unwrap().body.len(), whole, "nothing was cut off");
    let mut exact = request(&fake);
    exact.max_response_bytes = whole;
    assert_eq!(send(&transport, exact).await.unwrap().body.len(), whole);
    let mut small = request(&fake);
    small.max_response_bytes = whole - 1;
    assert_eq!(send(&transport, small).await.unwrap_err(), Failure::TooLarge);
}
