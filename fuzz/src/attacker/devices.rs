//! Phishers of device authorization (RFC 8628 section 5.4; threat A15).

use std::time::Duration;

use url::Url;

use super::Attacker;
use crate::{
    browser::Arrived,
    client::{Client, DeviceCodes, Dialect},
    device::type_code,
    unkindness::Unkindness,
};

impl Attacker {
    /// What comes next. Where attackers are after the devices of others, always that.
    pub(super) fn choose_attack(&self) -> u64 {
        let drawn = self.world.choose(|choice| choice.below(18));
        let has = |unkindness| self.world.options(|options| options.has(unkindness));
        match drawn {
            _ if has(Unkindness::DevicesOfOthers) => 14,
            _ if has(Unkindness::TasksOfOthers) => 18,
            drawn => drawn,
        }
    }

    /// Begins a device authorization and sends its code to a victim, by a link and by word. The victim presses what is
    /// there, reads what the page says once there is something to approve, and does not approve it.
    pub(super) async fn phish_for_a_device(&mut self) {
        if let Ok(codes) = self.client.begin_device().await {
            self.send_link(&codes).await;
            let mut careful = self.victim_human.clone();
            careful.approves = false;
            if let Ok(Some(arrived)) = type_code(&mut self.victim, &codes).await {
                let _walked = careful.go_on(&mut self.victim, arrived).await;
            }
            for _ in 0..3 {
                let _polled = self.client.poll_device(&codes.device_code).await;
                let _polled = self.client.poll_device(&codes.user_code).await;
            }
        }
    }

    /// A victim follows a link that holds the code, and presses the button that is there.
    async fn send_link(&mut self, codes: &DeviceCodes) {
        let link = format!("{}?user_code={}", codes.verification_uri, codes.user_code);
        let link = Url::parse(&link).expect("a good address");
        let Ok(Arrived::Page(page)) = self.victim.open(&link).await else {
            return;
        };
        let forms = page.forms();
        let Some((form, button)) = forms
            .first()
            .and_then(|form| Some((form, form.buttons.first()?)))
        else {
            return;
        };
        if let Ok(Arrived::Page(page)) = self.victim.press(&page, form, button).await
            && page.button(&["approve"]).is_some()
        {
            self.world
                .fail("codes are typed", "a link leads to the consent page");
        }
    }

    /// Signs in with the client of somebody's device and brings the code to that device, which then would act as the
    /// attacker.
    pub(super) async fn decide_for_a_device(&mut self) {
        let Some((user_code, registration, redirect_uri)) = self.next_device().await else {
            return;
        };
        let name = self.client.peer.name().to_owned();
        let mut client = Client::of_attacker(&self.world, &name, Dialect::Modern);
        client.registration = registration;
        client.redirect_uri = redirect_uri;
        let Ok(begun) = client.begin().await else {
            return;
        };
        let returned = client
            .ask_user(&mut self.browser, &self.human, &begun)
            .await;
        let Ok(code) = returned.and_then(|url| client.accept(&begun, &url)) else {
            return;
        };
        let address = format!("{}/device/return", self.world.server_url());
        let mut address = Url::parse(&address).expect("a good address");
        address
            .query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &user_code);
        let _arrived = self.browser.open(&address).await;
    }

    /// The next device that waits.
    async fn next_device(&self) -> Option<(String, Option<crate::client::Registration>, String)> {
        let before = self.shared.borrow().devices.len();
        for _ in 0..300 {
            let next = self.shared.borrow().devices.get(before).cloned();
            if next.is_some() || self.shared.borrow().faults_stopped {
                return next;
            }
            self.world.sleep(Duration::from_secs(2)).await;
        }
        None
    }
}
