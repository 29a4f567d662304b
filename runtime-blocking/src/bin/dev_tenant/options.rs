//! What the program is told by its flags.

use std::{
    net::{SocketAddr, TcpListener, ToSocketAddrs as _},
    path::PathBuf,
};

pub(crate) const HELP: &str = "\
entra-mcp-dev-tenant: a stand-in for Microsoft Entra ID and Microsoft Graph, on this computer only

  --listen HOST:PORT      where to listen (default localhost:3002); a loopback address
  --tls FILE              serve HTTPS with a key that is made now, and write its certificate (PEM) there, to be trusted
  --redirect-uri URI      one that the application has; repeatable (default http://localhost:3001/auth/callback and
                          http://localhost:3001/auth/admin-consent; the port on localhost does not matter)
  --file FILE             people, roles, groups and answers of Graph (core/docs/development-tenant.md)
  --help                  this text
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Run(Options),
}

/// How the tenant is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    listen: String,
    /// Where the certificate is written, if there is one.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) file: Option<PathBuf>,
}

/// Reads the arguments.
pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut options = Options {
        listen: "localhost:3002".to_owned(),
        certificate: None,
        redirect_uris: Vec::new(),
        file: None,
    };
    let mut arguments = arguments.peekable();
    while let Some(flag) = arguments.next() {
        if flag == "--help" {
            return Ok(Command::Help);
        }
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{flag} wants a value. See --help."))
        };
        match flag.as_str() {
            "--listen" => options.listen = value()?,
            "--tls" => options.certificate = Some(value()?.into()),
            "--redirect-uri" => options.redirect_uris.push(value()?),
            "--file" => options.file = Some(value()?.into()),
            _ => return Err(format!("there is no {flag}. See --help.")),
        }
    }
    if options.redirect_uris.is_empty() {
        let paths = ["callback", "admin-consent"];
        options.redirect_uris = paths
            .map(|path| format!("http://localhost:3001/auth/{path}"))
            .into();
    }
    Ok(Command::Run(options))
}

impl Options {
    /// Listens, on loopback only: anybody can sign in as anybody.
    pub(crate) fn bind(&self) -> Result<Vec<TcpListener>, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("--listen {}: {error}", self.listen);
        let addresses = self
            .listen
            .to_socket_addrs()
            .map_err(|error| wrong(&error))?;
        let mut addresses: Vec<SocketAddr> = addresses.collect();
        if addresses.is_empty() || !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(wrong(
                &"the development tenant is served on loopback only, such as localhost:3002",
            ));
        }
        let mut listeners: Vec<TcpListener> = Vec::new();
        for address in &mut addresses {
            // A free port is the same one for each address.
            if let (0, Some(first)) = (address.port(), listeners.first()) {
                let first = first.local_addr().map_err(|error| wrong(&error))?;
                address.set_port(first.port());
            }
            match TcpListener::bind(*address) {
                Ok(listener) => listeners.push(listener),
                // Not every computer has both.
                Err(_) if address.is_ipv6() && !listeners.is_empty() => {}
                Err(error) => return Err(wrong(&error)),
            }
        }
        Ok(listeners)
    }

    /// Scheme, host and port under which it is reached.
    pub(crate) fn origin(&self, listeners: &[TcpListener]) -> String {
        let scheme = if self.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        let (host, port) = self
            .listen
            .rsplit_once(':')
            .unwrap_or(("localhost", "3002"));
        let bound = listeners
            .first()
            .and_then(|listener| listener.local_addr().ok());
        match bound {
            Some(address) => format!("{scheme}://{host}:{}", address.port()),
            None => format!("{scheme}://{host}:{port}"),
        }
    }

    /// What is printed at the start.
    pub(crate) fn banner(&self, origin: &str) -> String {
        let mut text = format!(
            "DEVELOPMENT TENANT at {origin} - not Microsoft Entra ID. Its users are made up and anybody can sign in as any of \
             them.\n  authority {origin}/{}\n  client id {}\n  secret    {}\n",
            entra_mcp_runtime::dev_tenant::TENANT_ID,
            entra_mcp_runtime::dev_tenant::CLIENT_ID,
            entra_mcp_runtime::dev_tenant::CLIENT_SECRET,
        );
        if let Some(path) = &self.certificate {
            text += &format!("  trust     {}\n", path.display());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(arguments: &[&str]) -> Result<Command, String> {
        read(arguments.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn flags_are_read_and_others_refused() {
        let Ok(Command::Run(options)) = read_all(&["--listen", "localhost:0", "--tls", "ca.pem"])
        else {
            panic!("it runs");
        };
        assert_eq!(options.redirect_uris.len(), 2);
        let listeners = options.bind().unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        assert_eq!(
            options.origin(&listeners),
            format!("https://localhost:{port}")
        );
        assert_eq!(read_all(&["--help"]), Ok(Command::Help));
        assert!(
            read_all(&["--port", "1"])
                .unwrap_err()
                .contains("there is no --port")
        );
        assert!(read_all(&["--tls"]).unwrap_err().contains("wants a value"));
    }

    // J5
    #[test]
    fn address_of_the_network_is_refused() {
        for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3002"] {
            let Ok(Command::Run(options)) = read_all(&["--listen", listen]) else {
                panic!("it is an address");
            };
            assert!(
                options.bind().unwrap_err().contains("loopback only"),
                "{listen}"
            );
        }
    }
}
