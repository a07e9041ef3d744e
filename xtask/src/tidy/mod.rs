//! `tidy`: what reviewers forget.
//!
//! One file a kind of rule, each a function from sources to findings. A finding says where, which rule, and how to mend it.

mod contract;
mod layers;
mod map;
mod source;
mod text;

use std::fmt;

use anyhow::{Result, bail};

use crate::layout::Layout;
use source::Source;

/// Check the rules of the house: layers, documentation, lengths, the frozen contract
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the digests of the contract as it is now (wit/frozen.toml)
    #[arg(long)]
    freeze: bool,
}

/// Something to mend.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    /// From 1; 1 where the whole file is meant.
    line: usize,
    rule: &'static str,
    /// What is wrong, and how to mend it.
    advice: String,
}

impl Finding {
    fn new(file: &str, line: usize, rule: &'static str, advice: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, rule, advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.rule, self.advice)
    }
}

pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    if arguments.freeze {
        return contract::freeze(layout);
    }
    check(layout)
}

/// Applies every rule.
///
/// # Errors
/// If there is a finding; all are printed.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    let sources = source::read(&layout.root)?;
    let mut findings: Vec<_> = sources.iter().flat_map(of_one).collect();
    findings.extend(map::check(&sources));
    findings.extend(contract::check(&sources));
    findings.sort_unstable();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    println!("{} files are tidy", sources.len());
    Ok(())
}

fn of_one(source: &Source) -> Vec<Finding> {
    let mut findings = text::check(source);
    findings.extend(layers::check(source));
    findings
}
