//! What only a store can do that several share, and that is away now and then.

mod advice;
mod agreement;
mod channel;
mod cluster;
mod entra;
mod tls;

use bytes::Bytes;
use entra_mcp_core::{ask::Stored, config::RedisPassword, keys::MasterKey};

use super::{testing::RedisProcess, *};
use crate::{
    key,
    start_error::StartError,
    store::suite::{get, key as name_of, now, put, text},
    unix::testing::Signal,
};

/// Waits until the store answers again: it connects by itself.
fn found_again(store: &RedisStore, name: &str) -> Option<Stored> {
    loop {
        if let Ok(found) = store.answer(Store::Get(name_of(name)), now()) {
            return found;
        }
        std::thread::yield_now();
    }
}

// Q5, I7
#[test]
fn record_ended_by_one_replica_has_ended_on_the_other() {
    let server = RedisProcess::start();
    let (one, other) = (server.store(), server.store());
    assert!(put(&one, "session", "a", Guard::Absent));
    assert_eq!(text(get(&other, "session")).as_deref(), Some("a"));
    assert!(!put(&other, "session", "b", Guard::Absent));
    one.answer(Store::Delete(name_of("session")), now())
        .unwrap();
    assert_eq!(get(&other, "session"), None);
}

// Q4
#[test]
fn acknowledged_write_survives_a_kill_of_redis_and_the_store_connects_again_by_itself() {
    let mut server = RedisProcess::durable();
    let store = server.store();
    assert!(put(&store, "a", "one", Guard::Absent));
    server.kill();
    let get_a = Store::Get(name_of("a"));
    for _ in 0..100 {
        let answer = store.answer(get_a.clone(), now());
        assert_eq!(answer, Err(StoreFault::Unavailable));
    }
    server.start_again();
    assert_eq!(text(found_again(&store, "a")).as_deref(), Some("one"));
    assert!(put(&store, "a", "two", Guard::Any));
}

// Q5: a version that somebody holds of a write that Redis has lost must not stand for another one.
#[test]
fn version_of_a_write_that_redis_has_lost_is_not_given_again() {
    let server = RedisProcess::start();
    let store = server.store();
    assert!(put(&store, "a", "lost", Guard::Any));
    let lost = get(&store, "a").unwrap().version;
    let () = redis::cmd("FLUSHALL")
        .query(&mut server.connection())
        .unwrap();
    assert!(put(&store, "a", "new", Guard::Absent));
    assert!(get(&store, "a").unwrap().version > lost);
    assert!(!put(&store, "a", "newer", Guard::Version(lost)));
}

#[test]
fn look_up_on_connections_that_were_dropped_meanwhile_succeeds() {
    let server = RedisProcess::start();
    let store = server.store();
    assert!(put(&store, "a", "one", Guard::Any));
    let mut connection = server.connection();
    for _ in 0..10 {
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME");
        let _: u32 = kill.arg("yes").query(&mut connection).unwrap();
        assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    }
}

// M16
#[test]
fn record_expires_by_redis_itself_and_its_key_has_the_prefix() {
    let server = RedisProcess::start();
    let store = server.store();
    assert!(put(&store, "a", "one", Guard::Any));
    let mut connection = server.connection();
    let key = "{entra-mcp}:a";
    let left: i64 = redis::cmd("PTTL").arg(key).query(&mut connection).unwrap();
    assert!((1..=1_000_000).contains(&left), "{left}");
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    keys.sort();
    assert_eq!(keys, [key, "{entra-mcp}:last-version"]);
}

// Q8
#[test]
fn store_of_another_prefix_or_database_is_another_store() {
    let server = RedisProcess::start();
    let store = server.store();
    assert!(put(&store, "a", "one", Guard::Any));
    let prefix = "other:".to_owned();
    let others = [
        RedisServer {
            prefix,
            ..server.server()
        },
        RedisServer {
            database: 1,
            ..server.server()
        },
    ];
    for other in others {
        let other = RedisStore::open(&other, None, None, now()).unwrap();
        assert_eq!(get(&other, "a"), None);
        assert!(put(&other, "a", "two", Guard::Absent));
    }
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
}

#[test]
fn bytes_that_are_no_record_are_a_fault() {
    let server = RedisProcess::start();
    let store = server.store();
    let mut connection = server.connection();
    let mut set = redis::cmd("SET");
    let () = set
        .arg("{entra-mcp}:a")
        .arg("x")
        .query(&mut connection)
        .unwrap();
    let answer = store.answer(Store::Get(name_of("a")), now());
    assert_eq!(answer, Err(StoreFault::Unavailable));
    assert!(
        put(&store, "a", "one", Guard::Absent),
        "it can be overwritten"
    );
}

// Q7
#[test]
fn replica_with_another_master_key_is_refused_at_the_start() {
    let server = RedisProcess::start();
    let [old, new] = [1, 2].map(|byte| MasterKey::new([byte; 32]));
    let ring = |keys: &[&MasterKey]| {
        let keys: Vec<_> = keys.iter().map(|key| (*key).clone()).collect();
        let store = server.store();
        let ring = key::shared_ring(&keys, &store)?;
        Ok::<_, StartError>(store.renew_mark(&ring)?)
    };
    ring(&[&old]).unwrap();
    let error = ring(&[&new]).unwrap_err().to_string();
    assert!(error.contains("ENTRA_MCP_KEY"), "{error}");
    ring(&[&old, &new]).unwrap();
    ring(&[&old]).unwrap();
    ring(&[&new, &old]).unwrap();
    ring(&[&old, &new]).unwrap();
    ring(&[&new, &old]).unwrap();
    ring(&[&new]).unwrap();
    assert!(ring(&[&old]).is_err());
    assert!(ring(&[]).is_err());
}

// Q7: what an operator looks at takes no store for its own, and a replica that runs keeps its own from others.
#[test]
fn mark_is_left_again_after_a_loss_and_one_of_another_key_stops_the_replica() {
    let server = RedisProcess::start();
    let [ours, theirs] = [1, 2].map(|byte| Keyring::new(MasterKey::new([byte; 32]), Vec::new()));
    let store = server.store();
    assert!(store.fits(&theirs).unwrap(), "it is nobody's");
    store.renew_mark(&ours).unwrap();
    assert!(!store.fits(&theirs).unwrap());
    let flush = || {
        redis::cmd("FLUSHALL")
            .exec(&mut server.connection())
            .unwrap()
    };
    flush();
    assert!(store.keep_mark(&ours).unwrap());
    assert!(server.store().renew_mark(&theirs).is_err());
    flush();
    server.store().renew_mark(&theirs).unwrap();
    assert!(put(&store, "a", "one", Guard::Any));
    assert!(!store.keep_mark(&ours).unwrap());
    let get_a = || store.answer(Store::Get(name_of("a")), now());
    assert_eq!(get_a(), Err(StoreFault::Unavailable));
    flush();
    assert!(store.keep_mark(&ours).unwrap());
    assert_eq!(get_a(), Ok(None));
}

// D8
#[test]
fn user_without_the_right_password_or_permissions_is_refused_at_the_start() {
    let server = RedisProcess::start();
    let mut connection = server.connection();
    let mut set_user = |rules: &[&str]| {
        let mut set = redis::cmd("ACL");
        let () = set
            .arg("SETUSER")
            .arg(rules)
            .query(&mut connection)
            .unwrap();
    };
    let commands = "+get +getdel +getrange +set +setnx +del +time +evalsha +script|load +ping +publish +subscribe \
                    +select";
    let rules = ["mcp", "on", ">pass word@1", "~{entra-mcp}:*", "&*"];
    let commands: Vec<_> = commands.split_whitespace().collect();
    set_user(&[&rules[..], &commands[..]].concat());
    let open = |password| RedisStore::open(&server.server_for("mcp", password), None, None, now());
    let store = open("pass word@1").unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    assert!(!format!("{:?} {store:?}", server.server_for("mcp", "pass word@1")).contains("word@1"));
    let error = open("wrong word").unwrap_err().to_string();
    assert!(
        error.contains("authentication failed") && !error.contains("wrong word"),
        "{error}"
    );
    // Redis says which command it is; of what a user may not listen to it says nothing.
    for command in commands {
        if matches!(command, "+select") {
            continue;
        }
        set_user(&["mcp", &command.replace('+', "-")]);
        let error = open("pass word@1").unwrap_err().to_string();
        let name = command.trim_start_matches('+').replace("script|", "");
        assert!(
            error.contains("ermission") || error.contains("subscribe"),
            "{command}: {error}"
        );
        assert!(error.to_lowercase().contains(&name), "{command}: {error}");
        set_user(&["mcp", command]);
    }
    set_user(&["mcp", "resetchannels"]);
    let error = open("pass word@1").unwrap_err().to_string();
    assert!(error.contains("hannel"), "{error}");
}

// Q4: one that accepts connections and does not answer is as one that is not there.
#[test]
fn redis_that_hangs_is_waited_for_by_one_caller_at_a_time() {
    let server = RedisProcess::start();
    let store = server.store();
    server.signal(Signal::STOP);
    let get_a = || store.answer(Store::Get(name_of("a")), now());
    assert!(get_a().is_err());
    let faults: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| store.run::<()>(&redis::cmd("PING")).err()))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    });
    let waited = |fault: &&Option<PoolFault>| !matches!(fault, Some(PoolFault::Away));
    assert!(faults.iter().filter(waited).count() <= 1, "{faults:?}");
    server.signal(Signal::CONT);
    while get_a().is_err() {
        std::thread::yield_now();
    }
}

// D8: a password that is changed in Redis and in its file is used from the next connection on.
#[test]
fn password_in_a_file_is_read_anew_for_each_connection() {
    let server = RedisProcess::start();
    let mut connection = server.connection();
    let mut change = |password: &str| {
        let mut set = redis::cmd("ACL");
        set.arg("SETUSER")
            .arg(&["mcp", "on", "resetpass", "~*", "&*", "+@all"]);
        let () = set
            .arg(format!(">{password}"))
            .query(&mut connection)
            .unwrap();
        let mut kill = redis::cmd("CLIENT");
        let _: u32 = kill
            .arg("KILL")
            .arg("USER")
            .arg("mcp")
            .query(&mut connection)
            .unwrap();
    };
    let file =
        std::env::temp_dir().join(format!("entra-mcp-redis-password-{}", std::process::id()));
    let server = RedisServer {
        password: Some(RedisPassword::File(file.clone())),
        ..server.server_for("mcp", "")
    };
    let error = RedisStore::open(&server, None, None, now()).unwrap_err();
    assert!(
        error.to_string().contains("the file of its password"),
        "{error}"
    );
    std::fs::write(&file, "the first\n").unwrap();
    change("the first");
    let store = RedisStore::open(&server, None, None, now()).unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    change("the second");
    std::fs::write(&file, "the second\r\n").unwrap();
    assert_eq!(text(found_again(&store, "a")).as_deref(), Some("one"));
    std::fs::remove_file(file).unwrap();
}

// Q4: nobody who asks meanwhile waits for a Redis that is not there.
#[test]
fn redis_that_is_away_is_tried_by_one_caller_at_a_time() {
    let mut server = RedisProcess::start();
    let store = server.store();
    server.kill();
    let get_a = Store::Get(name_of("a"));
    assert!(store.answer(get_a, now()).is_err());
    let faults: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| store.run::<()>(&redis::cmd("PING")).err()))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    });
    let tried = |fault: &&Option<PoolFault>| matches!(fault, Some(PoolFault::Failed(_)));
    assert!(faults.iter().filter(tried).count() < faults.len() / 2);
    assert!(faults.iter().all(Option::is_some));
    let bytes = Bytes::from_static(b"one");
    let expires = UnixTime(now().0 + 100);
    let write = Store::Put(name_of("a"), Record { bytes, expires }, Guard::Any);
    assert_eq!(store.answer(write, now()), Err(StoreFault::Unavailable));
}
