//! Versions as WHMCS writes them: `8.13.0-rc.1`.

use std::fmt;

/// How far a version was when it was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `-alpha.1`
    Alpha,
    /// `-beta.1`
    Beta,
    /// `-rc.1`
    Candidate,
    /// `-release.1`
    Release,
}

/// A version, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    numbers: [u32; 3],
    stage: Stage,
    build: u32,
}

impl Version {
    /// Reads one. Without a stage (`8.13.0`) it is the first release of it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numbers, stage) = match text.trim().split_once('-') {
            Some((numbers, stage)) => (numbers, Some(stage.split_once('.')?)),
            None => (text.trim(), None),
        };
        let mut parts = numbers.split('.').map(number);
        let numbers = [parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?];
        if parts.next().is_some() {
            return None;
        }
        let (stage, build) = match stage {
            None => (Stage::Release, 1),
            Some((name, build)) => (STAGES.iter().find(|(known, _)| *known == name)?.1, number(build)?),
        };
        Some(Self { numbers, stage, build })
    }

    /// How far it was when it was packed.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }
}

const STAGES: [(&str, Stage); 4] =
    [("alpha", Stage::Alpha), ("beta", Stage::Beta), ("rc", Stage::Candidate), ("release", Stage::Release)];

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        let stage = STAGES.iter().find(|(_, stage)| *stage == self.stage).map_or("release", |(name, _)| *name);
        write!(f, "{major}.{minor}.{patch}-{stage}.{}", self.build)
    }
}

/// The version that the head of a file says: `Version: 8.13.1 (8.13.1-release.1)`.
pub(crate) fn in_head(text: &str) -> Option<Version> {
    let (_, rest) = text.split_once("Version: ")?;
    let line = rest.lines().next()?;
    let said = match line.split_once('(') {
        Some((_, rest)) => rest.split_once(')')?.0,
        None => line.split_whitespace().next()?,
    };
    Version::parse(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in ["", "8", "8.", "8.x.1", "8.1.2.3", "8.1.2-release", "8.1.2-final.1", "8.1.2-rc.x", "-rc.1", "+8.1"]
        {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        for head in ["", "<?php", "Version: ", "* Version: 8.1.2 (8.1.2-release.1\n)", "Version: (unknown)"] {
            assert_eq!(in_head(head), None, "{head}");
        }
    }

    #[test]
    fn versions_come_in_the_order_in_which_they_are_made() {
        let order =
            ["8.9.0", "8.13.0-alpha.1", "8.13.0-beta.2", "8.13.0-rc.1", "8.13.0-rc.10", "8.13.0", "8.13.1-rc.1"];
        assert!(order.windows(2).all(|pair| version(pair[0]) < version(pair[1])), "{order:?}");
        assert_eq!(version("8.13.0"), version(" 8.13.0-release.1\n"));
        assert_eq!(version("8.13.0").to_string(), "8.13.0-release.1");
    }

    #[test]
    fn the_head_says_it_in_brackets_or_without() {
        let head = "<?php\n// * Version: 8.13.1 (8.13.1-release.1)   *\n// * Build\n";
        assert_eq!(in_head(head), Some(version("8.13.1")));
        assert_eq!(in_head("* Version: 8.13.1-rc.2 *"), Some(version("8.13.1-rc.2")));
    }
}
