//! Servers on this runtime inside of a program.

use std::marker::PhantomData;

use entra_mcp_blocking::Blocking;

entra_mcp_e2e::embedded_cases!(PhantomData::<Blocking>);
