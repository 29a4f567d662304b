//! What the operator is told of the keys.

use entra_mcp_core::time::UnixTime;

use super::status::{KeyStatus, Needs};

/// What is not counted, and what comes of it.
const NOT_COUNTED: &str = "\nNot counted, for the keys alone do not tell: ids of clients that registered themselves before the change, \
                           which then register anew while their users sign in again; and approvals, which are asked for once \
                           more unless their users have signed in, or refreshed a session, since.\n";

/// How many records need each key.
pub(super) fn status(status: &KeyStatus) -> String {
    let mut text = match status.keys.len() {
        1 => "1 master key:\n".to_owned(),
        count => format!("{count} master keys, the newest first:\n"),
    };
    for (index, needs) in status.keys.iter().enumerate() {
        let what = match index {
            0 => "which seals",
            _ => "which still opens",
        };
        text.push_str(&format!("\nkey {}, {what}\n{}", index + 1, lines(needs)));
    }
    if status.unopened != Needs::default() {
        text.push_str(&format!(
            "\nopened by none of them\n{}",
            lines(&status.unopened)
        ));
    }
    if status.keys.len() > 1 {
        text.push_str(&match status.left_behind() {
            0 if status.is_incomplete() => String::new(),
            0 => "\nNo session needs a former key any more: key drop-old leaves it out.\n".to_owned(),
            _ => "\nA session follows the newest key when it is refreshed, and with it the list of its user's sessions.\n"
                .to_owned(),
        });
        text.push_str(NOT_COUNTED);
        if status.tasks.count > 0 {
            let (count, until) = (status.tasks.count, minute(status.tasks.until));
            text.push_str(&format!(
                "Tasks of tools are not either: {count}, the last of which ends {until}.\n"
            ));
        }
    }
    if status.is_incomplete() {
        text.push_str(
            "\nNot everything could be read, so a former key may still be needed. Try again; the user of a Redis needs +scan for it.\n",
        );
    }
    text
}

/// A new key is there, one of so many.
pub(super) fn rotated(count: usize) -> String {
    let former = match count {
        ..=2 => "the former one still opens".to_owned(),
        _ => format!("the {} former ones still open", count - 1),
    };
    format!(
        "A new master key seals from now on; {former}.\nStart the server. Once key status says that no session needs a former \
         key, key drop-old leaves it out.\n"
    )
}

/// The newest key is alone.
pub(super) fn dropped(status: &KeyStatus) -> String {
    let sessions: u64 = status.keys.iter().skip(1).map(|needs| needs.count).sum();
    match (status.keys.len(), sessions) {
        (1, _) => "There is one master key, and no former one.\n".to_owned(),
        (_, 0) => "The former master keys are gone. No session needed them.\n".to_owned(),
        (_, 1) => {
            "The former master keys are gone. The user of 1 session signs in again.\n".to_owned()
        }
        (_, count) => {
            format!(
                "The former master keys are gone. The users of {count} sessions sign in again.\n"
            )
        }
    }
}

/// Why a former key stays.
pub(super) fn still_needed(counted: &KeyStatus) -> String {
    format!(
        "A former key is still needed, and nothing was changed.\n\n{}\nTo leave it out all the same, and have the users of these \
         sessions sign in again, say key drop-old --sign-out.",
        status(counted)
    )
}

fn lines(needs: &Needs) -> String {
    let until = match needs.count {
        0 => String::new(),
        _ => format!(", until {} unless they are used", minute(needs.until)),
    };
    format!(
        "  sessions                  {}{until}\n  lists of users' sessions  {}\n",
        needs.count, needs.lists
    )
}

/// A time to the minute.
fn minute(seconds: u64) -> String {
    let text = UnixTime(seconds).to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}
