//! What the clients of streams are told that it has changed.

use std::collections::{BTreeSet, VecDeque};

use super::{Streams, flush};
use crate::{
    catalog::ChangeNotification,
    exchange::ExchangeId,
    hub::{
        HubOutput, SettingChange, SettingsFull, StreamKind, Subscriber, SubscriptionFilter,
        Subscriptions,
    },
    id::{McpSessionId, PrincipalId, ResourceId, UserId},
    limits,
};

impl SubscriptionFilter {
    pub(in crate::hub) fn wants(&self, change: &ChangeNotification) -> bool {
        match change {
            ChangeNotification::Tools => self.tools,
            ChangeNotification::Prompts => self.prompts,
            ChangeNotification::Resources => self.resources,
            ChangeNotification::Resource(uri) => self.uris.contains(uri),
        }
    }

    /// All that it wants.
    pub(in crate::hub) fn all(&self) -> Vec<ChangeNotification> {
        let lists = [
            (self.tools, ChangeNotification::Tools),
            (self.prompts, ChangeNotification::Prompts),
            (self.resources, ChangeNotification::Resources),
        ];
        let lists = lists.into_iter().filter(|(is_wanted, _)| *is_wanted);
        let uris = self.uris.iter().cloned();
        let changes = lists.map(|(_, change)| change);
        changes
            .chain(uris.map(ChangeNotification::Resource))
            .collect()
    }
}

impl Streams {
    /// Tells a `subscriptions/listen` what it listens for from now on, and what of that has changed.
    pub(in crate::hub) fn tell_subscription(
        &mut self,
        id: ExchangeId,
        acknowledged: Option<SubscriptionFilter>,
        changes: Vec<ChangeNotification>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let stream = self.open.get_mut(&id);
        if let Some(stream) = stream.filter(|stream| !stream.queue.is_ending) {
            stream.queue.next.acknowledged = stream.queue.next.acknowledged.take().or(acknowledged);
            stream.queue.next.changes.extend(changes);
            flush(stream, out);
        }
    }

    /// The client of an HTTP+SSE stream changes a setting. Where there is none any more, nobody asks for it.
    pub(in crate::hub) fn change_setting(
        &mut self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        change: SettingChange,
    ) -> Result<(), SettingsFull> {
        let Some(stream) = self.sse(mcp_session, principal) else {
            return Ok(());
        };
        let resources = &mut stream.subscriptions.resources;
        match change {
            SettingChange::Level(level) => {
                if let Some(negotiated) = &mut stream.negotiated {
                    negotiated.level = level;
                }
            }
            SettingChange::Unsubscribe(resource) => drop(resources.remove(&resource)),
            SettingChange::Subscribe(resource) => {
                if resources.len() >= limits::SUBSCRIPTIONS && !resources.contains(&resource) {
                    return Err(SettingsFull::Subscriptions);
                }
                resources.insert(resource);
            }
        }
        Ok(())
    }

    /// Gives a stream that begins what its MCP session is subscribed to. That of HTTP+SSE begins without.
    pub(in crate::hub) fn begin_subscribed(&mut self, id: ExchangeId, to: &Subscriptions) {
        if let Some(stream) = self.open.get_mut(&id)
            && matches!(stream.kind, StreamKind::Standalone(_))
        {
            stream.subscriptions = to.clone();
        }
    }

    /// Gives the streams of an MCP session what it is subscribed to, unless they know what was so later.
    pub(in crate::hub) fn subscribed(
        &mut self,
        (session, mcp_session): Subscriber,
        subscriptions: &Subscriptions,
    ) {
        for stream in self.open.values_mut() {
            let is_its = stream.session == session
                && matches!(stream.kind, StreamKind::Standalone(one) if one == mcp_session);
            if is_its && stream.subscriptions.number < subscriptions.number {
                stream.subscriptions = subscriptions.clone();
            }
        }
    }

    /// Notifies every stream that listens for it that something changed; only those of one user, if one is named.
    pub(in crate::hub) fn notify_changed(
        &mut self,
        (change, of): (&ChangeNotification, Option<UserId>),
        out: &mut VecDeque<HubOutput>,
    ) {
        let mut notified = BTreeSet::new();
        let resource = match change {
            ChangeNotification::Resource(uri) => Some(ResourceId::of(uri)),
            _ => None,
        };
        for stream in self.open.values_mut() {
            let listens = match (&stream.kind, &resource) {
                (StreamKind::Subscription(filter), _) => filter.wants(change),
                (StreamKind::Resumed { .. }, _) => false,
                (_, Some(resource)) => stream.subscriptions.resources.contains(resource),
                (StreamKind::Sse(_), _) => stream.negotiated.is_some(),
                (StreamKind::Standalone(_), _) => true,
            };
            // A message goes to one of the streams of a session (transports, multiple connections).
            if listens
                && of.is_none_or(|user| user == stream.user)
                && !stream.queue.is_ending
                && stream
                    .kind
                    .mcp_session()
                    .is_none_or(|one| notified.insert(one))
            {
                stream.queue.next.changes.insert(change.clone());
                flush(stream, out);
            }
        }
    }
}
