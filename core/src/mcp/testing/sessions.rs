//! Who has signed in, and who no longer has.

use std::time::Duration;

use super::{GRAPH_TOKEN, World};
use crate::{
    action::Action,
    ask::Guard,
    event::{Answer, Input},
    hub::{ToHub, ToHubKind},
    id::{ExchangeId, SessionId},
    request_id::RequestId,
    secret::Secret,
    session::{
        Share,
        record::{EntraTokens, Session},
        token::{self, Granted},
    },
    step::{Cx, Outbox, Progress},
    testing::{entropy, session_of},
    time::UnixTime,
};

impl World {
    /// Stores a session and gives the token for it.
    pub(crate) fn sign_in(&mut self, user: &str, client_id: &str, scope: &str) -> String {
        let (mut session, share) = session_of(user, client_id);
        session.scope = scope.to_owned();
        self.set_entra_tokens(&mut session, user);
        self.store_session(session, &share)
    }

    /// Somebody signs in once more with the same client: another session.
    pub(crate) fn sign_in_anew(&mut self, user: &str) -> String {
        let (mut session, share) = session_of(user, "a client");
        session.id = SessionId::new([77; 16]);
        self.set_entra_tokens(&mut session, user);
        let keys = &self.server.server.keys;
        session.change_key(keys, &mut entropy(77)).unwrap();
        self.store_session(session, &share)
    }

    /// Somebody has these app roles from now on.
    pub(crate) fn has_roles(&mut self, user: &str, roles: &[&str]) {
        let (mut session, share) = session_of(user, "a client");
        self.set_entra_tokens(&mut session, user);
        session.user.profile.roles = roles.iter().collect();
        self.store_session(session, &share);
    }

    fn set_entra_tokens(&self, session: &mut Session, user: &str) {
        let tokens = EntraTokens {
            refresh_token: Some(Secret::new(format!("entra refresh token of {user}"))),
            access_token: Secret::new(format!("{GRAPH_TOKEN} of {user}")),
            scope: "User.Read".to_owned(),
            expires: UnixTime(self.server.now.unix.0 + 3000),
            refreshed: self.server.now.unix,
        };
        let keys = &self.server.server.keys;
        session.set_entra_tokens(&tokens, keys, &mut entropy(1));
    }

    fn store_session(&mut self, mut session: Session, share: &Share) -> String {
        session.open_only_to(share, &self.server.server);
        let expires = session.expires(self.server.now.unix, &self.server.server.config.lifetimes);
        let keys = &self.server.server.keys;
        let put = session.put(Guard::Any, expires, keys, &mut entropy(2));
        self.ask(put).unwrap();
        let env = self.server.env();
        let issued = token::issue(
            &session,
            &Granted::whole(&session),
            share,
            env,
            &mut entropy(3),
        );
        issued.0.expose().clone()
    }

    /// The session of somebody who has signed in is for these scopes from now on.
    pub(crate) fn grant(&mut self, user: &str, scope: &str) {
        let mut session = self.session(user);
        session.scope = scope.to_owned();
        let (_, share) = session_of(user, "a client");
        self.store_session(session, &share);
    }

    /// The token of somebody's session as it is stored now.
    pub(crate) fn token_of_stored(&self, user: &str) -> String {
        let (session, (_, share)) = (self.session(user), session_of(user, "a client"));
        let granted = Granted::whole(&session);
        let issued = token::issue(
            &session,
            &granted,
            &share,
            self.server.env(),
            &mut entropy(4),
        );
        issued.0.expose().clone()
    }

    /// The token of somebody who has signed in.
    pub(crate) fn token(&self, user: &str) -> String {
        let (session, share) = session_of(user, "a client");
        let env = self.server.env();
        let issued = token::issue(
            &session,
            &Granted::whole(&session),
            &share,
            env,
            &mut entropy(4),
        );
        issued.0.expose().clone()
    }

    /// Somebody signs in with the same client for this path: another session.
    pub(crate) fn sign_in_at(&mut self, user: &str, path: &str) {
        let (session, share) = self.session_at(user, path);
        self.store_session(session, &share);
    }

    /// Their session for this path.
    pub(crate) fn session_at(&self, user: &str, path: &str) -> (Session, Share) {
        let (mut session, share) = session_of(user, "a client");
        let mut id = *session.id.bytes();
        id.iter_mut()
            .zip(path.bytes().rev())
            .for_each(|(to, from)| *to ^= from);
        session.id = SessionId::new(id);
        session.resource = format!("http://localhost:3001{path}");
        self.set_entra_tokens(&mut session, user);
        let keys = &self.server.server.keys;
        session.change_key(keys, &mut entropy(78)).unwrap();
        (session, share)
    }

    /// Their token for it.
    pub(crate) fn token_at(&self, user: &str, path: &str) -> String {
        let (session, share) = self.session_at(user, path);
        let (granted, env) = (Granted::whole(&session), self.server.env());
        let issued = token::issue(&session, &granted, &share, env, &mut entropy(4));
        issued.0.expose().clone()
    }

    /// The session of somebody, as it is stored now.
    pub(crate) fn session(&self, user: &str) -> Session {
        let (session, share) = session_of(user, "a client");
        let stored = self.store.get(&session.id.key().0).unwrap();
        let opened = Session::open(session.id, stored, &share, &self.server.server);
        opened.unwrap().0
    }

    /// Stores a session as it was changed.
    pub(crate) fn replace_session(&mut self, session: Session) {
        let expires = session.expires(self.server.now.unix, &self.server.server.config.lifetimes);
        let keys = &self.server.server.keys;
        let put = session.put(Guard::Any, expires, keys, &mut entropy(5));
        self.ask(put).unwrap();
    }

    /// Runs a step that asks nothing but the store.
    pub(crate) fn run_step<S, T>(
        &mut self,
        start: impl FnOnce(&mut Cx<'_>) -> S,
        handle: impl Fn(S, Answer, &mut Cx<'_>) -> Progress<S, T>,
    ) -> T {
        let (mut entropy, now) = (entropy(6), self.server.now.instant);
        let mut outbox = Outbox::new(now.after(Duration::from_secs(60)), RequestId::own(1));
        let mut state = start(&mut Cx {
            env: self.server.env(),
            entropy: &mut entropy,
            out: &mut outbox,
        });
        loop {
            match outbox.pop().expect("the step waits for the store") {
                Action::Store(ticket, ask) => {
                    let Input::Answer(answer) = ticket.answer(self.ask(ask)).into_input() else {
                        panic!("a ticket makes an answer");
                    };
                    let mut cx = Cx {
                        env: self.server.env(),
                        entropy: &mut entropy,
                        out: &mut outbox,
                    };
                    match handle(state, answer, &mut cx) {
                        Progress::Pending(next) => state = next,
                        Progress::Ready(result) => return result,
                    }
                }
                _ => continue,
            }
        }
    }

    /// Somebody's session is revoked on another replica.
    pub(crate) fn revoke(&mut self, user: &str) {
        let (session, _) = session_of(user, "a client");
        self.store.remove(&session.id.key().0);
    }

    /// Somebody's session is revoked on this server.
    pub(crate) fn end_session(&mut self, user: &str) {
        let (session, _) = session_of(user, "a client");
        self.end_this_session(session.id);
    }

    /// The session of this name is revoked on this server.
    pub(crate) fn end_this_session(&mut self, id: SessionId) {
        self.store.remove(&id.key().0);
        let revoked = ToHub(ToHubKind::EndSession(id));
        self.hub.handle(ExchangeId(0), revoked, self.server.now);
        self.run_hub();
    }
}
