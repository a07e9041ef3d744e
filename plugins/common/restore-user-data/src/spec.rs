//! How an entry of `copy` and `carry` is written.

use liftlock_sdk::failure::Failure;

/// An entry of `copy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopySpec {
    /// A path; a `*` in one of its parts stands for any text.
    pub(crate) path: String,
    pub(crate) optional: bool,
}

/// An entry of `carry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CarrySpec {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) optional: bool,
}

impl CopySpec {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (path, optional) = split_optional(text);
        not_empty(text, path)?;
        Ok(Self { path: path.to_owned(), optional })
    }

    /// Whether it stands for more than one path.
    pub(crate) fn is_pattern(&self) -> bool {
        self.path.contains('*')
    }
}

/// Whether a name fits a part of a path in which `*` stands for any text.
pub(crate) fn fits(part: &str, name: &str) -> bool {
    let mut pieces = part.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl CarrySpec {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (paths, optional) = split_optional(text);
        let (from, to) = paths.split_once(" -> ").unwrap_or((paths, paths));
        let (from, to) = (from.trim(), to.trim());
        not_empty(text, from)?;
        not_empty(text, to)?;
        Ok(Self { from: from.to_owned(), to: to.to_owned(), optional })
    }
}

fn split_optional(text: &str) -> (&str, bool) {
    match text.trim().strip_suffix('?') {
        Some(path) => (path, true),
        None => (text.trim(), false),
    }
}

fn not_empty(text: &str, path: &str) -> Result<(), Failure> {
    if path.is_empty() {
        return Err(Failure::new("param-wrong", format!("`{text}` does not name a path")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_path_is_refused() {
        assert!(CopySpec::parse("?").is_err());
        assert!(CarrySpec::parse(" ").is_err());
        assert!(CarrySpec::parse("a -> ?").is_err());
    }

    #[test]
    fn a_star_is_any_text_and_nothing_else_is() {
        for name in ["local.ph", "xlocal", "loc.php", "local.php.bak"] {
            assert!(!fits("*local*.php", name), "{name}");
        }
        assert!(!fits("ab*ba", "aba"));
        assert!(!fits("a", "ab"));
        for name in ["local.php", "parameters_local.php", "local_dev.php"] {
            assert!(fits("*local*.php", name), "{name}");
        }
        assert!(fits("*", "") && fits("*", "any") && fits("a", "a"));
    }

    #[test]
    fn both_forms_are_read() {
        let copy = CopySpec::parse("plugins/*/config.inc.php?").unwrap();
        assert!(copy.optional && copy.is_pattern());
        let spool = CarrySpec::parse("app/spool -> var/spool?").unwrap();
        assert_eq!((spool.from.as_str(), spool.to.as_str(), spool.optional), ("app/spool", "var/spool", true));
        let media = CarrySpec::parse("media").unwrap();
        assert_eq!((media.from.as_str(), media.to.as_str(), media.optional), ("media", "media", false));
    }
}
