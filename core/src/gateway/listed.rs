//! A page of a backend's list: of its elements the names are read, and which are not for the caller is cut out. The others stay the
//! same bytes.

use std::{borrow::Cow, ops::Range, time::Duration};

use super::{
    raw_edit,
    raw_json::{self, JsonFault, Members},
};
use crate::policy::PolicyKind;

/// A list that backends give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackendList {
    Tools,
    Prompts,
    Resources,
    Templates,
}

impl BackendList {
    const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::Templates];

    /// The method that gives it.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
        }
    }

    /// The list that a method gives, if it gives one.
    pub(crate) fn of_method(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.method() == method)
    }

    /// Which rules are about what it holds.
    pub(crate) fn kind(self) -> PolicyKind {
        match self {
            Self::Tools => PolicyKind::Tool,
            Self::Prompts => PolicyKind::Prompt,
            Self::Resources | Self::Templates => PolicyKind::Resource,
        }
    }

    /// The member of the result that it is, and the one by which an element is named.
    fn members(self) -> (&'static str, &'static str) {
        match self {
            Self::Tools => ("tools", "name"),
            Self::Prompts => ("prompts", "name"),
            Self::Resources => ("resources", "uri"),
            Self::Templates => ("resourceTemplates", "uriTemplate"),
        }
    }
}

/// The `cacheScope` of what is for one caller (2026-07-28).
const PRIVATE: &str = "\"private\"";

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    result: &'a str,
    array: Range<usize>,
    elements: Vec<(Cow<'a, str>, Range<usize>)>,
    next: Option<Cow<'a, str>>,
    cache_scope: Option<Range<usize>>,
    fresh_for: Duration,
}

impl<'a> Listed<'a> {
    /// Reads the result that holds it.
    pub(crate) fn read(list: BackendList, result: &'a str) -> Result<Self, JsonFault> {
        let (array, name) = list.members();
        let members = Members::of(result, 0..result.len())?;
        let array = members.get(array).ok_or(JsonFault::NotJson)?;
        let elements = raw_json::elements(result, array.clone())?;
        let named = elements.into_iter().map(|at| {
            let members = Members::of(result, at.clone())?;
            let name = members
                .get(name)
                .and_then(|at| raw_json::string(result.get(at)?));
            Ok((name.ok_or(JsonFault::NotJson)?, at))
        });
        let next = members.get("nextCursor");
        let milliseconds = members
            .get("ttlMs")
            .and_then(|at| result.get(at)?.parse().ok())
            .map(Duration::from_millis);
        Ok(Self {
            elements: named.collect::<Result<_, JsonFault>>()?,
            next: next.and_then(|at| raw_json::string(result.get(at)?)),
            cache_scope: members.get("cacheScope"),
            fresh_for: milliseconds.unwrap_or_default(),
            array,
            result,
        })
    }

    /// Whether an element has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.elements.iter().any(|(one, _)| one == name)
    }

    /// The element of this name, as it is written.
    pub(crate) fn element(&self, name: &str) -> Option<&'a str> {
        let found = self.elements.iter().find(|(one, _)| one == name);
        found.and_then(|(_, at)| self.result.get(at.clone()))
    }

    /// The tools as clients of 2026-07-28 know them: without what 2025-11-25 says there of tasks, and without those that are only to be
    /// called as one. `None` if there is nothing of that.
    pub(crate) fn without_tasks(&self) -> Option<String> {
        const EXECUTION: &[&str] = &["execution"];
        let mut is_changed = false;
        let kept = self.elements.iter().filter_map(|(_, at)| {
            let element = self.result.get(at.clone())?;
            let members = Members::of(self.result, at.clone()).ok()?;
            let Some(execution) = members.get("execution") else {
                return Some(Cow::Borrowed(element));
            };
            is_changed = true;
            let execution = Members::of(self.result, execution).ok();
            let support = execution.and_then(|members| members.get("taskSupport"));
            let support = support.and_then(|at| raw_json::string(self.result.get(at)?));
            if support.as_deref() == Some("required") {
                return None;
            }
            raw_edit::without_member(element, EXECUTION)
                .ok()
                .map(Cow::Owned)
        });
        let kept: Vec<_> = kept.collect();
        let array = format!("[{}]", kept.join(","));
        is_changed.then(|| raw_json::splice(self.result, vec![(self.array.clone(), &array)]))
    }

    /// How long it may be kept (2026-07-28): not at all, if it does not say.
    pub(crate) fn fresh_for(&self) -> Duration {
        self.fresh_for
    }

    /// Where the next page begins.
    pub(crate) fn next_cursor(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// The result with those elements alone, to be cached for this caller only; `None` if it is so already.
    pub(crate) fn keeping(&self, is_kept: impl Fn(&str) -> bool) -> Option<String> {
        let kept: Vec<_> = self
            .elements
            .iter()
            .filter(|(name, _)| is_kept(name))
            .filter_map(|(_, at)| self.result.get(at.clone()))
            .collect();
        let array = format!("[{}]", kept.join(","));
        let mut replaced = Vec::new();
        if kept.len() < self.elements.len() {
            replaced.push((self.array.clone(), array.as_str()));
        }
        // What a caller is not shown depends on who they are, also where that is nothing.
        let scope = self.cache_scope.clone();
        replaced.extend(
            scope
                .filter(|at| self.result.get(at.clone()) != Some(PRIVATE))
                .map(|at| (at, PRIVATE)),
        );
        (!replaced.is_empty()).then(|| raw_json::splice(self.result, replaced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::testing::parsed_by;

    const RESULT: &str = r#"{"x":1.0, "tools":[ {"name":"a","n":1.00} , {"n":[],"na\u006de":"b"},{"name":"c"}],"nextCursor":"p2"}"#;

    // R7
    #[test]
    fn elements_that_are_not_kept_are_cut_and_the_others_stay_as_they_are() {
        let listed = Listed::read(BackendList::Tools, RESULT).unwrap();
        assert!(listed.has("b") && !listed.has("d"));
        assert_eq!(listed.next_cursor(), Some("p2"));
        assert_eq!(listed.keeping(|_| true), None);
        assert_eq!(
            listed.keeping(|name| name != "b").unwrap(),
            r#"{"x":1.0, "tools":[{"name":"a","n":1.00},{"name":"c"}],"nextCursor":"p2"}"#
        );
        assert_eq!(
            listed.keeping(|_| false).unwrap(),
            r#"{"x":1.0, "tools":[],"nextCursor":"p2"}"#
        );
    }

    #[test]
    fn page_is_fresh_for_as_long_as_it_says() {
        for (ttl, milliseconds) in [
            (r#""ttlMs":60000,"#, 60_000),
            (r#""ttlMs":"60000","#, 0),
            (r#""ttlMs":-1,"#, 0),
            ("", 0),
        ] {
            let page = format!(r#"{{{ttl}"tools":[]}}"#);
            let listed = Listed::read(BackendList::Tools, &page).unwrap();
            assert_eq!(
                listed.fresh_for(),
                Duration::from_millis(milliseconds),
                "{ttl}"
            );
        }
    }

    // It was parsed with the message that it stands in.
    #[test]
    fn list_is_not_parsed_to_be_filtered() {
        let (kept, parsed) = parsed_by(|| {
            let listed = Listed::read(BackendList::Tools, RESULT).unwrap();
            listed.keeping(|name| name == "c")
        });
        assert!(kept.is_some());
        assert_eq!(parsed, 0);
    }

    // R7: what cannot be filtered is not passed.
    #[test]
    fn list_that_can_be_read_in_two_ways_is_none() {
        for result in [
            "{}",
            r#"{"tools":{}}"#,
            r#"{"tools":[1]}"#,
            r#"{"tools":[{"title":"a"}]}"#,
            r#"{"tools":[{"name":"a","name":"b"}]}"#,
            r#"{"tools":[],"tools":[{"name":"a"}]}"#,
        ] {
            assert!(
                Listed::read(BackendList::Tools, result).is_err(),
                "{result}"
            );
        }
        for list in BackendList::ALL {
            assert_eq!(BackendList::of_method(list.method()), Some(list));
        }
    }

    // R5: a call that became a task would be lost.
    #[test]
    fn tools_lose_what_they_say_of_tasks_and_those_that_need_them() {
        let tools = r#"{"tools":[{"name":"a","execution":{"taskSupport":"optional"},"n":1.00},{"name":"b","execution":{"taskSupport":"required"}},{"name":"c"}]}"#;
        let listed = Listed::read(BackendList::Tools, tools).unwrap();
        assert_eq!(
            listed.without_tasks().unwrap(),
            r#"{"tools":[{"name":"a","n":1.00},{"name":"c"}]}"#
        );
        let listed = Listed::read(BackendList::Tools, RESULT).unwrap();
        assert_eq!(listed.without_tasks(), None);
    }

    // T11: others are shown others.
    #[test]
    fn list_of_which_elements_may_be_hidden_is_cached_for_its_caller_only() {
        let public = r#"{"cacheScope":"public","tools":[{"name":"a"},{"name":"b"}]}"#;
        let listed = Listed::read(BackendList::Tools, public).unwrap();
        assert_eq!(
            listed.keeping(|_| true).unwrap(),
            r#"{"cacheScope":"private","tools":[{"name":"a"},{"name":"b"}]}"#
        );
        assert_eq!(
            listed.keeping(|name| name == "b").unwrap(),
            r#"{"cacheScope":"private","tools":[{"name":"b"}]}"#
        );
        let private = r#"{"tools":[{"name":"a"}],"cacheScope":"private"}"#;
        let listed = Listed::read(BackendList::Tools, private).unwrap();
        assert_eq!(listed.keeping(|_| true), None);
    }
}
