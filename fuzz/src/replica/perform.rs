//! What an exchange does to its own answer and to the log.

use entra_mcp_core::{action::Action, exchange::ExchangeId};
use http::Response;

use crate::{
    ids::{ConnId, ExchangeRef, Process},
    net::Piece,
    observation::Observation,
    options::Fault,
    unkindness::Unkindness,
    world::State,
};

impl State {
    pub(super) fn perform(
        &mut self,
        process: Process,
        id: ExchangeId,
        conn: Option<ConnId>,
        action: Action,
    ) {
        let who = ExchangeRef::new(process, id);
        let printed = format!("{action:?}");
        self.see(&Observation::Printed { text: &printed });
        self.note(&who.to_string(), &format!("= {printed}"));
        match action {
            Action::Respond(response) => {
                let (parts, body) = response.into_parts();
                let head = Response::from_parts(parts, ());
                self.see(&Observation::ResponseStarted {
                    who,
                    head: &head,
                    body: &body,
                    open: false,
                });
                self.answer(
                    process,
                    id,
                    conn,
                    [Piece::Head(head), Piece::Body(body), Piece::End],
                );
            }
            Action::Open(head) => {
                self.see(&Observation::ResponseStarted {
                    who,
                    head: &head,
                    body: b"",
                    open: true,
                });
                self.answer(process, id, conn, [Piece::Head(head)]);
            }
            Action::Write(bytes) => {
                self.see(&Observation::BodyWritten { who, bytes: &bytes });
                self.answer(process, id, conn, [Piece::Body(bytes)]);
            }
            Action::Close => {
                self.see(&Observation::ResponseEnded { who });
                self.answer(process, id, conn, [Piece::End]);
            }
            Action::Fetch(ticket, fetch) => self.fetch(process, id, ticket, *fetch),
            Action::Assert(ticket, _) => self.make_assertion(process, id, ticket),
            Action::Sign(ticket, sign) => self.sign(process, id, ticket, sign),
            Action::Store(ticket, store) => self.question(process, id, ticket, store),
            Action::ToHub(message) => self.send_to_hub(process, id, message),
            Action::Publish(message) => self.publish(process, &message),
            Action::Remember(opened) => {
                let replica = self.process(process);
                if let Some(running) = replica.and_then(|replica| replica.running.as_mut()) {
                    running.opened.insert(opened);
                }
            }
            Action::Log(line) => {
                self.see(&Observation::Logged { line: &line });
                self.log.push(format!("{line:?}"));
            }
            Action::Invoke(ticket, perform) => self.call(process, id, ticket, &perform),
            Action::Resume(ask, granted) => self.granted(process, id, ask, granted),
            Action::Pull(ticket, pull) => self.pull(process, id, ticket, pull),
            Action::Spawn(ticket, child) => self.spawn_backend(process, id, ticket, &child),
            Action::More(ask) => self.more(process, id, ask),
            Action::Feed(ask, line) => self.feed(process, id, ask, line),
            Action::End(ask, end) => self.end_process(process, id, ask, end),
            // The answer that comes nevertheless is one that the exchange ignores.
            Action::Cancel(ask) => self.cancelled(process, id, ask),
            _ => {}
        }
    }

    fn answer<const N: usize>(
        &mut self,
        process: Process,
        id: ExchangeId,
        conn: Option<ConnId>,
        pieces: [Piece; N],
    ) {
        let Some(conn) = conn else {
            return;
        };
        if self.injects(Fault::CutIn) {
            self.cut(conn);
            return;
        }
        if self.injects(Fault::SlowReader) {
            let is_slow = self.options.has(Unkindness::SlowReaders) && self.choice.chance(500);
            if !is_slow {
                self.stall(conn);
                return;
            }
            self.writes_slowly(process, id, conn);
        }
        for piece in pieces {
            self.send_piece(conn, piece);
        }
    }
}
