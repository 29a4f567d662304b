use serde_json::{Value, json};

use super::*;

fn pattern(text: &str) -> NamePattern {
    NamePattern::parse(text).unwrap()
}

fn names(names: &[&str]) -> Names {
    names.iter().collect()
}

fn hiding(text: &str) -> PolicyRule {
    PolicyRule {
        hidden: true,
        ..PolicyRule::allowing(pattern(text))
    }
}

// R7
#[test]
fn first_rule_that_names_it_decides() {
    let policy = Policy {
        tools: vec![
            PolicyRule::allowing(pattern("delete_draft")),
            hiding("delete_*"),
            PolicyRule::allowing(pattern("delete_all")),
        ],
        ..Policy::default()
    };
    let nobody = (&names(&[]), &names(&[]));
    let shows = |name| policy.shows(PolicyKind::Tool, name, nobody);
    assert!(shows("delete_draft") && shows("read") && shows("Delete_all"));
    assert!(!shows("delete_all") && !shows("delete_"));
    let strict = Policy {
        denies_others: true,
        ..policy
    };
    let shows = |name| strict.shows(PolicyKind::Tool, name, nobody);
    assert!(shows("delete_draft") && !shows("read"));
    assert!(!strict.shows(PolicyKind::Prompt, "any", nobody));
}

// R7
#[test]
fn rule_of_roles_and_groups_is_for_who_has_one_of_each() {
    let policy = Policy {
        tools: vec![PolicyRule {
            roles: vec!["Admin".to_owned(), "Boss".to_owned()],
            groups: vec!["g1".to_owned()],
            ..PolicyRule::allowing(pattern("x"))
        }],
        ..Policy::default()
    };
    for (roles, groups, shown) in [
        (names(&["Boss"]), names(&["g1", "g2"]), true),
        (names(&["Boss"]), names(&["g2"]), false),
        (names(&["boss"]), names(&["g1"]), false),
        (names(&[]), names(&["g1"]), false),
    ] {
        let shows = policy.shows(PolicyKind::Tool, "x", (&roles, &groups));
        assert_eq!(shows, shown, "{roles:?} {groups:?}");
    }
    assert!(policy.hides(PolicyKind::Tool) && !policy.hides(PolicyKind::Prompt));
}

// R7
#[test]
fn resource_is_hidden_in_each_of_its_spellings() {
    let policy = Policy {
        resources: vec![hiding("file:///etc/*")],
        ..Policy::default()
    };
    let nobody = (&names(&[]), &names(&[]));
    for uri in [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "file:///x/../etc/passwd",
        "file:///./etc/passwd",
        "file:///%65tc/passwd",
        "file:///x/%2e%2E/etc/passwd",
        "file:///x%2f..%2fetc/passwd",
        "file:////etc//passwd",
        "file://localhost/etc/passwd",
        "file:/etc/passwd",
        "file:///x/..\\etc/passwd",
        "file://elsewhere/etc/passwd",
        "file://elsewhere/x/../etc/passwd",
    ] {
        assert!(!policy.shows(PolicyKind::Resource, uri, nobody), "{uri}");
    }
    for uri in [
        "file:///etcetera",
        "note:etc",
        "file:///{path}",
        "x",
        "file:///%",
    ] {
        assert!(policy.shows(PolicyKind::Resource, uri, nobody), "{uri}");
    }
    let exactly = Policy {
        resources: vec![hiding("file:///etc/passwd")],
        ..Policy::default()
    };
    for uri in [
        "file:///etc/passwd?",
        "file:///etc/passwd?x",
        "file:///etc/passwd#x",
        "file:///etc/passwd/",
        "file://elsewhere/etc/passwd",
    ] {
        assert!(!exactly.shows(PolicyKind::Resource, uri, nobody), "{uri}");
    }
    assert!(exactly.shows(PolicyKind::Resource, "note:///etc/passwd?x", nobody));
    let only = Policy {
        denies_others: true,
        resources: vec![PolicyRule::allowing(pattern("file:///public/*"))],
        ..Policy::default()
    };
    for (uri, shown) in [
        ("file:///public/a", true),
        ("file:///public/", true),
        ("file:///public/../etc/passwd", false),
        ("file:///x/../public/a", false),
    ] {
        assert_eq!(
            only.shows(PolicyKind::Resource, uri, nobody),
            shown,
            "{uri}"
        );
    }
}

// R7
#[test]
fn argument_is_admitted_as_its_rule_says() {
    let rule = |check| ArgumentRule {
        argument: "a".to_owned(),
        check,
    };
    let one_of = rule(ArgumentCheck::OneOf(vec![json!("x"), json!(5)]));
    let starts = rule(ArgumentCheck::StartsWith("/srv/".to_owned()));
    let short = rule(ArgumentCheck::MaxLength(2));
    let absent = rule(ArgumentCheck::Absent);
    let cases: [(&ArgumentRule, Option<Value>, bool); 17] = [
        (&one_of, Some(json!("x")), true),
        (&one_of, Some(json!(5)), true),
        (&one_of, Some(json!("X")), false),
        (&one_of, Some(json!("5")), false),
        (&one_of, Some(json!(["x"])), false),
        (&one_of, None, false),
        (&starts, Some(json!("/srv/a..b")), true),
        (&starts, Some(json!("/srv/../etc")), false),
        (&starts, Some(json!("/srv/a\\..\\b")), false),
        (&starts, Some(json!("/srv")), false),
        (&starts, None, false),
        (&short, Some(json!("\u{e9}\u{e9}")), true),
        (&short, Some(json!("abc")), false),
        (&short, Some(json!([1])), false),
        (&short, None, true),
        (&absent, None, true),
        (&absent, Some(Value::Null), false),
    ];
    for (rule, value, admitted) in cases {
        assert_eq!(rule.admits(value.as_ref()), admitted, "{rule:?} {value:?}");
    }
}

#[test]
fn what_is_no_pattern_and_no_question_is_refused() {
    for text in ["", "*x", "a*b", "a**"] {
        assert!(NamePattern::parse(text).is_none(), "{text}");
    }
    assert!(pattern("*").matches("anything"));
    for text in ["", " ", "{", "a }", "a {} b", "a {b", "{a{b}}"] {
        assert!(Confirmation::parse(text).is_none(), "{text}");
    }
    let question = Confirmation::parse("Pay {amount} to {who}?").unwrap();
    assert_eq!(
        question.text(|name| format!("<{name}>")),
        "Pay <amount> to <who>?"
    );
}
