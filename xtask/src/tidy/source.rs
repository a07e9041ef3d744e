//! The text files of the repository, and which of their lines are code that ships.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A text file.
pub(super) struct Source {
    /// From the root of the repository, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Lines of shipped code with their numbers: neither comments nor tests.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        // `testing.rs` is what the tests of several modules share.
        let tests_only = self.path.contains("/tests/") || TESTS.iter().any(|name| self.path.ends_with(name));
        let lines = if tests_only { "" } else { before_tests(&self.text) };
        lines.lines().enumerate().filter(|(_, line)| !is_comment(line)).map(|(index, line)| (index + 1, line))
    }
}

/// Files that only tests are built with.
const TESTS: [&str; 2] = ["/tests.rs", "/testing.rs"];

/// The tests stand at the end of a file.
fn before_tests(text: &str) -> &str {
    let mut offset = 0;
    for (line, next) in text.lines().zip(text.lines().skip(1)) {
        if line.starts_with("#[cfg(test)]") && next.starts_with("mod ") && next.ends_with('{') {
            return &text[..offset];
        }
        offset += line.len() + 1;
    }
    text
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Directories that are not ours to tidy. In a second working tree `.git` is a file.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// Reads every file that is text, sorted by path.
///
/// # Errors
/// What the file system says.
pub(super) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(root: &Path, below: &str, sources: &mut Vec<Source>) -> Result<()> {
    let directory = root.join(below);
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, sources)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_no_code() {
        let text = "use a;\n// b\nfn c() {}\n#[cfg(test)]\nmod tests {\n    d();\n}\n";
        let source = Source { path: "host/src/x.rs".to_owned(), text: text.to_owned() };
        let lines: Vec<_> = source.code().collect();
        assert_eq!(lines, [(1, "use a;"), (3, "fn c() {}")]);
    }

    #[test]
    fn a_file_of_tests_has_no_code() {
        for path in ["host/src/x/tests.rs", "host/src/x/tests/big.rs", "host/src/x/testing.rs"] {
            let source = Source { path: path.to_owned(), text: "use a;\n".to_owned() };
            assert_eq!(source.code().count(), 0, "{path}");
        }
    }

    #[test]
    fn bytes_and_build_results_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("target")).unwrap();
        fs::write(root.path().join("target/x.rs"), "x").unwrap();
        fs::write(root.path().join("bytes"), [0xff, 0xfe]).unwrap();
        fs::write(root.path().join("text"), "t").unwrap();
        let paths: Vec<_> = read(root.path()).unwrap().into_iter().map(|source| source.path).collect();
        assert_eq!(paths, ["text"]);
    }
}
