//! ChatGPT where its keys can be had: it proves by a signature who it is. Its document stands on a site of this computer,
//! as its own site is not reached from here.

use crate::{
    Program, Server, browser::Browser, client::VERIFIER, client_site::ClientSite,
    raw_http::Response, recorded,
};

const CALLBACK: &str = "https://chatgpt.com/connector_platform_oauth_redirect";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn code(server: &Server, client_id: &str) -> String {
    let resource = format!("{}/mcp", server.url());
    let parameters = [
        ("client_id", client_id),
        ("redirect_uri", CALLBACK),
        ("scope", "user.read"),
        ("resource", &resource),
        ("state", "oauth_s_8"),
    ];
    let address = recorded::address(server, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, CALLBACK);
    recorded::code(server, &landed, "oauth_s_8")
}

fn redeem(server: &Server, code: &str, more: &[(&str, &str)]) -> Response {
    let resource = format!("{}/mcp", server.url());
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("resource", &resource),
    ];
    fields.extend(more);
    recorded::token(server, &[], &fields)
}

/// E14, H8: an assertion is good once, for this server; one that is used again spends no code of another sign-in. Without
/// an assertion the client comes in only if its document names `none`. The site is asked for each of its files once.
pub fn chatgpt_proves_who_it_is_by_the_keys_of_its_document(program: &Program) {
    for (methods, may_go_without) in [
        (&["none", "private_key_jwt"][..], true),
        (&["private_key_jwt"][..], false),
    ] {
        let site = ClientSite::of(CALLBACK, methods);
        let server = site.start(program);
        let (_, metadata) = recorded::discover(&server, &[]);
        assert_eq!(metadata["client_id_metadata_document_supported"], true);
        let id = site.client_id();
        let endpoint = metadata["token_endpoint"].as_str().unwrap();
        let by = |assertion: &str, code: &str| {
            let proof = [
                ("client_assertion_type", TYPE),
                ("client_assertion", assertion),
            ];
            redeem(&server, code, &proof)
        };
        let [first, second] = [(); 2].map(|()| code(&server, &id));
        let for_another = site.assertion("https://other.example/token", "j7");
        let refused = by(&for_another, &first);
        assert_eq!(
            recorded::error(&refused),
            (401, "invalid_client".to_owned())
        );
        assert_eq!(site.asked(), ["/oauth/client.json"]);
        let assertion = site.assertion(endpoint, "j8");
        let _ = recorded::tokens(&server, &id, &by(&assertion, &first));
        let replayed = by(&assertion, &second);
        assert_eq!(
            recorded::error(&replayed),
            (401, "invalid_client".to_owned())
        );
        assert_eq!(site.asked(), ["/oauth/client.json", "/oauth/jwks.json"]);
        let without = redeem(&server, &second, &[("client_id", &id)]);
        if may_go_without {
            let _ = recorded::tokens(&server, &id, &without);
        } else {
            assert_eq!(recorded::error(&without), (400, "invalid_grant".to_owned()));
            let again = by(&site.assertion(endpoint, "j9"), &second);
            let _ = recorded::tokens(&server, &id, &again);
        }
    }
}
