//! Which scopes of its session a token has.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A bit for each scope of a session, in their order; the first is the lowest bit of the first byte. The scopes of a
/// session never change, so it means the same for as long as the session lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeMask(Vec<u8>);

impl ScopeMask {
    /// Which of `all` scopes `some` are; `None` if they are all of them. What is not among them is not granted.
    pub(crate) fn of(some: &str, all: &str) -> Option<Self> {
        if some == all {
            return None;
        }
        let is_one = |scope: &str| some.split(' ').any(|one| one == scope);
        let mut bits = all.split(' ').map(is_one).peekable();
        let mut bytes = Vec::new();
        while bits.peek().is_some() {
            let byte = bits.by_ref().take(8).enumerate();
            bytes.push(byte.fold(0, |byte, (place, bit)| byte | (u8::from(bit) << place)));
        }
        Some(Self(bytes))
    }

    /// Those of `all` scopes that it has, space separated.
    pub(crate) fn apply(&self, all: &str) -> String {
        let has = |place: usize| {
            let byte = self.0.get(place / 8);
            byte.is_some_and(|byte| byte & (1 << (place % 8)) != 0)
        };
        let scopes = all.split(' ').enumerate();
        let some: Vec<_> = scopes.filter(|(place, _)| has(*place)).collect();
        let some: Vec<_> = some.into_iter().map(|(_, scope)| scope).collect();
        some.join(" ")
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().map(Self)
    }
}

impl std::fmt::Display for ScopeMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // E7
    #[test]
    fn mask_has_the_scopes_that_were_asked_for_and_no_others() {
        let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
        let all = names.join(" ");
        assert_eq!(ScopeMask::of(&all, &all), None);
        for (some, has) in [
            ("s0", "s0"),
            ("s19 s8 s7", "s7 s8 s19"),
            ("", ""),
            ("s", ""),
            ("admin s1", "s1"),
        ] {
            let mask = ScopeMask::of(some, &all).unwrap();
            let read = ScopeMask::parse(&mask.to_string());
            assert_eq!(read.as_ref(), Some(&mask));
            assert_eq!(mask.apply(&all), has);
            assert_eq!(mask.apply("s0"), if some == "s0" { "s0" } else { "" });
        }
    }
}
