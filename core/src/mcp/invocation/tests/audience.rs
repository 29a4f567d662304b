//! Resources, templates and prompts that are for some only: as with tools, for the others they are not there.

use super::*;
use crate::{catalog::ScopeDefinition, testing::header};

fn read(call: &Call) -> Step<ReadResult> {
    Step::done(vec![ResourceContents::text(call.name(), "text")])
}

fn say(_: &Call) -> Step<PromptMessages> {
    Step::done(PromptMessages::new().user("Hello"))
}

fn suggest(_: &Call) -> Step<CompleteResult> {
    Step::done(vec!["one".to_owned()])
}

/// What everybody may see.
fn open() -> CatalogBuilder {
    Catalog::builder()
        .list_changed()
        .scope(ScopeDefinition {
            name: "mail.read".to_owned(),
            permission: "Mail.Read".to_owned(),
            description: "Read mail".to_owned(),
        })
        .resource(Resource::new("a://open", "open"), Handler::Step(read))
        .template(
            ResourceTemplate::new("a://open/{id}", "open"),
            Handler::Step(read),
        )
        .complete_template("a://open/{id}", Handler::Step(suggest))
        .prompt(Prompt::new("open", "For all"), Handler::Step(say))
        .complete_prompt("open", Handler::Step(suggest))
}

/// Besides that, what is for a role that nobody has.
fn with_hidden() -> CatalogBuilder {
    let role = "Reports.Read";
    let prompt = Prompt::new("hidden", "For some").argument(PromptArgument::new("x"));
    open()
        .resource(
            Resource::new("a://hidden", "hidden")
                .requires_role(role)
                .requires_scope("mail.read"),
            Handler::Step(read),
        )
        .template(
            ResourceTemplate::new("a://hidden/{id}", "hidden").requires_role(role),
            Handler::Step(read),
        )
        .complete_template("a://hidden/{id}", Handler::Step(suggest))
        .prompt(prompt.requires_role(role), Handler::Step(say))
        .complete_prompt("hidden", Handler::Step(suggest))
}

fn requests_about_what_is_hidden() -> Vec<(&'static str, Value)> {
    let argument = |name: &str| json!({"name": name, "value": ""});
    let prompt = json!({"type": "ref/prompt", "name": "hidden"});
    let template = json!({"type": "ref/resource", "uri": "a://hidden/{id}"});
    vec![
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/read", json!({"uri": "a://hidden"})),
        ("resources/read", json!({"uri": "a://hidden/7"})),
        ("resources/subscribe", json!({"uri": "a://hidden"})),
        ("prompts/get", json!({"name": "hidden"})),
        (
            "completion/complete",
            json!({"ref": prompt, "argument": argument("x")}),
        ),
        (
            "completion/complete",
            json!({"ref": template, "argument": argument("id")}),
        ),
    ]
}

// P1, P9
#[test]
fn hidden_resource_is_hidden_by_each_of_its_spellings() {
    let all = ResourceTemplate::new("a://{+path}", "all");
    let catalog = with_hidden().template(all, Handler::Step(read));
    let mut world = World::offering(catalog.build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    for uri in [
        "a://hidden",
        "a://%68idden",
        "a://hidde%6E",
        "a://hidden/7",
        "a://%68idden/7",
        "a://hidden%2F7",
        "a://hidden//7",
        "a://hidden/./7",
        "a:///hidden",
        "a://hidden/",
    ] {
        let id = client.begin(&mut world, "resources/read", json!({"uri": uri}));
        let refused = answer(&world, id);
        assert_eq!(refused["message"], "There is no such resource.", "{uri}");
    }
    let params = json!({"uri": "a://shown/7"});
    let id = client.begin(&mut world, "resources/read", params);
    assert!(answer(&world, id)["contents"].is_array());
}

// P1, P8
#[test]
fn what_is_hidden_is_unknown_in_every_method() {
    let world = |catalog: CatalogBuilder| World::offering(catalog.build().unwrap());
    let (mut with, mut without) = (world(with_hidden()), world(open()));
    for revision in OLD.into_iter().chain([NEW]) {
        let here = Client::new(&mut with, revision, json!({}));
        let there = Client::new(&mut without, revision, json!({}));
        for (method, params) in requests_about_what_is_hidden() {
            let one = here.begin(&mut with, method, params.clone());
            let other = there.begin(&mut without, method, params.clone());
            let answered = |world: &World, id| {
                let response = world.sent(id).response.as_ref();
                let response = response.expect("it is answered at once");
                (response.status(), response.body().clone())
            };
            let one = answered(&with, one);
            let other = answered(&without, other);
            assert_eq!(one, other, "{revision} {method} {params}");
        }
    }
}

// P1: whoever hides a resource means its URI, whatever else would answer there.
#[test]
fn hidden_resource_is_not_read_by_a_template() {
    let hidden = Resource::new("a://file/hidden", "hidden").requires_role("Reports.Read");
    let catalog = Catalog::builder()
        .resource(hidden, Handler::Step(read))
        .template(
            ResourceTemplate::new("a://file/{name}", "file"),
            Handler::Step(read),
        );
    let mut world = World::offering(catalog.build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    let mut read = |uri: &str| client.ask(&mut world, "resources/read", json!({"uri": uri}));
    assert_eq!(read("a://file/open")["contents"][0]["text"], "text");
    assert_eq!(read("a://file/hidden")["code"], -32602);
}

// P1
#[test]
fn resource_beyond_the_scope_is_forbidden_until_its_client_asks_for_more() {
    let mail = Resource::new("a://mail", "mail").requires_scope("mail.read");
    let prompt = Prompt::new("mail", "About mail").requires_scope("mail.read");
    let catalog = open()
        .resource(mail, Handler::Step(read))
        .prompt(prompt, Handler::Step(say));
    let mut world = World::offering(catalog.build().unwrap());
    for revision in ["2025-11-25", NEW] {
        let client = Client::new(&mut world, revision, json!({}));
        // It is listed: a client can sign in for more.
        let listed = client.ask(&mut world, "resources/list", json!({}));
        assert!(listed.to_string().contains("a://mail"), "{listed}");
        for (method, params) in [
            ("resources/read", json!({"uri": "a://mail"})),
            ("prompts/get", json!({"name": "mail"})),
        ] {
            let id = client.begin(&mut world, method, params);
            let response = world.sent(id).response.as_ref().unwrap();
            assert_eq!(response.status(), 403, "{revision} {method}");
            let challenge = header(response, "www-authenticate");
            assert!(challenge.contains("insufficient_scope"), "{challenge}");
        }
    }
}

#[test]
fn resource_that_requires_a_scope_that_is_not_offered_is_a_start_error() {
    let mail = Resource::new("a://mail", "mail").requires_scope("mail.read");
    let catalog = Catalog::builder().resource(mail, Handler::Step(read));
    let error = catalog.build().unwrap_err().to_string();
    assert!(error.contains("The resource `a://mail`"), "{error}");
}
