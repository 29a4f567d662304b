//! A server that runs inside of a program: on sockets of its own, or as a service whose requests the program reads.

use std::sync::mpsc::{Sender, channel};

use super::{Server, ServerRuntime, Source, open};
use crate::{
    Handle, Lifecycle, Routes, Running, RuntimeParts, StartError, boot::ProcessOwner,
    handlers::Handlers,
};

/// A runtime whose server can be a service of the program's own HTTP server.
pub trait ServiceRuntime: ServerRuntime {
    /// The service. It must not keep the server from ending.
    type Service: Send + 'static;

    /// Runs the server as [`ServerRuntime::run`] does, and listens nowhere. Hands the service over before it says that it serves.
    ///
    /// # Errors
    ///
    /// A thread that it needs is not to be had.
    fn run_service(
        parts: &RuntimeParts,
        handlers: Handlers<Self::Handler>,
        routes: Routes<Self::Route>,
        handle: &Handle<Self>,
        lifecycle: &Lifecycle,
        made: Sender<Self::Service>,
    ) -> Result<(), StartError>;
}

/// What runs a server; see [`ServerRuntime::run`].
pub(super) trait Run<R: ServerRuntime>:
    FnOnce(
        &RuntimeParts,
        Handlers<R::Handler>,
        Routes<R::Route>,
        &Handle<R>,
        &Lifecycle,
    ) -> Result<(), StartError>
    + Send
    + 'static
{
}

impl<R: ServerRuntime, F> Run<R> for F where
    F: FnOnce(
            &RuntimeParts,
            Handlers<R::Handler>,
            Routes<R::Route>,
            &Handle<R>,
            &Lifecycle,
        ) -> Result<(), StartError>
        + Send
        + 'static
{
}

impl<R: ServerRuntime> Server<R> {
    /// Starts the server, which this function runs.
    pub(super) fn start_by(self, run: impl Run<R>) -> Result<Running, StartError> {
        let routes = Routes::new(self.routes)?;
        let (parts, handlers) = open::<R>(self.source, self.builder, ProcessOwner::Program)?;
        let handle = self.handle;
        Running::start(parts, move |parts, lifecycle| {
            run(parts, handlers, routes, &handle, lifecycle)
        })
    }
}

impl<R: ServiceRuntime> Server<R> {
    /// Starts the server as [`Server::start`] does, but listens nowhere: the program's own HTTP server hands its requests to the service
    /// that is returned, and [`Running`] ends it. [`Config::listen`](crate::Config::listen) and
    /// [`Config::public_url`](crate::Config::public_url) say where the program is asked; the development tenant, which browsers go to,
    /// listens all the same.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`]; or the port at which the program is asked is not known.
    pub fn into_service(self) -> Result<(R::Service, Running), StartError> {
        if let Source::Program(config) = &self.source
            && !config.has_port()
        {
            return Err(StartError::PortUnknown);
        }
        let (made, service) = channel();
        let running = self.start_by(move |parts, handlers, routes, handle, lifecycle| {
            R::run_service(parts, handlers, routes, handle, lifecycle, made)
        })?;
        let service = service.try_recv();
        Ok((
            service.expect("a runtime hands the service over before it serves"),
            running,
        ))
    }
}
