//! A receiver that is killed in the middle of its work loses no event, and repeats none that it had committed.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, StoreFuture};
use onehorizon::webhook::{Event, Receiver, Verified, Verifier, axum_routes::route};
use onehorizon_testing::conformance::claims::Conformance;
use support::moment::Moment;
use tokio::net::TcpListener;

use support::delivery::{Delivery, KEY};
use support::file_store::FileStore;

const EVENTS: usize = 300;
const KILLS: u64 = 80;
const SENDERS: usize = 6;
const JOURNAL: &str = "ONEHORIZON_TEST_JOURNAL";
const LIFE: &str = "ONEHORIZON_TEST_LIFE";

#[tokio::test]
async fn the_file_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    // One process at a time: those who open a name share its store.
    let stores = Mutex::new(std::collections::HashMap::new());
    let open = |name: String| {
        let path = folder.path().join(&name);
        let mut stores = stores.lock().unwrap();
        let store = Arc::clone(stores.entry(name).or_insert_with(|| Arc::new(FileStore::open(&path).unwrap())));
        async move { Ok(store) }
    };
    Conformance::new(open).check().await.unwrap();
}

/// The process that is killed: this test's own binary, with the place of the journal in its environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run as a process of its own by the test below"]
async fn receiver_process() {
    let (Ok(journal), Ok(life)) = (std::env::var(JOURNAL), std::env::var(LIFE)) else { return };
    // Each life is a minute later, as the service's retry would be, so that the leases of the last one have ended.
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * life.parse::<u64>().unwrap());
    let verifier = Verifier::builder().key("key", KEY).clock(Moment(move || now)).build().unwrap();
    let store = Arc::new(FileStore::open(Path::new(&journal)).unwrap());
    let receiver = Receiver::builder(verifier).store(Stepping(store.clone())).build();
    let handler = move |event: Verified<Event>| {
        let store = store.clone();
        async move {
            step();
            tokio::task::yield_now().await;
            store.note("work", event.id().as_str())?;
            step();
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(())
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    axum::serve(listener, axum::Router::new().route("/webhook", route(receiver, handler))).await.unwrap();
}

/// A point at which the process may be killed: it goes on when its parent says so.
fn step() {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    println!("step");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Makes a step before and after each transition.
struct Stepping(Arc<FileStore>);

impl ClaimStore for Stepping {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            step();
            let claim = self.0.claim(event_id, now, lease).await;
            step();
            claim
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            step();
            let commit = self.0.commit(lease, now).await;
            step();
            commit
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        self.0.release(lease)
    }

    fn abandon(&self, lease: &Lease) {
        self.0.abandon(lease);
    }
}

/// One life of the receiver.
struct Life {
    child: Arc<Mutex<Child>>,
    host: String,
}

impl Life {
    /// Starts it, to be killed at its `last`th step.
    fn start(journal: &Path, life: u64, last: Option<u64>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::receiver_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(JOURNAL, journal)
            .env(LIFE, life.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut go = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let host = lines.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned())).expect("it listens");
        let child = Arc::new(Mutex::new(child));
        let process = child.clone();
        std::thread::spawn(move || {
            for (taken, _) in (1..).zip(lines) {
                if Some(taken) == last {
                    // SIGKILL: nothing of it gets to run any more.
                    let _ = process.lock().unwrap().kill();
                }
                let _ = go.write_all(b"\n");
            }
        });
        Self { child, host }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Numbers that are the same in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Delivers events side by side, some of them twice; returns which were confirmed.
async fn deliver(host: &str, events: &[String], random: &mut Random) -> Vec<String> {
    let mut queue: Vec<String> = events.to_vec();
    for event in events {
        if random.below(3) == 0 {
            queue.insert(random.below(queue.len() as u64 + 1).try_into().unwrap(), event.clone());
        }
    }
    let queue = Arc::new(Mutex::new(queue));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (queue, host) = (queue.clone(), host.to_owned());
            tokio::spawn(async move {
                let mut confirmed = Vec::new();
                let next = || queue.lock().unwrap().pop();
                while let Some(event) = next() {
                    match Delivery::event(&event).try_send(&host).await.map(|response| response.status) {
                        Ok(200) => confirmed.push(event),
                        Ok(503) => {}
                        Ok(other) => panic!("{event}: {other}"),
                        // It was killed.
                        Err(_) => break,
                    }
                }
                confirmed
            })
        })
        .collect();
    let mut confirmed = Vec::new();
    for sender in senders {
        confirmed.extend(sender.await.unwrap());
    }
    confirmed
}

#[tokio::test]
async fn a_killed_receiver_processes_each_event_at_least_once_and_a_committed_one_never_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let all: Vec<String> = (0..EVENTS).map(|number| format!("evt_{number}")).collect();
    let mut confirmed: BTreeMap<String, u64> = BTreeMap::new();

    for life in 0..KILLS {
        // Few steps, so that the kills are spread over all of the work.
        let receiver = Life::start(&journal, life, Some(1 + random.below(40)));
        let waiting: Vec<String> = all.iter().filter(|event| !confirmed.contains_key(*event)).cloned().collect();
        for event in deliver(&receiver.host, &waiting, &mut random).await {
            confirmed.entry(event).or_insert(life);
        }
    }
    let after_kills = History::read(&journal);
    for event in confirmed.keys() {
        assert!(after_kills.of(event).committed.is_some(), "{event} was confirmed, so it was committed");
    }
    assert!(confirmed.len() < EVENTS, "the kills left something to do");

    let survivor = Life::start(&journal, KILLS, None);
    deliver(&survivor.host, &all, &mut random).await;
    for event in &all {
        let response = Delivery::event(event).send(&survivor.host).await;
        assert_eq!((response.status, response.json()["duplicate"].as_bool()), (200, Some(true)), "{event}");
    }

    let history = History::read(&journal);
    let again =
        |times: fn(&Past) -> &Vec<usize>| all.iter().filter(|event| times(&history.of(event)).len() > 1).count();
    let (claimed, worked) = (again(|past| &past.claimed), again(|past| &past.worked));
    println!("{} confirmed under fire, {claimed} claimed again, {worked} processed again", confirmed.len());
    assert!(claimed > 0 && worked > 0, "the kills hit work in progress");
    for event in &all {
        let past = history.of(event);
        assert!(!past.worked.is_empty(), "{event} was processed");
        let committed = past.committed.expect("every event is committed in the end");
        assert!(
            past.worked.iter().chain(&past.claimed).all(|line| *line < committed),
            "{event} rested after its commit"
        );
        let repeated = past.worked.len() - 1;
        assert!(repeated < past.claimed.len(), "{event} was worked on without a claim");
        if past.claimed.len() == 1 {
            assert_eq!(repeated, 0, "{event} was processed once");
        }
    }
}

/// What the journal says of the events, by line number.
struct History(BTreeMap<String, Past>);

#[derive(Clone, Debug, Default)]
struct Past {
    claimed: Vec<usize>,
    worked: Vec<usize>,
    committed: Option<usize>,
}

impl History {
    fn read(journal: &Path) -> Self {
        let mut events: BTreeMap<String, Past> = BTreeMap::new();
        for (number, line) in std::fs::read_to_string(journal).unwrap().lines().enumerate() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            let [word, .., id] = words[..] else { continue };
            let past = events.entry(id.to_owned()).or_default();
            match word {
                "claim" => past.claimed.push(number),
                "work" => past.worked.push(number),
                "commit" => assert!(past.committed.replace(number).is_none(), "{id} was committed twice"),
                other => panic!("unexpected line: {other}"),
            }
        }
        Self(events)
    }

    fn of(&self, event: &str) -> Past {
        self.0.get(event).cloned().unwrap_or_default()
    }
}
