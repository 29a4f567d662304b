//! Attackers. Each has an account of their own, registers clients of their own, tricks
//! browsers into addresses and forms, and tries everything that came into their hands. What must
//! not come of it is judged by the checks, not here.

mod devices;
mod documents;
mod forge;
mod leaked_names;

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use http::{Method, header};
use serde_json::json;
use url::Url;

use crate::{
    browser::{Arrived, Browser},
    client::{Client, Dialect, Registration, Tokens, parameter, value},
    human::{Human, Walk},
    ids::{ENTRA_ORIGIN, Role},
    users::Shared,
    world::World,
};

/// A page of the attacker's.
const PAGE: &str = "https://evil.example/";

/// An attacker.
#[derive(Debug)]
pub struct Attacker {
    world: World,
    shared: Shared,
    /// The attacker's own client, signed in as the attacker if it got that far.
    client: Client,
    browser: Browser,
    human: Human,
    /// A browser of somebody else's that can be led anywhere, and its owner.
    victim: Browser,
    victim_human: Human,
}

impl Attacker {
    /// An attacker with an account, and a victim that can be led.
    #[must_use]
    pub fn new(world: &World, name: &str, account: &str, victim: &str, shared: &Shared) -> Self {
        let mut client = Client::of_attacker(world, name, Dialect::Streamable("2025-11-25"));
        client.redirect_uri = format!("https://evil.example/{name}");
        Self {
            world: world.clone(),
            shared: Rc::clone(shared),
            client,
            browser: Browser::new(world.peer(&format!("{name}'s"), Role::Attacker)),
            human: Human::new(account),
            victim: Browser::new(world.peer(&format!("{name}'s victim's"), Role::Browser)),
            victim_human: Human::new(victim),
        }
    }

    /// Tries one thing after another until the faults stop.
    pub async fn run(mut self) {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(300));
        while !self.shared.borrow().faults_stopped {
            let wait = self.world.choose(|choice| choice.between(least, most));
            self.world.sleep(wait).await;
            let action = self.choose_attack();
            let line = format!(
                "= attacks: {}",
                ATTACKS
                    .get(action as usize)
                    .unwrap_or(&"uses names of others")
            );
            self.world.note(self.client.peer.name(), &line);
            match action {
                0 => self.become_a_user().await,
                1 => self.replay_a_callback().await,
                2 => self.fixate().await,
                3 => self.ride_on_a_cookie().await,
                4 => self.post_consent_from_elsewhere().await,
                5 => self.swap_sessions().await,
                6 => self.replay_a_refresh().await,
                7 => self.redeem_a_stolen_code().await,
                8 => self.forge_tokens().await,
                9 => self.mix_up().await,
                10 => self.flood().await,
                11 => self.lie_about_a_client().await,
                12 => self.ask_for_a_document().await,
                13 => self.phish_for_a_device().await,
                14 => self.decide_for_a_device().await,
                18 => self.meddle_with_tasks().await,
                _ => self.use_names().await,
            }
        }
    }

    async fn become_a_user(&mut self) {
        let _result = self.client.use_as(&mut self.browser, &self.human).await;
    }

    /// Opens addresses of somebody's history, in the attacker's own browser.
    async fn replay_a_callback(&mut self) {
        let history = self.shared.borrow().history.clone();
        if history.is_empty() {
            return;
        }
        let url = self.world.choose(|choice| choice.pick(&history).clone());
        let _arrived = self.browser.open(&url).await;
    }

    /// Approves in the attacker's browser and lets the victim sign in (threat A2).
    async fn fixate(&mut self) {
        let Ok(begun) = self.client.begin().await else {
            return;
        };
        let Some(to_entra) = self.approve_only(&begun.url).await else {
            return;
        };
        // The victim follows a link and signs in, as if the page were one of their own.
        let walked = self.victim_human.walk(&mut self.victim, &to_entra).await;
        if let Ok(Walk::Returned(url)) = walked
            && let Ok(code) = self.client.accept(&begun, &url)
        {
            let redeemed = self.client.redeem(&begun, &code).await;
            self.spy(redeemed.is_ok()).await;
        }
    }

    /// Approves the attacker's own client and stops before Entra: the address at Entra.
    async fn approve_only(&mut self, url: &Url) -> Option<Url> {
        let arrived = self.browser.open(url).await.ok()?;
        if let Arrived::Page(page) = arrived
            && let Some((form, button)) = self.human.reads(&page)
        {
            let _arrived = self.browser.press(&page, &form, &button).await;
        }
        let mut opened = self.browser.history.iter().rev();
        let found = opened.find(|url| {
            url.as_str().starts_with(ENTRA_ORIGIN) && url.path().ends_with("/authorize")
        });
        found.cloned()
    }

    /// Leads a victim, who may have approved other clients, to the attacker's sign-in. The victim
    /// does not approve it (threat A4).
    async fn ride_on_a_cookie(&mut self) {
        let _result = self.victim_uses_a_good_client().await;
        let Ok(begun) = self.client.begin().await else {
            return;
        };
        let from = Url::parse(PAGE).expect("a good address");
        let mut careful = self.victim_human.clone();
        careful.approves = false;
        let arrived = self.victim.follow(&begun.url, &from).await;
        if let Ok(Arrived::Page(page)) = arrived
            && let Some((form, button)) = careful.reads(&page)
        {
            let _arrived = self.victim.press(&page, &form, &button).await;
        }
    }

    async fn victim_uses_a_good_client(&mut self) -> Option<()> {
        let mut good = Client::new(&self.world, "victim", Dialect::Modern);
        "https://client.example/victim".clone_into(&mut good.redirect_uri);
        good.use_as(&mut self.victim, &self.victim_human)
            .await
            .ok()?;
        Some(())
    }

    /// Takes a form made for the attacker's browser and sends it from the victim's (threat A5).
    async fn post_consent_from_elsewhere(&mut self) {
        let Ok(begun) = self.client.begin().await else {
            return;
        };
        let Ok(Arrived::Page(page)) = self.browser.open(&begun.url).await else {
            return;
        };
        let Some((form, button)) = self.human.reads(&page) else {
            return;
        };
        let from = Url::parse(PAGE).expect("a good address");
        let policies = ["unsafe-url", "no-referrer", "same-origin"];
        let policy = self.world.choose(|choice| *choice.pick(&policies));
        let submitted = self.victim.submit(&from, policy, &form, &button).await;
        if let Ok(Arrived::Page(page)) = submitted
            && let Some((form, button)) = self.victim_human.reads(&page)
        {
            let _arrived = self.victim.press(&page, &form, &button).await;
        }
    }

    /// Uses the session of somebody else with the attacker's own token (threats I2, I4).
    async fn swap_sessions(&mut self) {
        if self.client.tokens.is_none() {
            self.become_a_user().await;
        }
        let sessions = self.shared.borrow().sessions.clone();
        if sessions.is_empty() {
            return;
        }
        let session = self.world.choose(|choice| choice.pick(&sessions).clone());
        if session.starts_with("http") {
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": "getUserDetails", "arguments": {}}});
            let mut request = self.client.request(Method::POST, &session);
            let headers = request.headers_mut();
            headers.insert(header::CONTENT_TYPE, value("application/json"));
            *request.body_mut() = Bytes::from(call.to_string());
            let _answer = self.client.peer.fetch(request).await;
            return;
        }
        self.client.set_session(&session);
        match self.world.choose(|choice| choice.below(3)) {
            0 => {
                let _ended = self.client.end_session().await;
            }
            1 => {
                let mut request = self.client.request(Method::GET, &self.client.address());
                let headers = request.headers_mut();
                headers.insert("mcp-session-id", value(&session));
                headers.insert(header::ACCEPT, value("text/event-stream"));
                let mut stream = self.client.peer.send(request);
                let _head = stream.head().await;
            }
            _ => self.spy(true).await,
        }
        self.client.disconnect();
    }

    async fn spy(&mut self, go: bool) {
        if go {
            let _details = self.client.get_user_details().await;
        }
    }

    /// Uses a refresh token that was spent long ago, as its own client and as another (threats E6,
    /// E7).
    async fn replay_a_refresh(&mut self) {
        let spent = self.shared.borrow().spent.clone();
        if spent.is_empty() || self.client.begin().await.is_err() {
            return;
        }
        let (token, client_id) = self.world.choose(|choice| choice.pick(&spent).clone());
        let own = self.client.registration.clone();
        if self.world.choose(|choice| choice.chance(500)) {
            self.client.registration = Some(Registration {
                client_id,
                client_secret: None,
            });
        }
        let _tokens = self.client.refresh_with(&token).await;
        self.client.registration = own;
    }

    /// Redeems a code of somebody's history, as itself or in the name of that client (threats C3,
    /// E4).
    async fn redeem_a_stolen_code(&mut self) {
        let history = self.shared.borrow().history.clone();
        let codes = history.iter().filter_map(|url| parameter(url, "code"));
        let codes: Vec<String> = codes.collect();
        let clients = self.shared.borrow().clients.clone();
        let Ok(begun) = self.client.begin().await else {
            return;
        };
        if codes.is_empty() || clients.is_empty() {
            return;
        }
        let code = self.world.choose(|choice| choice.pick(&codes).clone());
        let own = (
            self.client.registration.clone(),
            self.client.redirect_uri.clone(),
            self.client.tokens.clone(),
        );
        if self.world.choose(|choice| choice.chance(500)) {
            let (client_id, redirect_uri) =
                self.world.choose(|choice| choice.pick(&clients).clone());
            self.client.redirect_uri = redirect_uri;
            self.client.registration = Some(Registration {
                client_id,
                client_secret: None,
            });
        }
        let redeemed = self.client.redeem(&begun, &code).await;
        self.spy(redeemed.is_ok()).await;
        (
            self.client.registration,
            self.client.redirect_uri,
            self.client.tokens,
        ) = own;
    }

    /// Shows tokens that were made up, changed, or are over (threats F1, F3 to F6, F9).
    async fn forge_tokens(&mut self) {
        let mut seen = self.shared.borrow().old.clone();
        seen.extend(
            self.client
                .tokens
                .iter()
                .map(|own| own.access_token.clone()),
        );
        let registration = self.client.registration.as_ref();
        seen.extend(registration.map(|known| known.client_id.clone()));
        let own = self.client.tokens.clone();
        for forged in self.world.choose(|choice| forge::tokens(&seen, choice)) {
            self.client.tokens = Some(Tokens {
                access_token: forged,
                refresh_token: None,
                expires_in: 0,
                scope: None,
            });
            let _connected = self.client.connect().await;
        }
        self.client.disconnect();
        self.client.tokens = own;
    }

    /// Puts the attacker's own code of Entra's into a victim's sign-in, or says that another issuer
    /// answers (threats D2, D4).
    async fn mix_up(&mut self) {
        let mut good = Client::new(&self.world, "victim", Dialect::Modern);
        let (Ok(own), Ok(theirs)) = (self.client.begin().await, good.begin().await) else {
            return;
        };
        let own = stopped(&mut self.browser, &self.human, &own.url).await;
        let theirs = stopped(&mut self.victim, &self.victim_human, &theirs.url).await;
        let (Some(own), Some(mut theirs)) = (own, theirs) else {
            return;
        };
        if self.world.choose(|choice| choice.chance(500)) {
            let state = parameter(&theirs, "state").unwrap_or_default();
            let code = parameter(&own, "code").unwrap_or_default();
            theirs.query_pairs_mut().clear();
            theirs.query_pairs_mut().append_pair("code", &code);
            theirs.query_pairs_mut().append_pair("state", &state);
        } else {
            theirs.query_pairs_mut().append_pair("iss", PAGE);
        }
        let from = Url::parse(PAGE).expect("a good address");
        if let Ok(Arrived::Client(url)) = self.victim.follow(&theirs, &from).await
            && parameter(&url, "code").is_some()
        {
            self.world
                .fail("no mixed sign-ins", "a mixed-up sign-in was completed");
        }
    }

    /// Registers and begins sign-ins without end.
    async fn flood(&mut self) {
        for _ in 0..self.world.choose(|choice| choice.below(20)) {
            self.client.registration = None;
            let Ok(begun) = self.client.begin().await else {
                continue;
            };
            let _arrived = self.browser.open(&begun.url).await;
            let mut url = begun.url.clone();
            url.set_path("/auth/callback");
            url.set_query(Some("code=made-up&state=made-up"));
            let _arrived = self.browser.open(&url).await;
            let guess = self.world.choose(crate::choice::Choice::material);
            let guess = forge::base64url(&guess);
            let _redeemed = self.client.redeem(&begun, &guess).await;
        }
    }
}

/// Signs in as far as the callback, which is kept and not opened.
async fn stopped(browser: &mut Browser, human: &Human, url: &Url) -> Option<Url> {
    browser.trap = Some("/auth/callback");
    let walked = human.walk(browser, url).await;
    browser.trap = None;
    match walked {
        Ok(Walk::Returned(url)) if url.path() == "/auth/callback" => Some(url),
        _ => None,
    }
}

const ATTACKS: [&str; 15] = [
    "becomes a user",
    "replays a callback",
    "fixates a sign-in",
    "rides on a cookie",
    "posts consent from elsewhere",
    "swaps sessions",
    "replays a refresh",
    "redeems a stolen code",
    "forges tokens",
    "mixes sign-ins up",
    "floods",
    "lies about a client",
    "asks for a document",
    "phishes for a device",
    "decides for a device",
];
