//! Why texts cannot be read as the type of a function's arguments. The arguments of prompts and the variables of templates are texts.

use std::fmt::{self, Display};

/// What is wrong with the type of a function's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentProblem {
    /// The type is neither a struct nor a map.
    NoFields,
    /// No text can become what a field is.
    NotText {
        /// The name of the field.
        field: String,
    },
    /// A field has the name of no argument or variable.
    NotGiven {
        /// The name of the field.
        field: String,
    },
    /// An argument or variable has the name of no field, and the type takes no others.
    NotTaken {
        /// The name of the argument or variable.
        name: String,
    },
    /// A variable may be left out, and its field may not.
    NotOptional {
        /// The name of both.
        field: String,
    },
}

impl Display for ArgumentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFields => f.write_str(
                "what it is called with is read as a type that is neither a struct nor a map",
            ),
            Self::NotText { field } => {
                let kinds = "let it be text, a number, a boolean, a choice, or an `Option` of one";
                write!(f, "no text can become the field `{field}`: {kinds}")
            }
            Self::NotGiven { field } => {
                write!(
                    f,
                    "nothing that it is called with has the name of the field `{field}`"
                )
            }
            Self::NotTaken { name } => {
                write!(
                    f,
                    "it is called with `{name}`, of which the type has no field"
                )
            }
            Self::NotOptional { field } => {
                let cure = "let the field be an `Option`, or the argument of a prompt `required()`";
                write!(f, "`{field}` may be left out: {cure}")
            }
        }
    }
}

impl std::error::Error for ArgumentProblem {}
