//! The user before a browser: reads pages and presses buttons.

use url::Url;

use crate::{
    browser::{Arrived, Browser, Page},
    ids::ENTRA_ORIGIN,
    net::Broken,
};

/// What a user does when asked.
#[derive(Clone, Debug)]
pub struct Human {
    /// The account that they sign in with: its user name.
    pub account: String,
    /// Whether they let the client in, on our page.
    pub approves: bool,
    /// Whether they agree on Entra's page.
    pub agrees: bool,
}

/// How a walk through the pages ended.
#[derive(Debug)]
pub enum Walk {
    /// The browser was sent to the client with this address.
    Returned(Url),
    /// At a page on which there was nothing for the user to do.
    Stuck(Page),
}

impl Human {
    /// Someone who says yes to everything.
    #[must_use]
    pub fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            approves: true,
            agrees: true,
        }
    }

    /// Goes from an address to wherever the pages lead.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a connection broke: the user sees the browser's own error page.
    pub async fn walk(&self, browser: &mut Browser, start: &Url) -> Result<Walk, Broken> {
        let arrived = browser.open(start).await?;
        self.go_on(browser, arrived).await
    }

    /// The same from where the browser has arrived.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a connection broke: the user sees the browser's own error page.
    pub async fn go_on(&self, browser: &mut Browser, mut arrived: Arrived) -> Result<Walk, Broken> {
        for _ in 0..8 {
            let page = match arrived {
                Arrived::Client(url) => return Ok(Walk::Returned(url)),
                Arrived::Page(page) => page,
            };
            let Some((form, button)) = self.reads(&page) else {
                return Ok(Walk::Stuck(page));
            };
            arrived = browser.press(&page, &form, &button).await?;
        }
        Err(Broken)
    }

    /// The button that the user presses on a page.
    #[must_use]
    pub fn reads(&self, page: &Page) -> Option<(crate::html::Form, crate::html::Button)> {
        let is_entra = page.url.as_str().starts_with(ENTRA_ORIGIN);
        if !is_entra {
            let decision = if self.approves { "approve" } else { "deny" };
            return page
                .button(&[decision])
                .or_else(|| page.button(&["continue"]));
        }
        if let Some(found) = page.button(&[&self.account]) {
            return Some(found);
        }
        if self.agrees {
            page.button(&["accept"])
        } else {
            page.button(&["cancel", "decline", "deny"])
        }
    }
}
