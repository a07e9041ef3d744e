//! Takes over from Mautic's own script (`upgrade_v3.php`) that was stopped in its second phase: puts the files of Mautic 2 back
//! from `mautic-2-backup-files`, so that the stages behind it find what they know. What the script has put in their place goes
//! back to `mautic-3-temp-files`, but for what people have made in it since, and what the script has moved there from the backup.
//!
//! Where in its second phase the script has stopped does not matter: what it has moved so far is moved back, and what the
//! database has by then, the migrations look at one by one. Nor does it matter if the script was started again and has spoilt
//! its backup: its application's files all come from the package in the end, and what is the users' own is nowhere else.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the live root; default `app` |
//! | `adopt` | true: what the script has begun is taken over. Else a half-done script blocks |
//! | `code` | the application's own code for a failure; default the host's |

mod plan;

use liftlock_sdk::look::{Found, Look};
use liftlock_sdk::prelude::*;

use crate::plan::{BACKUP, Move, TEMPORARY};

/// What Mautic 2 says its version in.
const MARK: &str = "app/version.txt";

struct TakeOver;

impl Stage for TakeOver {
    fn info() -> Info {
        Info::new("mautic-take-over", env!("CARGO_PKG_VERSION"))
            .asks(Ask::files("*").write("puts back what a half-done upgrade_v3.php has moved"))
    }

    fn check() -> Findings {
        let root = root()?;
        if root.find(BACKUP)? != Found::Directory {
            return Ok(Vec::new());
        }
        if !run::bool_param("adopt")? {
            let message = format!("Mautic's own script has moved Mautic 2 to {BACKUP}, and has not come to its end");
            let fix = "liftlock apply --adopt";
            return Ok(vec![Finding::blocking("script-half-done", message).fix(fix)]);
        }
        must_be_whole(&root)?;
        let moves = plan::back(&root)?;
        Ok(vec![Finding::info("taken-over", format!("{} entries of Mautic 2 are put back first", moves.len()))])
    }

    fn apply() -> Result<Outcome, Failure> {
        let root = root()?;
        if !run::bool_param("adopt")? || root.find(BACKUP)? != Found::Directory {
            return Ok(Outcome::unchanged("nobody else has begun"));
        }
        must_be_whole(&root)?;
        if !root.exists(TEMPORARY)? {
            root.make_dir(TEMPORARY)?;
        }
        let back = plan::back(&root)?;
        each(&root, &back)?;
        let kept = plan::since(&root)?;
        each(&root, &kept)?;
        Ok(Outcome::changed(format!("{} entries moved back, {} that came since are kept", back.len(), kept.len())))
    }

    fn verify() -> Findings {
        if !run::bool_param("adopt")? || root()?.exists(MARK)? {
            return Ok(Vec::new());
        }
        Ok(vec![Finding::blocking("not-taken-over", format!("{MARK} is not there"))])
    }
}

liftlock_sdk::export!(TakeOver);

fn root() -> Result<Directory, Failure> {
    Directory::root(&run::param_or("root", "app"))
}

/// Mautic 2 is in the backup, or has not got there yet.
fn must_be_whole(root: &impl Look) -> Result<(), Failure> {
    for path in [format!("{BACKUP}/{MARK}"), MARK.to_owned()] {
        if root.find(&path)? == Found::Other {
            return Ok(());
        }
    }
    let message = format!("neither {BACKUP} nor the root has {MARK}: there is no Mautic 2 left to go on from");
    Err(Failure::new("backup-spoilt", message))
}

fn each(root: &Directory, moves: &[Move]) -> Result<(), Failure> {
    moves.iter().try_for_each(|Move { from, to }| root.rename(from, to).map_err(|failure| failure.at(from)))
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    #[test]
    fn without_mautic_2_anywhere_nothing_is_taken_over() {
        let spoilt = Listing::new(&["mautic-2-backup-files/", "mautic-2-backup-files/app/", "app/"]);
        assert_eq!(must_be_whole(&spoilt).unwrap_err().code, "backup-spoilt");
        for path in ["mautic-2-backup-files/app/version.txt", "app/version.txt"] {
            assert_eq!(must_be_whole(&Listing::new(&[path])), Ok(()));
        }
    }
}
