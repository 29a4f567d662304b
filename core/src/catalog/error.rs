//! What can be wrong with a catalog, reported at the start, with what to change.

use std::fmt::{self, Display};

use super::{
    argument_problem::ArgumentProblem, portable::NonportableSchema, schema::HeaderAnnotationError,
};
use crate::limits;

/// Something that is wrong with a catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogError {
    /// A page of a list has no room for an entry.
    PageSizeZero,
    /// Something is for some users only, and its contents may be kept for everybody.
    PublicForSome {
        /// What it is.
        entry: CatalogEntry,
    },
    /// A tool has a name that MCP does not allow.
    InvalidToolName {
        /// The name.
        name: String,
    },
    /// Two tools have one name.
    DuplicateTool {
        /// The name.
        name: String,
    },
    /// The arguments of a tool are no object.
    InputNotObject {
        /// The name of the tool.
        tool: String,
    },
    /// A schema of a tool is no valid JSON Schema.
    InvalidSchema {
        /// The name of the tool.
        tool: String,
        /// Which of its schemas.
        schema: ToolSchema,
        /// What is wrong with it.
        message: String,
    },
    /// A schema of a tool is valid, but some clients refuse it.
    NonportableSchema {
        /// The name of the tool.
        tool: String,
        /// Which of its schemas.
        schema: ToolSchema,
        /// What clients refuse.
        problem: NonportableSchema,
    },
    /// A schema of a tool is annotated with an `x-mcp-header` that is not valid.
    InvalidHeaderAnnotation {
        /// The name of the tool.
        tool: String,
        /// What is wrong with it.
        problem: HeaderAnnotationError,
    },
    /// A tool requires an authentication context that has no name of one.
    InvalidAuthenticationContext {
        /// The name of the tool.
        tool: String,
        /// The authentication context.
        id: String,
    },
    /// Something requires a scope that the server does not offer.
    UnknownScope {
        /// What requires it.
        entry: CatalogEntry,
        /// The scope.
        scope: String,
    },
    /// An icon has an address that clients do not fetch.
    InvalidIcon {
        /// What has the icon.
        entry: CatalogEntry,
        /// The address.
        src: String,
    },
    /// The address of the server's web page is none.
    InvalidWebsite {
        /// What was given as its address.
        url: String,
    },
    /// The URI of a resource is none.
    InvalidResourceUri {
        /// What was given as its URI.
        uri: String,
    },
    /// Two resources have one URI.
    DuplicateResource {
        /// The URI.
        uri: String,
    },
    /// The variables of a resource template are not well formed, or cannot be distinguished.
    InvalidTemplate {
        /// The URI template.
        uri_template: String,
    },
    /// A resource template has no variable.
    TemplateWithoutVariable {
        /// The URI template.
        uri_template: String,
    },
    /// Two resource templates have one URI template.
    DuplicateTemplate {
        /// The URI template.
        uri_template: String,
    },
    /// There are completions for a resource template that is not offered.
    UnknownTemplate {
        /// The URI template.
        uri_template: String,
    },
    /// The arguments of a prompt or the variables of a template are read as a type that they cannot be.
    Arguments {
        /// The prompt or template.
        entry: CatalogEntry,
        /// What is wrong with the type.
        problem: ArgumentProblem,
    },
    /// No form can be made of a type that users are to be asked for.
    InvalidForm {
        /// The name of the type.
        form: String,
        /// What is wrong with it.
        message: String,
    },
    /// A prompt has no name.
    EmptyPromptName,
    /// Two arguments of a prompt have one name.
    DuplicateArgument {
        /// The name of the prompt.
        prompt: String,
    },
    /// Two prompts have one name.
    DuplicatePrompt {
        /// The name.
        name: String,
    },
    /// There are completions for a prompt that is not offered.
    UnknownPrompt {
        /// The name of the prompt.
        name: String,
    },
    /// A scope has a name that it cannot have.
    InvalidScopeName {
        /// The name.
        name: String,
    },
    /// A scope has the name of one of OpenID Connect.
    ReservedScopeName {
        /// The name.
        name: String,
    },
    /// A scope stands for what is no permission of Microsoft Graph, or of another API.
    InvalidPermission {
        /// The name of the scope.
        scope: String,
        /// What was given as the permission.
        permission: String,
    },
    /// Two scopes have one name.
    DuplicateScope {
        /// The name.
        name: String,
    },
    /// The names of the scopes are too long together.
    ScopeNamesTooLong,
}

/// Which schema of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolSchema {
    /// That of its arguments.
    Input,
    /// That of its results.
    Output,
}

/// An entry of a catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogEntry {
    /// The server itself.
    Server,
    /// The tool of this name.
    Tool(String),
    /// The resource of this URI.
    Resource(String),
    /// The resource template of this URI template.
    Template(String),
    /// The prompt of this name.
    Prompt(String),
}

/// Everything that is wrong with a catalog; at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogErrors(Vec<CatalogError>);

impl CatalogErrors {
    pub(super) fn new(errors: Vec<CatalogError>) -> Self {
        Self(errors)
    }

    /// Returns the errors in the order in which they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[CatalogError] {
        &self.0
    }
}

/// One error a line.
impl Display for CatalogErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogErrors {}

impl Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicForSome { entry } => write!(
                f,
                "{entry} is for some users only, and `cache_scope` says that its contents may be kept for everybody: leave one of the two out."
            ),
            Self::PageSizeZero => f.write_str("A page of a list must have room for one entry."),
            Self::InvalidToolName { .. }
            | Self::DuplicateTool { .. }
            | Self::InputNotObject { .. }
            | Self::InvalidSchema { .. }
            | Self::NonportableSchema { .. }
            | Self::InvalidHeaderAnnotation { .. }
            | Self::InvalidAuthenticationContext { .. } => self.write_of_tool(f),
            Self::UnknownScope { entry, scope } => {
                let problem = "requires a scope that the server does not offer";
                write!(f, "{entry} {problem}: `{scope}`.")
            }
            Self::InvalidIcon { entry, .. } => {
                let problem = "the address of an icon begins with https: or data:image/";
                write!(f, "{entry}: {problem}.")
            }
            Self::InvalidWebsite { url } => {
                write!(f, "The website of the server is no web address: `{url}`.")
            }
            Self::InvalidResourceUri { uri } => {
                write!(f, "The resource `{uri}`: it is not a URI.")
            }
            Self::DuplicateResource { uri } => write!(f, "Two resources have the URI `{uri}`."),
            Self::InvalidTemplate { .. }
            | Self::TemplateWithoutVariable { .. }
            | Self::DuplicateTemplate { .. }
            | Self::UnknownTemplate { .. } => self.write_of_template(f),
            Self::Arguments { entry, problem } => write!(f, "{entry}: {problem}."),
            Self::InvalidForm { form, message } => write!(f, "The form `{form}`: {message}"),
            Self::EmptyPromptName => f.write_str("The prompt ``: it needs a name."),
            Self::DuplicateArgument { prompt } => {
                let problem = "two of its arguments have the same name";
                write!(f, "The prompt `{prompt}`: {problem}.")
            }
            Self::DuplicatePrompt { name } => write!(f, "Two prompts are called `{name}`."),
            Self::UnknownPrompt { name } => write!(f, "There is no prompt `{name}` to complete."),
            Self::InvalidScopeName { .. }
            | Self::ReservedScopeName { .. }
            | Self::InvalidPermission { .. }
            | Self::DuplicateScope { .. }
            | Self::ScopeNamesTooLong => self.write_of_scope(f),
        }
    }
}

impl CatalogError {
    fn write_of_tool(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidToolName { name } => {
                let problem = "a name is 1 to 128 letters, digits, dots, hyphens and underscores";
                write!(f, "The tool `{name}`: {problem}.")
            }
            Self::DuplicateTool { name } => write!(f, "Two tools are called `{name}`."),
            Self::InputNotObject { tool } => {
                let problem = "its input schema must be of `\"type\": \"object\"`";
                write!(f, "The tool `{tool}`: {problem}.")
            }
            Self::InvalidSchema {
                tool,
                schema,
                message,
            } => write!(
                f,
                "The tool `{tool}`: its {schema} schema is not valid: {message}."
            ),
            Self::NonportableSchema {
                tool,
                schema,
                problem,
            } => write!(f, "The tool `{tool}`: its {schema} schema: {problem}."),
            Self::InvalidHeaderAnnotation { tool, problem } => {
                write!(f, "The tool `{tool}`: {problem}.")
            }
            Self::InvalidAuthenticationContext { tool, id } => {
                let problem = "requires an authentication context that is none, such as `c1`";
                write!(f, "The tool `{tool}` {problem}: `{id}`.")
            }
            _ => Ok(()),
        }
    }

    fn write_of_template(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (uri, problem) = match self {
            Self::InvalidTemplate { uri_template } => (
                uri_template,
                "its variables are not well formed, or nothing stands between two of them; these are known: {a}, {+a}, {/a}, \
                 {.a}, {#a} and, at the end, {?a,b}",
            ),
            Self::TemplateWithoutVariable { uri_template } => {
                (uri_template, "it has no `{variable}`")
            }
            Self::DuplicateTemplate { uri_template } => (uri_template, "there are two of it"),
            Self::UnknownTemplate { uri_template } => {
                return write!(f, "There is no template `{uri_template}` to complete.");
            }
            _ => return Ok(()),
        };
        write!(f, "The template `{uri}`: {problem}.")
    }

    fn write_of_scope(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidScopeName { name } => {
                let problem = "is no name for a scope: use lower case letters, digits and dots";
                write!(f, "`{name}` {problem}.")
            }
            Self::ReservedScopeName { name } => {
                let problem = "is a scope of OpenID Connect, which clients ask for out of habit";
                write!(f, "`{name}` {problem}: use another name.")
            }
            Self::InvalidPermission { scope, permission } => {
                let problem = "stands for no permission: write `Mail.Read` of Microsoft Graph, and \
                               `api://orders/Orders.Read` of an API of your own";
                write!(f, "The scope `{scope}` {problem}, not `{permission}`.")
            }
            Self::DuplicateScope { name } => write!(f, "Two scopes are called `{name}`."),
            Self::ScopeNamesTooLong => {
                let most = limits::OFFERED_SCOPES_BYTES;
                let problem = "The names of the scopes are too long together";
                write!(f, "{problem}: {most} bytes at most.")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for CatalogError {}

impl Display for ToolSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

impl Display for CatalogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Self::Server => return f.write_str("The server"),
            Self::Tool(name) => ("tool", name),
            Self::Resource(uri) => ("resource", uri),
            Self::Template(uri) => ("template", uri),
            Self::Prompt(name) => ("prompt", name),
        };
        write!(f, "The {what} `{name}`")
    }
}
