//! The sender of webhooks: connections that stay, 3 s for a response, and each event until it is confirmed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const KEY: &str = "the-key";

/// As long as the service waits.
const LIMIT: Duration = Duration::from_secs(3);

/// Where a replica listens; it changes when the replica is started again.
pub type Port = Arc<AtomicU16>;

#[derive(Debug)]
pub struct Plan {
    /// Every id begins with this.
    pub run: String,
    pub events: usize,
    pub senders: usize,
    /// Each event goes to both replicas at once; else to one of them.
    pub twice: bool,
    /// So many events a second, all senders together; else as fast as they are confirmed.
    pub rate: Option<f64>,
}

#[derive(Debug, Default)]
pub struct Sent {
    pub seconds: f64,
    /// Of each response, in milliseconds, in order.
    pub latencies: Vec<f64>,
    pub statuses: BTreeMap<u16, usize>,
}

impl Sent {
    pub fn quantile(&self, q: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((q * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
    }

    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }
}

pub fn event(id: &str, task: usize) -> String {
    let description = "x".repeat(600);
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"https://onehorizon.ai/workspaces/w_1","type":"onehorizon.task.updated","datacontenttype":"application/json","time":"2026-05-11T08:15:00Z","workspaceid":"w_1","data":{{"resource":{{"type":"task","id":"tsk_{task}"}},"actor":{{"type":"user","id":"u_1"}},"task":{{"taskId":"tsk_{task}","description":"{description}"}}}}}}"#
    )
}

/// Delivers all events; returns when each is confirmed.
pub async fn deliver(plan: Plan, ports: [Port; 2]) -> Sent {
    let (plan, next, began) = (Arc::new(plan), Arc::new(AtomicUsize::new(0)), Instant::now());
    let senders: Vec<_> = (0..plan.senders)
        .map(|_| {
            let lines = ports.clone().map(Line::new);
            tokio::spawn(sender(Arc::clone(&plan), lines, Arc::clone(&next), began))
        })
        .collect();
    let mut sent = Sent::default();
    for sender in senders {
        for line in sender.await.expect("a sender") {
            sent.latencies.extend(line.latencies);
            for (status, count) in line.statuses {
                *sent.statuses.entry(status).or_default() += count;
            }
        }
    }
    sent.seconds = began.elapsed().as_secs_f64();
    sent.latencies.sort_by(f64::total_cmp);
    sent
}

async fn sender(plan: Arc<Plan>, lines: [Line; 2], next: Arc<AtomicUsize>, began: Instant) -> [Line; 2] {
    let [mut first, mut second] = lines;
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= plan.events {
            return [first, second];
        }
        if let Some(rate) = plan.rate {
            let due = Duration::from_secs_f64(number as f64 / rate);
            tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        }
        let body = event(&format!("evt_{}_{number}", plan.run), number % 100);
        if plan.twice {
            tokio::join!(first.until_confirmed(&body), second.until_confirmed(&body));
        } else if number.is_multiple_of(2) {
            first.until_confirmed(&body).await;
        } else {
            second.until_confirmed(&body).await;
        }
    }
}

/// One sender's connection to one replica, and what it saw there.
#[derive(Debug)]
struct Line {
    port: Port,
    stream: Option<TcpStream>,
    latencies: Vec<f64>,
    statuses: BTreeMap<u16, usize>,
}

impl Line {
    fn new(port: Port) -> Self {
        Self { port, stream: None, latencies: Vec::new(), statuses: BTreeMap::new() }
    }

    async fn until_confirmed(&mut self, body: &str) {
        loop {
            let began = Instant::now();
            let status = tokio::time::timeout(LIMIT, self.post(body)).await.ok().and_then(Result::ok);
            *self.statuses.entry(status.unwrap_or(0)).or_default() += 1;
            let pause = match status {
                Some(200) => {
                    self.latencies.push(began.elapsed().as_secs_f64() * 1000.0);
                    return;
                }
                Some(_) => 20,
                None => {
                    self.stream = None;
                    10
                }
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn post(&mut self, body: &str) -> std::io::Result<u16> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            empty => {
                let stream = TcpStream::connect(("127.0.0.1", self.port.load(Ordering::SeqCst))).await?;
                stream.set_nodelay(true)?;
                empty.insert(stream)
            }
        };
        let request = format!(
            "POST /webhook HTTP/1.1\r\nhost: replica\r\ncontent-type: application/cloudevents+json\r\nx-one-webhook-key: {KEY}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::with_capacity(1024);
        loop {
            if stream.read_buf(&mut response).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(status) = complete(&String::from_utf8_lossy(&response)) {
                return Ok(status);
            }
        }
    }
}

/// The status of a response that has arrived as a whole.
fn complete(response: &str) -> Option<u16> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    (body.len() >= length.unwrap_or(0)).then_some(status)
}
