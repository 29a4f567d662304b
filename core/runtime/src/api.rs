//! What a runtime's library offers besides its own `Server` and `Context`: the same in each of them.

pub use entra_mcp_core::{
    ask::{InvokeOutput, Target},
    catalog::{
        AgentFor, Annotations, ArgumentProblem, CacheScope, Call, CallError, CatalogBuilder,
        CatalogEntry, CatalogError, CatalogErrors, ChangeNotification, Client, ClientCapabilities,
        ClientInfo, CompleteResult, Content, Effect, EffectResult, ElicitationSchema, FieldSchema,
        GraphError, GraphPage, GraphRequest, GraphResponse, Handler, HeaderAnnotationError, Icon,
        InputRequest, InputResponse, InputResult, Json, List, LogLevel, LogNotification,
        NonportableSchema, Principal, PrincipalKind, ProgressNotification, Prompt, PromptArgument,
        PromptMessages, ReadResult, Resource, ResourceContents, ResourcePage, ResourceTemplate,
        Role, ScopeDefinition, Step, TaskSupport, Tool, ToolResult, ToolSchema, VerifiedBy,
    },
    config::PublicUrlError,
    request_id::RequestId,
    secret::Secret,
};

pub use bytes::Bytes;
pub use http::{Method, Request, Response};

pub use crate::{
    Arguments, AssertionError, AssertionSource, AuthorityHostError, ChangeError, Config,
    ConfigError, Credential, DataDirError, EntraSetting, EntraSettingError, KeyError, ListenError,
    Running, StartError, Stopper,
    handlers::{
        CompletionRequest, ElicitResult, Interrupted, IntoCompletion, IntoContents, IntoMessages,
        IntoToolResult, input_schema_of, output_schema_of,
    },
};

/// What a store of the program's own is asked, and what it answers: see [`Config::store`].
pub mod store {
    pub use entra_mcp_core::{
        ask::{Guard, Key, Record, Store, StoreFault, Stored, Version},
        time::UnixTime,
    };

    pub use crate::CustomStore;
}
