//! Version numbers, as Mautic, PHP and database servers write them.

use std::fmt;

/// Three numbers. What is behind them (`-dev`, `-0ubuntu0.18`) is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The version that a text begins with; none if it does not begin with two numbers and a dot between.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '.');
        let (major, minor) = (number(parts.next()?)?, parts.next()?);
        let patch = parts.next().and_then(number).unwrap_or(0);
        Some(Self(major, number(minor)?, patch))
    }

    /// That of a MariaDB server, which may put "5.5.5-" in front for old clients.
    #[must_use]
    pub fn of_mariadb(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix("5.5.5-").unwrap_or(text))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The digits at the start.
fn number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_version_is_none() {
        for text in ["", "2", "two.one", ".1", "2.", "<?php", "99999999999.1.1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_read_and_compared_by_number() {
        assert_eq!(Version::parse("2.16.5\n"), Some(Version(2, 16, 5)));
        assert_eq!(Version::parse("7.2.21-1+ubuntu18.04.1+deb.sury.org+1"), Some(Version(7, 2, 21)));
        assert_eq!(Version::parse("3.0-beta"), Some(Version(3, 0, 0)));
        assert_eq!(Version::of_mariadb("5.5.5-10.6.12-MariaDB"), Some(Version(10, 6, 12)));
        assert_eq!(Version::of_mariadb("10.11.2-MariaDB-1:10.11.2"), Some(Version(10, 11, 2)));
        assert!(Version(2, 16, 10) > Version(2, 16, 3) && Version(10, 0, 0) > Version(9, 99, 99));
    }
}
