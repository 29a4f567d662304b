//! How session tokens begin: it follows from the public URL, so it is hashed once for all of them.
//!
//! ```text
//! HEADER . base64url({"iss":"https://mcp.example","aud":"https://mcp.example/mcp","sub":" ...
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::config::PublicUrl;

/// `{"alg":"HS256","typ":"at+jwt"}`: the only header there is.
pub(crate) const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9";

/// The beginning of the tokens for each resource.
pub(crate) fn beginnings(public_url: &PublicUrl) -> impl Iterator<Item = String> {
    let issuer = public_url.issuer();
    let resources = public_url.resources().iter().map(String::as_str);
    resources.chain([issuer]).map(move |audience| {
        let claims = format!("{{\"iss\":\"{issuer}\",\"aud\":\"{audience}\",\"sub\":\"");
        // Three bytes are four characters, whatever follows.
        let (whole, _) = claims.as_bytes().as_chunks::<3>();
        format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(whole.as_flattened()))
    })
}
