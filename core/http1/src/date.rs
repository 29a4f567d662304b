//! The date of a response (RFC 9110 section 5.6.7, IMF-fixdate), written without the machinery of formatting.

use entra_mcp_wire::time::UnixTime;

/// The last second of the year 9999, after which HTTP has no dates.
const LATEST: u64 = 253_402_300_799;

const DAY: u64 = 24 * 60 * 60;

/// The first of January 1970 was a Thursday.
const WEEKDAYS: [&[u8; 5]; 7] = [
    b"Thu, ", b"Fri, ", b"Sat, ", b"Sun, ", b"Mon, ", b"Tue, ", b"Wed, ",
];

/// The months of a year that begins with March, so that the day of a leap year is its last.
const MONTHS: [&[u8; 5]; 12] = [
    b" Mar ", b" Apr ", b" May ", b" Jun ", b" Jul ", b" Aug ", b" Sep ", b" Oct ", b" Nov ",
    b" Dec ", b" Jan ", b" Feb ",
];

/// Appends a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn append(out: &mut Vec<u8>, time: UnixTime) {
    let seconds = time.0.min(LATEST);
    let (days, second) = (seconds / DAY, seconds % DAY);
    // Counted from the first of March of the year 0, in turns of 400 years.
    let days_of_turns = days + 719_468;
    let (turn, day) = (days_of_turns / 146_097, days_of_turns % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = 400 * turn + year + u64::from(month >= 10);
    out.extend_from_slice(name_of(&WEEKDAYS, days % 7));
    two_digits(out, day);
    out.extend_from_slice(name_of(&MONTHS, month));
    two_digits(out, year / 100);
    two_digits(out, year % 100);
    for (before, number) in [
        (b' ', second / 3600),
        (b':', second / 60 % 60),
        (b':', second % 60),
    ] {
        out.push(before);
        two_digits(out, number);
    }
    out.extend_from_slice(b" GMT");
}

fn name_of<'a>(names: &[&'a [u8; 5]], number: u64) -> &'a [u8] {
    let number = usize::try_from(number).unwrap_or_default();
    names.get(number).map_or(b"", |name| name.as_slice())
}

fn two_digits(out: &mut Vec<u8>, number: u64) {
    out.extend([number / 10, number % 10].map(|digit| b'0' + (digit % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_that_of_the_second() {
        for (second, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_772_323_200, "Sun, 01 Mar 2026 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (LATEST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let mut out = Vec::new();
            append(&mut out, UnixTime(second));
            assert_eq!(String::from_utf8(out).unwrap(), date, "{second}");
        }
    }
}
