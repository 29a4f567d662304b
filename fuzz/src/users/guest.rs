//! Browsers are shared: what one user has approved there is not another one's.

use super::SimUser;
use crate::{entra::Entra, human::Human};

impl SimUser {
    /// Somebody else signs in in the same browser, with the same client, and never approves it.
    pub(super) async fn guest_signs_in(&mut self) {
        let accounts = Entra::accounts().users;
        let own = self.human.account.as_str();
        let Some(account) = accounts.iter().find(|account| **account != own) else {
            return;
        };
        let mut guest = Human::new(account);
        guest.approves = false;
        let own = self.client.tokens.clone();
        if self.client.sign_in(&mut self.browser, &guest).await.is_ok() {
            let what = format!("{account} approved nothing, and a client acts for them");
            self.world.fail("own consent only", what);
        }
        self.client.tokens = own;
    }
}
