//! A client of each kind, in front of a gateway.

use ::http::HeaderMap;

use super::{super::*, stdio};
use crate::mcp::forward::tests::own_accord::begin_http_sse;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// 2025-11-25, by Streamable HTTP.
    Sessions,
    /// 2026-07-28.
    Stateless,
    /// 2024-11-05, by HTTP+SSE.
    HttpSse,
}

impl Client {
    pub(super) const ALL: [Self; 3] = [Self::Sessions, Self::Stateless, Self::HttpSse];
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    List,
    /// `initialize`, or `server/discover`.
    Begin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Stdio,
}

/// A gateway, and a client of it.
pub(super) struct Front {
    pub(super) world: World,
    client: Client,
    /// The name of its session, or where to post.
    name: String,
    /// Its one stream (HTTP+SSE).
    stream: Option<ExchangeId>,
}

/// A request that was sent.
pub(super) struct Asked {
    exchange: ExchangeId,
    /// How many messages were on the stream before.
    after: usize,
}

/// What a client was told.
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) message: Value,
}

impl Front {
    /// A gateway with its client, which has begun unless that is what it is to do.
    pub(super) fn of(client: Client, kind: Kind, transport: Transport) -> Self {
        let mut world = match transport {
            Transport::Http => world(),
            Transport::Stdio => stdio::world(),
        };
        let gateway = world.server.server.config.gateway.as_mut().unwrap();
        gateway.answer_bytes = 2000;
        gateway.call_timeout = stdio::CALL;
        let mut front = Self {
            world,
            client,
            name: String::new(),
            stream: None,
        };
        if kind != Kind::Begin {
            front.begin(transport);
            front.world.logged.clear();
        }
        front
    }

    fn begin(&mut self, transport: Transport) {
        let world = &mut self.world;
        match (self.client, transport) {
            (Client::Sessions, Transport::Http) => self.name = begin(world, "alice", "theirs"),
            (Client::Sessions, Transport::Stdio) => self.name = stdio::begin(world),
            (Client::HttpSse, _) => {
                let (stream, target) = begin_http_sse(world);
                match transport {
                    Transport::Stdio => stdio::opens(world),
                    Transport::Http => {
                        opens(world, "theirs");
                        let listens = world.pulled();
                        world.answers(listens, 405, "");
                    }
                }
                (self.stream, self.name) = (Some(stream), target);
            }
            (Client::Stateless, _) => {
                let asked = self.ask(Kind::List);
                let world = &mut self.world;
                match transport {
                    Transport::Stdio => stdio::is_discovered_and_lists(world),
                    Transport::Http => {
                        is_discovered(world);
                        let sent = world.pulled();
                        let answer = result(&sent, LISTED);
                        world.answers(sent, 200, &answer);
                    }
                }
                assert_eq!(self.told(asked, "begin").status, 200);
            }
        }
    }

    pub(super) fn is_http_sse(&self) -> bool {
        self.client == Client::HttpSse
    }

    /// Sends a request; what the backend does is for the caller.
    pub(super) fn ask(&mut self, kind: Kind) -> Asked {
        if kind == Kind::Begin && self.client == Client::HttpSse {
            let (stream, _) = begin_http_sse(&mut self.world);
            self.stream = Some(stream);
            return Asked {
                exchange: stream,
                after: 0,
            };
        }
        let (method, name) = match (kind, self.client) {
            (Kind::Call, _) => ("tools/call", Some("echo")),
            (Kind::List, _) => ("tools/list", None),
            (Kind::Begin, Client::Stateless) => ("server/discover", None),
            (Kind::Begin, _) => ("initialize", None),
        };
        let mut params = json!({});
        if let Some(name) = name {
            params["name"] = json!(name);
        }
        let mut headers = vec![];
        match self.client {
            Client::Sessions if kind == Kind::Begin => {
                params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
            }
            Client::Sessions => headers.push(("mcp-session-id", self.name.as_str())),
            Client::HttpSse => {}
            Client::Stateless => {
                params["_meta"] = json!({
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                });
                headers.push(("mcp-protocol-version", "2026-07-28"));
                headers.push(("mcp-method", method));
                headers.extend(name.map(|name| ("mcp-name", name)));
            }
        }
        let body = json!({"jsonrpc": "2.0", "id": "mine", "method": method, "params": params});
        let target = match self.client {
            Client::HttpSse => self.name.as_str(),
            Client::Sessions | Client::Stateless => "/mcp",
        };
        let world = &mut self.world;
        let request = world.request("alice", "POST", target, &headers, &body.to_string());
        let after = self
            .stream
            .map_or(0, |stream| streamed(world, stream).len());
        let exchange = world.begin(request);
        Asked { exchange, after }
    }

    /// What came of it.
    pub(super) fn told(&self, asked: Asked, cell: &str) -> Told {
        let world = &self.world;
        if let Some(stream) = self.stream {
            let messages = streamed(world, stream).split_off(asked.after);
            let message = messages.last();
            return Told {
                status: 200,
                headers: HeaderMap::new(),
                message: message
                    .unwrap_or_else(|| panic!("{cell}: it is answered"))
                    .clone(),
            };
        }
        assert!(world.is_over(asked.exchange), "{cell}: it is over");
        match &world.sent(asked.exchange).response {
            Some(response) => Told {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                message: testing::json(response),
            },
            None => Told {
                status: 200,
                headers: HeaderMap::new(),
                message: streamed(world, asked.exchange).pop().unwrap(),
            },
        }
    }
}

/// A list that the backend has answered with.
pub(super) const LISTED: &str =
    r#"{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#;
