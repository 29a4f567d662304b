//! Everything is well formed, and is what the suite asks for by name.

use entra_mcp_core::catalog::Catalog;

#[test]
fn everything_builds_a_valid_catalog() {
    let built = crate::register(Catalog::builder()).build();
    assert_eq!(built.err().map(|error| error.to_string()), None);
}

#[test]
fn everything_builds_beside_the_servers_own_tools() {
    let catalog = entra_mcp_core::tools::register(Catalog::builder());
    assert!(crate::register(catalog).build().is_ok());
}
