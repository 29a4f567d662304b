//! One process of the server: settings, hub, and the exchanges under way. It performs their
//! actions as a runtime does; it can be killed between any two steps and started again.

mod asks;
mod calls;
mod mailbox;
mod messages;
mod perform;
mod steps;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use entra_mcp_core::{
    admit,
    config::{ClientAddress, PreregisteredClients, RateLimits},
    entropy::Seed,
    env::{EntraSnapshot, Env, Server},
    exchange::{Exchange, ExchangeId, Job},
    hub::Hub,
    opened_session::OpenedSessions,
    policy::Policy,
    rate_limit::{Counted, RateTable},
    request_id::RequestId,
    time::{Instant, Now},
};
use entra_mcp_http1::Refusal;
use http::{Request, Response, Uri};

use crate::{
    checks::Failure,
    clock::SimInstant,
    ids::{ConnId, ExchangeRef, Process},
    listed,
    net::Piece,
    observation::Observation,
    options::Options,
    world::{SimEvent, State},
};

/// A replica, alive or not.
#[derive(Debug)]
pub(crate) struct Replica {
    index: usize,
    generation: u32,
    running: Option<Running>,
    /// How many seconds its wall clock is off.
    pub(crate) skew: i64,
}

#[derive(Debug)]
struct Running {
    server: Server,
    clients: PreregisteredClients,
    hub: Hub,
    opened: OpenedSessions,
    known: Arc<EntraSnapshot>,
    started: SimInstant,
    exchanges: BTreeMap<ExchangeId, Live>,
    calls: calls::Calls,
    mailboxes: mailbox::Mailboxes,
    rates: RateTable,
    policy: Policy,
    count: u64,
}

/// An exchange under way.
#[derive(Debug)]
struct Live {
    exchange: Exchange,
    conn: Option<ConnId>,
    wake: Option<Instant>,
    disconnect_sent: bool,
    turn: steps::Turn,
}

impl Replica {
    pub(crate) fn new(index: usize, _options: &Options) -> Self {
        Self {
            index,
            generation: 0,
            running: None,
            skew: 0,
        }
    }

    /// Which process it is now, if it is alive.
    pub(crate) fn process(&self) -> Option<Process> {
        self.running.as_ref()?;
        Some(Process {
            replica: self.index,
            generation: self.generation,
        })
    }

    /// How many exchanges are under way.
    pub(crate) fn exchanges(&self) -> usize {
        let running = self.running.as_ref();
        running.map_or(0, |running| running.exchanges.len())
    }

    fn now(&self, moment: SimInstant) -> Now {
        let started = self.running.as_ref().map_or(moment, |run| run.started);
        crate::clock::read(moment, started, self.skew)
    }

    /// Hands something to an exchange that is taken out of the table while it works.
    fn step(
        &mut self,
        moment: SimInstant,
        work: impl FnOnce(&mut Running, Now) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let now = self.now(moment);
        match &mut self.running {
            Some(running) => work(running, now),
            None => Ok(()),
        }
    }
}

/// The address that a request of this peer is counted for: on loopback, where a proxy may be, none; else what a
/// trusted proxy says, each peer's own.
fn client_address(name: &str, options: &Options) -> Option<ClientAddress> {
    if !options.public_url.starts_with("https:") {
        return None;
    }
    let number = name.bytes().fold(7_u32, |number, byte| {
        number.wrapping_mul(31).wrapping_add(byte.into())
    });
    let [_, b, c, d] = number.to_be_bytes();
    Some(ClientAddress::from(IpAddr::from([10, b, c, d])))
}

impl State {
    /// Starts a replica that is not running.
    pub(crate) fn start(&mut self, index: usize) {
        let server = crate::server::build(&self.options, self.keys, &mut self.checks);
        let server = (self.options.prepare)(server);
        let moment = self.moment;
        let Some(replica) = self.replicas.get_mut(index) else {
            return;
        };
        if replica.running.is_some() {
            return;
        }
        replica.generation += 1;
        replica.running = Some(Running {
            clients: listed::clients(&server),
            server,
            hub: Hub::new(),
            opened: OpenedSessions::default(),
            known: Arc::new(EntraSnapshot::default()),
            started: moment,
            exchanges: BTreeMap::new(),
            calls: calls::Calls::default(),
            mailboxes: mailbox::Mailboxes::default(),
            rates: RateTable::told_to_others(),
            policy: crate::backend::policy::of_world(&self.options),
            count: 0,
        });
        let (line, process) = (
            format!("= starts, process {}", replica.generation),
            replica.process(),
        );
        if self.options.rate_limits != RateLimits::none()
            && let Some(process) = process
        {
            self.schedule(moment, SimEvent::TellRates(process));
        }
        self.note(&format!("r{index}"), &line);
    }

    /// Ends a replica's process at once.
    pub(crate) fn kill(&mut self, index: usize) {
        let Some(replica) = self.replicas.get_mut(index) else {
            return;
        };
        let process = replica.process();
        let Some(running) = replica.running.take() else {
            return;
        };
        if let Some(process) = process {
            self.lose_backends(process);
        }
        self.note(&format!("r{index}"), "= is killed");
        for live in running.exchanges.into_values() {
            if let Some(conn) = live.conn {
                self.send_piece(conn, Piece::Broken);
            }
        }
    }

    /// A request reaches a replica.
    pub(crate) fn begin_exchange(&mut self, index: usize, conn: ConnId, request: Request<Bytes>) {
        let moment = self.moment;
        let seed = Seed::new(self.choice.material());
        let Some(replica) = self.replicas.get_mut(index) else {
            return;
        };
        let (now, process) = (replica.now(moment), replica.process());
        let (Some(process), Some(running)) = (process, replica.running.as_mut()) else {
            return;
        };
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().cloned();
        parts.uri = target.map_or_else(Uri::default, Uri::from);
        let admission = match admit::admit(
            parts.clone(),
            &running.server,
            now,
            RequestId::own(running.count),
        ) {
            Ok(admission) if body.len() > admission.body_limit() => {
                return self.refuse(conn, Refusal::BodyTooLarge.response());
            }
            Ok(admission) => admission,
            Err(refusal) => return self.refuse(conn, *refusal),
        };
        let name = self.net.get(conn).map(|conn| conn.name.as_str());
        let client = name.and_then(|name| client_address(name, &self.options));
        let mut admission = admission.of_client(client);
        admission.recognize(&mut running.opened);
        let limits = &running.server.config.rate_limits;
        let counted = match (admission.subject(), admission.rate_request(&body)) {
            (Some(subject), _) => running.rates.count_user(subject, limits, || now.instant),
            (None, Some(request)) => {
                let rates = &mut running.rates;
                rates.count_request(request, client, limits, now.instant)
            }
            (None, None) => Ok(Counted::Yes),
        };
        if let Err(limited) = counted {
            admission = admission.limited(limited);
        }
        running.count += 1;
        let id = ExchangeId(running.count);
        let who = ExchangeRef::new(process, id);
        let request = Request::from_parts(parts, body.clone());
        let line = format!("= {} {}", request.method(), request.uri().path());
        let Some((name, role)) = self
            .net
            .get(conn)
            .map(|conn| (conn.name.clone(), conn.role))
        else {
            return;
        };
        self.connect(conn, process, id);
        self.note(&who.to_string(), &line);
        self.see(&Observation::RequestAdmitted {
            who,
            conn,
            role,
            name: &name,
            request: &request,
            now,
        });
        let begun = self.begin(process, id, Some(conn), |id, env| {
            admission.begin(id, &seed, body, env)
        });
        if begun {
            self.pump(process, id);
        }
    }

    fn refuse(&mut self, conn: ConnId, response: Response<Bytes>) {
        self.see(&Observation::RequestRefused {
            response: &response,
        });
        let (parts, body) = response.into_parts();
        self.send_piece(conn, Piece::Head(Response::from_parts(parts, ())));
        self.send_piece(conn, Piece::Body(body));
        self.send_piece(conn, Piece::End);
    }

    fn begin(
        &mut self,
        process: Process,
        id: ExchangeId,
        conn: Option<ConnId>,
        make: impl FnOnce(ExchangeId, Env<'_>) -> Exchange,
    ) -> bool {
        let moment = self.moment;
        let Some(replica) = self.process(process) else {
            return false;
        };
        let done = replica.step(moment, |running, now| {
            let env = Env {
                server: &running.server,
                catalog: &running.server.catalog,
                entra: &running.known,
                clients: &running.clients,
                policy: &running.policy,
                endpoint: entra_mcp_core::config::Endpoint::MAIN,
                now,
            };
            let live = Live {
                exchange: make(id, env),
                conn,
                wake: None,
                disconnect_sent: false,
                turn: steps::Turn::default(),
            };
            running.exchanges.insert(id, live);
            Ok(())
        });
        done.is_ok()
    }

    fn begin_job(&mut self, process: Process, job: Job) {
        let seed = Seed::new(self.choice.material());
        let Some(running) = self
            .process(process)
            .and_then(|replica| replica.running.as_mut())
        else {
            return;
        };
        running.count += 1;
        let id = ExchangeId(running.count);
        self.note(
            &ExchangeRef::new(process, id).to_string(),
            &format!("= {job:?}"),
        );
        if self.begin(process, id, None, |id, env| {
            Exchange::job(id, &seed, job, env)
        }) {
            self.pump(process, id);
        }
    }

    fn finish(&mut self, process: Process, id: ExchangeId, conn: Option<ConnId>) {
        let Some(running) = self
            .process(process)
            .and_then(|replica| replica.running.as_mut())
        else {
            return;
        };
        running.exchanges.remove(&id);
        running.mailboxes.remove(&id);
        running.hub.forget(id);
        self.leave_calls(process, id);
        self.leave_backends(process, id);
        // A stream that was not closed by the exchange ends with it.
        if let Some(conn) = conn {
            self.send_piece(conn, Piece::End);
        }
        self.poll_hub(process);
    }
}
