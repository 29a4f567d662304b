//! The few escapes that mean something else in ECMA-262 (section 22.2), whose regular expressions JSON Schema recommends.
//!
//! What cannot be done in linear time (look-around, back references) or needs the tables of Unicode (`\\p`) is left as it
//! is, and refused where the expression is read.

/// What `\s` matches: `WhiteSpace` and `LineTerminator` (sections 12.2 and 12.3).
const SPACES: &str =
    r"\t\n\x0b\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}";

/// The same expression for the crate that reads it.
pub(super) fn translated(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let (mut rest, mut in_class) = (pattern.chars().peekable(), false);
    while let Some(character) = rest.next() {
        match character {
            '\\' => match (rest.next(), in_class) {
                (Some('s'), true) => written.push_str(SPACES),
                (Some('s'), false) => written.push_str(&format!("[{SPACES}]")),
                (Some('S'), false) => written.push_str(&format!("[^{SPACES}]")),
                (Some('c'), _) if rest.peek().is_some_and(char::is_ascii_alphabetic) => {
                    let letter = rest.next().map_or(0, u32::from);
                    written.push_str(&format!("\\x{{{:x}}}", letter % 32));
                }
                (escaped, _) => {
                    written.push('\\');
                    written.extend(escaped);
                }
            },
            other => {
                in_class = match other {
                    '[' => true,
                    ']' => false,
                    _ => in_class,
                };
                written.push(other);
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn escapes_mean_what_they_do_in_ecma_262() {
        for (pattern, text, expected) in [
            (r"^\s$", "\u{a0}", true),
            (r"^\S$", "\u{feff}", false),
            (r"^[\s-]+$", "-\u{2028} ", true),
            (r"^[^\s]$", "\u{3000}", false),
            (r"^\cC\cj$", "\u{3}\n", true),
            (r"^\\s$", r"\s", true),
            (r"^[\]]\s$", "] ", true),
            (r"^\d$", "\u{7ef}", false),
            (r"^a$", "a\n", false),
        ] {
            let compiled = Regex::new(&translated(pattern)).unwrap();
            assert_eq!(compiled.is_match(text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn what_takes_more_than_linear_time_is_no_expression() {
        for pattern in ["(?=a)", "(?<!a)b", r"(a)\1"] {
            assert!(Regex::new(&translated(pattern)).is_err(), "{pattern}");
        }
    }
}
