//! Serves `GET …/tasks/{id}` with a task and `GET …/tasks` with a list, as fast as it can, until its standard input closes.
#![allow(clippy::unwrap_used, reason = "a bench panics on failure")]

use std::io::Read;

use onehorizon_benches::responses;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn response(body: &str) -> &'static [u8] {
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\ndate: Mon, 11 May 2026 08:15:00 GMT\r\n\r\n{body}",
        body.len()
    );
    Box::leak(text.into_bytes().into_boxed_slice())
}

async fn serve(mut stream: TcpStream, task: &'static [u8], list: &'static [u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(4096);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let is_task = request.windows(7).take(200).any(|bytes| bytes == b"/tasks/");
        stream.write_all(if is_task { task } else { list }).await?;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        std::process::exit(0);
    });
    let length = std::env::args().nth(1).map_or(100, |length| length.parse().unwrap());
    let (task, list) = (response(&responses::task(7)), response(&responses::list(length)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, task, list));
    }
}
