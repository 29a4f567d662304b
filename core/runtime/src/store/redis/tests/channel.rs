//! What replicas tell each other.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use super::*;
use crate::{sessions::tests as sessions, store::RecordStore};

/// The messages that a store receives, once it listens.
fn received(store: &Arc<RedisStore>) -> Receiver<Vec<u8>> {
    let (sender, messages) = channel();
    let store = Arc::clone(store);
    std::thread::spawn(move || {
        store.receive(1024, |message| sender.send(message.to_vec()).is_ok())
    });
    assert_eq!(messages.recv().unwrap(), b"", "it listens");
    messages
}

fn next(messages: &Receiver<Vec<u8>>) -> Vec<u8> {
    loop {
        let message = messages.recv().unwrap();
        if !message.is_empty() {
            return message;
        }
    }
}

#[test]
fn message_reaches_the_other_replicas_of_its_prefix_and_database_and_not_its_sender() {
    let server = RedisProcess::start();
    let [one, two, three] = [(); 3].map(|()| Arc::new(server.store()));
    let stranger = RedisServer {
        prefix: "other:".to_owned(),
        ..server.server()
    };
    let stranger = RedisStore::open(&stranger, None, None, now()).unwrap();
    let of_another_database = RedisServer {
        database: 1,
        ..server.server()
    };
    let of_another_database = RedisStore::open(&of_another_database, None, None, now()).unwrap();
    let [of_one, of_two, of_three] = [&one, &two, &three].map(received);
    stranger.publish(b"of a stranger");
    of_another_database.publish(b"of another database");
    one.publish(&[1; 2000]);
    one.publish(b"first");
    two.publish(b"second");
    assert_eq!(next(&of_one), b"second");
    assert_eq!(next(&of_two), b"first");
    assert_eq!(next(&of_three), b"first", "the other was too long");
    assert_eq!(next(&of_three), b"second");
}

#[test]
fn replica_listens_again_by_itself_after_redis_was_away() {
    let mut server = RedisProcess::start();
    let [one, two] = [(); 2].map(|()| Arc::new(server.store()));
    let messages = received(&two);
    server.kill();
    one.publish(b"lost");
    server.start_again();
    while messages.recv_timeout(Duration::from_millis(10)) != Ok(b"again".to_vec()) {
        one.publish(b"again");
    }
}

#[test]
fn replica_that_is_gone_listens_no_more() {
    let server = RedisProcess::start();
    let store = Arc::new(server.store());
    let (one, other) = (Arc::clone(&store), server.store());
    let listening = std::thread::spawn(move || {
        let mut wanted = 1;
        one.receive(1024, |_| {
            wanted -= 1;
            wanted >= 0
        });
    });
    while !listening.is_finished() {
        other.publish(b"more");
    }
    listening.join().unwrap();
}

// A4, I7: also what the keys of whoever ends it do not open.
#[test]
fn sessions_of_a_list_that_does_not_open_are_ended_on_all_replicas() {
    let server = RedisProcess::start();
    let messages = received(&Arc::new(server.store()));
    let store = RecordStore::Redis(Box::new(server.store()));
    sessions::sessions_of_a_list_that_does_not_open_are_told_of_and_ended(&store, now());
    assert_ne!(next(&messages), next(&messages));
}

// D8: who is forbidden to listen while the server runs is told nothing by Redis; it is found out, and is over when it is allowed again.
#[test]
fn replica_listens_again_after_it_was_not_allowed_to() {
    let server = RedisProcess::start();
    let may = |rule: &str| {
        let mut set = redis::cmd("ACL");
        set.arg("SETUSER").arg(&["default", rule]);
        set.exec(&mut server.connection()).unwrap();
    };
    let [one, two] = [(); 2].map(|()| Arc::new(server.store()));
    may("-subscribe");
    let (sender, messages) = channel();
    let listens = Arc::clone(&two);
    std::thread::spawn(move || {
        listens.receive(1024, |message| sender.send(message.to_vec()).is_ok())
    });
    one.publish(b"lost");
    may("+subscribe");
    while messages.recv_timeout(Duration::from_millis(10)) != Ok(b"again".to_vec()) {
        one.publish(b"again");
    }
}
