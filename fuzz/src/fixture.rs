//! A user with a browser and a client, in a world: what most tests begin with.

use std::time::Duration;

use url::Url;

use crate::{
    browser::{Arrived, Browser, Page},
    client::{Begun, Client, ClientError, Dialect, UserDetails},
    human::Human,
    ids::Role,
    world::World,
};

/// The revision that most tests speak.
pub const LATEST: Dialect = Dialect::Streamable("2025-11-25");

/// A user with a browser and a client.
#[derive(Debug)]
pub struct Fixture {
    /// The world.
    pub world: World,
    /// The client.
    pub client: Client,
    /// The user's browser.
    pub browser: Browser,
    /// The user.
    pub human: Human,
}

impl Fixture {
    /// Alice, in a world of her own without faults.
    #[must_use]
    pub fn faultless() -> Self {
        Self::of(&World::faultless(), "alice", LATEST)
    }

    /// Somebody in a world; the name is that of the account, without its domain.
    #[must_use]
    pub fn of(world: &World, name: &str, dialect: Dialect) -> Self {
        let mut client = Client::new(world, &format!("client of {name}"), dialect);
        client.redirect_uri = format!("http://127.0.0.1:49152/{name}");
        Self {
            world: world.clone(),
            client,
            browser: Browser::new(world.peer(&format!("browser of {name}"), Role::Browser)),
            human: Human::new(&format!("{name}@contoso.example")),
        }
    }

    /// Signs in.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub fn sign_in(&mut self) -> Result<(), ClientError> {
        let world = self.world.clone();
        world.run(self.client.sign_in(&mut self.browser, &self.human))
    }

    /// Signs in if needed, connects anew and asks who the user is.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub fn use_tools(&mut self) -> Result<UserDetails, ClientError> {
        let world = self.world.clone();
        world.run(self.client.use_as(&mut self.browser, &self.human))
    }

    /// Asks who the user is, on what is connected.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub fn ask(&mut self) -> Result<UserDetails, ClientError> {
        let world = self.world.clone();
        world.run(self.client.get_user_details())
    }

    /// Refreshes.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub fn refresh(&mut self) -> Result<(), ClientError> {
        let world = self.world.clone();
        world.run(self.client.refresh())
    }

    /// Prepares a sign-in.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn begin(&mut self) -> Begun {
        let world = self.world.clone();
        world.run(self.client.begin()).expect("the sign-in begins")
    }

    /// Lets the user sign in; the address that the browser came back with.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub fn ask_user(&mut self, begun: &Begun) -> Result<Url, ClientError> {
        let world = self.world.clone();
        world.run(self.client.ask_user(&mut self.browser, &self.human, begun))
    }

    /// Redeems a code.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub fn redeem(&mut self, begun: &Begun, code: &str) -> Result<(), ClientError> {
        let world = self.world.clone();
        world.run(self.client.redeem(begun, code))
    }

    /// Signs in as far as the code.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn until_code(&mut self) -> (Begun, String) {
        let begun = self.begin();
        let returned = self.ask_user(&begun).expect("the user signs in");
        let code = self.client.accept(&begun, &returned).expect("a code");
        (begun, code)
    }

    /// Opens an address in the user's browser.
    ///
    /// # Panics
    ///
    /// If the connection breaks.
    pub fn open(&mut self, url: &Url) -> Arrived {
        let world = self.world.clone();
        let arrived = world.run(self.browser.open(url));
        arrived.expect("the connection holds")
    }

    /// The same, where it must be a page.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn open_page(&mut self, url: &Url) -> Page {
        match self.open(url) {
            Arrived::Page(page) => page,
            Arrived::Client(url) => panic!("the browser came to {url}"),
        }
    }

    /// The last address of the browser's history with this path.
    ///
    /// # Panics
    ///
    /// If it was never there.
    #[must_use]
    pub fn visited(&self, path: &str) -> Url {
        let mut visited = self.browser.history.iter().rev();
        let found = visited.find(|url| url.path().ends_with(path));
        found.expect("the browser was there").clone()
    }

    /// The current session token.
    ///
    /// # Panics
    ///
    /// If the client has none.
    #[must_use]
    pub fn session_token(&self) -> String {
        let tokens = self.client.tokens.as_ref();
        tokens
            .expect("the client is signed in")
            .access_token
            .clone()
    }

    /// The current refresh token.
    ///
    /// # Panics
    ///
    /// If the client has none.
    #[must_use]
    pub fn refresh_token(&self) -> String {
        let tokens = self.client.tokens.as_ref();
        let token = tokens.and_then(|tokens| tokens.refresh_token.clone());
        token.expect("the client has a refresh token")
    }

    /// Lets time pass.
    pub fn wait(&self, duration: Duration) {
        self.world.run(self.world.sleep(duration));
    }
}
