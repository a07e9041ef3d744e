//! What the end-to-end tests are made of: installations to upgrade, a server to download from, digests to compare with.
//!
//! The suites are in `tests/`, one file a promise. They run the host's binary, as an operator does.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "suites print their numbers, benches what stops them")]

pub mod bench;
pub mod billing;
pub mod browser;
pub mod counting;
pub mod crash;
pub mod digest;
pub mod disk;
pub mod fixture;
pub mod half_done;
pub mod host;
pub mod hostile;
pub mod http;
pub mod mariadb;
pub mod newsletter;
pub mod places;
pub mod prober;
pub mod proxy;
pub mod site;
pub mod trial;
pub mod visitors;
pub mod watched;
pub mod webmail;
pub mod zoo;

use std::fmt::Display;

/// Prints a suite's line of numbers: "40 kill points, 0 divergences". `cargo xtask test` shows it.
pub fn numbers(line: impl Display) {
    println!("numbers: {line}");
}
