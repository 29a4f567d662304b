//! What is wrong with a setting of how long something lasts.

use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use crate::command_line::{given::SESSION_TOKEN_LIFETIME, lifetimes::written};

/// A lifetime, or a bound of calls, is not one that can be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifetimeError {
    /// It is no duration, or out of its bounds.
    Invalid {
        /// The setting.
        setting: String,
        /// What it may be.
        bounds: RangeInclusive<Duration>,
    },
    /// It is no whole number, or out of its bounds.
    Count {
        /// The setting.
        setting: String,
        /// What it may be.
        bounds: RangeInclusive<usize>,
    },
    /// A session token would last longer than its session.
    LongerThanSession,
}

impl LifetimeError {
    pub(super) fn setting(&self) -> Cow<'_, str> {
        match self {
            Self::Invalid { setting, .. } | Self::Count { setting, .. } => Cow::from(setting),
            Self::LongerThanSession => Cow::from(SESSION_TOKEN_LIFETIME.name()),
        }
    }

    pub(super) fn wrong(&self) -> Cow<'_, str> {
        match self {
            Self::Invalid { bounds, .. } => {
                let (least, most) = (written(*bounds.start()), written(*bounds.end()));
                Cow::from(format!("it is not a duration from {least} to {most}"))
            }
            Self::Count { bounds, .. } => {
                let (least, most) = (bounds.start(), bounds.end());
                Cow::from(format!("it is not a number from {least} to {most}"))
            }
            Self::LongerThanSession => Cow::from("it is longer than its session lasts"),
        }
    }

    pub(super) fn right(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => {
                "Write a whole number and s, m, h or d for its unit, such as 30m or 14d."
            }
            Self::Count { .. } => "Write a whole number within these bounds.",
            Self::LongerThanSession => {
                "Write at most what --session-idle-lifetime and --session-lifetime say."
            }
        }
    }
}
