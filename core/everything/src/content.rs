//! Tools that return content of every kind, and one that fails.

use entra_mcp_core::catalog::{Call, CatalogBuilder, Content, ResourceContents, Step, ToolResult};

use crate::plain;

/// A picture of one red dot.
pub(crate) const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 0x0c, b'I', b'D', b'A', b'T', 8,
    0xd7, 0x63, 0xf8, 0xcf, 0xc0, 0, 0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// A sound of no samples: 8000 a second, 8 bits each, one channel.
const WAV: &[u8] =
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0";

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    plain(
        catalog,
        &[
            ("test_simple_text", "Returns a simple text", text),
            ("test_image_content", "Returns an image", image),
            ("test_audio_content", "Returns a sound", audio),
            (
                "test_embedded_resource",
                "Returns a resource, whole",
                embedded,
            ),
            (
                "test_multiple_content_types",
                "Returns content of several kinds",
                several,
            ),
            (
                "test_error_handling",
                "Fails with a message that a model can act on",
                error,
            ),
        ],
    )
}

fn text(_: &Call) -> Step<ToolResult> {
    Step::done("This is a simple text response for testing.")
}

fn image(_: &Call) -> Step<ToolResult> {
    Step::done(Content::image(PNG, "image/png"))
}

fn audio(_: &Call) -> Step<ToolResult> {
    Step::done(Content::audio(WAV, "audio/wav"))
}

fn embedded(_: &Call) -> Step<ToolResult> {
    let text = "This is an embedded resource content.";
    let contents = ResourceContents::text("test://embedded-resource", text);
    Step::done(Content::embedded(contents.mime_type("text/plain")))
}

fn several(_: &Call) -> Step<ToolResult> {
    let json = r#"{"test":"data","value":123}"#;
    let contents = ResourceContents::text("test://mixed-content-resource", json);
    let content = [
        Content::text("Multiple content types test:").meta("com.example/color", "red"),
        Content::image(PNG, "image/png"),
        Content::embedded(contents.mime_type("application/json")),
    ];
    Step::done(ToolResult::content(content).meta("com.example/color", "red"))
}

fn error(_: &Call) -> Step<ToolResult> {
    Step::failed("This tool intentionally returns an error for testing")
}
