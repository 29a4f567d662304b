//! Which addresses are this machine.

/// Whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1.
#[must_use]
pub fn is_loopback<S: AsRef<str>>(host: &url::Host<S>) -> bool {
    match host {
        url::Host::Domain(name) => name.as_ref() == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    }
}
