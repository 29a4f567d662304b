use entra_mcp_core::policy::{ArgumentCheck, NamePattern, PolicyKind};
use serde_json::json;

use super::read::contents;

const POLICY: &str = r#"
default = "deny"

[[tool]]
name = "delete_*"
roles = ["Orders.Admin"]
scopes = ["orders.write", "user.read"]

[[tool]]
name = "search"
groups = ["g"]
arguments.repo = { one_of = ["sandbox", "docs"] }
arguments.limit = { equals = 5 }
arguments.path = { starts_with = "/srv/", max_length = 100 }
arguments.force = { absent = true }

[[tool]]
name = "transfer"
confirm = "Transfer {amount} to {account}?"

[[prompt]]
name = "secret"
hidden = true

[[resource]]
uri = "file:///etc/*"
hidden = true

[[scope]]
name = "orders.write"
words = "Change orders."
"#;

#[test]
fn every_member_of_a_rule_is_read() {
    let read = contents(POLICY, Vec::new()).unwrap();
    let policy = &read.policy;
    assert!(policy.denies_others);
    assert_eq!(policy.len(), 5);
    let [delete, search, transfer] = policy.rules(PolicyKind::Tool) else {
        panic!("three rules, in their order");
    };
    assert_eq!(delete.name, NamePattern::Beginning("delete_".to_owned()));
    assert_eq!(delete.roles, ["Orders.Admin"]);
    assert_eq!(delete.scopes, ["orders.write", "user.read"]);
    assert_eq!(search.groups, ["g"]);
    let mut checks: Vec<_> = search
        .arguments
        .iter()
        .map(|rule| (&*rule.argument, &rule.check))
        .collect();
    checks.sort_by_key(|(name, _)| *name);
    assert!(
        matches!(checks.as_slice(), [
        ("force", ArgumentCheck::Absent),
        ("limit", ArgumentCheck::OneOf(five)),
        ("path", ArgumentCheck::MaxLength(100)),
        ("path", ArgumentCheck::StartsWith(_)),
        ("repo", ArgumentCheck::OneOf(_)),
    ] if *five == [json!(5)]),
        "{checks:?}"
    );
    assert!(transfer.confirmation.is_some());
    assert!(policy.rules(PolicyKind::Prompt)[0].hidden);
    assert!(policy.rules(PolicyKind::Resource)[0].hidden);
    assert_eq!(read.scopes[0].name, "orders.write");
}

// R7: what is read wrongly is no policy at all.
#[test]
fn what_is_wrong_is_told_with_its_line_and_what_to_write() {
    for (text, line, said) in [
        ("", 1, "default = \"allow\""),
        ("# Nothing yet.\n", 1, "default = \"allow\""),
        ("default = \"no\"", 1, "default = \"deny\""),
        ("\n[[tool]]\nhidden = true\n", 2, "name = \"delete_*\""),
        ("[[tool]]\nname = \"a*b\"\n", 2, "a * at its end"),
        ("[[tool]]\nname = \"a\"\nhide = true\n", 3, "hidden"),
        (
            "[[tool]]\nname = \"a\"\nhidden = \"true\"\n",
            3,
            "without quotation marks",
        ),
        ("[[tool]]\nname = \"a\"\n\nroles = []\n", 4, "at least one"),
        ("[[tool]]\nname = \"a\"\nroles = \"x\"\n", 3, "brackets"),
        (
            "[[tool]]\nname = \"a\"\narguments.b = { is = 1 }\n",
            3,
            "one_of",
        ),
        (
            "[[tool]]\nname = \"a\"\narguments.b = { one_of = [] }\n",
            3,
            "one_of",
        ),
        (
            "[[tool]]\nname = \"a\"\narguments.b = { absent = false }\n",
            3,
            "one_of",
        ),
        ("[[tool]]\nname = \"a\"\narguments.b = {}\n", 3, "one_of"),
        ("[[tool]]\nname = \"a\"\nconfirm = \"{\"\n", 3, "braces"),
        (
            "[[tool]]\nname = \"a\"\nscopes = [\"x.y\"]\n",
            3,
            "[[scope]]",
        ),
        ("[[prompt]]\nname = \"a\"\nscopes = [\"x.y\"]\n", 3, "roles"),
        ("[tool]\nname = \"a\"\n", 1, "[[tool]]"),
        ("[[tools]]\nname = \"a\"\n", 1, "[[tool]]"),
        ("[[scope]]\nname = \"a\"\n", 1, "words"),
        ("\n\nname = ", 3, "TOML"),
    ] {
        let problems = contents(text, Vec::new()).unwrap_err();
        let problem = problems.join("\n");
        assert!(
            problem.contains(&format!("Line {line}: ")) && problem.contains(said),
            "{text}: {problem}"
        );
    }
    let both = "[[tool]]\nhidden = 1\n[[prompt]]\nname = 5\n";
    assert_eq!(
        contents(both, Vec::new()).unwrap_err().len(),
        3,
        "all at once"
    );
    let known = "[[tool]]\nname = \"a\"\nscopes = [\"mail.read\"]\n";
    assert!(contents(known, vec!["mail.read".to_owned()]).is_ok());
}
