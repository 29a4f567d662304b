//! What an operator is told who has set something wrong.

use entra_mcp_core::config::{RedisAddress, RedisEndpoint};

use super::{testing::free_port, *};

fn refusal(server: &RedisServer) -> String {
    let refused = RedisStore::open(server, None, None, now());
    refused.unwrap_err().to_string()
}

// Q1
#[test]
fn wrong_setting_of_a_redis_is_named_with_its_cure() {
    let port = free_port();
    let redis = RedisProcess::with(&["--port", &port.to_string()]);
    let over = |is_secure| RedisServer {
        endpoint: RedisEndpoint::Tcp {
            address: RedisAddress {
                host: "127.0.0.1".to_owned(),
                port,
            },
            is_secure,
        },
        ..redis.server()
    };
    RedisStore::open(&over(false), None, None, now()).unwrap();
    let plain = refusal(&over(true));
    assert!(plain.contains("redis:// (--store"), "{plain}");
    let password = refusal(&redis.server_for("nobody", "wrong"));
    assert!(password.contains("ENTRA_MCP_STORE_PASSWORD,"), "{password}");
    let numbered = refusal(&RedisServer {
        database: 99,
        ..redis.server()
    });
    assert!(numbered.contains("number of the database"), "{numbered}");
}

// Q1
#[test]
fn cluster_behind_one_address_needs_a_prefix_in_braces_and_says_so() {
    let redis = RedisProcess::with(&[
        "--port",
        &free_port().to_string(),
        "--cluster-enabled",
        "yes",
    ]);
    let mut slots = redis::cmd("CLUSTER");
    slots.arg("ADDSLOTSRANGE").arg(0).arg(16_383);
    let () = slots.query(&mut redis.connection()).unwrap();
    let server = RedisServer {
        prefix: "no-braces:".to_owned(),
        ..redis.server()
    };
    let refused = loop {
        let refused = refusal(&server);
        // It takes a cluster a moment to know that it has all slots.
        if !refused.contains("CLUSTERDOWN") && !refused.contains("luster is down") {
            break refused;
        }
    };
    assert!(refused.contains("--store-prefix"), "{refused}");
}
