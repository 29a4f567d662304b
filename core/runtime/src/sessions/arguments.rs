//! The arguments of `sessions`.

use super::{Filter, Request};
use crate::{settings::Given, start_error::StartError};

/// The command, as it was given.
pub(crate) type SessionsCommand = Request;

/// Takes the command out of the arguments; `None` if it is not there. To end all sessions is said in so many words.
///
/// # Errors
///
/// It is not complete, or says two things.
pub(crate) fn take(given: &mut Given) -> Result<Option<SessionsCommand>, StartError> {
    if given.arguments.first().map(String::as_str) != Some("sessions") {
        return Ok(None);
    }
    given.arguments.remove(0);
    let ends = match given.arguments.first().map(String::as_str) {
        Some("list") => false,
        Some("end") => true,
        _ => return Err(StartError::InvalidSessionsCommand),
    };
    given.arguments.remove(0);
    let filter = Filter {
        session: given.take("--session")?,
        user: given.take("--user")?,
        client: given.take("--client")?,
    };
    let before = given.arguments.len();
    given.arguments.retain(|argument| argument != "--all");
    let is_all = given.arguments.len() < before;
    let is_narrow = filter != Filter::default();
    if is_all && is_narrow || ends && !is_all && !is_narrow {
        return Err(StartError::InvalidSessionsCommand);
    }
    Ok(Some(Request { ends, filter }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn taken(arguments: &[&str]) -> Result<Option<Request>, StartError> {
        let mut given = Given {
            command: Vec::new(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            variables: BTreeMap::new(),
        };
        let taken = take(&mut given);
        if taken.as_ref().is_ok_and(Option::is_some) {
            assert_eq!(given.arguments, ["--data-dir", "x"]);
        }
        taken
    }

    #[test]
    fn everything_is_ended_only_if_that_is_said() {
        let request = |ends, user: Option<&str>| Request {
            ends,
            filter: Filter {
                user: user.map(str::to_owned),
                ..Filter::default()
            },
        };
        for (arguments, expected) in [
            (
                &["sessions", "list", "--data-dir", "x"][..],
                request(false, None),
            ),
            (
                &["sessions", "end", "--all", "--data-dir", "x"],
                request(true, None),
            ),
            (
                &["sessions", "end", "--user", "a", "--data-dir", "x"],
                request(true, Some("a")),
            ),
        ] {
            assert_eq!(taken(arguments).unwrap(), Some(expected), "{arguments:?}");
        }
        for wrong in [
            &["sessions"][..],
            &["sessions", "show"],
            &["sessions", "end"],
            &["sessions", "end", "--all", "--user", "a"],
        ] {
            assert!(taken(wrong).is_err(), "{wrong:?}");
        }
        assert!(taken(&["--data-dir", "x"]).unwrap().is_none());
    }
}
