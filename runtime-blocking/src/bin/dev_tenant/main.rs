//! The development tenant by itself: for people who test their own software against a stand-in for Microsoft Entra ID and Graph.
//!
//! It serves plain HTTP, or HTTPS with a key that it makes (`--tls`): Microsoft's own libraries take nothing else.

mod certificate;
mod options;
mod serve;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    thread,
};

use entra_mcp_runtime::{Clock, SharedDevTenant};

use self::{
    certificate::Identity,
    options::{Command, Options},
    serve::Server,
};

fn main() -> ExitCode {
    let command = match options::read(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => return complain(&error, 2),
    };
    match command {
        Command::Help => told(options::HELP),
        Command::Run(options) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, 1),
        },
    }
}

fn told(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(error: &str, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "entra-mcp-dev-tenant: {error}");
    ExitCode::from(status)
}

fn run(options: &Options) -> Result<(), String> {
    let listeners = options.bind()?;
    let origin = options.origin(&listeners);
    let redirect_uris = options.redirect_uris.clone();
    let tenant = SharedDevTenant::alone(origin.clone(), redirect_uris, options.file.as_deref());
    let tenant = tenant.map_err(|error| error.to_string())?;
    let tls = match &options.certificate {
        None => None,
        Some(path) => {
            let identity = Identity::new()?;
            std::fs::write(path, &identity.pem)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            Some(Arc::new(identity.into_config()?))
        }
    };
    let server = Server {
        tenant: Arc::new(tenant),
        clock: Clock::start(),
        tls,
    };
    told(&options.banner(&origin));
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| server.serve(listener));
        }
    });
    Ok(())
}
