//! How long results may be kept, and for whom: since 2026-07-28.

use super::*;
use crate::catalog::CacheScope;

#[test]
fn caching_hint_is_that_of_the_author() {
    fn read(call: &Call) -> Step<ReadResult> {
        Step::done(vec![ResourceContents::text(call.name(), "text")])
    }
    let catalog = |catalog: CatalogBuilder| {
        catalog
            .resource(Resource::new("a://plain", "plain"), Handler::Step(read))
            .resource(
                Resource::new("a://kept", "kept").cache_for(Duration::from_secs(9)),
                Handler::Step(read),
            )
            .template(
                ResourceTemplate::new("b://{id}", "b").cache_for(Duration::from_millis(5)),
                Handler::Step(read),
            )
    };
    let mut world = World::offering(catalog(Catalog::builder()).build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    for (uri, ttl) in [("a://plain", 0), ("a://kept", 9000), ("b://1", 5)] {
        let read = client.ask(&mut world, "resources/read", json!({"uri": uri}));
        assert_eq!(read["ttlMs"], ttl, "{uri}");
    }
    for method in ["tools/list", "resources/list", "server/discover"] {
        let result = client.ask(&mut world, method, json!({}));
        assert_eq!(result["ttlMs"], 0, "{method}");
    }
    let lists = catalog(Catalog::builder()).cache_lists_for(Duration::from_secs(60));
    let mut world = World::offering(lists.build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    let listed = client.ask(&mut world, "resources/list", json!({}));
    assert_eq!(listed["ttlMs"], 60_000);
}

// P10: a cache that several users share gives each of them what is in it.
#[test]
fn public_is_what_the_author_says_and_nothing_that_is_for_some_users_only() {
    fn read(call: &Call) -> Step<ReadResult> {
        Step::done(vec![ResourceContents::text(call.name(), "text")])
    }
    let public = |uri: &str| Resource::new(uri, uri).cache_scope(CacheScope::Public);
    let offered = || {
        let template = ResourceTemplate::new("b://{id}", "b").cache_scope(CacheScope::Public);
        Catalog::builder()
            .cache_lists_scope(CacheScope::Public)
            .resource(public("a://all"), Handler::Step(read))
            .resource(Resource::new("a://own", "own"), Handler::Step(read))
            .template(template, Handler::Step(read))
    };
    let mut world = World::offering(offered().build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    for (uri, scope) in [
        ("a://all", "public"),
        ("a://own", "private"),
        ("b://1", "public"),
    ] {
        let read = client.ask(&mut world, "resources/read", json!({"uri": uri}));
        assert_eq!(read["cacheScope"], scope, "{uri}");
    }
    let lists = ["tools/list", "resources/list", "server/discover"];
    for method in lists {
        let result = client.ask(&mut world, method, json!({}));
        assert_eq!(result["cacheScope"], "public", "{method}");
    }
    let some = Resource::new("a://some", "some").requires_role("Admin");
    let some = offered().resource(some, Handler::Step(read));
    let mut world = World::offering(some.build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    for (method, scope) in lists.into_iter().zip(["public", "private", "private"]) {
        let result = client.ask(&mut world, method, json!({}));
        assert_eq!(result["cacheScope"], scope, "{method}");
    }
    for some in [
        public("a://some").requires_role("Admin"),
        public("a://some").requires_scope("user.read"),
    ] {
        let errors = offered().resource(some, Handler::Step(read)).build();
        let message = errors.unwrap_err().to_string();
        assert!(
            message.contains("a://some") && message.contains("cache_scope"),
            "{message}"
        );
    }
}
