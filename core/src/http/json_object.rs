//! A JSON object that a stranger sent, as a body or a document.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads an object. `None` if the bytes are not one JSON object in UTF-8 (RFC 8259), or it has not the members of `T`.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    // serde would take a list for an object whose members are in this order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let object = serde_json::from_slice(bytes).ok()?;
    // It also skips the members that `T` does not have, and so would not see that they are not UTF-8.
    let _: Value = serde_json::from_slice(bytes).ok()?;
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_json_object_are_refused_also_where_nobody_reads_them() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Name {
            name: String,
        }
        let of = |bytes: &[u8]| read::<Name>(bytes).map(|one| one.name);
        assert_eq!(of(br#" {"name": "a", "more": "b"}"#), Some("a".to_owned()));
        let refused: [&[u8]; 6] = [
            br#"["a"]"#,
            br#"{"more": "b"}"#,
            br#"{"name": "a", "name": "b"}"#,
            b"{\"name\": \"a\", \"m\xdere\": 1}",
            br#"{"name": "a", "more": "\ud800"}"#,
            br#"{"name": "a"} x"#,
        ];
        for bytes in refused {
            assert_eq!(of(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
