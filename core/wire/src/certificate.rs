//! What is read of a certificate (RFC 5280 section 4.1): its public key, and when it ends. It is the operator's own, and is
//! not verified.

use der::{
    Decode as _, Reader, Result, SliceReader, Tag,
    asn1::{AnyRef, BitStringRef, GeneralizedTime, UtcTime},
};

use crate::time::UnixTime;

/// A certificate, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateFields<'a> {
    /// `subjectPublicKey`: for RSA a key as PKCS#1 has it.
    pub public_key: &'a [u8],
    /// `notAfter`: when it ends.
    pub not_after: UnixTime,
}

impl<'a> CertificateFields<'a> {
    /// Reads a certificate in DER; `None` if it is none.
    #[must_use]
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let fields = reader.sequence(|certificate| {
            let fields = certificate.sequence(to_be_signed)?;
            // signatureAlgorithm
            skip(certificate)?;
            BitStringRef::decode(certificate)?;
            Ok(fields)
        });
        reader.finish(fields.ok()?).ok()
    }
}

/// `TBSCertificate`.
fn to_be_signed<'a>(reader: &mut impl Reader<'a>) -> Result<CertificateFields<'a>> {
    if reader.peek_tag()?.is_context_specific() {
        // version
        skip(reader)?;
    }
    // serialNumber, signature, issuer
    for _ in 0..3 {
        skip(reader)?;
    }
    let not_after = reader.sequence(|validity| {
        time(validity)?;
        time(validity)
    })?;
    // subject
    skip(reader)?;
    let public_key = reader.sequence(|key| {
        // algorithm
        skip(key)?;
        BitStringRef::decode(key)
    })?;
    while !reader.is_finished() {
        // unique identifiers, extensions
        skip(reader)?;
    }
    Ok(CertificateFields {
        public_key: public_key.raw_bytes(),
        not_after,
    })
}

/// A value that is not needed.
fn skip<'a>(reader: &mut impl Reader<'a>) -> Result<()> {
    AnyRef::decode(reader).map(drop)
}

/// `Time`: until 2049 with two digits for the year.
fn time<'a>(reader: &mut impl Reader<'a>) -> Result<UnixTime> {
    let since = match reader.peek_tag()? {
        Tag::UtcTime => UtcTime::decode(reader)?.to_unix_duration(),
        _ => GeneralizedTime::decode(reader)?.to_unix_duration(),
    };
    Ok(UnixTime(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 128);
        [&[tag, length], &content[..]].concat()
    }

    const SEQUENCE: u8 = 0x30;
    const NAME: &[u8] = &[SEQUENCE, 0];

    fn certificate(version: &[u8], not_after: &[u8]) -> Vec<u8> {
        let not_before = value(0x17, &[b"260101000000Z"]);
        let validity = value(SEQUENCE, &[&not_before, not_after]);
        let key = value(SEQUENCE, &[NAME, &[0x03, 3, 0, 7, 8]]);
        let serial = [0x02, 1, 5];
        let extensions = [0xa3, 2, SEQUENCE, 0];
        let parts = [
            version,
            &serial,
            NAME,
            NAME,
            &validity,
            NAME,
            &key,
            &extensions,
        ];
        let signed = value(SEQUENCE, &parts);
        value(SEQUENCE, &[&signed, NAME, &[0x03, 2, 0, 9]])
    }

    const VERSION_3: &[u8] = &[0xa0, 3, 0x02, 1, 2];

    #[test]
    fn public_key_and_end_of_a_certificate_are_read() {
        let in_2049 = value(0x17, &[b"491231235959Z"]);
        let in_2050 = value(0x18, &[b"20500101000000Z"]);
        for (version, not_after, expected) in [
            (VERSION_3, &in_2049, 2_524_607_999),
            (VERSION_3, &in_2050, 2_524_608_000),
            (&[], &in_2050, 2_524_608_000),
        ] {
            let der = certificate(version, not_after);
            let fields = CertificateFields::read(&der).unwrap();
            assert_eq!(fields.public_key, [7, 8]);
            assert_eq!(fields.not_after, UnixTime(expected));
        }
    }

    #[test]
    fn what_is_cut_or_followed_by_more_is_no_certificate() {
        let whole = certificate(VERSION_3, &value(0x17, &[b"491231235959Z"]));
        for length in 0..whole.len() {
            assert_eq!(CertificateFields::read(&whole[..length]), None, "{length}");
        }
        let more = [&whole[..], &[0]].concat();
        assert_eq!(CertificateFields::read(&more), None);
        let no_time = certificate(VERSION_3, &value(0x0c, &[b"491231235959Z"]));
        assert_eq!(CertificateFields::read(&no_time), None);
    }
}
