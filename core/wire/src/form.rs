//! Forms and queries (`application/x-www-form-urlencoded`), with the OAuth rule that no parameter
//! is given twice (RFC 6749 sections 3.1 and 3.2).

/// The parameters of a query or a form, decoded, in their order.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

/// A parameter that may be given once was given twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated(pub String);

impl Form {
    /// Reads a query or a form body.
    pub fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The one value of a parameter; an empty one is as if it were not there (RFC 6749 section 3.1).
    pub fn one(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated(name.to_owned())),
            (Some(""), None) | (None, None) => Ok(None),
            (Some(value), None) => Ok(Some(value)),
        }
    }

    /// A parameter that is given twice, other than those that may be.
    pub fn repeated(&self, but: &[&str]) -> Option<Repeated> {
        let mut seen = std::collections::BTreeSet::new();
        let names = self.0.iter().map(|(name, _)| name.as_str());
        let mut once = names.filter(|name| !but.contains(name));
        let name = once.find(|name| !seen.insert(*name))?;
        Some(Repeated(name.to_owned()))
    }

    /// All parameters, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_form_parameter_is_an_error() {
        let form = Form::parse(b"a=1&b=2&b=3&c=&d=x%20y+z");
        assert_eq!(form.one("a"), Ok(Some("1")));
        assert_eq!(form.one("b"), Err(Repeated("b".to_owned())));
        assert_eq!(form.one("c"), Ok(None));
        assert_eq!(form.one("d"), Ok(Some("x y z")));
        assert_eq!(form.one("e"), Ok(None));
        assert_eq!(form.repeated(&[]), Some(Repeated("b".to_owned())));
        assert_eq!(form.repeated(&["b"]), None);
    }
}
