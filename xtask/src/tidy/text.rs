//! Rules for the text of one file: module documentation, length, unfinished work, paths of somebody's machine.

use super::Finding;
use super::source::Source;

/// Lines that a Rust file may have. One thing a file: a longer one wants to be two.
const LONGEST: usize = 450;

/// Written in two halves, so that this file does not find itself.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Directories that exist on one machine only.
const MACHINE: [&str; 4] =
    [concat!("/", "work/"), concat!("/", "root/"), concat!("/tmp/", "scratch"), concat!("/tmp/", "briefs")];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.is_rust() {
        findings.extend(module_doc(source));
        findings.extend(length(source));
    }
    // Made by cargo.
    if !source.path.ends_with("Cargo.lock") {
        findings.extend(unfinished(source));
        findings.extend(machine_paths(source));
    }
    findings
}

fn module_doc(source: &Source) -> Option<Finding> {
    let documented = source.text.trim_start().starts_with("//! ");
    (!documented).then(|| {
        let advice = "it starts without a module doc; say in `//! …` what the file is for";
        Finding::new(&source.path, 1, "module-doc", advice)
    })
}

fn length(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    (lines > LONGEST).then(|| {
        let advice = format!("{lines} lines, at most {LONGEST}; make two files of it, one thing each");
        Finding::new(&source.path, lines, "length", advice)
    })
}

fn unfinished(source: &Source) -> Vec<Finding> {
    let words =
        |line: &str| line.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| UNFINISHED.contains(&word));
    let found = source.text.lines().enumerate().filter(|(_, line)| words(line));
    found
        .map(|(index, _)| Finding::new(&source.path, index + 1, "unfinished", "do it, or make an issue of it"))
        .collect()
}

fn machine_paths(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        if let Some(path) = MACHINE.iter().find(|path| starts_a_path(line, path)) {
            let advice = format!("{path}… is there on one machine only; name it from the repository's root");
            findings.push(Finding::new(&source.path, index + 1, "machine-path", advice));
        }
    }
    findings
}

/// Whether the line has an absolute path that starts so: `net/work/x` and `{root}/work/x` are none.
fn starts_a_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        line[..at].chars().next_back().is_none_or(|before| before.is_whitespace() || "\"'`(=:[<,".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_file_without_a_module_doc_is_found() {
        assert_eq!(rules("a.rs", "use std::fs;\n"), ["module-doc"]);
        assert_eq!(rules("a.rs", "//! What it is for.\n"), [""; 0]);
        assert_eq!(rules("a.toml", "x = 1\n"), [""; 0]);
    }

    #[test]
    fn a_long_file_is_found() {
        let lines = |count: usize| "//! Doc.\n".repeat(count);
        assert_eq!(rules("a.rs", &lines(LONGEST + 1)), ["length"]);
        assert_eq!(rules("a.rs", &lines(LONGEST)), [""; 0]);
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            assert_eq!(rules("a.md", &format!("a\n{word}: b\n")), ["unfinished"]);
            assert_eq!(rules("a.md", &format!("{word}S\n")), [""; 0]);
        }
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for path in MACHINE {
            assert_eq!(rules("a.md", &format!("see `{path}x`\n")), ["machine-path"]);
            assert_eq!(rules("a.md", &format!("{path}x\n")), ["machine-path"]);
            assert_eq!(rules("a.md", &format!("\"{{root}}{path}x\"\n")), [""; 0]);
            assert_eq!(rules("a.md", &format!("some{path}x\n")), [""; 0]);
        }
    }
}
