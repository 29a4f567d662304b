//! A user with a device that has no browser: the device shows a code, the user types it in a browser elsewhere (RFC
//! 8628). Each step may come to another replica.

use std::{rc::Rc, time::Duration};

use url::Url;

use crate::{
    browser::{Arrived, Browser},
    client::{Client, ClientError, DeviceCodes, Dialect, Polled},
    human::{Human, Walk},
    ids::Role,
    users::Shared,
    world::World,
};

/// A user with a device.
#[derive(Debug)]
pub struct DeviceUser {
    world: World,
    client: Client,
    browser: Browser,
    human: Human,
    shared: Shared,
}

/// How long one attempt may take: as long as the codes are good.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long the user takes at most to come to a browser.
const WALK: Duration = Duration::from_secs(60);

impl DeviceUser {
    /// A user with this account.
    #[must_use]
    pub fn new(
        world: &World,
        name: &str,
        account: &str,
        dialect: Dialect,
        shared: &Shared,
    ) -> Self {
        let mut client = Client::new(world, name, dialect);
        client.redirect_uri = format!("http://127.0.0.1:49152/{name}");
        client.leaked_names = Rc::clone(&shared.borrow().leaked_names);
        if world.choose(|choice| choice.chance(300)) {
            client.is_described(name, world);
        }
        Self {
            browser: Browser::new(world.peer(&format!("{name}'s"), Role::Browser)),
            world: world.clone(),
            client,
            human: Human::new(account),
            shared: Rc::clone(shared),
        }
    }

    /// The same at this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: Option<&'static str>) -> Self {
        self.client.endpoint = endpoint;
        self
    }

    /// Connects the device again and again until the faults stop, and then once more.
    pub async fn run(mut self) {
        while !self.shared.borrow().faults_stopped {
            let most = Duration::from_secs(600);
            let wait = self.world.choose(|choice| choice.between(most / 20, most));
            self.world.sleep(wait).await;
            self.human.approves = self.world.choose(|choice| choice.chance(800));
            let _connected = self.attempt().await;
        }
        self.human.approves = true;
        for _ in 0..12 {
            if self.attempt().await == Some(Ok(())) {
                self.shared.borrow_mut().finished += 1;
                return;
            }
            self.client.registration = None;
            self.world.sleep(Duration::from_secs(30)).await;
        }
        let what = format!("{} is never connected", self.client.peer.name());
        self.world.fail("every user finishes", what);
    }

    /// Connects the device anew and uses it.
    async fn attempt(&mut self) -> Option<Result<(), ClientError>> {
        self.client.tokens = None;
        self.client.disconnect();
        let world = self.world.clone();
        let done = world.within(PATIENCE, self.connect()).await;
        if let Some(Err(ClientError::ProtocolViolation(what))) = &done {
            self.world.fail("protocol conformance", what.as_str());
        }
        done
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        let codes = self.client.begin_device().await?;
        self.shared.borrow_mut().devices.push((
            codes.user_code.clone(),
            self.client.registration.clone(),
            self.client.redirect_uri.clone(),
        ));
        let hurries = self.world.choose(|choice| choice.chance(300));
        if hurries {
            let _early = self.client.poll_device(&codes.device_code).await?;
            let _early = self.client.poll_device(&codes.device_code).await?;
        }
        let world = self.world.clone();
        let walks = world.choose(|choice| choice.between(Duration::ZERO, WALK));
        world.sleep(walks).await;
        let is_connected = self.decide(&codes).await?;
        let mut interval = codes.interval;
        let tokens = loop {
            world.sleep(Duration::from_secs(interval)).await;
            match self.client.poll_device(&codes.device_code).await? {
                Polled::Tokens(tokens) => break tokens,
                Polled::Pending if is_connected => {
                    return Err(ClientError::violation("an approved device still waits"));
                }
                Polled::Pending => {}
                Polled::SlowDown => interval += 5,
                Polled::Denied | Polled::Over => return Err(ClientError::Broken),
            }
        };
        self.client.tokens = Some(tokens);
        self.client.connect().await?;
        let details = self.client.get_user_details().await?;
        self.shared.borrow_mut().calls += 1;
        if details.user_principal_name != self.human.account {
            let what = format!("the device of {} is given {details:?}", self.human.account);
            self.world.fail("user isolation", what);
        }
        Ok(())
    }

    /// The user types the code and decides; whether the page says that the device is connected.
    async fn decide(&mut self, codes: &DeviceCodes) -> Result<bool, ClientError> {
        let Some(arrived) = type_code(&mut self.browser, codes).await? else {
            return Err(ClientError::violation("there is nothing to type a code in"));
        };
        match self.human.go_on(&mut self.browser, arrived).await? {
            Walk::Stuck(page) => Ok(page.body.contains("The device is connected")),
            Walk::Returned(url) => Err(ClientError::ProtocolViolation(format!(
                "a device leads to {url}"
            ))),
        }
    }
}

/// Opens the page for codes and types one; `None` if that is not possible there.
pub(crate) async fn type_code(
    browser: &mut Browser,
    codes: &DeviceCodes,
) -> Result<Option<Arrived>, ClientError> {
    let address = Url::parse(&codes.verification_uri)
        .map_err(|_| ClientError::violation("the verification URI is none"))?;
    let Arrived::Page(page) = browser.open(&address).await? else {
        return Ok(None);
    };
    let Some(mut form) = page.forms().into_iter().next() else {
        return Ok(None);
    };
    for (name, value) in &mut form.fields {
        if name == "user_code" {
            codes
                .user_code
                .to_lowercase()
                .replace('-', "")
                .clone_into(value);
        }
    }
    let Some(button) = form.buttons.first().cloned() else {
        return Ok(None);
    };
    Ok(Some(browser.press(&page, &form, &button).await?))
}
