//! Device codes (RFC 8628 section 3.2): opaque to devices, read only here.
//!
//! Each holds the user code that was given with it, which the device shows anyway, random bytes, and a MAC, so that what
//! was made up is refused without a look-up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    device_authorization::UserCode,
    entropy::Entropy,
    keys::{Keyring, Purpose},
    secret::{Secret, constant_time_equal},
};

const RANDOM_BYTES: usize = 32;
const MAC_BYTES: usize = 16;

/// Makes the device code that goes with a user code. As text it is a good verifier (RFC 7636 section 4.1).
pub(crate) fn new(user_code: UserCode, entropy: &mut Entropy, keys: &Keyring) -> Secret<String> {
    let mut bytes = Zeroizing::new(user_code.letters().to_vec());
    bytes.extend(entropy.bytes::<RANDOM_BYTES>());
    let mac = keys.mac(Purpose::DeviceCode, &bytes);
    bytes.extend(mac.iter().take(MAC_BYTES));
    Secret::new(URL_SAFE_NO_PAD.encode(&*bytes))
}

/// The user code that goes with a device code; `None` if it is none of ours.
pub(crate) fn read(text: &str, keys: &Keyring) -> Option<UserCode> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    let length = bytes.len().checked_sub(MAC_BYTES)?;
    let (body, mac) = bytes.split_at_checked(length)?;
    let is_ours = keys
        .macs(Purpose::DeviceCode, body)
        .any(|own| constant_time_equal(own.split_at(MAC_BYTES).0, mac));
    let letters = body.get(..length.checked_sub(RANDOM_BYTES)?)?;
    let letters = std::str::from_utf8(letters).ok().filter(|_| is_ours)?;
    UserCode::parse(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::MasterKey, testing::entropy};

    // A15
    #[test]
    fn device_code_changed_anywhere_is_rejected() {
        let ring = |byte| Keyring::new(MasterKey::new([byte; 32]), Vec::new());
        let user_code = UserCode::new(&mut entropy(1));
        let code = new(user_code, &mut entropy(2), &ring(1));
        let code = code.expose();
        assert_eq!(read(code, &ring(1)), Some(user_code));
        assert!((43..=128).contains(&code.len()), "RFC 7636 section 4.1");
        for place in 0..code.len() {
            let mut changed = code.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read(&changed, &ring(1)), None, "{place}");
        }
        assert_eq!(read(code, &ring(2)), None, "another server's");
        for junk in ["", "A", "null", &user_code.to_string(), &format!("{code}A")] {
            assert_eq!(read(junk, &ring(1)), None, "{junk}");
        }
    }
}
