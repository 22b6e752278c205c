//! One configuration used from several runtimes, from none, and on connections that cannot be made.

use std::future::IntoFuture;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use onehorizon::models::NewTask;
use onehorizon::transport::ReqwestTransport;
use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{BoxFuture, Clock, Configuration, ErrorKind, Retry, Sent, SystemClock, TasksApi};
use onehorizon_testing::FakeOneHorizon;
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn runtimes_that_end_do_not_break_the_calls_of_others() {
    let service = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = service.block_on(FakeOneHorizon::builder().quota_off().start()).unwrap();
    let configuration = Configuration::builder().base_url(fake.url()).api_key(fake.api_key()).build().unwrap();
    let threads: Vec<_> = (0..6)
        .map(|thread| {
            let tasks = TasksApi::new(&configuration);
            std::thread::spawn(move || {
                (0..40)
                    .filter_map(|n| {
                        let call = tasks.create_task(NewTask::new(format!("{thread}-{n}")));
                        runtime().block_on(call.into_future()).err()
                    })
                    .map(|error| error.to_string())
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let failed: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(fake.executed("createTask"), 240);
}

#[test]
fn a_call_outside_tokio_is_an_error_that_says_what_is_missing() {
    let configuration = Configuration::builder().base_url("http://127.0.0.1:9").api_key("key").build().unwrap();
    let mut call = pin!(TasksApi::new(&configuration).list_tasks().into_future());
    let Poll::Ready(Err(error)) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("no error")
    };
    assert_eq!((error.kind(), error.was_sent(), error.attempts()), (ErrorKind::Config, Sent::No, 1));
    assert!(
        error.message().contains("no Tokio runtime") && error.hint().unwrap().contains("#[tokio::main]"),
        "{error}"
    );
}

#[test]
fn the_system_clock_sleeps_outside_tokio_too() {
    struct Notify(std::sync::mpsc::Sender<()>);
    impl std::task::Wake for Notify {
        fn wake(self: std::sync::Arc<Self>) {
            let _ = self.0.send(());
        }
    }
    let (done, wait) = std::sync::mpsc::channel();
    let waker = Waker::from(std::sync::Arc::new(Notify(done)));
    let mut sleep = SystemClock.sleep(Duration::from_millis(5));
    let mut context = Context::from_waker(&waker);
    while sleep.as_mut().poll(&mut context).is_pending() {
        wait.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}

#[tokio::test]
async fn a_refused_connection_names_the_host_and_the_port() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let builder = Configuration::builder().base_url(format!("http://{address}/api")).api_key("key");
    let error = TasksApi::new(&builder.retry(Retry::never()).build().unwrap()).list_tasks().await.unwrap_err();
    assert!(error.is_connect() && error.message().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_a_fault_of_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        while let Ok(Ok((mut stream, _))) = tokio::time::timeout(Duration::from_secs(5), listener.accept()).await {
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1024]).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let configuration = Configuration::builder().base_url(format!("https://{address}")).api_key("key").build().unwrap();
    let error = TasksApi::new(&configuration).list_tasks().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.was_sent()), (ErrorKind::Tls, 1, Sent::No), "{error:?}");
    assert!(error.message().contains(&address.to_string()) && error.hint().is_some(), "{error}");
    served.abort();
}

#[tokio::test(start_paused = true)]
async fn making_a_connection_has_a_time_limit_of_its_own() {
    // The port accepts, and never says anything of TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let builder =
        Configuration::builder().base_url(format!("https://{}", listener.local_addr().unwrap())).api_key("key");
    let builder = builder.connect_timeout(Duration::from_secs(3)).retry(Retry::never());
    let started = tokio::time::Instant::now();
    let error = TasksApi::new(&builder.build().unwrap()).list_tasks().await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Timeout, Sent::No), "{error}");
    assert_eq!(started.elapsed().as_secs(), 3);
    assert!(error.message().contains("making a connection"), "{error}");
}

/// Counts what goes through the standard transport.
struct Counted(ReqwestTransport, std::sync::Arc<std::sync::atomic::AtomicU32>);

impl Transport for Counted {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.send(request)
    }
}

#[tokio::test]
async fn the_reqwest_transport_can_be_built_and_wrapped() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let count = std::sync::Arc::<std::sync::atomic::AtomicU32>::default();
    let client = reqwest::Client::builder().user_agent("mine").redirect(reqwest::redirect::Policy::limited(5));
    let transport = Counted(ReqwestTransport::new(client).unwrap(), count.clone());
    let builder = Configuration::builder().base_url(fake.url()).api_key(fake.api_key()).transport(transport);
    TasksApi::new(&builder.build().unwrap()).list_tasks().await.unwrap();
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 1);
}
