//! Every input that was kept, replayed without a fuzzer.

use std::path::Path;

use entra_mcp_fuzz::targets;

#[test]
fn every_corpus_input_keeps_the_properties() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    for (name, run) in targets::ALL {
        let mut count = 0;
        let folder = root.join(name);
        let inputs = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{folder:?} is missing"));
        for input in inputs {
            let path = input.unwrap().path();
            // What fails is named by the panic's own words and by this.
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
