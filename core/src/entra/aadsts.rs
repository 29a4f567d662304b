//! What the numbers of Entra's errors mean, for operators and users (Microsoft identity platform,
//! "Microsoft Entra authentication and authorization error codes").
//!
//! Nothing is decided by a number: Microsoft changes them. The descriptions are this server's own.

/// Returns what an `AADSTS` number means, if it is one that operators and users meet: ASCII without
/// quotation marks, so that it may stand in an `error_description` (RFC 6749 section 5.2).
pub(crate) fn meaning(number: u64) -> Option<&'static str> {
    Some(match number {
        50011 | 500_112 => {
            "The callback address of this server is not a redirect URI of its app registration."
        }
        50020 => "The account belongs to another tenant and is no guest of this one.",
        50034 => "The account does not exist in this tenant.",
        50055 => "The password has expired.",
        50057 => "The account is disabled.",
        50074 | 50076 | 50079 => "Multi-factor authentication is required.",
        50078 => "The multi-factor authentication has expired.",
        50105 => "The user is not assigned to the application, which requires it.",
        50133 | 50173 => "The password was changed or the sign-ins were revoked since.",
        50194 => "The application belongs to one tenant: set the tenant id.",
        50196 => "Entra ID has stopped a loop of the same requests.",
        53000..=53002 => "The device or app does not meet a policy of Conditional Access.",
        53003 => "A policy of Conditional Access blocks the access.",
        54005 => "The authorization code of Entra ID was redeemed already.",
        65001 => "Nobody has consented to a permission: an administrator may have to.",
        65004 => "The user declined to consent.",
        650_053 => "A permission that was asked for does not exist.",
        70008 | 700_082 => "The grant has expired because it was not used.",
        700_016 => "The client id of this server is not known in the tenant.",
        700_027 => "The client assertion of this server was not accepted.",
        7_000_215 => "The client secret is wrong: set its value, not its id.",
        7_000_218 => "The client secret is missing.",
        7_000_222 => "The client secret has expired.",
        90002 => "The tenant does not exist in this cloud.",
        90094 => "An administrator must consent first.",
        9_010_010 => "The resource and the scopes belong to different applications.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_that_is_met_has_a_meaning_of_its_own() {
        let numbers = [
            50011, 500_112, 50020, 50034, 50055, 50057, 50074, 50076, 50078, 50079, 50105, 50133,
            50173, 50194, 50196, 53000, 53001, 53002, 53003, 54005, 65001, 65004, 650_053, 70008,
            700_016, 700_027, 700_082, 7_000_215, 7_000_218, 7_000_222, 90002, 90094, 9_010_010,
        ];
        let mut meanings = std::collections::BTreeSet::new();
        for number in numbers {
            let meaning = meaning(number).unwrap_or_else(|| panic!("{number}"));
            assert!(
                meaning.is_ascii() && !meaning.contains(['"', '\\']),
                "{meaning}"
            );
            meanings.insert(meaning);
        }
        assert_eq!(meanings.len(), 26);
        for unknown in [0, 50012, 52999, 53004, u64::MAX] {
            assert_eq!(meaning(unknown), None, "{unknown}");
        }
    }
}
