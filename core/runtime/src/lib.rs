//! What both runtimes need of the operating system, written once: arguments and variables, the
//! data folder with its key and its store, the log, the clocks, randomness and signals.
//!
//! A runtime's `main` calls [`boot()`] and has all that is neither I/O with peers nor concurrency.

pub mod api;
mod audit_log;
mod backend_process;
mod backend_tls;
mod boot;
mod caught;
mod children;
mod client_add;
mod client_credential;
mod clients_file;
mod clock;
pub mod command_line;
mod config;
mod connection_limit;
mod data_dir;
mod data_dir_error;
#[cfg(feature = "dev-tenant")]
pub mod dev_tenant;
pub mod egress;
mod handle;
pub mod handlers;
mod in_memory;
mod inbound;
mod key;
mod key_command;
mod listen;
mod log;
mod make_handler;
mod memory;
mod metrics;
mod offer;
mod offering;
mod other_replicas;
mod policy_file;
mod published;
mod pull_message;
mod request_ids;
mod routes;
mod running;
mod seed;
mod server;
mod sessions;
mod settings;
mod shared;
mod shared_hub;
mod shared_store_error;
mod signing;
mod start_error;
mod startup_banner;
mod store;
pub mod testing;
mod timeouts;
mod unix;

#[cfg(feature = "redis")]
pub use self::store::RedisStore;
pub use self::{
    backend_process::BackendProcessError,
    backend_tls::{BackendTls, BackendTlsError, ClientIdentity, WrongIdentity},
    boot::{RuntimeParts, Settings, boot},
    children::Children,
    client_credential::{ClientAssertions, ClientCredentialError},
    clients_file::{ClientsFileError, SharedClients},
    clock::Clock,
    command_line::{
        AdmissionError, AuthorityHostError, ConfigError, EntraSetting, EntraSettingError, KeyError,
        StoreSettingError,
    },
    config::{AssertionError, AssertionSource, Config, Credential},
    connection_limit::{
        ConnectionLimit, ConnectionPermit, InboundLimits, Occupancy, PendingRequest, PermitKind,
        Remainder, RequestOrigin, RequestPermit, SessionKey, TokenHolder,
    },
    data_dir_error::DataDirError,
    handle::{ChangeError, Handle},
    in_memory::{
        AdmittedRequest, InMemory, MemoryResponse, ResponsePart, admit_alone, admit_whole,
    },
    inbound::{AdmittedHead, Inbound},
    listen::{ListenError, bind, connection_ceiling},
    log::{finish_log, log},
    make_handler::{
        Arguments, MakeHandler, MakeMiddleware, MakeRoute, WithArguments, WithoutArguments,
    },
    metrics::serve_metrics,
    offer::{Offer, SharedOffer},
    other_replicas::share_with_replicas,
    policy_file::{PolicyFileError, SharedPolicy},
    published::Held,
    pull_message::{PullMessage, Pulls},
    routes::{AdmittedRoute, OwnAnswer, Routes},
    running::{Lifecycle, Running, Stopper},
    seed::seed,
    server::{Server, ServerRuntime, ServiceRuntime, main},
    settings::{FetchFirst, Flag, Program},
    shared::{ActiveExchange, DriveJobs, Shared},
    shared_hub::{Mailbox, SharedHub},
    shared_store_error::SharedStoreError,
    signing::sign,
    start_error::StartError,
    store::{CustomStore, FileStore, RecordStore},
    timeouts::timeouts_of,
    unix::{
        child::{ChildSaid, Processes, RunningChild},
        receive::{Received, receive},
        signals::on_shutdown,
        stopped::Stopped,
    },
};
#[cfg(feature = "dev-tenant")]
pub use self::{dev_tenant::SharedDevTenant, memory::MemoryTenant};
