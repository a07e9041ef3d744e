//! The order of versions.

use std::cmp::Ordering;

/// Compares names as people read them: runs of digits by their value, everything else byte by byte.
pub fn compare(one: &str, other: &str) -> Ordering {
    // Equal but for leading zeros: the bytes decide, so that the order is total.
    parts(one).cmp(parts(other)).then_with(|| one.cmp(other))
}

/// A run of digits or of other bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// Without leading zeros: the longer is the greater.
    Number(usize, &'a [u8]),
    Other(&'a [u8]),
}

fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).map(|run| {
        if !run[0].is_ascii_digit() {
            return Part::Other(run);
        }
        let zeros = run.iter().take_while(|digit| **digit == b'0').count();
        Part::Number(run.len() - zeros, &run[zeros..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_by_their_value() {
        let mut names = ["v10", "v9", "1.10.0", "1.9", "01", "1", "2022081200", "20220812001"];
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(names, ["01", "1", "1.9", "1.10.0", "2022081200", "20220812001", "v9", "v10"]);
        assert_eq!(compare("a", "a"), Ordering::Equal);
    }
}
