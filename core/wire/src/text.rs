//! Characters that deceive whoever reads them.

/// Whether a text has visible ASCII characters and spaces only: most of what is looked at for harm has no others.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Without a branch for each byte, several are looked at at once.
    text.bytes()
        .fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// The hexadecimal digits of some bytes, in lower case. What formats any number costs five times as much.
///
/// ```
/// assert_eq!(entra_mcp_wire::text::hex(&[0x00, 0xaf]), "00af");
/// ```
#[must_use]
#[expect(
    clippy::slow_vector_initialization,
    reason = "memory that comes zeroed costs glibc four times as much as this little to overwrite"
)]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
    let mut digits = Vec::with_capacity(2 * bytes.len());
    digits.resize(2 * bytes.len(), 0);
    let (pairs, _) = digits.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [byte >> 4, byte & 0xf].map(digit);
    }
    String::from_utf8(digits).expect("digits are ASCII")
}

/// Whether a character shows nothing or changes the direction of others (Unicode TR36).
#[must_use]
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
