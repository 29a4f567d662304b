//! The text of `--help`, and the table of settings in `core/docs/settings.md`: both are made from the one list of settings.

use super::{
    dev_tenant,
    given::{SETTINGS, Setting},
};

/// What `--help` prints.
pub(super) fn help(program: &str) -> String {
    let mut text = format!(
        "{program}: an MCP server with Microsoft Entra ID sign-in\n\nUsage: {program} [SETTINGS]\n       \
         {program} client add --for copilot-studio|foundry|power-platform|m365|chatgpt [SETTINGS]\n       \
         {program} sessions list|end [--session NAME] [--user OBJECT_ID] [--client NAME] [--all] [SETTINGS]\n       \
         {program} key status|rotate|drop-old [--sign-out] [SETTINGS]\n\n\
         {}Variables are also read from a file .env in the current folder.\n\n",
        dev_tenant::HELP
    );
    let are_known = |setting: &&&Setting| !dev_tenant::HIDDEN.contains(&setting.flag);
    for setting in SETTINGS.iter().filter(are_known) {
        let flag = match setting.flag {
            "" => String::new(),
            flag => format!("--{flag} {}", setting.value),
        };
        let names = [flag.trim_end(), setting.variable].join(", ");
        let names = names.trim_matches([',', ' ']);
        text.push_str(&format!("  {names}\n      {}\n", plain(setting.help)));
    }
    text.push_str("  --version\n      the version\n  --help\n      this text\n");
    text
}

/// A line of Markdown as it is printed: links without their addresses.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, label, after)) = first_link(rest) {
        text.push_str(before);
        text.push_str(label);
        rest = after;
    }
    text + rest
}

/// What is before the first link, its label, and what is after it.
fn first_link(markdown: &str) -> Option<(&str, &str, &str)> {
    let (label, after) = markdown.split_once("](")?;
    let (before, label) = label.rsplit_once('[')?;
    let (_, after) = after.split_once(')')?;
    Some((before, label, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is above the table, and what is below.
    const MARKS: [&str; 2] = ["<!-- settings -->\n", "<!-- end of settings -->\n"];

    fn table() -> String {
        let mut text = String::from(
            "| flag | variable | what it is, and the default |\n| --- | --- | --- |\n",
        );
        let code = |text: String| match text.as_str() {
            "" => String::new(),
            text => format!("`{}`", text.replace('|', "\\|")),
        };
        for setting in SETTINGS {
            let flag = match setting.flag {
                "" => String::new(),
                flag => format!("--{flag} {}", setting.value),
            };
            let (flag, variable) = (
                code(flag.trim().to_owned()),
                code(setting.variable.to_owned()),
            );
            let help = setting.help.replace('|', "\\|").replace('<', "&lt;");
            text.push_str(&format!("| {flag} | {variable} | {help} |\n"));
        }
        text
    }

    #[test]
    fn table_of_settings_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
        let written = std::fs::read_to_string(path).unwrap();
        let (above, rest) = written.split_once(MARKS[0]).unwrap();
        let (_, below) = rest.split_once(MARKS[1]).unwrap();
        let expected = format!("{above}{}{}{}{below}", MARKS[0], table(), MARKS[1]);
        if std::env::var("UPDATE_SETTINGS_MD").is_ok() {
            std::fs::write(path, &expected).unwrap();
            return;
        }
        assert!(
            written == expected,
            "core/docs/settings.md is old: UPDATE_SETTINGS_MD=1 cargo test -p entra-mcp-runtime table_of_settings"
        );
    }

    #[test]
    fn links_of_a_setting_are_printed_without_their_addresses() {
        assert_eq!(plain("[a](#b), [d] and `e` [f](g)"), "a, [d] and `e` f");
        assert_eq!(plain("none [of] (these)"), "none [of] (these)");
        for setting in SETTINGS {
            assert!(!plain(setting.help).contains("]("), "{}", setting.help);
        }
    }
}
