use super::*;
use crate::{
    config::{RedisEndpoint, RedisServer, StoreLocation},
    id::ResourceId,
    keys::MasterKey,
    testing::{TestServer, entropy},
};

const NOW: UnixTime = UnixTime(1_790_000_000);

fn replica(key: u8) -> Server {
    let mut server = TestServer::dev().server;
    server.config.store = StoreLocation::Redis(RedisServer {
        endpoint: RedisEndpoint::Unix("redis.sock".into()),
        database: 0,
        user: None,
        password: None,
        prefix: String::new(),
    });
    server.keys = Keyring::new(MasterKey::new([key; 32]), Vec::new());
    server
}

fn messages() -> [ReplicaMessage; 8] {
    let (principal, mcp_session) = (PrincipalId([1; 32]), McpSessionId([2; 16]));
    [
        ReplicaMessage::EndSession(SessionId::new([3; 16])),
        ReplicaMessage::EndMcpSession {
            mcp_session,
            principal,
        },
        ReplicaMessage::ClientResponse {
            principal,
            mcp_session,
            request: ServerRequestId([4; 16]),
            result: Ok(Box::new(serde_json::json!({"action": "accept"}))),
        },
        ReplicaMessage::CancelRequest {
            principal,
            mcp_session,
            request: Id::Negative(-1),
        },
        ReplicaMessage::Announced(Announcement {
            number: 7,
            change: ChangeNotification::Resource("docs://a".to_owned()),
            of: Some(UserId([6; 32])),
        }),
        ReplicaMessage::Subscribed(
            SessionId::new([3; 16]),
            mcp_session,
            Subscriptions {
                number: 8,
                resources: [ResourceId::of("docs://a")].into(),
            },
        ),
        ReplicaMessage::RefusedCode(Whose::of(Browser::default())),
        ReplicaMessage::WrongUserCode(Whose::of(Browser {
            device: Some(DeviceId([5; 16])),
            address: "2001:db8::1".parse().ok(),
        })),
    ]
}

fn sealed(message: &ReplicaMessage) -> Bytes {
    let sealed = message.seal(&replica(1), NOW, &mut entropy(1));
    sealed.expect("there are replicas")
}

// Q9
#[test]
fn message_opens_on_a_replica_with_the_same_key_only() {
    for message in messages() {
        let sealed = sealed(&message);
        assert_eq!(
            ReplicaMessage::open(&sealed, &replica(1), NOW),
            Some(message.clone())
        );
        assert_eq!(ReplicaMessage::open(&sealed, &replica(2), NOW), None);
        let mut changed = sealed.to_vec();
        changed[20] ^= 1;
        assert_eq!(ReplicaMessage::open(&changed, &replica(1), NOW), None);
        let alone = &TestServer::dev().server;
        assert_eq!(message.seal(alone, NOW, &mut entropy(1)), None);
    }
}

// Q9
#[test]
fn message_is_good_for_a_minute_by_either_clock() {
    for message in messages() {
        let sealed = sealed(&message);
        for (now, is_good) in [
            (NOW.0 - 61, false),
            (NOW.0 - 60, true),
            (NOW.0 + 60, true),
            (NOW.0 + 61, false),
        ] {
            let opened = open_message(&sealed, &replica(1), UnixTime(now));
            assert_eq!(opened.is_some(), is_good, "{now}");
        }
    }
}

// I7
#[test]
fn end_of_a_session_that_the_operator_ended_is_told_to_all_replicas() {
    let session = SessionId::new([3; 16]);
    let seed = Seed::new([7; 32]);
    let server = replica(1);
    let sealed = seal_end(&session.to_string(), &server.keys, NOW, &seed).unwrap();
    let opened = ReplicaMessage::open(&sealed, &server, NOW);
    assert_eq!(opened, Some(ReplicaMessage::EndSession(session)));
    assert_eq!(seal_end("no name", &server.keys, NOW, &seed), None);
}
