//! Dates as Entra and Graph write them, and identifiers.

use entra_mcp_wire::entropy::Entropy;

/// A date and a time of day, UTC.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Seconds since 1970 as a civil date: days are counted in eras of 400 years that begin on 1 March
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn civil(unix: u64) -> Civil {
    let (days, seconds) = (unix / 86_400 + 719_468, unix % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    Civil {
        year: era * 400 + year_of_era + (month <= 2) as u64,
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
        hour: seconds / 3_600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    }
}

/// `2026-08-13 21:24:29Z`, as in Entra's errors.
pub(super) fn entra(unix: u64) -> String {
    let c = civil(unix);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
}

/// `2026-08-13T21:24:29`, as in Graph's errors: without `Z`.
pub(super) fn graph(unix: u64) -> String {
    entra(unix).replace(' ', "T").replace('Z', "")
}

/// `2026-08-13T21:24:29.0000000Z`, as in the texts of Entra's errors.
pub(super) fn long(unix: u64) -> String {
    format!("{}.0000000Z", graph(unix))
}

/// A random GUID (RFC 9562 version 4).
pub(super) fn guid(entropy: &mut Entropy) -> String {
    let random = u128::from_be_bytes(entropy.bytes());
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// Whether a text is a GUID.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use entra_mcp_wire::entropy::Seed;

    #[test]
    fn dates_have_the_format_of_entra() {
        assert_eq!(entra(0), "1970-01-01 00:00:00Z");
        assert_eq!(entra(951_868_799), "2000-02-29 23:59:59Z");
        assert_eq!(entra(1_786_656_269), "2026-08-13 21:24:29Z");
        assert_eq!(graph(1_786_656_269), "2026-08-13T21:24:29");
        assert_eq!(long(4_107_542_400), "2100-03-01T00:00:00.0000000Z");
    }

    #[test]
    fn guid_is_random_version_4() {
        let mut entropy = Entropy::new(&Seed::new([1; 32]));
        let (one, other) = (guid(&mut entropy), guid(&mut entropy));
        assert!(is_guid(&one) && is_guid(&other) && one != other, "{one}");
        assert_eq!(one.get(14..15), Some("4"));
        assert!(!is_guid("common") && !is_guid(&one.replace('-', "+")));
    }
}
