//! The head of a request, and its fields as a list: they are few, so that to look at each costs less than a map of them, which
//! hashes each name when it is put in and whenever it is looked for.

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, request::Parts,
};

/// The head of a request. [`Parts`] of `http` become one, and it becomes these, for whoever wants a map.
///
/// ```
/// use entra_mcp_http1::RequestHead;
///
/// let request = http::Request::get("/mcp").header("accept", "a").header("accept", "b").body(())?;
/// let head = RequestHead::from(request.into_parts().0);
/// assert_eq!(head.headers.get_all(&http::header::ACCEPT).count(), 2);
/// assert_eq!(http::request::Parts::from(head).headers["accept"], "a");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The version.
    pub version: Version,
    /// The fields.
    pub headers: Fields,
    /// What was told of the request besides.
    pub extensions: Extensions,
}

impl RequestHead {
    /// A head of HTTP/1.1.
    #[must_use]
    pub fn new(method: Method, uri: Uri, headers: Fields) -> Self {
        Self {
            method,
            uri,
            headers,
            ..Self::default()
        }
    }

    /// Returns the request with this head and body, as `http` has it.
    #[must_use]
    pub fn with_body<B>(self, body: B) -> Request<B> {
        Request::from_parts(self.into(), body)
    }
}

impl From<Parts> for RequestHead {
    fn from(parts: Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers.into(),
            extensions: parts.extensions,
        }
    }
}

impl From<RequestHead> for Parts {
    fn from(head: RequestHead) -> Self {
        let mut parts = Request::new(()).into_parts().0;
        parts.method = head.method;
        parts.uri = head.uri;
        parts.version = head.version;
        parts.headers = head.headers.into();
        parts.extensions = head.extensions;
        parts
    }
}

/// The fields of a head, in the order in which they came, and each as often as it came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(HeaderName, HeaderValue)>);

impl Fields {
    /// None, with room for so many.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Adds a field, beside others of its name.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// Adds a field, in place of all others of its name.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.retain(|(one, _)| *one != name);
        self.append(name, value);
    }

    /// Returns the first value of a name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.get_all(name).next()
    }

    /// Returns all values of a name, in their order.
    pub fn get_all(&self, name: &HeaderName) -> impl DoubleEndedIterator<Item = &HeaderValue> {
        let of_name = self.0.iter().filter(move |(one, _)| one == name);
        of_name.map(|(_, value)| value)
    }

    /// Returns whether there is a field of this name.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }

    /// Returns all of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(fields: I) -> Self {
        Self(Vec::from_iter(fields))
    }
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Self {
        let mut fields = Self::with_capacity(map.len());
        let mut last = None;
        for (name, value) in map {
            // Only the first of several values comes with their name.
            last = name.or(last);
            fields.0.extend(last.clone().map(|name| (name, value)));
        }
        fields
    }
}

impl From<Fields> for HeaderMap {
    fn from(fields: Fields) -> Self {
        let mut map = Self::with_capacity(fields.len());
        for (name, value) in fields.0 {
            map.append(name, value);
        }
        map
    }
}

/// Their names: a value may be a token.
impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn fields(fields: &[(&'static str, &'static str)]) -> Fields {
        let fields = fields.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        fields.collect()
    }

    const SEVERAL: [(&str, &str); 5] = [
        ("host", "a"),
        ("mcp-name", "b"),
        ("accept", "c"),
        ("mcp-name", "d"),
        ("host", "e"),
    ];

    // F10, I3: what is given twice is seen twice, whoever looks.
    #[test]
    fn field_that_is_given_twice_is_seen_twice_and_in_its_order() {
        let list = fields(&SEVERAL);
        let map = HeaderMap::from(list.clone());
        assert_eq!((list.len(), map.len()), (5, 5));
        for name in ["host", "mcp-name", "accept", "authorization"] {
            let name = HeaderName::from_static(name);
            let values: Vec<_> = list.get_all(&name).collect();
            assert_eq!(values, Vec::from_iter(map.get_all(&name)), "{name}");
            assert_eq!(list.get(&name), map.get(&name), "{name}");
            assert_eq!(list.contains(&name), map.contains_key(&name), "{name}");
        }
        let last = list.get_all(&header::HOST).next_back();
        assert_eq!(last.unwrap(), "e");
    }

    #[test]
    fn fields_that_were_a_map_are_the_same() {
        let list = fields(&SEVERAL);
        let map = HeaderMap::from(list);
        let again = HeaderMap::from(Fields::from(map.clone()));
        assert_eq!(again, map);
    }

    #[test]
    fn field_that_is_inserted_is_the_only_one_of_its_name() {
        let mut list = fields(&SEVERAL);
        list.insert(header::HOST, HeaderValue::from_static("f"));
        let hosts: Vec<_> = list.get_all(&header::HOST).collect();
        assert_eq!(hosts, ["f"]);
        assert_eq!(list.len(), 4);
    }

    // G4
    #[test]
    fn debug_output_of_a_head_has_no_token() {
        let request = Request::get("/mcp").header("authorization", "Bearer secret");
        let head = RequestHead::from(request.body(()).unwrap().into_parts().0);
        let text = format!("{head:?}");
        assert!(text.contains("authorization"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
