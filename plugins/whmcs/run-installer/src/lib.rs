//! Has the operator's command run the vendor's own installer (`install/bin/installer.php`), which knows steps that no package
//! has as SQL. Without a command there is nothing to do: the slot behind applies the package's SQL steps.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `command` | the operator's command; default `installer` |
//! | `code` | the application's own code for a failure; default the host's |

use liftlock_sdk::prelude::*;

struct RunInstaller;

impl Stage for RunInstaller {
    fn info() -> Info {
        Info::new("whmcs-run-installer", env!("CARGO_PKG_VERSION"))
            .asks(Ask::command("*").run("has the vendor's own installer upgrade the database"))
    }

    fn apply() -> Result<Outcome, Failure> {
        let name = run::param_or("command", "installer");
        if !command::is_there(&name) {
            return Ok(Outcome::unchanged("you have named no command for the installer: the SQL steps follow"));
        }
        // One that failed has happened all the same: nothing may be asked or done after it.
        command::run(&name)?.expect_success(&name)?;
        Ok(Outcome::changed("the installer has upgraded the database"))
    }
}

liftlock_sdk::export!(RunInstaller);
