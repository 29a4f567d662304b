//! What goes wrong with the backend, and how often: of some kinds nothing in some runs.

use std::time::Duration;

use crate::choice::Choice;

/// How often what goes wrong, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// It restarts, and knows no session any more.
    pub(super) restarts: u32,
    /// It does its work, and the connection breaks within the answer.
    pub(super) cuts: u32,
    /// It answers with a page and a status of its own.
    pub(super) statuses: u32,
    /// It sends what is no message.
    pub(super) garbage: u32,
    /// It answers something that it was not asked.
    pub(super) strange_ids: u32,
    /// It says twice what it has to say.
    pub(super) twice: u32,
    /// It takes its time.
    pub(super) slow: u32,
    /// It never answers.
    pub(super) silent: u32,
    /// It tells what it was told in confidence.
    pub(super) leaks: u32,
    /// It says that its lists have changed.
    pub(super) changes: u32,
    /// It ends, or does not when it is to.
    pub(super) stubborn: u32,
    /// It takes no token of before this moment any more, if it takes tokens.
    pub(super) challenges: u32,
}

impl Weather {
    pub(super) fn draw(choice: &mut Choice) -> Self {
        let mut often = || match choice.chance(400) {
            true => 0,
            false => *choice.pick(&[10, 50, 150]),
        };
        Self {
            restarts: often() / 5,
            cuts: often(),
            statuses: often(),
            garbage: often(),
            strange_ids: often() * 3,
            twice: often() * 3,
            slow: often() * 3,
            silent: often() / 3,
            leaks: often(),
            changes: often() * 3,
            stubborn: often() * 5,
            challenges: often() * 3,
        }
    }

    /// The same where nothing goes wrong: to want another token is no fault.
    pub(super) fn calm(self) -> Self {
        Self {
            challenges: self.challenges,
            ..Self::default()
        }
    }
}

/// How long something takes: mostly nothing, or some seconds.
pub(super) fn moment(weather: Weather, choice: &mut Choice) -> Duration {
    let most = match choice.chance(weather.slow) {
        true => Duration::from_secs(20),
        false => Duration::from_millis(300),
    };
    choice.between(Duration::ZERO, most)
}
