//! Deletes what the upgrade no longer needs: the package, and the old version where undo does not need it.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `package` | artifact | the package |
//! | `tree` | tree | what was switched: it holds the old version now |

use liftlock_sdk::prelude::*;

struct Cleanup;

impl Stage for Cleanup {
    fn info() -> Info {
        Info::new("cleanup", env!("CARGO_PKG_VERSION"))
            .may_consume("package", Kind::Artifact)
            .may_consume("tree", Kind::Tree)
    }

    fn apply() -> Result<Outcome, Failure> {
        let package = discard("package")?;
        let tree = discard("tree")?;
        let changed = [&package, &tree].iter().any(|what| matches!(what, Discarded::Gone { .. }));
        Ok(Outcome::changed_if(changed, format!("package {package}, old version {tree}")))
    }
}

liftlock_sdk::export!(Cleanup);

/// What became of one input.
enum Discarded {
    /// It was deleted: so many bytes are free again.
    Gone { bytes: u64 },
    /// Undo may need it: the host keeps it until `commit`.
    Kept,
    /// Nothing is wired to the input.
    None,
}

impl std::fmt::Display for Discarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone { bytes } => write!(f, "deleted ({bytes} bytes)"),
            Self::Kept => f.write_str("kept for undo"),
            Self::None => f.write_str("not there"),
        }
    }
}

fn discard(input: &str) -> Result<Discarded, Failure> {
    let Some(id) = run::input(input) else { return Ok(Discarded::None) };
    match files::discard(&id) {
        Ok(done) => Ok(Discarded::Gone { bytes: done.bytes }),
        Err(failure) if failure.is("undo-data") => Ok(Discarded::Kept),
        Err(failure) => Err(failure),
    }
}
