//! Connections as servers and intermediaries really handle them: closed between two calls, with headers out of shape.

use std::future::IntoFuture;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use onehorizon::models::NewTask;
use onehorizon::{Configuration, Retry, TasksApi};

const PATIENCE: Duration = Duration::from_secs(20);

const TASK: &str = r#"{"taskId":"tsk_1","title":"x"}"#;

/// Serves one request on each connection, says nothing of closing it, and closes it when asked to.
struct Server {
    tasks: TasksApi,
    close: Sender<()>,
    closed: Receiver<()>,
}

impl Server {
    fn start(headers: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ((close, asked), (closing, closed)) = (channel(), channel());
        thread::spawn(move || {
            for stream in listener.incoming().take(30) {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = write!(stream, "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{TASK}", TASK.len());
                let _ = asked.recv_timeout(PATIENCE);
                drop(stream);
                let _ = closing.send(());
            }
        });
        let builder = Configuration::builder().base_url(url).api_key("key").retry(Retry::never());
        Self { tasks: TasksApi::new(&builder.build().unwrap()), close, closed }
    }
}

#[test]
fn a_runtime_that_rests_between_two_calls_does_not_lose_the_second_one() {
    let server = Server::start("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for call in 0..20 {
        let created = runtime.block_on(server.tasks.create_task(NewTask::new("x")).into_future());
        assert!(created.is_ok(), "call {call}: {}", created.unwrap_err());
        server.close.send(()).unwrap();
        server.closed.recv_timeout(PATIENCE).unwrap();
    }
}

#[tokio::test]
async fn headers_out_of_shape_cost_no_response() {
    for headers in [
        "x-trace: a\r\n  b\r\n",
        "x-trace : a\r\n",
        "no colon here\r\n",
        "a name with blanks: x\r\n",
        "x-latin: M\u{fc}ller\r\n",
        ": no name\r\n",
    ] {
        let server = Server::start(headers);
        let created =
            server.tasks.create_task(NewTask::new("x")).await.unwrap_or_else(|error| panic!("{headers:?}: {error}"));
        assert_eq!(created.task_id, "tsk_1");
    }
}
