//! A change of the master key.

use super::TestServer;
use crate::keys::{Keyring, MasterKey};

impl TestServer {
    /// A new key seals from now on; the one before still opens.
    pub(crate) fn change_key(&mut self) {
        self.server.keys = Keyring::new(MasterKey::new([7; 32]), vec![MasterKey::new([42; 32])]);
    }

    /// The one before is left out.
    pub(crate) fn drop_former_key(&mut self) {
        self.server.keys = Keyring::new(MasterKey::new([7; 32]), Vec::new());
    }
}
