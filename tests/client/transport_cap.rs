//! Responses over real connections are read whole up to the cap and not a byte further, however they are framed.

use onehorizon::{Configuration, ErrorKind, Sent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one response to one request.
async fn serve(head: String, parts: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap() == 0 {
                return;
            }
        }
        stream.write_all(head.as_bytes()).await.unwrap();
        for part in parts {
            // The client hangs up when it has had enough.
            if stream.write_all(&part).await.is_err() {
                return;
            }
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    url
}

fn chunked(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let chunks = body.chunks(size).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    chunks.chain([b"0\r\n\r\n".to_vec()]).collect()
}

#[tokio::test]
async fn the_cap_is_the_last_size_that_is_read() {
    let body: Vec<u8> = (0..300_000_u32).map(|number| b'0' + u8::try_from(number % 10).unwrap()).collect();
    for size in [1, 10, 4_096, 300_000] {
        let body = body.get(..size).unwrap();
        let announced = format!("content-length: {size}\r\n");
        for (header, parts) in [
            (announced.as_str(), vec![body.to_vec()]),
            (announced.as_str(), body.chunks(size.div_ceil(3)).map(<[u8]>::to_vec).collect()),
            ("transfer-encoding: chunked\r\n", chunked(body, size)),
            ("transfer-encoding: chunked\r\n", chunked(body, size.div_ceil(3))),
            ("transfer-encoding: chunked\r\n", chunked(body, size.div_ceil(2))),
            ("connection: close\r\n", vec![body.to_vec()]),
        ] {
            for (cap, fits) in [(size + 1, true), (size, true), (size - 1, false), (size / 3, false)] {
                let url = serve(format!("HTTP/1.1 200 OK\r\n{header}\r\n"), parts.clone()).await;
                let builder = Configuration::builder().api_key("key").base_url(url).max_response_bytes(cap);
                let result = builder.build().unwrap().request("GET", "/x").send_raw().await;
                match result {
                    Ok(response) => assert!(fits && response.raw() == body, "{header:?} {size} in {cap}"),
                    Err(error) => {
                        assert!(!fits, "{header:?} {size} in {cap}: {error}");
                        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::TooLarge, Sent::Yes), "{error}");
                    }
                }
            }
        }
    }
}
