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
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for some in bytes.chunks(8) {
        let mut all = [0; 8];
        for (to, from) in all.iter_mut().zip(some) {
            *to = *from;
        }
        let all = HexDigits::of(u64::from_be_bytes(all));
        digits.push_str(all.as_str().get(..2 * some.len()).unwrap_or_default());
    }
    digits
}

/// The sixteen hexadecimal digits of a number, in lower case, without an allocation.
///
/// ```
/// use entra_mcp_wire::text::HexDigits;
///
/// assert_eq!(HexDigits::of(0x1f).as_str(), "000000000000001f");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexDigits([u8; 16]);

impl HexDigits {
    /// Returns those of a number.
    #[must_use]
    pub fn of(number: u64) -> Self {
        // Half a byte in each byte of eight, all at once: the halves move apart, and what is more than nine is a letter.
        let eight = |number: u64| {
            let each = u64::MAX / 0xff;
            let halves = (number | number << 16) & 0x0000_ffff_0000_ffff;
            let halves = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
            let halves = (halves | halves << 4) & 0x0f0f_0f0f_0f0f_0f0f;
            let is_letter = ((halves + 6 * each) >> 4) & each;
            halves + u64::from(b'0') * each + u64::from(b'a' - b'9' - 1) * is_letter
        };
        let (first, second) = (eight(number >> 32), eight(number & 0xffff_ffff));
        let digits = u128::from(first) << 64 | u128::from(second);
        Self(digits.to_be_bytes())
    }

    /// Returns them as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns them as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
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
