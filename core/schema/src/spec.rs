//! The schemas, one per revision: what their definitions are called and which method each is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::strict::close;

/// The revisions and their schemas, the oldest first.
const FILES: [(&str, &str); 5] = [
    ("2024-11-05", include_str!("../spec/2024-11-05.json")),
    ("2025-03-26", include_str!("../spec/2025-03-26.json")),
    ("2025-06-18", include_str!("../spec/2025-06-18.json")),
    ("2025-11-25", include_str!("../spec/2025-11-25.json")),
    ("2026-07-28", include_str!("../spec/2026-07-28.json")),
];

/// The newest revision that begins with `initialize`.
pub(crate) const NEWEST_WITH_SESSIONS: &str = "2025-11-25";
/// The revision in which each request stands for itself.
pub(crate) const STATELESS: &str = "2026-07-28";

/// A schema.
#[derive(Debug)]
pub(crate) struct Spec {
    /// The revision.
    pub(crate) name: &'static str,
    /// Where the definitions are: `definitions` until 2025-06-18, then `$defs`.
    word: &'static str,
    document: Value,
    /// The definition of each method's request or notification.
    methods: BTreeMap<String, String>,
    of_server: BTreeSet<String>,
    /// The definition of the errors with a certain code: of the whole answer, or of `error`.
    errors: BTreeMap<i64, (String, Shape)>,
    /// Compiled when first needed.
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

/// What a definition of an error describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Answer,
    Error,
}

/// The schema of a revision.
pub(crate) fn of(revision: &str) -> Option<&'static Spec> {
    static ALL: OnceLock<Vec<Spec>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        FILES
            .map(|(name, text)| Spec::read(name, text, mend))
            .into()
    });
    all.iter().find(|spec| spec.name == revision)
}

/// The schema of a revision for what servers send: see [`close`].
pub(crate) fn closed(revision: &str) -> Option<&'static Spec> {
    static ALL: OnceLock<Vec<Spec>> = OnceLock::new();
    let mend_and_close = |definitions: &mut Map<String, Value>| {
        mend(definitions);
        close(definitions);
    };
    let read = |(name, text)| Spec::read(name, text, mend_and_close);
    let all = ALL.get_or_init(|| FILES.map(read).into());
    all.iter().find(|spec| spec.name == revision)
}

impl Spec {
    fn read(name: &'static str, text: &str, change: impl Fn(&mut Map<String, Value>)) -> Self {
        let mut document: Value = serde_json::from_str(text).expect("the schema is JSON");
        let word = match document.get("$defs") {
            Some(_) => "$defs",
            None => "definitions",
        };
        let definitions = document.get_mut(word).and_then(Value::as_object_mut);
        let definitions = definitions.expect("the schema has definitions");
        change(definitions);
        let mut methods = BTreeMap::new();
        let mut errors = BTreeMap::new();
        for (name, definition) in definitions.iter() {
            let method = definition.pointer("/properties/method/const");
            // `ClientNotification` of 2026-07-28 is the one notification that there is.
            if let Some(Value::String(method)) = method
                && !name.starts_with("Client")
            {
                methods.insert(method.clone(), name.clone());
            }
            let own = definition.pointer("/properties/code/const");
            let inner = definition.pointer("/properties/error/allOf/1/properties/code/const");
            for (code, shape) in [(own, Shape::Error), (inner, Shape::Answer)] {
                if let Some(code) = code.and_then(Value::as_i64) {
                    errors.insert(code, (name.clone(), shape));
                }
            }
        }
        let members = |union: &str| {
            let list = definitions.get(union)?.get("anyOf")?.as_array()?;
            let names = list.iter().filter_map(|one| one.get("$ref")?.as_str());
            let names = names.filter_map(|path| path.rsplit('/').next());
            Some(names.map(str::to_owned).collect::<BTreeSet<String>>())
        };
        let mut of_server = members("ServerRequest").unwrap_or_default();
        of_server.extend(members("ServerNotification").unwrap_or_default());
        Self {
            name,
            word,
            methods,
            of_server,
            errors,
            validators: Mutex::default(),
            document,
        }
    }

    fn definitions(&self) -> Option<&Map<String, Value>> {
        self.document.get(self.word)?.as_object()
    }

    /// Whether there is a definition of this name.
    pub(crate) fn has(&self, definition: &str) -> bool {
        self.definitions()
            .is_some_and(|all| all.contains_key(definition))
    }

    /// The first of these definitions that there is.
    pub(crate) fn first<'a>(&self, names: &[&'a str]) -> &'a str {
        let mut known = names.iter().filter(|name| self.has(name));
        known.next().expect("one of the names is in every revision")
    }

    /// The definition of a request or notification.
    pub(crate) fn method(&self, method: &str) -> Option<&str> {
        self.methods.get(method).map(String::as_str)
    }

    /// Whether a server may send what this definition describes.
    pub(crate) fn is_of_server(&self, definition: &str) -> bool {
        self.of_server.contains(definition)
    }

    /// The definition of the errors with this code.
    pub(crate) fn error(&self, code: i64) -> Option<(&str, Shape)> {
        let (name, shape) = self.errors.get(&code)?;
        Some((name, *shape))
    }

    /// The definition of the result of a method: that of the same name, or the empty one; the bare
    /// [`Result`] for methods of extensions.
    pub(crate) fn result(&self, method: Option<&str>) -> String {
        let Some(request) = method.and_then(|method| self.method(method)) else {
            return "Result".to_owned();
        };
        let result = request.replace("Request", "Result");
        if self.has(&result) {
            result
        } else {
            "EmptyResult".to_owned()
        }
    }

    /// Whether more input may be asked for instead of the result of a method.
    pub(crate) fn may_ask_for_input(&self, method: &str) -> bool {
        let response = format!("{}Response", self.result(Some(method)));
        let wanted = self.definitions().and_then(|all| {
            let list = all.get(&response)?.pointer("/properties/result/anyOf")?;
            let mut list = list.as_array()?.iter();
            list.find(|one| one.get("$ref").and_then(Value::as_str) == Some(INPUT_REQUIRED))
        });
        wanted.is_some()
    }

    /// Whether a value fits a definition.
    pub(crate) fn fits(&self, definition: &str, value: &Value) -> Result<(), String> {
        let validator = self.validator(definition);
        let Some(error) = validator.iter_errors(value).next() else {
            return Ok(());
        };
        let place = error.instance_path().to_string();
        let text: String = error.to_string().chars().take(400).collect();
        let name = self.name;
        Err(format!("no {definition} of {name}: at {place:?}: {text}"))
    }

    fn validator(&self, definition: &str) -> Arc<Validator> {
        let lock = self.validators.lock();
        let mut validators = lock.unwrap_or_else(PoisonError::into_inner);
        let made = validators.entry(definition.to_owned()).or_insert_with(|| {
            let mut schema = self.document.clone();
            if let Some(members) = schema.as_object_mut() {
                let path = format!("#/{}/{definition}", self.word);
                members.insert("$ref".to_owned(), Value::String(path));
            }
            let made = jsonschema::options()
                .should_validate_formats(true)
                .with_format("byte", |text: &str| STANDARD.decode(text).is_ok())
                .build(&schema);
            Arc::new(made.expect("every definition can be compiled"))
        });
        Arc::clone(made)
    }
}

const INPUT_REQUIRED: &str = "#/$defs/InputRequiredResult";

/// Where the generated JSON says less than the `schema.ts` that it was made from: a `number` became
/// an `integer`, and `null` was forgotten.
fn mend(definitions: &mut Map<String, Value>) {
    let any = json!(["string", "number", "boolean", "null"]);
    let simple = json!(["string", "number", "boolean"]);
    for (name, path, types) in [
        ("JSONValue", "/anyOf/2/type", &any),
        (
            "ElicitResult",
            "/properties/content/additionalProperties/type",
            &simple,
        ),
        (
            "ElicitResult",
            "/properties/content/additionalProperties/anyOf/1/type",
            &simple,
        ),
    ] {
        let found = definitions.get_mut(name);
        if let Some(place) = found.and_then(|definition| definition.pointer_mut(path)) {
            *place = types.clone();
        }
    }
}
