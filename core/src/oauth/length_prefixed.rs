//! Fields packed into bytes, to be sealed: each with its length in front.
//!
//! Shorter than JSON, so that a sign-in with the longest `state` still fits into a cookie.

/// Packs fields; each is far shorter than 64 KiB.
pub(crate) fn pack(fields: &[&[u8]]) -> Vec<u8> {
    let mut packed = Vec::new();
    for field in fields {
        let length = u16::try_from(field.len()).expect("every field is bounded by crate::limits");
        packed.extend_from_slice(&length.to_be_bytes());
        packed.extend_from_slice(field);
    }
    packed
}

/// Unpacks exactly `N` fields.
pub(crate) fn unpack<const N: usize>(mut packed: &[u8]) -> Option<[&[u8]; N]> {
    let mut fields = [&[][..]; N];
    for field in &mut fields {
        let (length, rest) = packed.split_first_chunk::<2>()?;
        (*field, packed) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    }
    packed.is_empty().then_some(fields)
}

/// A field that is text.
pub(crate) fn text(field: &[u8]) -> Option<String> {
    std::str::from_utf8(field).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_fields_are_unpacked_and_other_bytes_are_refused() {
        let packed = pack(&[b"one", b"", b"three"]);
        assert_eq!(unpack(&packed), Some([&b"one"[..], b"", b"three"]));
        assert_eq!(unpack::<2>(&packed), None);
        assert_eq!(unpack::<4>(&packed), None);
        for length in 0..packed.len() {
            assert_eq!(unpack::<3>(&packed[..length]), None);
        }
    }
}
