//! The version of a migration: the 14 digits of the moment at which it was written.

use std::fmt;

/// What class names of migrations end in, before the digits.
const CLASS: &str = "Version";

/// Where Mautic's migrations live: the front of a class name in a ledger.
const NAMESPACE: &str = "Mautic\\Migrations\\";

/// Which migration. Ordered as they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

impl Version {
    /// A version that is known when this is compiled.
    pub const fn new(digits: u64) -> Self {
        Self(digits)
    }

    /// The version of 14 digits; none for anything else.
    pub fn from_digits(text: &str) -> Option<Self> {
        let whole = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The version that a row of a ledger names: by its digits (Doctrine 1 and 2) or its class (Doctrine 3). None for a row
    /// that is no migration of Mautic's.
    pub fn from_row(text: &str) -> Option<Self> {
        let class = text.trim_start_matches('\\').strip_prefix(NAMESPACE);
        Self::from_digits(class.and_then(|name| name.strip_prefix(CLASS)).unwrap_or(text))
    }

    /// The version of a file `Version20190724110039.php`; none for any other file.
    pub fn from_file(name: &str) -> Option<Self> {
        Self::from_digits(name.strip_prefix(CLASS)?.strip_suffix(".php")?)
    }

    /// The name of its class, as Doctrine 3 writes it into a ledger.
    pub fn class(self) -> String {
        format!("{NAMESPACE}{CLASS}{self}")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

/// The versions on the lines of a slot's output. Lines that are none are left out: outputs are words, not authority.
pub fn from_lines(text: &str) -> Vec<Version> {
    text.lines().filter_map(Version::from_digits).collect()
}

/// One version a line: a slot's output.
pub fn to_lines<'a>(versions: impl IntoIterator<Item = &'a Version>) -> String {
    versions.into_iter().map(|version| format!("{version}\n")).collect()
}

/// The versions in one sentence, at most twenty by name.
pub fn in_words(versions: &[Version]) -> String {
    const NAMED: usize = 20;
    let names: Vec<_> = versions.iter().take(NAMED).map(Version::to_string).collect();
    match versions.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_version_is_none() {
        for text in
            ["", "2019072411003", "201907241100390", "2019072411003x", "+2019072411003", "２０１９０７２４１１００３９"]
        {
            assert_eq!(Version::from_digits(text), None, "{text}");
        }
        assert_eq!(Version::from_row("Other\\Migrations\\Version20190724110039"), None);
        assert_eq!(Version::from_row("Version20190724110039"), None);
        for name in ["Migration.template", "Version20190724110039.php.bak", "20190724110039.php", "Version1.php"] {
            assert_eq!(Version::from_file(name), None, "{name}");
        }
    }

    #[test]
    fn digits_class_and_file_are_the_same_version() {
        let version = Version::new(20190724110039);
        assert_eq!(Version::from_row("20190724110039"), Some(version));
        assert_eq!(Version::from_row("Mautic\\Migrations\\Version20190724110039"), Some(version));
        assert_eq!(Version::from_row(&version.class()), Some(version));
        assert_eq!(Version::from_file("Version20190724110039.php"), Some(version));
        assert_eq!(version.to_string(), "20190724110039");
    }

    #[test]
    fn lines_go_there_and_back() {
        let versions = [Version::new(20181111095447), Version::new(20190724110039)];
        assert_eq!(from_lines(&to_lines(&versions)), versions);
        assert_eq!(from_lines("nonsense\n20190724110039\n; DROP TABLE a"), versions[1..]);
    }

    #[test]
    fn a_long_list_is_cut_in_words() {
        let versions: Vec<_> = (0..25).map(|at| Version::new(20190000000000 + at)).collect();
        let words = in_words(&versions);
        assert!(words.starts_with("20190000000000, 20190000000001, ") && words.ends_with(" and 5 more"), "{words}");
        assert_eq!(in_words(&versions[..2]), "20190000000000, 20190000000001");
    }
}
