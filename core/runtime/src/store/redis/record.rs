//! How a record is written in Redis: its version and its expiry, 16 digits each, and then the sealed bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use entra_mcp_core::{
    ask::{Record, Stored, Version},
    time::UnixTime,
};

/// How many digits a number has.
const DIGITS: usize = 16;

/// The largest number that Redis's scripts count with exactly, and more than any time or version there is.
const MOST: u64 = 1 << 53;

/// A number as it is written: all have the same length.
pub(super) fn digits(number: u64) -> String {
    format!("{:0DIGITS$}", number.min(MOST))
}

/// The record as it was read; `None` if it is none.
pub(super) fn stored(bytes: Vec<u8>) -> Option<Stored> {
    let bytes = Bytes::from(bytes);
    let number = |from: usize| {
        let text = std::str::from_utf8(bytes.get(from..from + DIGITS)?).ok()?;
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    let (version, expires) = (number(0)?, number(DIGITS)?);
    Some(Stored {
        record: Record {
            bytes: bytes.slice(2 * DIGITS..),
            expires: UnixTime(expires),
        },
        version: Version(version),
    })
}

/// Certificates (DER) as PEM (RFC 7468).
pub(super) fn pem(certificates: &[Vec<u8>]) -> Vec<u8> {
    let mut pem = String::new();
    for certificate in certificates {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in certificate.chunks(48) {
            STANDARD.encode_string(line, &mut pem);
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_read_as_it_was_written() {
        let text = format!("{}{}sealed", digits(7), digits(1_790_000_000));
        let read = stored(text.into_bytes()).expect("it is a record");
        assert_eq!(read.version, Version(7));
        assert_eq!(read.record.expires, UnixTime(1_790_000_000));
        assert_eq!(&read.record.bytes[..], b"sealed");
        for wrong in ["", "0000000000000007", "000000000000000700000017900000+0x"] {
            assert_eq!(stored(wrong.as_bytes().to_vec()), None, "{wrong}");
        }
    }

    #[test]
    fn certificates_are_written_as_pem() {
        let certificates = [vec![1; 100], vec![2]];
        let written = pem(&certificates);
        let read = crate::egress::certificates(&written);
        assert_eq!(read, certificates);
    }
}
