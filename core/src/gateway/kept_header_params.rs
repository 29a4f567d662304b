//! Which arguments a backend's tools want repeated in headers (2026-07-28), kept for as long as its list may be.

use std::{collections::BTreeMap, sync::Arc};

use crate::{catalog::HeaderParam, limits, time::Instant};

#[derive(Debug)]
struct Kept {
    declared: Arc<[HeaderParam]>,
    until: Instant,
}

/// Those of some tools of one session of a backend.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptHeaderParams(Arc<BTreeMap<String, Arc<Kept>>>);

/// What is kept in it does not make a session another one.
impl PartialEq for KeptHeaderParams {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for KeptHeaderParams {}

impl KeptHeaderParams {
    /// Those of a tool, unless they have to be looked at again.
    pub(crate) fn get(&self, tool: &str, now: Instant) -> Option<Arc<[HeaderParam]>> {
        let kept = self.0.get(tool).filter(|kept| now < kept.until)?;
        Some(Arc::clone(&kept.declared))
    }

    /// Keeps those of a tool until then; of many tools the one that ends first is forgotten, and what is long is not kept.
    pub(crate) fn add(&mut self, tool: String, declared: Vec<HeaderParam>, until: Instant) {
        let lengths = declared
            .iter()
            .flat_map(|param| param.path.iter().chain([&param.header]));
        let bytes = tool.len() + lengths.map(String::len).sum::<usize>();
        let tools = Arc::make_mut(&mut self.0);
        if bytes > limits::KEPT_HEADER_PARAMS_BYTES {
            tools.remove(&tool);
            return;
        }
        if tools.len() >= limits::KEPT_HEADER_PARAMS && !tools.contains_key(&tool) {
            let first = tools.iter().min_by_key(|(_, kept)| kept.until);
            if let Some(first) = first.map(|(tool, _)| tool.clone()) {
                tools.remove(&first);
            }
        }
        let declared = declared.into();
        tools.insert(tool, Arc::new(Kept { declared, until }));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn declared(header: &str) -> Vec<HeaderParam> {
        vec![HeaderParam {
            path: vec!["region".to_owned()],
            header: header.to_owned(),
        }]
    }

    #[test]
    fn kept_until_its_end_and_for_few_tools() {
        let mut kept = KeptHeaderParams::default();
        let after = |seconds| Instant(0).after(Duration::from_secs(seconds));
        for tool in 0..=limits::KEPT_HEADER_PARAMS {
            let until = after(10 + tool as u64);
            kept.add(format!("tool {tool}"), declared("region"), until);
        }
        assert!(
            kept.get("tool 0", after(0)).is_none(),
            "it made room for the last"
        );
        assert_eq!(kept.0.len(), limits::KEPT_HEADER_PARAMS);
        let found = kept.get("tool 1", after(10)).unwrap();
        assert_eq!(&*found, declared("region"));
        assert!(kept.get("tool 1", after(11)).is_none());
        kept.add("tool 1".to_owned(), declared("other"), after(90));
        let found = kept.get("tool 1", after(11)).unwrap();
        assert_eq!(&*found, declared("other"));
        let long = "a".repeat(limits::KEPT_HEADER_PARAMS_BYTES);
        kept.add("tool 2".to_owned(), declared(&long), after(90));
        assert!(kept.get("tool 2", after(0)).is_none());
    }
}
