//! Which lines of the log are written: `RUST_LOG`, as programs in Rust mostly understand it.

/// From which level on lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// None.
    Off,
    /// Errors.
    Error,
    /// Warnings, too.
    Warn,
    /// What is worth knowing, too.
    Info,
    /// What is expected, too.
    Debug,
    /// Everything.
    Trace,
}

/// What `RUST_LOG` says: a level for all lines, levels for those of some modules, or both. What it does not name is written as
/// if it were not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// The level of all that is not named.
    pub all: Option<LogLevel>,
    /// The levels of modules: of every target that begins like this.
    pub targets: Vec<(String, LogLevel)>,
}

/// Why a directive of `RUST_LOG` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFilterError {
    /// It is neither a level nor a module with one. Spans and patterns are not known here.
    Unknown,
    /// It asks for what other crates say below `info`, which may hold tokens.
    Unsafe,
}

/// What the targets of this project begin with.
const OWN: &str = "entra_mcp";

impl LogFilter {
    /// Reads directives, separated by commas: `LEVEL`, `TARGET=LEVEL`, or one of our own targets alone, which means everything.
    ///
    /// # Errors
    ///
    /// The place of the first directive that is not understood, counted from 1, and why.
    pub fn parse(text: &str) -> Result<Self, (usize, LogFilterError)> {
        let mut filter = Self::default();
        let directives = text.split(',').map(str::trim);
        for (index, directive) in directives.enumerate().filter(|(_, text)| !text.is_empty()) {
            filter
                .add(directive)
                .map_err(|error| (index.saturating_add(1), error))?;
        }
        Ok(filter)
    }

    fn add(&mut self, directive: &str) -> Result<(), LogFilterError> {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (target.trim(), level_of(level.trim())),
            None => match level_of(directive) {
                Some(level) => {
                    self.all = Some(level);
                    return Ok(());
                }
                None if directive.starts_with(OWN) => (directive, Some(LogLevel::Trace)),
                None => return Err(LogFilterError::Unknown),
            },
        };
        let is_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-');
        let level = level.ok_or(LogFilterError::Unknown)?;
        if target.is_empty() || !target.bytes().all(is_path) {
            return Err(LogFilterError::Unknown);
        }
        if matches!(level, LogLevel::Debug | LogLevel::Trace) && !target.starts_with(OWN) {
            return Err(LogFilterError::Unsafe);
        }
        self.targets.push((target.to_owned(), level));
        Ok(())
    }

    /// Returns the level of the lines of other crates, if one is given for all: at most `info`, for below they may say what
    /// they send and receive (threat O3).
    #[must_use]
    pub fn others(&self) -> Option<LogLevel> {
        self.all.map(|level| match level {
            LogLevel::Debug | LogLevel::Trace => LogLevel::Info,
            level => level,
        })
    }
}

fn level_of(text: &str) -> Option<LogLevel> {
    let levels = [
        ("off", LogLevel::Off),
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let named = levels
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    named.map(|(_, level)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_levels_and_targets_with_levels() {
        let filter =
            LogFilter::parse(" warn, entra_mcp=DEBUG,hyper=info ,entra_mcp_core,").unwrap();
        assert_eq!(filter.all, Some(LogLevel::Warn));
        let targets = [
            ("entra_mcp", LogLevel::Debug),
            ("hyper", LogLevel::Info),
            ("entra_mcp_core", LogLevel::Trace),
        ];
        let targets = targets.map(|(target, level)| (target.to_owned(), level));
        assert_eq!(filter.targets, targets);
        assert_eq!(LogFilter::parse(""), Ok(LogFilter::default()));
    }

    #[test]
    fn directive_that_is_not_understood_is_an_error_with_its_place() {
        for (text, place) in [
            ("inof", 1),
            ("info,hyper=loud", 2),
            ("hyper", 1),
            ("info,,=debug", 3),
            ("entra_mcp[span{field=1}]=debug", 1),
            ("info/pattern", 1),
        ] {
            let expected = Err((place, LogFilterError::Unknown));
            assert_eq!(LogFilter::parse(text), expected, "{text}");
        }
    }

    // O3
    #[test]
    fn other_crates_say_nothing_below_info() {
        let refused = Err((1, LogFilterError::Unsafe));
        assert_eq!(LogFilter::parse("ureq=debug"), refused);
        assert_eq!(LogFilter::parse("hyper=trace"), refused);
        let all = LogFilter::parse("trace").unwrap();
        assert_eq!(
            (all.all, all.others()),
            (Some(LogLevel::Trace), Some(LogLevel::Info))
        );
    }
}
