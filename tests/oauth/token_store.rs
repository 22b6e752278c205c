//! The rules of a token store, for the stores of this crate.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save};
use onehorizon::oauth::{FileTokens, MemoryTokens, TokenStore, Tokens};
use onehorizon_testing::conformance::tokens::Conformance;

const LEASE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn tokens(number: u32) -> Tokens {
    Tokens::new(format!("access-{number}")).with_refresh_token(format!("refresh-{number}"))
}

/// Each store, twice: two instances that share what is kept.
fn stores(directory: &Path) -> Vec<(Arc<dyn TokenStore>, Arc<dyn TokenStore>)> {
    let memory: Arc<dyn TokenStore> = Arc::new(MemoryTokens::new());
    let file = || Arc::new(FileTokens::new(directory.join("login"))) as Arc<dyn TokenStore>;
    vec![(memory.clone(), memory), (file(), file())]
}

async fn begun(store: &dyn TokenStore, known: u64, now: u64) -> RefreshGuard {
    match store.begin(known, at(now), LEASE).await.unwrap() {
        Begin::Refresh(guard) => guard,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stores_of_this_crate_keep_the_whole_contract() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: String| {
        let path = directory.path().join(name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        async move { Ok(Arc::new(FileTokens::new(path))) }
    };
    Conformance::new(file).check().await.unwrap();
    let stores = Mutex::new(HashMap::<String, Arc<MemoryTokens>>::new());
    let memory = |name: String| {
        let store = stores.lock().unwrap().entry(name).or_default().clone();
        async move { Ok(store) }
    };
    Conformance::new(memory).check().await.unwrap();
}

#[tokio::test]
async fn tokens_that_were_put_are_there_for_all_until_they_are_cleared() {
    let directory = tempfile::tempdir().unwrap();
    for (one, other) in stores(directory.path()) {
        assert!(one.load().await.unwrap().is_none());
        assert_eq!(one.begin(0, at(0), LEASE).await.unwrap(), Begin::Empty);
        let version = one.put(&tokens(1)).await.unwrap();
        assert_ne!(version, 0);
        let stored = other.load().await.unwrap().unwrap();
        assert_eq!((stored.tokens, stored.version), (tokens(1), version));
        assert_ne!(other.put(&tokens(2)).await.unwrap(), version);
        other.clear().await.unwrap();
        assert!(one.load().await.unwrap().is_none());
        assert_eq!(one.begin(version, at(0), LEASE).await.unwrap(), Begin::Empty);
    }
}

#[tokio::test]
async fn one_refreshes_and_the_others_take_its_result() {
    let directory = tempfile::tempdir().unwrap();
    for (one, other) in stores(directory.path()) {
        let version = one.put(&tokens(1)).await.unwrap();
        let guard = begun(&*one, version, 0).await;
        assert_eq!((guard.tokens(), guard.version(), guard.was_interrupted()), (&tokens(1), version, false));
        assert_eq!(other.begin(version, at(59), LEASE).await.unwrap(), Begin::Busy);
        let Save::Saved(newer) = one.save(&guard, &tokens(2)).await.unwrap() else { panic!("not saved") };
        assert_eq!(one.save(&guard, &tokens(2)).await.unwrap(), Save::Saved(newer), "a save can be repeated");
        match other.begin(version, at(59), LEASE).await.unwrap() {
            Begin::Newer(stored) => assert_eq!((stored.tokens, stored.version), (tokens(2), newer)),
            begin => panic!("{begin:?}"),
        }
        assert_ne!(begun(&*other, newer, 59).await.token(), guard.token());
    }
}

#[tokio::test]
async fn a_refresh_that_failed_leaves_the_turn_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    for (one, other) in stores(directory.path()) {
        let version = one.put(&tokens(1)).await.unwrap();
        let first = begun(&*one, version, 0).await;
        one.release(&first).await.unwrap();
        let second = begun(&*other, version, 1).await;
        assert!(!second.was_interrupted());
        one.release(&first).await.unwrap();
        one.abandon(&first);
        assert_eq!(one.begin(version, at(2), LEASE).await.unwrap(), Begin::Busy, "a late release frees nothing");
        other.abandon(&second);
        begun(&*one, version, 2).await;
    }
}

#[tokio::test]
async fn a_process_that_ended_in_the_middle_leaves_its_turn_after_the_lease_and_the_next_learns_of_it() {
    let directory = tempfile::tempdir().unwrap();
    for (one, other) in stores(directory.path()) {
        let version = one.put(&tokens(1)).await.unwrap();
        let lost = begun(&*one, version, 0).await;
        let next = begun(&*other, version, 60).await;
        assert!(next.was_interrupted());
        let Save::Saved(saved) = one.save(&lost, &tokens(2)).await.unwrap() else { panic!("a late save still counts") };
        match other.save(&next, &tokens(3)).await.unwrap() {
            Save::Superseded(Some(stored)) => assert_eq!((stored.tokens, stored.version), (tokens(2), saved)),
            save => panic!("{save:?}"),
        }
    }
}

#[tokio::test]
async fn a_new_login_and_a_logout_end_a_refresh() {
    let directory = tempfile::tempdir().unwrap();
    for (one, other) in stores(directory.path()) {
        let version = one.put(&tokens(1)).await.unwrap();
        let guard = begun(&*one, version, 0).await;
        let login = other.put(&tokens(5)).await.unwrap();
        assert!(matches!(one.save(&guard, &tokens(2)).await.unwrap(), Save::Superseded(Some(_))));
        let guard = begun(&*one, login, 1).await;
        other.clear().await.unwrap();
        assert_eq!(one.save(&guard, &tokens(6)).await.unwrap(), Save::Superseded(None));
        assert!(one.load().await.unwrap().is_none());
    }
}

#[test]
fn rivals_get_one_guard_and_no_save_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("login");
    let run = |future| futures_lite(future);
    run(Box::pin({
        let path = path.clone();
        async move { FileTokens::new(path).put(&tokens(0)).await.map(drop).unwrap() }
    }));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut saved = 0;
                futures_lite(Box::pin(async {
                    let store = FileTokens::new(path);
                    while saved < 10 {
                        let stored = store.load().await.unwrap().unwrap();
                        if let Begin::Refresh(guard) = store.begin(stored.version, at(0), LEASE).await.unwrap() {
                            let next: u32 = guard.tokens().access_token.expose()["access-".len()..].parse().unwrap();
                            assert!(matches!(store.save(&guard, &tokens(next + 1)).await.unwrap(), Save::Saved(_)));
                            saved += 1;
                        }
                        std::thread::yield_now();
                    }
                }));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    run(Box::pin(async move {
        let stored = FileTokens::new(path).load().await.unwrap().unwrap();
        assert_eq!(stored.tokens, tokens(80));
    }));
    let mut names: Vec<_> =
        fs::read_dir(directory.path().join("login")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["lock", "tokens.json"], "no draft is left");
}

fn futures_lite(future: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/login");
    let store = FileTokens::new(&path);
    store.put(&tokens(1)).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!format!("{store:?}").contains("access-1"));
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_with_their_name() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("tokens.json"), "{\"version\": secret-in-it").unwrap();
    let error = FileTokens::new(directory.path()).load().await.unwrap_err().to_string();
    assert!(error.contains("tokens.json") && !error.contains("secret-in-it"), "{error}");
    fs::write(directory.path().join("file"), "").unwrap();
    let error = FileTokens::new(directory.path().join("file")).put(&tokens(1)).await.unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

#[tokio::test]
async fn a_draft_that_a_killed_process_left_disturbs_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileTokens::new(directory.path());
    store.put(&tokens(1)).await.unwrap();
    fs::write(directory.path().join("draft"), "{\"vers").unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().tokens, tokens(1));
    store.put(&tokens(2)).await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().tokens, tokens(2));
}

#[tokio::test(start_paused = true)]
async fn while_another_process_keeps_the_lock_other_tasks_run_and_limits_hold() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileTokens::new(directory.path());
    store.put(&tokens(1)).await.unwrap();
    let Begin::Refresh(guard) = store.begin(1, SystemTime::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap() else {
        panic!("nobody else refreshes");
    };
    let lock = fs::File::open(directory.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let other = tokio::spawn(async {
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let limited = tokio::time::timeout(Duration::from_secs(2), store.put(&tokens(2))).await;
    assert!(limited.is_err(), "it waits, and a limit ends it");
    assert!(other.is_finished(), "another task of the same thread ran meanwhile");

    // Giving a guard back waits for nobody, and is done when the lock is free.
    store.abandon(&guard);
    lock.unlock().unwrap();
    let begun = tokio::time::timeout(Duration::from_secs(2), async {
        while store.begin(1, SystemTime::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap() == Begin::Busy {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    begun.await.unwrap();
}

#[test]
fn a_process_that_keeps_the_lock_is_named_instead_of_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    futures_lite(Box::pin(async {
        FileTokens::new(&path).put(&tokens(1)).await.unwrap();
    }));
    let lock = fs::File::open(path.join("lock")).unwrap();
    lock.lock().unwrap();
    futures_lite(Box::pin(async {
        let store = FileTokens::new(&path).lock_timeout(Duration::from_millis(20));
        assert_eq!(store.load().await.unwrap().unwrap().tokens, tokens(1), "reading needs no lock");
        let error = store.put(&tokens(2)).await.unwrap_err().to_string();
        assert!(error.contains("lock") && error.contains("another process"), "{error}");
        lock.unlock().unwrap();
        store.put(&tokens(2)).await.unwrap();
    }));
}
