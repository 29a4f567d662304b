//! How often things may be asked for (threat M17).

use std::time::Duration;

use crate::limits;

/// So many in a row, and as many again within a while, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    window: Duration,
}

impl Rate {
    /// So many within this time; `None` if either is out of its bounds ([`limits::RATE_COUNTS`],
    /// [`limits::RATE_WINDOWS`]).
    #[must_use]
    pub fn new(count: u32, window: Duration) -> Option<Self> {
        let is_bounded =
            limits::RATE_COUNTS.contains(&count) && limits::RATE_WINDOWS.contains(&window);
        is_bounded.then_some(Self { count, window })
    }

    const fn usual(count: u32) -> Self {
        Self {
            count,
            window: limits::RATE_WINDOW,
        }
    }

    /// A part of it: one at least.
    pub(crate) fn part(self, divisor: u32) -> Self {
        Self {
            count: self.count.div_ceil(divisor.max(1)),
            ..self
        }
    }

    /// In what time the whole of it comes back.
    pub(crate) fn window(self) -> Duration {
        self.window
    }

    /// In what time one of them comes back.
    pub(crate) fn recovery(self) -> Duration {
        self.window / self.count.max(1)
    }
}

/// How often things may be asked for; `None`: as often as one likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Registrations of clients, of one address.
    pub registration: Option<Rate>,
    /// What browsers ask for in a sign-in, of one address.
    pub sign_in: Option<Rate>,
    /// Tokens, their revocation and codes of devices, of one address.
    pub token: Option<Rate>,
    /// Requests to the MCP endpoints, of one user with one client.
    pub tools: Option<Rate>,
}

impl RateLimits {
    /// What is usual. On loopback the user is the operator: their load tests are not in the way of anybody.
    #[must_use]
    pub fn usual(is_loopback: bool) -> Self {
        let tools = Rate::usual(limits::TOOL_REQUESTS_OF_USER);
        Self {
            registration: Some(Rate::usual(limits::REGISTRATIONS_OF_ADDRESS)),
            sign_in: Some(Rate::usual(limits::SIGN_IN_REQUESTS_OF_ADDRESS)),
            token: Some(Rate::usual(limits::TOKEN_REQUESTS_OF_ADDRESS)),
            tools: (!is_loopback).then_some(tools),
        }
    }

    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            registration: None,
            sign_in: None,
            token: None,
            tools: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn rate_is_bounded_and_its_half_is_one_at_least() {
        assert_eq!(Rate::new(0, MINUTE), None);
        assert_eq!(Rate::new(1, Duration::ZERO), None);
        assert_eq!(Rate::new(1, MINUTE * 61), None);
        let rate = Rate::new(600, MINUTE).unwrap();
        assert_eq!(rate.recovery(), Duration::from_millis(100));
        assert_eq!(rate.part(2).recovery(), Duration::from_millis(200));
        let one = Rate::new(1, MINUTE).unwrap();
        assert_eq!(one.part(2), one);
    }

    #[test]
    fn tools_are_limited_where_others_share_the_server() {
        assert_eq!(RateLimits::usual(true).tools, None);
        let tools = RateLimits::usual(false).tools.unwrap();
        assert_eq!(tools.recovery(), Duration::from_millis(1));
    }
}
