//! Sizes and durations as people write them: "256 MiB", "10m", "1h 30m".

use std::time::Duration;

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes. The unit must be there: "256" could mean anything.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (bytes, rest) = leading_amount(text.trim(), &SIZES)?;
    rest.is_empty().then_some(bytes)
}

/// A duration: one amount or several, biggest or smallest first.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut rest = text.trim();
    loop {
        let (millis, behind) = leading_amount(rest, &DURATIONS)?;
        total = total.checked_add(millis)?;
        if behind.is_empty() {
            return Some(Duration::from_millis(total));
        }
        rest = behind;
    }
}

/// Number and unit at the start of the text, multiplied, and what is behind them.
fn leading_amount<'t>(text: &'t str, units: &[(&str, u64)]) -> Option<(u64, &'t str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, behind) = rest.split_at(letters);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some((number.parse::<u64>().ok()?.checked_mul(*factor)?, behind.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_without_a_known_unit_is_refused() {
        for text in ["", "256", "MiB", "-1 MiB", "1.5 GiB", "1 mib", "1 MiB 5 B", "99999999999 TiB", "१ MiB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
        assert_eq!(parse_size("256 MiB"), Some(256 << 20));
        assert_eq!(parse_size("4GiB"), Some(4 << 30));
        assert_eq!(parse_size(" 16 kB "), Some(16_000));
    }

    #[test]
    fn a_duration_without_a_known_unit_is_refused() {
        for text in ["", "10", "m", "10 minutes", "1h30", "99999999999999d", "1m -1s"] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
        assert_eq!(parse_duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("1h 30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
    }
}
