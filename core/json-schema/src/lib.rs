//! JSON Schema 2020-12, as much as the arguments and results of tools need of it: a schema is one document, and a
//! reference to another is an error, so that nothing is ever fetched. Formats and contents are annotations, as the
//! specification has it; they are not checked.
//!
//! Errors say where a value does not fit and what would. They do not repeat the value.
//!
//! Source: JSON Schema Core and Validation, 2020-12. Pure: no I/O, no clock, no randomness.
//!
//! ```
//! use entra_mcp_json_schema::Schema;
//! use serde_json::json;
//!
//! let schema = json!({"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]});
//! let schema = Schema::new(schema).expect("a schema");
//! assert!(schema.errors(&json!({"a": 1})).is_empty());
//! let errors = schema.errors(&json!({"a": "1"}));
//! assert_eq!((errors[0].place.as_str(), errors[0].problem.to_string().as_str()), ("/a", "expected a number"));
//! ```

mod array;
mod compile;
mod document;
mod error;
mod evaluate;
mod number;
mod object;
mod value;

pub use self::{
    document::Schema,
    error::{Error, Problem},
};
