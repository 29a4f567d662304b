//! The fuzz targets, as functions of bytes: `fuzz_targets` hands them what libFuzzer makes up, and
//! `tests/corpora.rs` the committed inputs. Bytes become structured input by `arbitrary`; a target panics
//! with a message when a property does not hold.

mod exchange;
mod flows;
mod forwarded_client;
mod http1;

use arbitrary::{Arbitrary, Unstructured};
use entra_mcp_core::fuzzing;

use crate::{choice::Choice, client::Dialect, options::Options, simulate};

/// A target: its name, and what it does with some bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: [Target; 31] = [
    ("world", world),
    ("exchange", exchange::run),
    ("admit", exchange::admit),
    ("json_rpc", fuzzing::json_rpc),
    ("gateway_message", fuzzing::gateway_message),
    ("event_source", event_source),
    ("form", fuzzing::form),
    ("redirect_uri", redirect_uri),
    ("scope", scope),
    ("resource", resource),
    ("pkce", pkce),
    ("sealed", sealed),
    ("session_token", session_token),
    ("cookies", cookies),
    ("event_id", event_id),
    ("http1", http1::run),
    ("forwarded_client", forwarded_client::run),
    ("packed", fuzzing::packed),
    ("session_record", fuzzing::session_record),
    ("sse", sse),
    ("entra_metadata", fuzzing::entra::metadata),
    ("key_set", fuzzing::entra::key_set),
    ("id_token", id_token),
    ("access_token", fuzzing::entra::access_token),
    ("token_answer", token_answer),
    ("entra_answer", flows::entra_answer),
    ("register", flows::register),
    ("client_document", client_document),
    ("client_assertion", client_assertion),
    ("listed_client", listed_client),
    ("device", fuzzing::device),
];

/// Runs a target by its name.
///
/// # Panics
///
/// If there is no such target, or a law is broken.
pub fn run(name: &str, bytes: &[u8]) {
    let target = ALL.iter().find(|(known, _)| *known == name);
    let (_, run) = target.expect("there is such a target");
    run(bytes);
}

/// The whole world, with the bytes as its choices.
fn world(bytes: &[u8]) {
    if let Err(failed) = simulate::run(Choice::of_bytes(bytes), |_| {}) {
        let from = failed.trace.len().saturating_sub(80);
        let tail = failed.trace.get(from..).unwrap_or_default();
        panic!("{}\n{}", failed.failure, tail.join("\n"));
    }
}

/// Who signs in at the beginning of an input of `world`, beside a user whose client registers: a draw of
/// `users/identity.rs`, or a user with a device.
pub const WORLD_INPUTS: [(&str, u8, bool); 6] = [
    ("registers", 0, false),
    ("document", 5, false),
    ("signs", 7, false),
    ("signs-with-keys-elsewhere", 8, false),
    ("listed", 9, false),
    ("device", 0, true),
];

/// An input of `world`: a calm network and one user, whose client speaks this revision; then choices of any
/// kind, enough for a sign-in and what follows it.
///
/// # Panics
///
/// Never: there are not so many revisions.
#[must_use]
pub fn world_input(dialect: Dialect, is_web: bool, identity: u8, has_device: bool) -> Vec<u8> {
    let mut options = Choice::of_bytes(&[]);
    let _drawn = Options::draw(&mut options);
    let mut bytes = vec![0; options.drawn().len()];
    let place = Dialect::ALL.iter().position(|known| *known == dialect);
    let place = u8::try_from(place.unwrap_or_default()).expect("a few revisions");
    let chance = |happens: bool| if happens { 999_u16 } else { 0 }.to_le_bytes();
    // As `simulate` and `SimUser` draw them: how many users, the revision, the account; whether the client is a web
    // client, whether it has a secret, whether it stays at its replica, and who it is; whether there is a device.
    bytes.extend([0, place, 0]);
    for happens in [is_web, false, true] {
        bytes.extend(chance(happens));
    }
    bytes.push(identity);
    bytes.extend(chance(has_device));
    let seed = u64::from(place) * 2 + u64::from(is_web) + u64::from(identity) * 17;
    let mut generator = Choice::seeded(seed);
    bytes.extend((0..TAIL).filter_map(|_| u8::try_from(generator.below(256)).ok()));
    bytes
}

/// How many bytes of choices follow the beginning of a run.
const TAIL: usize = 700;

/// Reads structured input; bytes that are too few are no input.
fn read<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}

/// The address, a `Cache-Control`, and the document itself, on a line each.
fn client_document(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (address, cache_control) = (text(), text());
    fuzzing::client_document(address, cache_control, lines.next().unwrap_or_default());
}

fn client_assertion(bytes: &[u8]) {
    // The text is last: it is whatever is left.
    if let Some((seconds, text)) = read::<(u16, &str)>(bytes) {
        fuzzing::client_assertion(text, seconds);
    }
}

/// Whether it has a secret; then its id, the address that is asked for, and those that are listed, on a line each.
fn listed_client(bytes: &[u8]) {
    if let Some((has_secret, text)) = read::<(bool, &str)>(bytes) {
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let (id, requested) = (line(), line());
        fuzzing::listed_client(has_secret, id, requested, &lines.collect::<Vec<_>>());
    }
}

fn redirect_uri(bytes: &[u8]) {
    // Two lines: the registered address and the requested one.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (registered, requested) = text.split_once('\n').unwrap_or((text, text));
        fuzzing::redirect_uri(registered, requested);
        fuzzing::redirect_uri(registered, registered);
    }
}

fn scope(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::scope(text);
    }
}

fn resource(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::resource(&text.lines().collect::<Vec<_>>());
    }
}

fn pkce(bytes: &[u8]) {
    if let Some((verifier, challenge)) = read(bytes) {
        fuzzing::pkce(verifier, challenge);
    }
}

fn sealed(bytes: &[u8]) {
    if let Some((place, change, made_up)) = read::<(u16, u8, &[u8])>(bytes) {
        fuzzing::sealed(made_up, usize::from(place), change);
    }
}

fn session_token(bytes: &[u8]) {
    // The text is last: it is whatever is left.
    if let Some((place, change, faults, seconds, text)) = read::<(u16, u8, u8, u32, &str)>(bytes) {
        fuzzing::tokens::session_token(text, usize::from(place), change, seconds);
        fuzzing::tokens::signed_token(faults, text, seconds);
    }
}

fn cookies(bytes: &[u8]) {
    if let Some((place, change, text)) = read::<(u16, u8, &str)>(bytes) {
        // Two lines: a state, and a header.
        let (state, made_up) = text.split_once('\n').unwrap_or(("", text));
        fuzzing::tokens::cookies(made_up, state, usize::from(place), change);
        fuzzing::tokens::cookie_header(made_up);
        fuzzing::tokens::approvals(change);
    }
}

fn event_id(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::tokens::event_id(text);
    }
}

fn sse(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::server_sent_event(text);
    }
}

fn event_source(bytes: &[u8]) {
    // The first eight bytes say where the rest is cut.
    let (cuts, stream) = bytes.split_at(bytes.len().min(8));
    fuzzing::event_source(stream, cuts);
}

fn id_token(bytes: &[u8]) {
    // Two lines: the name of the known key, and the token.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (kid, token) = text.split_once('\n').unwrap_or(("", text));
        fuzzing::entra::id_token(token, kid);
    }
}

fn token_answer(bytes: &[u8]) {
    // The first byte chooses the status.
    if let Some((first, body)) = bytes.split_first() {
        let statuses = [200, 400, 401, 429, 500, 503];
        let status = statuses.get(usize::from(*first) % statuses.len());
        fuzzing::entra::token_answer(status.copied().unwrap_or(200), body);
    }
}
