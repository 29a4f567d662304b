//! Waits until Entra's metadata and signing keys are known, or newer ones than those that are.
//!
//! They are unknown until this server has fetched them once. However many steps wait, there is one fetch
//! (threat D9): see `hub/fetch_gate.rs`.

use std::sync::Arc;

use crate::{
    ask::Awaiting,
    event::Answer,
    hub::{NeedMetadata, ToHubKind},
    provider_metadata::ProviderMetadata,
    step::{Cx, Progress},
};

/// What is to be done once the metadata is there.
#[derive(Debug)]
pub(crate) struct AwaitingMetadata<T> {
    next: T,
    awaiting: Awaiting<NeedMetadata>,
}

/// What is to be done and the metadata: `None` if it could not be fetched, or not again so soon.
pub(crate) type WithMetadata<T> = (T, Option<Arc<ProviderMetadata>>);

/// Waiting, or what is to be done and the metadata.
pub(crate) type MetadataProgress<T> = Progress<AwaitingMetadata<T>, WithMetadata<T>>;

impl<T> AwaitingMetadata<T> {
    /// Waits if no metadata is known. What is known but old is used, and fetched anew meanwhile.
    pub(crate) fn known(next: T, cx: &mut Cx<'_>) -> MetadataProgress<T> {
        let entra = cx.env.entra;
        match &entra.metadata {
            Some(metadata) => {
                if entra.is_stale(cx.env.now) {
                    // Nobody waits for the answer.
                    drop(request(cx));
                }
                Progress::Ready((next, Some(Arc::clone(metadata))))
            }
            None => Progress::Pending(Self::newer(next, cx)),
        }
    }

    /// Waits for newer metadata than is known: a signing key is not in it.
    pub(crate) fn newer(next: T, cx: &mut Cx<'_>) -> Self {
        let awaiting = request(cx);
        Self { next, awaiting }
    }

    /// Takes the hub's answer.
    pub(crate) fn handle(self, answer: Answer, cx: &Cx<'_>) -> WithMetadata<T> {
        let is_newer = self.awaiting.into_answer(answer);
        let metadata = cx.env.entra.metadata.clone().filter(|_| is_newer);
        (self.next, metadata)
    }
}

fn request(cx: &mut Cx<'_>) -> Awaiting<NeedMetadata> {
    let newer_than = cx.env.entra.revision;
    cx.ask_hub(|ticket| ToHubKind::NeedMetadata { ticket, newer_than })
}
