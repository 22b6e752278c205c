//! Receives webhooks without a framework and without an async runtime, as a serverless function would.
//!
//! `ONE_WEBHOOK_KEY=the-key cargo run --example webhook_lambda_style`; the command line in `webhook_receiver.rs` works
//! here too. [`handle`] is all that a function's entry point needs: a method, headers and a body in, a status,
//! headers and a body out. The rest of this file is a small server for trying it.

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use onehorizon::models::TaskId;
use onehorizon::webhook::{Event, Receiver, Reply, Verified, Verifier};

/// Headers as most functions get them.
type Headers = [(String, String)];

/// One request to one reply.
async fn handle(receiver: &Receiver, method: &str, headers: &Headers, body: &[u8]) -> Reply {
    let find = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes());
    let on_event = async |event: Verified<Event>| {
        let task = event.task_id().map_or("-", TaskId::as_str);
        println!("event {} {} workspace={} task={task}", event.event_type(), event.id(), event.workspace_id());
        Ok::<_, Infallible>(())
    };
    receiver.receive(method, find, body, on_event).await
}

fn main() -> ExitCode {
    if let Err(error) = listen() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn listen() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::new(Verifier::from_env()?);
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned()).parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on http://{}/webhook", listener.local_addr()?);
    for stream in listener.incoming() {
        let receiver = receiver.clone();
        thread::spawn(move || {
            if let Err(error) = stream.and_then(|stream| serve(&receiver, &stream)) {
                eprintln!("connection: {error}");
            }
        });
    }
    Ok(())
}

/// One request a connection; just enough of HTTP/1.1 for `curl` and for One Horizon.
fn serve(receiver: &Receiver, stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(3)))?;
    let mut input = BufReader::new(stream.take(512 * 1024));
    let mut line = String::new();
    input.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let headers = read_headers(&mut input)?;
    if path != "/webhook" {
        return write_reply(stream, 404, [], "");
    }
    let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_bytes());
    let reply = match receiver.begin(&method, find) {
        Err(reply) => reply,
        Ok(mut body) => {
            let length = find("content-length").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
            let mut bytes = Vec::new();
            input.take(length.unwrap_or_default()).read_to_end(&mut bytes)?;
            match body.push(&bytes) {
                Ok(()) => block_on(handle(receiver, &method, &headers, body.as_slice())),
                Err(error) => receiver.refuse(error),
            }
        }
    };
    write_reply(stream, reply.status(), reply.headers(), reply.body())
}

fn read_headers(input: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { return Ok(headers) };
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn write_reply<'a>(
    mut stream: &TcpStream,
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: &str,
) -> io::Result<()> {
    // Written at once, so that the reply is one packet.
    let mut reply_bytes = Vec::new();
    write!(reply_bytes, "HTTP/1.1 {status} Webhook\r\nconnection: close\r\n")?;
    if status != 204 {
        write!(reply_bytes, "content-length: {}\r\n", body.len())?;
    }
    for (name, value) in headers {
        write!(reply_bytes, "{name}: {value}\r\n")?;
    }
    write!(reply_bytes, "\r\n{body}")?;
    stream.write_all(&reply_bytes)
}

/// Runs a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
