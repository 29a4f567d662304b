use std::collections::BTreeMap;

use super::read::FileContents;
use super::*;

/// A folder of this test alone, with a file of clients.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("entra-mcp-clients-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What is read of this file.
    fn read(&self, text: &str) -> FileContents {
        let variables = [
            ("FOUNDRY_SECRET", SECRET),
            ("SHORT", "hunter2"),
            ("SIGNS", "a secret with signs that is very long &=:%+"),
            ("EMPTY", " "),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        FileContents::read(
            &self.write("clients.toml", text),
            &BTreeMap::from(variables),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SECRET: &str = "5f1d7a5e1c9b4d0e8f2a6b3c7d9e0f1a";
const HASH: &str = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7";

#[test]
fn every_member_of_an_entry_is_read() {
    let folder = Folder::new("members");
    folder.write("secret", &format!("{SECRET}\n"));
    let contents = folder.read(&format!(
        r#"
        [[client]]
        id = "copilot-studio"
        name = "Copilot Studio"
        secret_sha256 = "{HASH}"
        redirect_uris = ["https://global.consent.azure-apim.net/redirect/*"]
        scopes = ["user.read"]
        users = ["alice@contoso.com"]

        [[client]] # Another one.
        id = "foundry"
        secret_sha256 = ["{HASH}"]
        secret_env = "FOUNDRY_SECRET"
        pkce_optional = true

        [[client]]
        id = "m365"
        secret_file = "secret"
        "#
    ));
    assert!(contents.problems.is_empty(), "{:?}", contents.texts());
    let [studio, foundry, m365] = contents.entries.as_slice() else {
        panic!("{:?}", contents.entries);
    };
    assert_eq!((studio.position, studio.id.as_str()), (1, "copilot-studio"));
    assert_eq!(studio.name.as_deref(), Some("Copilot Studio"));
    assert_eq!(studio.secrets[0].to_string(), HASH);
    assert_eq!(
        studio.redirect_uris,
        ["https://global.consent.azure-apim.net/redirect/*"]
    );
    assert_eq!(
        (studio.scopes.as_slice(), studio.users.as_slice()),
        (
            &["user.read".to_owned()][..],
            &["alice@contoso.com".to_owned()][..]
        )
    );
    assert!(!studio.pkce_optional && foundry.pkce_optional);
    assert_eq!(foundry.secrets.len(), 2);
    assert_eq!(foundry.secrets[1], m365.secrets[0]);
    assert_eq!(contents.secret_files, [folder.0.join("secret")]);
}

/// Reads texts that are wrong in one way each.
fn is_reported(folder: &Folder, cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let texts = folder.read(text).texts();
        let [problem] = texts.as_slice() else {
            panic!("{text}: {texts:?}");
        };
        assert!(problem.contains(expected), "{text}: {problem}");
        assert!(
            !problem.contains("hunter2") && !problem.contains("signs"),
            "{problem}"
        );
    }
}

#[test]
fn wrong_line_or_table_is_reported_with_what_to_write() {
    let cases = [
        ("[[client]]\nid = \n", "Line 2 is not TOML"),
        (
            "[[client]]\nsecret_sha256 = hunter2\n",
            "Line 2 is not TOML",
        ),
        (
            "[[clients]]\nid = \"a\"\n",
            "\"clients\" is not known here. Write [[client]]",
        ),
        ("client = \"a\"\n", "\"client\" is not known here"),
        ("client = [\"a\"]\n", "client 1 is no table"),
    ];
    let cases = cases.map(|(text, expected)| (text.to_owned(), expected));
    is_reported(&Folder::new("lines"), &cases);
}

#[test]
fn wrong_member_is_reported_with_what_to_write_and_without_a_secret() {
    let folder = Folder::new("wrong");
    folder.write("short", "hunter2");
    let cases = [
        (
            "secret = \"hunter2\"",
            "client 1 (\"a\"): There is no \"secret\". Write some of: id",
        ),
        ("name = 1", "client 1 (\"a\"), name: It is no text."),
        ("scopes = \"user.read\"", "scopes: It is no list of texts."),
        ("users = [1]", "users: It is no list of texts."),
        (
            "pkce_optional = \"yes\"",
            "pkce_optional: It is neither true nor false.",
        ),
        (
            "secret_sha256 = \"hunter2\"",
            "secret_sha256: It is not the hash",
        ),
        ("secret_sha256 = [1]", "secret_sha256: It is not the hash"),
        (
            "secret_env = \"UNSET\"",
            "secret_env: The variable \"UNSET\" is not set.",
        ),
        (
            "secret_env = \"EMPTY\"",
            "secret_env: The variable \"EMPTY\" is not set.",
        ),
        (
            "secret_env = \"SHORT\"",
            "secret_env: It is no random secret",
        ),
        (
            "secret_env = \"SIGNS\"",
            "secret_env: It is no random secret",
        ),
        (
            "secret_file = \"short\"",
            "secret_file: It is no random secret",
        ),
        ("secret_file = \"none\"", "none cannot be read"),
    ];
    let entry = |line: &str| format!("[[client]]\nid = \"a\"\n{line}");
    let cases = cases.map(|(line, expected)| (entry(line), expected));
    is_reported(&folder, &cases);
}

#[test]
fn file_that_is_not_there_or_too_long_is_reported() {
    let folder = Folder::new("long");
    let texts = FileContents::read(&folder.0.join("none"), &BTreeMap::new()).texts();
    assert!(texts[0].contains("cannot be read"), "{texts:?}");
    let long = "#".repeat(2 * 1024 * 1024);
    let texts = folder.read(&long).texts();
    assert!(texts[0].contains("is too long"), "{texts:?}");
}

#[test]
fn member_that_cannot_be_read_is_reported_once() {
    let folder = Folder::new("once");
    let mut contents = folder.read("[[client]]\nid = 1\nscopes = [\"no.such\"]\n");
    let error = |member| entra_mcp_core::config::ClientEntryError {
        position: 1,
        id: String::new(),
        member,
        problem: "It is missing.".into(),
    };
    contents.add(vec![error("id"), error("scopes")]);
    let texts = contents.texts();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("id: It is no text.") && texts[1].contains("scopes: It is missing."));
}
