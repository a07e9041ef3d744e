//! `--accept`: warnings that the operator has read and goes on with; `--accept-eula`: the one that asks about the licence.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Write};

use liftlock::upgrade::{Found, LICENCE, Upgrade, not_acceptable, unaccepted};

use super::output::{self, ErrorText};
use super::{Exit, Format, Global};

/// Options of `check` and `apply`.
#[derive(clap::Args)]
pub(super) struct Accept {
    /// Go on in spite of warnings with this code; repeatable. For good: `accept` in installation.toml
    #[arg(long = "accept", value_name = "CODE")]
    codes: Vec<String>,
    /// You have read the licence of what is installed, and agree: the same as `--accept eula`
    #[arg(long)]
    accept_eula: bool,
}

impl Accept {
    /// What the command line accepts.
    fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str).chain(self.accept_eula.then_some(LICENCE))
    }

    /// The arguments that accept the same, and these codes too.
    pub(super) fn arguments(&self, more: &[String]) -> String {
        let argument = |code: &str| match code {
            LICENCE => " --accept-eula".to_owned(),
            code => format!(" --accept {}", quoted(code)),
        };
        self.codes().chain(more.iter().map(String::as_str)).map(argument).collect()
    }

    /// The codes of the warnings that neither the command line nor the file has accepted.
    ///
    /// # Errors
    /// How the program ends if one of the command line's codes accepts nothing. It has been told.
    pub(super) fn open(&self, global: &Global, upgrade: &Upgrade, found: &[Found]) -> Result<Vec<String>, Exit> {
        for code in self.codes() {
            if let Some((message, hint)) = not_acceptable(found, code) {
                let next = Some("liftlock check");
                output::error(global, &ErrorText { hint, next, ..ErrorText::new("not-acceptable", message) });
                return Err(Exit::Usage);
            }
        }
        let standing = upgrade.setup().installation.accept.iter().map(String::as_str);
        Ok(unaccepted(found, &self.codes().chain(standing).map(str::to_owned).collect::<BTreeSet<_>>()))
    }
}

/// Asks whoever sits at the terminal. Nobody there, or a program that reads us: no.
pub(super) fn is_agreed(global: &Global, open: &[String]) -> bool {
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if global.format == Format::Json || !stdin.is_terminal() || !stderr.is_terminal() {
        return false;
    }
    let _ = write!(stderr, "go on in spite of these warnings ({})? [y/N] ", open.join(", "));
    let _ = stderr.flush();
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// An argument as a shell takes it: codes and paths come from others, and people copy what we print.
pub(super) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_is_accepted_by_its_own_option_and_by_its_code() {
        for accept in [
            Accept { codes: vec!["a b".into()], accept_eula: true },
            Accept { codes: vec!["a b".into(), "eula".into()], accept_eula: false },
        ] {
            assert_eq!(accept.codes().collect::<Vec<_>>(), ["a b", "eula"]);
            assert_eq!(accept.arguments(&["c".into()]), " --accept 'a b' --accept-eula --accept c");
        }
    }

    #[test]
    fn a_code_that_would_be_a_command_is_quoted() {
        assert_eq!(quoted("x; rm -rf $HOME"), "'x; rm -rf $HOME'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("custom-plugins"), "custom-plugins");
    }
}
