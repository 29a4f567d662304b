//! Keys and signatures of ECDSA on the curve P-256 (`ES256`), for which only the operating system has the randomness.

use entra_mcp_core::{
    ask::{Ask, Sign, SignFault, Signed},
    secret::Secret,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};

/// Makes a key or a signature. It costs tens of microseconds, and waits for nobody.
///
/// # Errors
///
/// The key is none, or the operating system gives no randomness.
pub fn sign(sign: &Sign) -> <Sign as Ask>::Answer {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair_of =
        |key: &[u8]| EcdsaKeyPair::from_pkcs8(algorithm, key, &random).map_err(|_| SignFault);
    match sign {
        Sign::NewKey => {
            let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random);
            let private = Secret::new(made.map_err(|_| SignFault)?.as_ref().to_vec());
            let public = pair_of(private.expose())?.public_key().as_ref().to_vec();
            Ok(Signed::Key { private, public })
        }
        Sign::With { key, input } => {
            let signature = pair_of(key.expose())?.sign(&random, input);
            let signature = signature.map_err(|_| SignFault)?;
            Ok(Signed::Signature(signature.as_ref().to_vec()))
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn signature_by_a_new_key_is_verified_by_its_public_key() {
        let Ok(Signed::Key { private, public }) = sign(&Sign::NewKey) else {
            panic!("a key is made");
        };
        let input = b"header.claims".to_vec();
        let ask = Sign::With {
            key: private,
            input: input.clone(),
        };
        let Ok(Signed::Signature(signature)) = sign(&ask) else {
            panic!("it signs");
        };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        assert!(key.verify(&input, &signature).is_ok());
        assert!(key.verify(b"header.others", &signature).is_err());
    }

    #[test]
    fn what_is_no_key_signs_nothing() {
        let key = Secret::new(vec![7; 138]);
        let input = Vec::new();
        assert_eq!(sign(&Sign::With { key, input }).unwrap_err(), SignFault);
    }
}
