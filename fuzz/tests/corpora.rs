//! The committed inputs, replayed without a fuzzer. Those that can be made are made here:
//! `UPDATE_CORPORA=1 cargo test --profile simulation -p entra-mcp-fuzz --features worlds --test corpora` writes them.

use std::path::{Path, PathBuf};

use entra_mcp_core::fuzzing::examples;
use entra_mcp_fuzz::{
    choice::Choice,
    client::Dialect,
    simulate,
    targets::{self, WORLD_INPUTS, world_input},
    users,
};

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora")
}

/// A sign-in of each kind: its name, the revision, whether its client is a web client, who that is, and whether a device
/// signs in, too.
fn sign_ins() -> impl Iterator<Item = (String, Dialect, bool, u8, bool)> {
    let latest = Dialect::Streamable("2025-11-25");
    WORLD_INPUTS
        .iter()
        .flat_map(move |(who, identity, has_device)| {
            let dialects = match *who {
                "registers" => Dialect::ALL.to_vec(),
                _ => vec![latest],
            };
            let kinds = dialects.into_iter();
            let kinds = kinds.flat_map(|dialect| [(dialect, false), (dialect, true)]);
            kinds.map(|(dialect, is_web)| {
                let kind = if is_web { "web" } else { "native" };
                let name = match *who {
                    "registers" => format!("sign-in-{}-{kind}", dialect.version()),
                    who => format!("sign-in-{who}-{kind}"),
                };
                (name, dialect, is_web, *identity, *has_device)
            })
        })
}

/// The inputs that can be made: target, name, bytes.
fn generated() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for (name, json) in examples::session_records() {
        inputs.push(("session_record", name.to_owned(), json));
    }
    // Place, change, faults and seconds, as `targets` reads them; then the token.
    let token = [&[0; 8][..], examples::spoiled_session_token().as_bytes()].concat();
    inputs.push(("session_token", "other-signature".to_owned(), token));
    for (name, dialect, is_web, identity, has_device) in sign_ins() {
        let input = world_input(dialect, is_web, identity, has_device);
        inputs.push(("world", name, input));
    }
    inputs
}

#[test]
fn generated_inputs_are_committed() {
    for (target, name, bytes) in generated() {
        let path = corpora().join(target).join(&name);
        if std::env::var_os("UPDATE_CORPORA").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let committed = std::fs::read(&path).unwrap_or_default();
        assert!(
            committed == bytes,
            "{target}/{name} is not of the present format: UPDATE_CORPORA=1 writes it"
        );
    }
}

#[test]
fn session_records_of_the_corpus_open() {
    for (name, json) in examples::session_records() {
        assert!(examples::session_record_opens(&json), "{name}");
    }
}

#[test]
fn world_inputs_reach_a_sign_in_of_their_kind() {
    for (name, dialect, is_web, identity, has_device) in sign_ins() {
        let input = world_input(dialect, is_web, identity, has_device);
        let run = simulate::run(Choice::of_bytes(&input), |_| {}).unwrap();
        assert!(run.sign_ins > 0 && run.calls > 0, "{name}: {run:?}");
        let kind = users::kind(dialect, is_web);
        let first = run
            .trace
            .iter()
            .find(|line| line.contains("= signs in with"));
        assert!(
            first.is_some_and(|line| line.ends_with(&kind)),
            "{name}: {first:?}"
        );
        let is_device = |line: &String| line.contains("device_authorization.approved");
        assert_eq!(run.trace.iter().any(is_device), has_device, "{name}");
    }
}

#[test]
fn every_corpus_input_keeps_the_properties() {
    for (name, run) in targets::ALL {
        let mut count = 0;
        let folder = corpora().join(name);
        let inputs = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{folder:?} is missing"));
        for input in inputs {
            let path = input.unwrap().path();
            // What fails is named by the panic's message and by this.
            println!("{}", path.display());
            run(&std::fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no inputs");
    }
}

#[test]
fn every_target_is_in_the_manifest() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    for (name, _) in targets::ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
