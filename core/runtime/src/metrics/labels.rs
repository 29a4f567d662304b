//! What tells one counter of a family from another.

use std::borrow::Cow;

use entra_mcp_core::event::AskOutcome;
use prometheus_client::encoding::EncodeLabelSet;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) path: &'static str,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    pub(super) path: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FetchLabels {
    pub(super) destination: &'static str,
    pub(super) outcome: Cow<'static, str>,
    pub(super) retry: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StoreLabels {
    pub(super) operation: &'static str,
    pub(super) outcome: Cow<'static, str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EventLabels {
    pub(super) event: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SignInLabels {
    pub(super) step: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BackendLabels {
    pub(super) backend: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) backend: String,
    pub(super) outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TableLabels {
    pub(super) table: &'static str,
}

/// The word for an outcome. A peer chooses the status: those that HTTP does not know are one.
pub(super) fn outcome(outcome: AskOutcome) -> Cow<'static, str> {
    match outcome {
        AskOutcome::Status(status) if status.canonical_reason().is_some() => {
            status.as_str().to_owned().into()
        }
        AskOutcome::Status(_) => "unknown status".into(),
        AskOutcome::Done => "done".into(),
        AskOutcome::Failed(reason) => reason.into(),
    }
}
