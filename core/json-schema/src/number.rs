//! Numbers as JSON Schema sees them: `1` and `1.0` are the same one, and an integer.

use std::cmp::Ordering;

use serde_json::Number;

/// The integer that a number is, if it is one.
pub(crate) fn integer(number: &Number) -> Option<i128> {
    if let Some(integer) = number.as_i64() {
        return Some(integer.into());
    }
    if let Some(integer) = number.as_u64() {
        return Some(integer.into());
    }
    decimal(number)?.integer()
}

/// Whether it is a whole number, however large.
pub(crate) fn is_integer(number: &Number) -> bool {
    number.is_i64()
        || number.is_u64()
        || number
            .as_f64()
            .is_some_and(|float| float.is_finite() && float.fract() == 0.0)
}

/// Compares two numbers.
pub(crate) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (integer(one), integer(other)) {
        return Some(one.cmp(&other));
    }
    one.as_f64()?.partial_cmp(&other.as_f64()?)
}

/// Whether a number is a whole multiple of another. Both are taken for the decimal numbers that were written.
pub(crate) fn is_multiple(number: &Number, of: &Number) -> bool {
    let exact = || decimal(number)?.is_multiple(&decimal(of)?);
    let rough = || {
        let quotient = number.as_f64().unwrap_or(f64::NAN) / of.as_f64().unwrap_or(f64::NAN);
        quotient.fract() == 0.0
    };
    exact().unwrap_or_else(rough)
}

/// A decimal number.
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// The digits if the exponent were this one, which is not larger.
    fn scaled(&self, exponent: i32) -> Option<i128> {
        let places = u32::try_from(self.exponent.checked_sub(exponent)?).ok()?;
        self.digits.checked_mul(10_i128.checked_pow(places)?)
    }

    /// `None` if it has too many digits.
    fn is_multiple(&self, of: &Self) -> Option<bool> {
        let number = self.digits.unsigned_abs();
        let modulus = of.digits.unsigned_abs();
        // So that products of two rests fit.
        u64::try_from(modulus).ok().filter(|modulus| *modulus > 0)?;
        let places = self.exponent.checked_sub(of.exponent)?;
        if places < 0 {
            let unit = 10_u128.checked_pow(places.unsigned_abs());
            let modulus = unit.and_then(|unit| modulus.checked_mul(unit));
            // What does not fit is larger than the number.
            return Some(modulus.map_or(number == 0, |modulus| number.is_multiple_of(modulus)));
        }
        let (mut rest, mut power) = (number % modulus, 10 % modulus);
        let mut places = places.unsigned_abs();
        while places > 0 {
            if places % 2 == 1 {
                rest = rest * power % modulus;
            }
            power = power * power % modulus;
            places /= 2;
        }
        Some(rest == 0)
    }

    fn integer(&self) -> Option<i128> {
        if self.exponent >= 0 {
            return self.scaled(0);
        }
        let unit = 10_i128.checked_pow(self.exponent.unsigned_abs())?;
        (self.digits % unit == 0).then_some(self.digits / unit)
    }
}

/// A number as it is written; `None` if it has too many digits.
fn decimal(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let places = i32::try_from(fraction.len()).ok()?;
    Some(Decimal {
        digits: format!("{whole}{fraction}").parse().ok()?,
        exponent: exponent.checked_sub(places)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn number_is_an_integer_however_it_is_written() {
        for (text, expected) in [("5", 5), ("5.0", 5), ("-3.0", -3), ("1e3", 1000)] {
            assert_eq!(integer(&number(text)), Some(expected), "{text}");
        }
        assert_eq!(integer(&number("0.5")), None);
        assert!(is_integer(&number("1e300")));
        assert!(!is_integer(&number("0.1")));
    }

    #[test]
    fn multiples_are_those_of_decimal_numbers() {
        for (multiple, of, expected) in [
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("4.5", "1.5", true),
            ("0.3", "0.1", true),
            ("7", "2", false),
            ("1e20", "3", false),
            ("18446744073709551615", "5", true),
            ("1e308", "0.123456789", false),
            ("1e308", "0.00000000000000000000125", true),
            ("-7e-300", "7e300", false),
            ("0.0", "7e300", true),
            ("3e-300", "1.5e-300", true),
        ] {
            let is = is_multiple(&number(multiple), &number(of));
            assert_eq!(is, expected, "{multiple} of {of}");
        }
    }

    #[test]
    fn large_integers_are_compared_exactly() {
        let one = number("9007199254740993");
        let other = number("9007199254740992");
        assert_eq!(compare(&one, &other), Some(Ordering::Greater));
        assert_eq!(compare(&number("1"), &number("1.5")), Some(Ordering::Less));
    }
}
