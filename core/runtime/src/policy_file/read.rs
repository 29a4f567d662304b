//! What stands in the file: TOML, a table for each rule. What is wrong is told with its line.

use std::{fs::File, io::Read as _, path::Path};

use entra_mcp_core::{
    catalog::ScopeDefinition,
    limits,
    policy::{ArgumentCheck, ArgumentRule, Confirmation, NamePattern, Policy, PolicyRule},
};
use serde_json::Value as Json;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::PolicyFileError;

/// What was read, and is right.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) policy: Policy,
    /// The scopes that the file offers.
    pub(super) scopes: Vec<ScopeDefinition>,
    /// Those that the server offers besides.
    pub(super) offered: Vec<String>,
}

/// Reads a file; rules may want the scopes that are offered already.
pub(super) fn file(path: &Path, offered: Vec<String>) -> Result<Contents, PolicyFileError> {
    let failed = |problems| PolicyFileError {
        path: path.to_owned(),
        problems,
    };
    let text = text_of(path).map_err(|problem| failed(vec![problem]))?;
    contents(&text, offered).map_err(failed)
}

/// Reads the text of one.
pub(super) fn contents(text: &str, offered: Vec<String>) -> Result<Contents, Vec<String>> {
    let mut reader = Reader {
        text,
        problems: Vec::new(),
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            reader.wrong(start, format!("This is not TOML: {}.", error.message()));
            return Err(reader.texts());
        }
    };
    // As a file is that is just being written, or was cut.
    if table.is_empty() {
        reader.wrong(0, "It says nothing, so that everything would be allowed. Write what is not, or default = \"allow\".");
    }
    let mut policy = Policy::default();
    let mut scopes = Vec::new();
    for (name, value) in table {
        let at = name.span().start;
        match &**name.get_ref() {
            "default" => match value.get_ref().as_str() {
                Some("allow") => {}
                Some("deny") => policy.denies_others = true,
                _ => reader.wrong(at, "Write default = \"allow\" or default = \"deny\"."),
            },
            "tool" => policy.tools = reader.rules(at, value, "name", &OF_TOOLS),
            "prompt" => policy.prompts = reader.rules(at, value, "name", &OF_OTHERS),
            "resource" => policy.resources = reader.rules(at, value, "uri", &OF_OTHERS),
            "scope" => scopes = reader.scopes(at, value),
            other => reader.wrong(
                at,
                format!("There is no {other:?}. Write default, [[tool]], [[prompt]], [[resource]] or [[scope]]."),
            ),
        }
    }
    let known = |name: &String| {
        offered.contains(name)
            || name == "user.read"
            || scopes.iter().any(|scope| scope.name == *name)
    };
    let needed = policy.tools.iter().flat_map(|rule| &rule.scopes);
    for name in needed.filter(|name| !known(name)) {
        let at = text.find(&format!("{name:?}")).unwrap_or(0);
        reader.wrong(at, format!("The scope {name:?} is not offered. Add a [[scope]] with this name, and words for users."));
    }
    match reader.problems.is_empty() {
        true => Ok(Contents {
            policy,
            scopes,
            offered,
        }),
        false => Err(reader.texts()),
    }
}

/// The members of rules besides what they name.
const OF_TOOLS: [&str; 6] = [
    "hidden",
    "roles",
    "groups",
    "scopes",
    "arguments",
    "confirm",
];
const OF_OTHERS: [&str; 3] = ["hidden", "roles", "groups"];

/// The text, and what is wrong with it by where it stands.
struct Reader<'a> {
    text: &'a str,
    problems: Vec<(usize, String)>,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl Reader<'_> {
    fn wrong(&mut self, at: usize, problem: impl Into<String>) {
        self.problems.push((at, problem.into()));
    }

    /// Everything that is wrong, by lines.
    fn texts(mut self) -> Vec<String> {
        self.problems.sort();
        let line = |at: usize| {
            let before = self.text.get(..at).unwrap_or_default();
            before.matches('\n').count() + 1
        };
        let problems = self.problems.iter();
        problems
            .map(|(at, problem)| format!("Line {}: {problem}", line(*at)))
            .collect()
    }

    /// The tables of an array of tables.
    fn tables<'v>(&mut self, at: usize, value: Value<'v>) -> Vec<(usize, DeTable<'v>)> {
        let DeValue::Array(array) = value.into_inner() else {
            self.wrong(at, "Write two brackets, as in [[tool]].");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in array {
            let at = value.span().start;
            match value.into_inner() {
                DeValue::Table(table) => tables.push((at, table)),
                _ => self.wrong(at, "Write two brackets above it, as in [[tool]]."),
            }
        }
        tables
    }

    fn rules(
        &mut self,
        at: usize,
        value: Value<'_>,
        names: &str,
        known: &[&str],
    ) -> Vec<PolicyRule> {
        let tables = self.tables(at, value);
        let rules = tables
            .into_iter()
            .filter_map(|(at, table)| self.rule(at, table, names, known));
        rules.collect()
    }

    fn rule(
        &mut self,
        at: usize,
        table: DeTable<'_>,
        names: &str,
        known: &[&str],
    ) -> Option<PolicyRule> {
        let mut pattern = None;
        let mut rule = PolicyRule::allowing(NamePattern::Exactly(String::new()));
        for (member, value) in table {
            let at = member.span().start;
            let member: &str = member.get_ref();
            if member == names {
                pattern = value.get_ref().as_str().and_then(NamePattern::parse);
                if pattern.is_none() {
                    self.wrong(at, format!("{names} is no name. Write it in quotation marks, with a * at its end for all that begin with it."));
                    return None;
                }
                continue;
            }
            match member {
                _ if !known.contains(&member) => self.wrong(
                    at,
                    format!(
                        "There is no {member:?}. Write {names}, and some of: {}.",
                        known.join(", ")
                    ),
                ),
                "hidden" => rule.hidden = self.boolean(at, &value),
                "roles" => rule.roles = self.names(at, value),
                "groups" => rule.groups = self.names(at, value),
                "scopes" => rule.scopes = self.names(at, value),
                "arguments" => rule.arguments = self.arguments(at, value),
                _ => {
                    rule.confirmation = value.get_ref().as_str().and_then(Confirmation::parse);
                    if rule.confirmation.is_none() {
                        self.wrong(at, "confirm is no question. Write words in quotation marks, with names of arguments in braces: \"Pay {amount}?\".");
                    }
                }
            }
        }
        match pattern {
            Some(name) => Some(PolicyRule { name, ..rule }),
            None => {
                self.wrong(at, format!("{names} is missing. Write what the rule is about, such as {names} = \"delete_*\"."));
                None
            }
        }
    }

    fn boolean(&mut self, at: usize, value: &Value<'_>) -> bool {
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong(at, "Write true or false, without quotation marks.");
            false
        })
    }

    /// Texts, at least one: an empty list would allow everybody, and look as if it allowed nobody.
    fn names(&mut self, at: usize, value: Value<'_>) -> Vec<String> {
        let names = value.get_ref().as_array().map(|array| {
            let name = |value: &Value<'_>| value.get_ref().as_str().map(str::to_owned);
            array.iter().map(name).collect::<Option<Vec<_>>>()
        });
        let names = names.flatten().unwrap_or_default();
        if names.is_empty() || names.iter().any(String::is_empty) {
            self.wrong(at, "Write at least one text, in quotation marks and brackets; hidden = true is for nobody.");
        }
        names
    }

    fn arguments(&mut self, at: usize, value: Value<'_>) -> Vec<ArgumentRule> {
        let DeValue::Table(arguments) = value.into_inner() else {
            self.wrong(at, "Write arguments.NAME = { one_of = [\"a\", \"b\"] }.");
            return Vec::new();
        };
        let mut rules = Vec::new();
        for (argument, value) in arguments {
            let at = argument.span().start;
            let DeValue::Table(checks) = value.into_inner() else {
                self.wrong(
                    at,
                    "Write what has to hold in braces: { one_of = [\"a\", \"b\"] }.",
                );
                continue;
            };
            if checks.is_empty() {
                self.wrong(at, WHICH);
            }
            for (name, value) in checks {
                match check(name.get_ref(), value.get_ref()) {
                    Some(check) => rules.push(ArgumentRule {
                        argument: argument.get_ref().to_string(),
                        check,
                    }),
                    None => self.wrong(name.span().start, WHICH),
                }
            }
        }
        rules
    }

    fn scopes(&mut self, at: usize, value: Value<'_>) -> Vec<ScopeDefinition> {
        let mut scopes = Vec::new();
        for (at, table) in self.tables(at, value) {
            let text = |name: &str| table.get(name).and_then(|value| value.get_ref().as_str());
            match (text("name"), text("words"), table.len()) {
                (Some(name), Some(words), 2) => scopes.push(ScopeDefinition {
                    name: name.to_owned(),
                    permission: String::new(),
                    description: words.to_owned(),
                }),
                _ => self.wrong(at, "Write name = \"orders.write\" and words = \"Change orders.\", and nothing else."),
            }
        }
        scopes
    }
}

const WHICH: &str = "Write one of: equals = 5, one_of = [\"a\", \"b\"], starts_with = \"/srv/\", max_length = 100, absent = true.";

fn check(name: &str, value: &DeValue<'_>) -> Option<ArgumentCheck> {
    match name {
        "equals" => Some(ArgumentCheck::OneOf(vec![json(value)?])),
        "one_of" => {
            let values = value.as_array()?.iter().map(|value| json(value.get_ref()));
            let values: Vec<_> = values.collect::<Option<_>>()?;
            (!values.is_empty()).then_some(ArgumentCheck::OneOf(values))
        }
        "starts_with" => Some(ArgumentCheck::StartsWith(value.as_str()?.to_owned())),
        "max_length" => {
            let most = json(value)?.as_u64()?;
            Some(ArgumentCheck::MaxLength(usize::try_from(most).ok()?))
        }
        "absent" => value.as_bool()?.then_some(ArgumentCheck::Absent),
        _ => None,
    }
}

/// A value of one piece as JSON; numbers are whole.
fn json(value: &DeValue<'_>) -> Option<Json> {
    match value {
        DeValue::String(text) => Some(Json::from(&**text)),
        DeValue::Boolean(value) => Some(Json::from(*value)),
        DeValue::Integer(number) if number.radix() == 10 => {
            number.as_str().parse::<i64>().ok().map(Json::from)
        }
        _ => None,
    }
}

/// Reads a file of text, as far as one may be long.
fn text_of(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("It cannot be read: {error}.");
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut file = file.take(limits::POLICY_FILE_BYTES + 1);
    let length = file.read_to_string(&mut text).map_err(unreadable)?;
    match u64::try_from(length) {
        Ok(length) if length <= limits::POLICY_FILE_BYTES => Ok(text),
        _ => Err(format!(
            "It is too long. Write {} bytes at most.",
            limits::POLICY_FILE_BYTES
        )),
    }
}
