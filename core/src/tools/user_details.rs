//! `getUserDetails`: who the signed-in user is, by Microsoft Graph.
//!
//! Source: Microsoft Graph v1.0, `GET /me` (user-get).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::catalog::{Call, Effect, EffectResult, Step, Tool, ToolResult};

/// As it is listed for clients.
pub(super) fn tool() -> Tool {
    Tool::new(
        "getUserDetails",
        "Get the profile of the signed-in user from Microsoft Graph: display name, mail address, user \
         principal name, and where known the job title, office, phone numbers and preferred language.",
    )
    .title("Get user details")
    .output_schema(output_schema())
    .read_only()
    .open_world(false)
    .requires_scope("user.read")
}

/// Asks Graph, and chooses of its answer.
pub(super) fn step(call: &Call) -> Step<ToolResult> {
    match call.results() {
        [EffectResult::Graph(Ok(found)), ..] => Step::done(profile(found.body())),
        [EffectResult::Graph(Err(error)), ..] => Step::failed(error.to_string()),
        // The path is a constant, never put together from arguments (threat P9).
        _ => Step::effect(Effect::graph(format!("v1.0/me?$select={SELECT}"))),
    }
}

/// What is asked for, and what is answered: in this order, the first three as in the demonstration
/// that this server replaces. What Graph does not know is null.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Profile {
    display_name: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
    id: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    job_title: Option<String>,
    office_location: Option<String>,
    business_phones: Option<Vec<String>>,
    mobile_phone: Option<String>,
    preferred_language: Option<String>,
}

const SELECT: &str = "displayName,mail,userPrincipalName,id,givenName,surname,jobTitle,\
                      officeLocation,businessPhones,mobilePhone,preferredLanguage";

fn output_schema() -> Value {
    let text = |description: &str| json!({"type": ["string", "null"], "description": description});
    json!({
        "type": "object",
        "properties": {
            "displayName": text("The name as it is shown."),
            "mail": text("The mail address; null if there is no mailbox."),
            "userPrincipalName": text("The name to sign in with."),
            "id": text("The object id in Entra ID."),
            "givenName": text("The given name."),
            "surname": text("The family name."),
            "jobTitle": text("The job title."),
            "officeLocation": text("The office."),
            "businessPhones": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The phone numbers at work.",
            },
            "mobilePhone": text("The mobile phone number."),
            "preferredLanguage": text("The preferred language, such as en-US."),
        },
        "required": [
            "displayName", "mail", "userPrincipalName", "id", "givenName", "surname", "jobTitle",
            "officeLocation", "businessPhones", "mobilePhone", "preferredLanguage",
        ],
        "additionalProperties": false,
    })
}

/// The chosen members and nothing else of what Graph sent (threat P5).
fn profile(body: &[u8]) -> ToolResult {
    // As an object first: serde would take an array for the struct, too.
    let members = serde_json::from_slice::<Map<String, Value>>(body);
    let read = members.and_then(|members| serde_json::from_value(Value::Object(members)));
    let Ok(mut profile) = read as Result<Profile, _> else {
        return ToolResult::error("Microsoft Graph gave an answer that could not be read.");
    };
    profile.business_phones.get_or_insert_default();
    ToolResult::structured(&profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::Revision;

    fn json(body: &[u8]) -> Map<String, Value> {
        profile(body).to_json(Revision::V2025_11_25)
    }

    // P5
    #[test]
    fn user_details_have_the_selected_members_only() {
        let body = br#"{"@odata.context": "https://graph.example/$metadata", "mail": null,
            "displayName": "Adele", "businessPhones": null, "passwordProfile": {"password": "x"}}"#;
        let result = json(body);
        let structured = &result["structuredContent"];
        let schema = output_schema();
        let named: Vec<_> = schema["required"].as_array().unwrap().iter().collect();
        assert_eq!(structured.as_object().unwrap().len(), named.len());
        for name in named {
            assert!(structured.get(name.as_str().unwrap()).is_some(), "{name}");
            assert!(SELECT.split(',').any(|selected| selected == name));
        }
        assert_eq!(structured["businessPhones"], json!([]));
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), structured);
        assert!(!text.contains("password"));
    }

    #[test]
    fn invalid_profile_is_a_tool_error() {
        for body in ["", "<html>", "[]", r#"{"displayName": 7}"#] {
            let result = json(body.as_bytes());
            assert_eq!(result["isError"], true, "{body}");
            assert!(result.get("structuredContent").is_none());
        }
    }

    // H11, P6
    #[test]
    fn listed_tool_has_members_of_its_revision_and_no_remote_references() {
        let members = |revision| {
            let tool = Value::Object(tool().to_json(revision));
            assert!(!tool.to_string().contains("$ref"));
            assert!(tool.to_string().is_ascii());
            let members = tool.as_object().unwrap();
            members.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        let oldest = "description inputSchema name";
        assert_eq!(members(Revision::V2024_11_05), oldest);
        let annotated = "annotations description inputSchema name";
        assert_eq!(members(Revision::V2025_03_26), annotated);
        let all = "annotations description inputSchema name outputSchema title";
        assert_eq!(members(Revision::V2025_06_18), all);
        assert_eq!(members(Revision::V2026_07_28), all);
    }
}
