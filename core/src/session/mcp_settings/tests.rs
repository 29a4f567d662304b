use super::*;

const NOW: UnixTime = UnixTime(1_790_000_000);

fn id(number: usize) -> McpSessionId {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&number.to_be_bytes());
    McpSessionId(name)
}

fn resource(number: usize) -> ResourceId {
    ResourceId::of(&format!("docs://{number}"))
}

fn subscribe(number: usize) -> SettingChange {
    SettingChange::Subscribe(resource(number))
}

const DEBUG: SettingChange = SettingChange::Level(LogLevel::Debug);
const INFO: SettingChange = SettingChange::Level(LogLevel::Info);

#[test]
fn settings_of_one_mcp_session_are_no_others() {
    let mut settings = McpSettings::default();
    assert_eq!(settings.change(id(1), DEBUG, NOW), Ok(true));
    assert_eq!(settings.change(id(1), subscribe(1), NOW), Ok(true));
    assert_eq!(settings.level(id(1)), LogLevel::Debug);
    assert_eq!(settings.level(id(2)), LogLevel::Info);
    let resources = |settings: &McpSettings, number| settings.subscriptions(id(number)).resources;
    assert_eq!(resources(&settings, 1), BTreeSet::from([resource(1)]));
    assert_eq!(resources(&settings, 2), BTreeSet::new());
    let unsubscribe = SettingChange::Unsubscribe(resource(1));
    assert_eq!(settings.change(id(1), unsubscribe, NOW), Ok(true));
    assert_eq!(resources(&settings, 1), BTreeSet::new());
    settings.end(id(1));
    assert_eq!(settings.level(id(1)), LogLevel::Info);
}

#[test]
fn setting_that_changes_nothing_is_none_and_each_change_has_a_larger_number() {
    let mut settings = McpSettings::default();
    assert_eq!(settings.change(id(1), INFO, NOW), Ok(false));
    let unsubscribe = SettingChange::Unsubscribe(resource(1));
    assert_eq!(settings.change(id(1), unsubscribe, NOW), Ok(false));
    assert!(settings.is_empty());
    let mut number = 0;
    // The clock is set back in between.
    for (change, now) in [
        (DEBUG, NOW),
        (subscribe(1), NOW),
        (unsubscribe, UnixTime(NOW.0 - 3600)),
        (INFO, NOW),
    ] {
        assert_eq!(settings.change(id(1), change, now), Ok(true));
        assert!(settings.number() > number);
        number = settings.number();
        assert_eq!(settings.change(id(1), change, now), Ok(false));
        assert_eq!(settings.number(), number);
    }
    assert_eq!(
        settings.sessions,
        [],
        "nothing is kept of what is as it was"
    );
}

// M5: who has settings keeps them for an hour at least; who wants too many is refused.
#[test]
fn settings_of_a_sign_in_are_bounded() {
    let mut settings = McpSettings::default();
    let limit = limits::MCP_SESSION_SETTINGS;
    for number in 0..limit {
        assert_eq!(settings.change(id(number), DEBUG, NOW), Ok(true));
    }
    for change in [DEBUG, subscribe(1)] {
        let refused = settings.change(id(limit), change, NOW);
        assert_eq!(refused, Err(SettingsFull::Sessions));
    }
    let later = NOW.after(limits::MCP_SESSION_SETTINGS_IDLE);
    assert_eq!(settings.change(id(0), subscribe(1), later), Ok(true));
    assert_eq!(settings.change(id(limit), DEBUG, later), Ok(true));
    assert_eq!(settings.level(id(0)), LogLevel::Debug);
    assert_eq!(settings.level(id(1)), LogLevel::Info, "it was idle longest");
    assert_eq!(settings.sessions.len(), limit);
}

// M5
#[test]
fn subscriptions_of_an_mcp_session_and_of_a_sign_in_are_bounded() {
    let mut settings = McpSettings::default();
    for number in 0..limits::SUBSCRIPTIONS {
        assert_eq!(settings.change(id(0), subscribe(number), NOW), Ok(true));
    }
    let refused = settings.change(id(0), subscribe(1_000), NOW);
    assert_eq!(refused, Err(SettingsFull::Subscriptions));
    assert_eq!(settings.change(id(0), subscribe(1), NOW), Ok(false));
    for number in limits::SUBSCRIPTIONS..limits::SUBSCRIPTIONS_PER_SIGN_IN {
        let session = id(number / limits::SUBSCRIPTIONS);
        assert_eq!(settings.change(session, subscribe(number), NOW), Ok(true));
    }
    let refused = settings.change(id(999), subscribe(1_000), NOW);
    assert_eq!(refused, Err(SettingsFull::SubscriptionsOfSignIn));
    let mut to = Writer::new();
    settings.write(&mut to);
    assert!(to.written().len() < 10 * 1024, "{}", to.written().len());
    let later = NOW.after(limits::MCP_SESSION_SETTINGS_IDLE);
    let accepted = settings.change(id(999), subscribe(1_000), later);
    assert_eq!(accepted, Ok(true));
    assert!(settings.all_resources() <= limits::SUBSCRIPTIONS_PER_SIGN_IN);
}

// M5
#[test]
fn settings_of_a_clock_that_was_ahead_make_room() {
    let mut settings = McpSettings::default();
    let ahead = NOW.after(std::time::Duration::from_secs(365 * 86_400));
    for number in 0..limits::MCP_SESSION_SETTINGS {
        assert_eq!(settings.change(id(number), DEBUG, ahead), Ok(true));
    }
    assert_eq!(settings.change(id(999), DEBUG, NOW), Ok(true));
}

#[test]
fn written_settings_are_read_back() {
    let mut settings = McpSettings::default();
    for number in 0..4 {
        let mut to = Writer::new();
        settings.write(&mut to);
        let bytes = to.finish();
        assert_eq!(
            McpSettings::read(&mut Reader::new(&bytes)).as_ref(),
            Some(&settings)
        );
        for change in [DEBUG, subscribe(number), subscribe(number + 1)] {
            settings.change(id(number), change, NOW).unwrap();
        }
    }
    let mut to = Writer::new();
    to.bytes(&[0; 9]);
    assert_eq!(McpSettings::read(&mut Reader::new(to.written())), None);
}
