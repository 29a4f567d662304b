//! What the operator is told.

use entra_mcp_core::{log_event::is_invisible, time::UnixTime};

use super::{Reply, Request, Session};

/// The answer to a command.
pub(crate) fn text(request: &Request, reply: &Reply) -> String {
    let count = reply.sessions.len();
    let what = match (request.ends, count) {
        (false, 0) => "No session.".to_owned(),
        (false, 1) => "1 session:".to_owned(),
        (false, _) => format!("{count} sessions, the newest first:"),
        (true, 0) => "No session was ended.".to_owned(),
        (true, 1) => "1 session was ended:".to_owned(),
        (true, _) => format!("{count} sessions were ended:"),
    };
    let sessions: String = reply.sessions.iter().map(entry).collect();
    let incomplete = match reply.is_incomplete {
        true => "\nNot everything could be read or ended. Try again.\n",
        false => "",
    };
    format!("{what}\n{sessions}{incomplete}{}", unlisted(reply))
}

fn unlisted(reply: &Reply) -> String {
    let (count, whose) = match reply.unlisted {
        0 => return String::new(),
        1 => ("1 session stands".to_owned(), "whose it is"),
        count => (format!("{count} sessions stand"), "whose they are"),
    };
    format!(
        "\n{count} on no list that opens, so {whose} is not known. Put the key of before, under which the lists were sealed, behind \
         the one of now (ENTRA_MCP_KEY), or end everything: sessions end --all.\n"
    )
}

fn entry(session: &Session) -> String {
    let verified = match &session.verified_by {
        Some(who) => format!("verified by {who}"),
        None => "nobody has checked that name".to_owned(),
    };
    let client = session.client.as_deref().unwrap_or("(no name)");
    let since = session.since.map_or_else(|| "not known".to_owned(), minute);
    let unknown = |text: &str| match text {
        "" => "not known".to_owned(),
        text => visible(text),
    };
    format!(
        "\n{}\n  user     {}\n  client   {} ({})\n  returns  {}\n  scopes   {}\n  since    {since}, from {}\n  ends     {}\n",
        visible(&session.session),
        unknown(&session.user),
        visible(client),
        visible(&verified),
        unknown(&session.destination),
        unknown(&session.scope),
        unknown(session.address.as_deref().unwrap_or_default()),
        minute(session.expires),
    )
}

/// A time to the minute.
fn minute(seconds: u64) -> String {
    let text = UnixTime(seconds).to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// A client chooses its name: nothing in it moves the cursor of a terminal.
fn visible(text: &str) -> String {
    let is_hidden = |character: char| character.is_control() || is_invisible(character);
    text.replace(is_hidden, "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::Filter;

    #[test]
    fn name_of_a_client_cannot_change_the_terminal() {
        let session = Session {
            session: "s".to_owned(),
            user: "u".to_owned(),
            client: Some("A\u{1b}[2J\u{202e}client".to_owned()),
            verified_by: None,
            destination: "localhost:5000".to_owned(),
            scope: "user.read".to_owned(),
            since: Some(1_800_000_000),
            address: None,
            expires: 1_800_086_400,
        };
        let request = Request {
            ends: true,
            filter: Filter::default(),
        };
        let reply = Reply {
            sessions: vec![session],
            is_incomplete: true,
            unlisted: 2,
        };
        let text = text(&request, &reply);
        assert!(
            text.starts_with("1 session was ended:\n\ns\n  user     u\n"),
            "{text}"
        );
        assert!(
            text.contains("A?[2J?client (nobody has checked that name)"),
            "{text}"
        );
        assert!(
            text.contains("since    2027-01-15 08:00, from not known"),
            "{text}"
        );
        assert!(text.contains("Not everything"), "{text}");
        assert!(text.contains("2 sessions stand on no list"), "{text}");
    }
}
