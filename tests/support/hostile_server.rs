//! A server that runs a script on a raw connection, and a clock that it moves.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use onehorizon::Clock;
use onehorizon::transport::BoxFuture;

/// More connections than any attack needs; a client that opens more is refused.
const CONNECTIONS: usize = 8;

/// The longest that the server waits for a client, so that nothing here hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a request after the attack is responded to with.
pub const AFTERWARDS: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n{\"taskId\":\"tsk_after\"}";

type Script = dyn Fn(&mut Stage<'_>) -> io::Result<()> + Send + Sync;

/// One connection at the moment of the attack.
pub struct Stage<'a> {
    pub stream: &'a mut TcpStream,
    pub clock: &'a SteppedClock,
    hang_up: &'a HangUp,
}

/// How far a server is that hangs up after the attack.
#[derive(Default, PartialEq, Eq)]
enum Stay {
    #[default]
    Connected,
    HangingUp,
    HungUp,
}

#[derive(Default)]
struct HangUp(Mutex<Stay>, Condvar);

impl HangUp {
    fn begin(&self) {
        *lock(&self.0) = Stay::HangingUp;
    }

    fn has_begun(&self) -> bool {
        *lock(&self.0) != Stay::Connected
    }

    fn end(&self) {
        *lock(&self.0) = Stay::HungUp;
        self.1.notify_all();
    }

    fn wait(&self) {
        drop(self.1.wait_timeout_while(lock(&self.0), PATIENCE, |stay| *stay == Stay::HangingUp));
    }
}

impl Stage<'_> {
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Sends and hangs up.
    pub fn send_and_close(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.hang_up.begin();
        self.send(bytes)
    }

    /// Sends the same again and again, `times` at the most; a client that hangs up ends it.
    pub fn repeat(&mut self, bytes: &[u8], times: usize) -> io::Result<()> {
        (0..times).try_for_each(|_| self.send(bytes))
    }

    /// Does something every second of the client's clock, until the client gives up or after `seconds`.
    pub fn every_second(&mut self, seconds: usize, mut act: impl FnMut(&mut Self) -> io::Result<()>) -> io::Result<()> {
        for _ in 0..seconds {
            act(self)?;
            if !self.clock.tick() {
                break;
            }
        }
        Ok(())
    }

    /// Sends nothing until the client gives up.
    pub fn stall(&mut self) -> io::Result<()> {
        self.every_second(1000, |_| Ok(()))
    }
}

/// Responds to the first request with the attack and to all further ones well.
pub struct HostileServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<usize>>>,
    stop: Arc<AtomicBool>,
    hang_up: Arc<HangUp>,
    worker: Option<JoinHandle<()>>,
}

impl HostileServer {
    pub fn start(
        clock: &SteppedClock,
        script: impl Fn(&mut Stage<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (requests, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let hang_up = Arc::<HangUp>::default();
        let server = Server {
            clock: clock.clone(),
            requests: Arc::clone(&requests),
            stop: Arc::clone(&stop),
            script: Box::new(script),
            hang_up: Arc::clone(&hang_up),
        };
        let worker = std::thread::spawn(move || server.serve(&listener));
        Ok(Self { address, requests, stop, hang_up, worker: Some(worker) })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until a server that hangs up after the attack has done so: the next request is not sent before that is seen.
    pub fn wait_for_hang_up(&self) {
        self.hang_up.wait();
    }

    /// The connection that each request came on, in order.
    pub fn connections(&self) -> Vec<usize> {
        lock(&self.requests).clone()
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(worker) = self.worker.take() {
            drop(worker.join());
        }
    }
}

struct Server {
    clock: SteppedClock,
    requests: Arc<Mutex<Vec<usize>>>,
    stop: Arc<AtomicBool>,
    script: Box<Script>,
    hang_up: Arc<HangUp>,
}

impl Server {
    fn serve(&self, listener: &TcpListener) {
        std::thread::scope(|threads| {
            for connection in 0..CONNECTIONS {
                let Ok((stream, _)) = listener.accept() else { return };
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                threads.spawn(move || self.connection(stream, connection));
            }
        });
    }

    fn connection(&self, mut stream: TcpStream, number: usize) {
        drop(stream.set_nodelay(true));
        drop(stream.set_write_timeout(Some(PATIENCE)));
        while self.read_request(&mut stream).unwrap_or(false) {
            let first = {
                let mut requests = lock(&self.requests);
                requests.push(number);
                requests.len() == 1
            };
            let mut stage = Stage { stream: &mut stream, clock: &self.clock, hang_up: &self.hang_up };
            let done = if first { (self.script)(&mut stage) } else { stage.send(AFTERWARDS) };
            if done.is_err() || first && self.hang_up.has_begun() {
                break;
            }
        }
        drop(stream);
        if self.hang_up.has_begun() {
            self.hang_up.end();
        }
    }

    /// Reads one request without a body; false when the client hung up or the server is to stop.
    fn read_request(&self, stream: &mut TcpStream) -> io::Result<bool> {
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => head.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.stop.load(Ordering::SeqCst) {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// A clock that stands still until a server moves it, in step with the client that waits by it.
#[derive(Clone)]
pub struct SteppedClock {
    started: Instant,
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    passed: Duration,
    sleepers: Vec<Waker>,
    /// How often a sleeper looked at the clock, and how many are done with it.
    looks: u64,
    done: u64,
}

impl SteppedClock {
    pub fn new() -> Self {
        Self { started: Instant::now(), shared: Arc::default() }
    }

    /// Moves the clock by a second and waits until the client has seen it; false when the client has ended its wait.
    pub fn tick(&self) -> bool {
        let mut state = self.state();
        let (looks, done) = (state.looks, state.done);
        state.passed += Duration::from_secs(1);
        std::mem::take(&mut state.sleepers).into_iter().for_each(Waker::wake);
        let unseen = |state: &mut State| state.looks == looks && state.done == done;
        let state = self.shared.1.wait_timeout_while(state, PATIENCE, unseen).unwrap_or_else(PoisonError::into_inner).0;
        state.done == done
    }

    /// Moves the clock while nobody waits by it.
    pub fn skip(&self, by: Duration) {
        self.state().passed += by;
    }

    pub fn passed(&self) -> Duration {
        self.state().passed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.0)
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Instant {
        self.started + self.passed()
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.passed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { clock: self.clone(), until: self.passed().saturating_add(duration) })
    }

    fn random(&self) -> f64 {
        0.5
    }
}

struct Sleep {
    clock: SteppedClock,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.passed >= self.until {
            return Poll::Ready(());
        }
        state.looks += 1;
        if !state.sleepers.iter().any(|sleeper| sleeper.will_wake(context.waker())) {
            state.sleepers.push(context.waker().clone());
        }
        self.clock.shared.1.notify_all();
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.state().done += 1;
        self.clock.shared.1.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
