//! In what a world is as unkind as the real one.

/// Something that the real runtimes, clients or clocks do, and a kinder world would not. It is no
/// fault: a run must hold with all of it. What the server does not stand yet is listed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unkindness {
    /// What an exchange asks in its last step is dropped with it, which is a bug of the core then.
    LastAsksAreLost,
    /// Tools announce a hundred changes and say a hundred things in a row, without waiting between them.
    Bursts,
    /// Wall clocks step by seconds, minutes or a day, both ways, in every run.
    WallClockSteps,
    /// Entra must be asked no more while a `Retry-After` of it or of Graph runs.
    ThrottlingHolds,
    /// Clients register the metadata of others, and must get secrets of their own.
    CopiedRegistrations,
    /// Browsers replay failed callbacks, which must not reach Entra each time.
    ReplayedCallbacks,
    /// Some users take as much as the server gives them.
    GreedyUsers,
    /// Crowds of strangers send hundreds of requests at once.
    Crowds,
    /// Some peers read slowly: pieces of answers wait for seconds, and with them who writes them.
    SlowReaders,
    /// Others come between any two messages of an exchange to the hub, and a thread that waits for an answer
    /// sees nothing else.
    RuntimeOrders,
    /// Users revoke sessions while calls and tasks of theirs are under way, which must end.
    RevocationsHold,
    /// Somebody else signs in in a user's browser, and approves nothing.
    SharedBrowsers,
    /// Graph is busy again and again, for minutes each time.
    OftenThrottled,
    /// Users are disabled while all clocks are a day behind.
    DisabledWhileClocksAreBack,
    /// Replicas are cut off from the store and from each other for minutes.
    Partitions,
    /// Some callers have access tokens of Entra's in place of session tokens, some of them for another application.
    EntraCallers,
    /// Graph wants claims of tokens again and again.
    ClaimsChallenges,
    /// Users of several organizations may come in.
    SeveralTenants,
    /// Attackers do nothing but sign in for the devices of others.
    DevicesOfOthers,
    /// Attackers do nothing but meddle with the tasks of others, and users begin many.
    TasksOfOthers,
    /// Users have their roles and groups taken away and given back within minutes, and do little but look what they may know of.
    RolesTaken,
    /// ID tokens again and again name a tenant that is not the one of their issuer.
    TenantsMixedUp,
}

impl Unkindness {
    /// All that there is, with the names that `examples/simulate.rs` takes.
    pub const ALL: [(&'static str, Self); 22] = [
        ("last-asks-are-lost", Self::LastAsksAreLost),
        ("bursts", Self::Bursts),
        ("wall-clock-steps", Self::WallClockSteps),
        ("throttling-holds", Self::ThrottlingHolds),
        ("copied-registrations", Self::CopiedRegistrations),
        ("replayed-callbacks", Self::ReplayedCallbacks),
        ("greedy-users", Self::GreedyUsers),
        ("crowds", Self::Crowds),
        ("slow-readers", Self::SlowReaders),
        ("runtime-orders", Self::RuntimeOrders),
        ("revocations-hold", Self::RevocationsHold),
        ("shared-browsers", Self::SharedBrowsers),
        ("often-throttled", Self::OftenThrottled),
        (
            "disabled-while-clocks-are-back",
            Self::DisabledWhileClocksAreBack,
        ),
        ("partitions", Self::Partitions),
        ("entra-callers", Self::EntraCallers),
        ("claims-challenges", Self::ClaimsChallenges),
        ("several-tenants", Self::SeveralTenants),
        ("devices-of-others", Self::DevicesOfOthers),
        ("tasks-of-others", Self::TasksOfOthers),
        ("roles-taken", Self::RolesTaken),
        ("tenants-mixed-up", Self::TenantsMixedUp),
    ];

    /// What every run has: all but what leaves no time for anything else.
    pub const ON: [Self; 13] = [
        Self::LastAsksAreLost,
        Self::Bursts,
        Self::WallClockSteps,
        Self::ThrottlingHolds,
        Self::CopiedRegistrations,
        Self::ReplayedCallbacks,
        Self::SharedBrowsers,
        Self::Crowds,
        Self::SlowReaders,
        Self::RuntimeOrders,
        Self::GreedyUsers,
        Self::RevocationsHold,
        Self::Partitions,
    ];
}
