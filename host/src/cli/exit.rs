//! Exit codes, decided in one place.

use std::process::ExitCode;

use liftlock::effect::Fault;
use liftlock::engine::Ending;
use liftlock::upgrade::Trouble;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// The command line, or a file, is wrong.
    Usage = 2,
    /// A stage failed, and everything is as it was.
    PutBack = 3,
    /// A person must look at it.
    NeedsPerson = 4,
    /// Checks found problems.
    Found = 5,
    /// Another run holds the installation.
    Busy = 75,
    /// Policy says no.
    Refused = 77,
    /// The operator stopped it; it can be resumed.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Ending> for Exit {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Done => Self::Done,
            Ending::PutBack => Self::PutBack,
            Ending::Failed | Ending::UndoFailed(_) | Ending::Stopped(_) => Self::NeedsPerson,
            Ending::Interrupted => Self::Interrupted,
        }
    }
}

impl From<&Fault> for Exit {
    fn from(fault: &Fault) -> Self {
        match fault.code {
            "locked" => Self::Busy,
            "not-a-component" => Self::Refused,
            "interrupted" => Self::Interrupted,
            "not-done" => Self::Usage,
            _ => Self::NeedsPerson,
        }
    }
}

impl From<&Trouble> for Exit {
    fn from(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Problems(problems) if problems.are_refusals() => Self::Refused,
            Trouble::Problems(_) | Trouble::NoRun => Self::Usage,
            Trouble::Refused(_) => Self::Refused,
            Trouble::RunOpen { .. } => Self::NeedsPerson,
            Trouble::Fault(fault) => fault.into(),
        }
    }
}
