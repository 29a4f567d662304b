//! Clients of documents that lie, and documents that nobody needs.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use url::Url;

use super::{Attacker, PAGE};
use crate::{
    client::{Client, Dialect, Registration, document},
    sites::EVIL_SITE,
};

/// Where a good client returns to.
const PLACE: &str = "https://client.example/good";

impl Attacker {
    /// Has a site of its own say what another client's says, and leads a victim to it (threat H9).
    pub(super) async fn lie_about_a_client(&mut self) {
        let url = format!("{EVIL_SITE}/client.json");
        let other = "https://apps.example/good.json";
        self.world
            .publish(&url, document(other, "A good client", PLACE));
        let mut liar = Client::of_attacker(&self.world, self.client.peer.name(), Dialect::Modern);
        PLACE.clone_into(&mut liar.redirect_uri);
        liar.registration = Some(Registration {
            client_id: url,
            client_secret: None,
        });
        let Ok(begun) = liar.begin().await else {
            return;
        };
        let from = Url::parse(PAGE).expect("a good address");
        let _arrived = self.victim.follow(&begun.url, &from).await;
    }

    /// Has the server look for a document of a client that has nothing to redeem (threats H7, H8).
    pub(super) async fn ask_for_a_document(&mut self) {
        if self.client.discovered.is_none() && self.client.discover().await.is_err() {
            return;
        }
        let number = self.world.choose(|choice| choice.below(1000));
        let url = format!("{EVIL_SITE}/internal/{number}");
        let server = self.world.server_url();
        let claims = json!({"iss": url, "sub": url, "aud": server, "jti": number.to_string(),
            "exp": self.world.now().unix.0 + 60});
        let header = json!({"alg": "ES256"});
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let assertion = format!("{header}.{claims}.AAAA");
        let guess = self.world.choose(crate::choice::Choice::material);
        let guess = URL_SAFE_NO_PAD.encode(guess);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &guess),
            ("code_verifier", &guess),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        let mut stranger =
            Client::of_attacker(&self.world, self.client.peer.name(), Dialect::Modern);
        stranger.registration = None;
        let _refused = stranger
            .post_form(&format!("{server}/token"), &fields)
            .await;
    }
}
