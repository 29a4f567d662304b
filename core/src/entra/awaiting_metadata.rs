//! Waits until Entra's metadata and signing keys are known, or newer ones than those that are.
//!
//! They are unknown until this server has fetched them once. However many steps wait, there is one fetch
//! (threat D9): see `hub/metadata_refresh.rs`.

use std::sync::Arc;

use crate::{
    event::Event,
    hub::{FromHub, FromHubKind, ToHub, ToHubKind},
    provider_metadata::ProviderMetadata,
    step::{Cx, Progress},
};

/// What is to be done once the metadata is there.
#[derive(Debug)]
pub(crate) struct AwaitingMetadata<T>(T);

/// Waiting, or what is to be done and the metadata: `None` if it could not be fetched, or not again so soon.
pub(crate) type MetadataProgress<T> =
    Progress<AwaitingMetadata<T>, (T, Option<Arc<ProviderMetadata>>)>;

impl<T> AwaitingMetadata<T> {
    /// Waits if no metadata is known. What is known but old is used, and fetched anew meanwhile.
    pub(crate) fn known(next: T, cx: &mut Cx<'_>) -> MetadataProgress<T> {
        let entra = cx.env.entra;
        match &entra.metadata {
            Some(metadata) => {
                if entra.is_stale(cx.env.now) {
                    request(cx);
                }
                Progress::Ready((next, Some(Arc::clone(metadata))))
            }
            None => Progress::Pending(Self::newer(next, cx)),
        }
    }

    /// Waits for newer metadata than is known: a signing key is not in it.
    pub(crate) fn newer(next: T, cx: &mut Cx<'_>) -> Self {
        request(cx);
        Self(next)
    }

    /// Takes an event.
    pub(crate) fn handle(self, event: &Event, cx: &Cx<'_>) -> MetadataProgress<T> {
        let Event::FromHub(FromHub(FromHubKind::MetadataReady(is_newer))) = event else {
            return Progress::Pending(self);
        };
        let metadata = cx.env.entra.metadata.clone().filter(|_| *is_newer);
        Progress::Ready((self.0, metadata))
    }
}

fn request(cx: &mut Cx<'_>) {
    let newer_than = cx.env.entra.revision;
    cx.to_hub(ToHub(ToHubKind::NeedMetadata { newer_than }));
}
