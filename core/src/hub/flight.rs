//! One refresh of Entra's keys at a time, however many wait for it (threats.md D9).

use std::collections::VecDeque;

use super::HubOutput;
use crate::{entra::facts::EntraFacts, exchange::ExchangeId, time::Now};

/// Who waits for the keys, and when they were last fetched.
#[derive(Debug, Default)]
pub(super) struct Flight {}

impl Flight {
    pub(super) fn want(
        &mut self,
        _from: ExchangeId,
        _newer_than: u64,
        _now: Now,
        _out: &mut VecDeque<HubOutput>,
    ) {
    }

    pub(super) fn learned(
        &mut self,
        _facts: Option<Box<EntraFacts>>,
        _now: Now,
        _out: &mut VecDeque<HubOutput>,
    ) {
    }

    pub(super) fn forget(&mut self, _id: ExchangeId) {}
}
