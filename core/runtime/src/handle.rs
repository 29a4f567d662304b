//! What a running server can be told from outside of calls: that something has changed, and what it offers from now on.

use std::sync::{Arc, OnceLock, Weak};

use entra_mcp_core::{
    ask::Target,
    catalog::{CatalogErrors, ChangeNotification, Prompt, Resource, ResourceTemplate, Tool},
    hub::ToHub,
};

use crate::{
    Arguments, MakeHandler, ServerRuntime,
    handlers::{IntoContents, IntoMessages, IntoToolResult, ServerBuilder},
    offering::{self, Builder},
    other_replicas,
    shared::DriveJobs,
};

/// A server that may be running: whoever has it can notify clients of changes, and add and remove what it offers, from any thread. Clones
/// are the same server.
///
/// What is added is judged as at the start: if it is wrong, nothing changes, and the error says why. Calls that are under way go on with
/// what was offered when they began. Clients that listen are told that the list has changed, if the server says that it tells them
/// ([`Server::list_changed`](crate::Server::list_changed)); a list that is empty at the start is one for them with
/// [`Server::announce_empty_lists`](crate::Server::announce_empty_lists) only. Each change copies the catalog: it is for what changes now
/// and then, not with every call. It is a change of this process: other replicas make their own.
pub struct Handle<R: ServerRuntime>(Arc<OnceLock<Weak<dyn Attached<R::Handler>>>>);

/// A runtime of any kind.
trait Attached<H>: Send + Sync {
    fn notify_changed(self: Arc<Self>, change: ChangeNotification);

    fn notify_user(self: Arc<Self>, user: (&str, &str), change: ChangeNotification);

    fn add(
        self: Arc<Self>,
        added: ServerBuilder<H>,
        change: ChangeNotification,
    ) -> Result<(), CatalogErrors>;

    fn remove(self: Arc<Self>, removed: &Target, change: ChangeNotification) -> bool;
}

impl<R: DriveJobs> Attached<R::Handler> for R {
    fn notify_changed(self: Arc<Self>, change: ChangeNotification) {
        other_replicas::announce(&self, change, None);
    }

    fn notify_user(self: Arc<Self>, user: (&str, &str), change: ChangeNotification) {
        other_replicas::announce(&self, change, Some(user));
    }

    fn add(
        self: Arc<Self>,
        added: ServerBuilder<R::Handler>,
        change: ChangeNotification,
    ) -> Result<(), CatalogErrors> {
        self.offer()
            .change(|offer| added.added_to(offer).map(Some))?;
        self.send_to_hub(ToHub::notify_changed(change));
        Ok(())
    }

    fn remove(self: Arc<Self>, removed: &Target, change: ChangeNotification) -> bool {
        let was_there = self.offer().change(|offer| Ok(offer.without(removed)));
        let was_there = was_there.unwrap_or_default();
        if was_there {
            self.send_to_hub(ToHub::notify_changed(change));
        }
        was_there
    }
}

/// Why a running server does not offer something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeError {
    /// The server does not run: not yet, or not any more.
    NotRunning,
    /// What is to be offered is wrong.
    Invalid(CatalogErrors),
}

impl std::fmt::Display for ChangeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRunning => f.write_str("the server does not run"),
            Self::Invalid(errors) => errors.fmt(f),
        }
    }
}

impl std::error::Error for ChangeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotRunning => None,
            Self::Invalid(errors) => Some(errors),
        }
    }
}

impl<R: ServerRuntime> Handle<R> {
    /// Notifies clients that listen for it that something changed, those of other replicas that share the store, too. Whoever listens is
    /// notified, so name no more than what everybody may know. A server that does not run notifies nobody.
    pub fn notify_changed(&self, change: ChangeNotification) {
        if let Some(runtime) = self.runtime() {
            runtime.notify_changed(change);
        }
    }

    /// Notifies the clients of one user, whatever they are, those of other replicas, too: for a resource that is theirs, or a list that has
    /// changed for them alone. The user is named by `tenant_id` and `oid` of a [`Principal`](entra_mcp_core::catalog::Principal).
    pub fn notify_user(&self, tenant_id: &str, oid: &str, change: ChangeNotification) {
        if let Some(runtime) = self.runtime() {
            runtime.notify_user((tenant_id, oid), change);
        }
    }

    /// Offers a tool from now on, as [`Server::tool`](crate::Server::tool) does. Scopes that it requires must have been offered at the
    /// start. A user's groups are those that mattered when they signed in: a group that only this tool names counts after that.
    ///
    /// # Errors
    ///
    /// It is wrong, its name is taken, or the server does not run: nothing has changed.
    pub fn add_tool<A, T, F, M>(&self, tool: Tool, function: F) -> Result<(), ChangeError>
    where
        A: Arguments,
        T: IntoToolResult + 'static,
        R: MakeHandler<F, A, T, M>,
    {
        let added = offering::tool::<R, A, T, F, M>(nothing(), tool, function);
        self.add(added, ChangeNotification::Tools)
    }

    /// Offers the tool of this name no more. Returns whether it was offered.
    pub fn remove_tool(&self, name: impl Into<String>) -> bool {
        self.remove(&Target::Tool(name.into()), ChangeNotification::Tools)
    }

    /// Offers a resource from now on, as [`Server::resource`](crate::Server::resource) does.
    ///
    /// # Errors
    ///
    /// Those of [`Handle::add_tool`].
    pub fn add_resource<T, F, M>(&self, resource: Resource, function: F) -> Result<(), ChangeError>
    where
        T: IntoContents + 'static,
        R: MakeHandler<F, (), T, M>,
    {
        let added = offering::resource::<R, T, F, M>(nothing(), resource, function);
        self.add(added, ChangeNotification::Resources)
    }

    /// Offers the resource of this URI no more. Returns whether it was offered.
    pub fn remove_resource(&self, uri: impl Into<String>) -> bool {
        self.remove(&Target::Resource(uri.into()), ChangeNotification::Resources)
    }

    /// Offers a family of resources from now on, as [`Server::template`](crate::Server::template) does.
    ///
    /// # Errors
    ///
    /// Those of [`Handle::add_tool`].
    pub fn add_template<A, T, F, M>(
        &self,
        template: ResourceTemplate,
        function: F,
    ) -> Result<(), ChangeError>
    where
        A: Arguments,
        T: IntoContents + 'static,
        R: MakeHandler<F, A, T, M>,
    {
        let added = offering::template::<R, A, T, F, M>(nothing(), template, function);
        self.add(added, ChangeNotification::Resources)
    }

    /// Offers the family of resources with this URI template no more. Returns whether it was offered.
    pub fn remove_template(&self, uri_template: impl Into<String>) -> bool {
        self.remove(
            &Target::Template(uri_template.into()),
            ChangeNotification::Resources,
        )
    }

    /// Offers a prompt from now on, as [`Server::prompt`](crate::Server::prompt) does.
    ///
    /// # Errors
    ///
    /// Those of [`Handle::add_tool`].
    pub fn add_prompt<A, T, F, M>(&self, prompt: Prompt, function: F) -> Result<(), ChangeError>
    where
        A: Arguments,
        T: IntoMessages + 'static,
        R: MakeHandler<F, A, T, M>,
    {
        let added = offering::prompt::<R, A, T, F, M>(nothing(), prompt, function);
        self.add(added, ChangeNotification::Prompts)
    }

    /// Offers the prompt of this name no more. Returns whether it was offered.
    pub fn remove_prompt(&self, name: impl Into<String>) -> bool {
        self.remove(&Target::Prompt(name.into()), ChangeNotification::Prompts)
    }

    fn add(&self, added: Builder<R>, change: ChangeNotification) -> Result<(), ChangeError> {
        let runtime = self.runtime().ok_or(ChangeError::NotRunning)?;
        runtime.add(added, change).map_err(ChangeError::Invalid)
    }

    fn remove(&self, removed: &Target, change: ChangeNotification) -> bool {
        let runtime = self.runtime();
        runtime.is_some_and(|runtime| runtime.remove(removed, change))
    }

    fn runtime(&self) -> Option<Arc<dyn Attached<R::Handler>>> {
        self.0.get()?.upgrade()
    }

    /// Connects it to the runtime that runs the server. It is no method, so that none of a user's is shadowed.
    pub fn attach<D: DriveJobs<Handler = R::Handler>>(this: &Self, runtime: &Arc<D>) {
        let runtime: Weak<D> = Arc::downgrade(runtime);
        // A server runs once.
        let _ = this.0.set(runtime);
    }
}

/// Nothing to add yet.
fn nothing<H>() -> ServerBuilder<H> {
    ServerBuilder::new()
}

impl<R: ServerRuntime> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: ServerRuntime> Default for Handle<R> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<R: ServerRuntime> std::fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("is_running", &self.runtime().is_some())
            .finish()
    }
}
