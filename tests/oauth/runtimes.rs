//! A credential that is used from one async runtime after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use onehorizon::oauth::{OauthApp, OauthErrorKind, RefreshingCredential};
use support::oauth::{Server, poll_once, stale, stale_tokens};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Begins a refresh on a runtime of its own and leaves it there, with the server's response outstanding.
fn left_behind(server: &Server, credential: &RefreshingCredential) {
    server.close();
    runtime().block_on(async {
        let mut call = Box::pin(credential.access_token());
        for _ in 0..3 {
            assert!(poll_once(&mut call).await.is_none());
        }
    });
    server.open();
}

#[test]
fn a_refresh_begun_on_a_runtime_that_has_ended_is_begun_anew() {
    let server = Server::rotating();
    let credential = stale(&server);
    left_behind(&server, &credential);
    for _ in 0..2 {
        let token = runtime().block_on(credential.access_token()).unwrap();
        assert_eq!(token.expose(), "access-2");
    }
    assert_eq!(server.token_requests(), 2);
}

#[test]
fn settling_replacing_and_renewing_begin_anew_as_well() {
    let server = Server::rotating();
    let credential = stale(&server);
    left_behind(&server, &credential);
    runtime().block_on(credential.settle()).unwrap();
    left_behind_again(&server, &credential);
    runtime().block_on(credential.refresh()).unwrap();
    assert_eq!(credential.latest().unwrap().access_token.expose(), "access-4");
}

fn left_behind_again(server: &Server, credential: &RefreshingCredential) {
    server.close();
    runtime().block_on(async {
        let mut call = Box::pin(credential.refresh());
        for _ in 0..3 {
            assert!(poll_once(&mut call).await.is_none());
        }
    });
    server.open();
}

#[test]
fn tokens_that_came_before_the_runtime_ended_are_saved_on_the_next_without_another_request() {
    let server = Server::rotating();
    let saves = Arc::new(AtomicUsize::new(0));
    let counted = saves.clone();
    let credential = RefreshingCredential::builder(&server.app(), stale_tokens())
        .on_refresh(move |_| {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
                Ok::<_, std::io::Error>(())
            }
        })
        .build();
    runtime().block_on(async {
        let mut call = Box::pin(credential.access_token());
        for _ in 0..3 {
            assert!(poll_once(&mut call).await.is_none());
        }
    });
    let token = runtime().block_on(credential.access_token()).unwrap();
    assert_eq!(token.expose(), "access-1");
    assert_eq!((server.token_requests(), saves.load(Ordering::SeqCst)), (1, 2));
}

#[test]
fn a_panic_outside_of_on_refresh_does_not_blame_it() {
    let server = Server::new(|number, _| {
        assert!(number > 2, "scripted panic of the transport");
        support::oauth::grant(number)
    });
    let credential = stale(&server);
    let error = runtime().block_on(credential.access_token()).unwrap_err();
    assert_eq!(error.kind(), OauthErrorKind::Interrupted, "{error}");
    assert!(!error.to_string().contains("on_refresh"), "{error}");
    assert_eq!(runtime().block_on(credential.access_token()).unwrap().expose(), "access-3");
}

#[test]
fn runtimes_side_by_side_share_one_refresh() {
    let server = Server::rotating();
    let credential = stale(&server);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let credential = credential.clone();
            std::thread::spawn(move || {
                runtime().block_on(credential.access_token()).map(|token| token.expose().to_owned())
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap(), "access-1");
    }
    assert_eq!(server.token_requests(), 1);
}

/// A server on a real socket that holds its first response back for ever and responds to the following requests.
fn slow_server() -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().take(8) {
            let Ok(mut stream) = stream else { return };
            let number = counted.fetch_add(1, Ordering::SeqCst);
            if number == 0 {
                held.push(stream);
                continue;
            }
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let body = support::oauth::grant_json(number);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let response = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = std::io::Write::write_all(&mut stream, response.as_bytes());
        }
    });
    (url, requests)
}

#[test]
fn a_request_left_on_a_real_socket_of_an_ended_runtime_neither_panics_nor_hangs() {
    let (url, requests) = slow_server();
    let app = OauthApp::builder("client-1", support::oauth::CALLBACK).site(url).build().unwrap();
    let credential = RefreshingCredential::builder(&app, stale_tokens()).build();
    let patience = Duration::from_millis(500);
    let first = runtime().block_on(async { tokio::time::timeout(patience, credential.access_token()).await });
    assert!(first.is_err(), "the server says nothing");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    for _ in 0..2 {
        let token = runtime().block_on(credential.access_token()).unwrap();
        assert_eq!(token.expose(), "access-1");
    }
}

#[test]
fn two_that_waited_for_a_refresh_that_was_lost_share_the_new_one() {
    let server = Server::rotating();
    let credential = stale(&server);
    server.close();
    let mut waiting = [(); 2].map(|()| Box::pin(credential.access_token()));
    for _ in 0..2 {
        // The second runtime finds the refresh of the first one lost, and begins one anew.
        runtime().block_on(async {
            for call in &mut waiting {
                for _ in 0..3 {
                    assert!(poll_once(call).await.is_none());
                }
            }
            if server.token_requests() == 2 {
                server.open();
                for call in &mut waiting {
                    assert_eq!(call.await.unwrap().expose(), "access-2");
                }
            }
        });
    }
    assert_eq!(server.token_requests(), 2);
}
