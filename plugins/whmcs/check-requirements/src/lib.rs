//! Looks whether a WHMCS installation can be upgraded: to a full release, or by a patch set. Changes nothing.
//!
//! | what WHMCS's own guides ask for, or what goes wrong without it | here |
//! | --- | --- |
//! | files and database are of one version: "Down for Maintenance" (Err 2, Err 3) says that they are not | `version-mismatch`; not said at all: `files-version-unknown`, `database-version-unknown` |
//! | a patch set is for one version only | `wrong-base` |
//! | the version is old enough and not too old | `already-there`, `newer-than-target`, `too-old` |
//! | the licence of the new version is accepted | `eula`, a warning that `--accept-eula` or `accept = ["eula"]` accepts |
//! | permissions, "by far the most common" failure | `not-writable`, with the paths |
//! | 250 MB of disk | `space-short`, `space-unknown` |
//! | PHP, ionCube Loader, extensions, memory, time, `open_basedir` | `php-…`, where the operator has named the command `php`; else `php-not-looked-at` |
//! | files of WHMCS that somebody has changed | `customised`, with the paths; `times-tell-nothing` where that cannot be known |
//! | the name of the admin area | `admin-missing`; settings that cannot be read: `config-missing`, `config-not-understood`, `admin-path-wrong` |
//! | a backup; enough time; no one else upgrading | the host's: slot backup-database, the limits of each stage, `locked` |
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | what is looked at; default `app` and `main` |
//! | `target` | the version that the package makes |
//! | `oldest` | the oldest version that the package upgrades |
//! | `base` | the only version that the patch set is for; empty: a full release |
//! | `adopt` | true: another tool has left files and database of two versions, and this upgrade brings them together |
//! | `space-mib` | what must be free; default 250 |
//! | `own` | the directories at the top that are WHMCS's; `admin` stands for what it is called here |
//! | `stock` | directories and files that WHMCS brings and people change all the same |
//! | `own-words` | directories below those that are the users' own |
//! | `php` | the operator's command that tells what PHP is; default `php`. It must change nothing |
//! | `php-oldest`, `php-too-new` | the first PHP that the version runs in, and the first one that it does not: `8.1` |

mod files;
mod php;
mod versions;

use liftlock_sdk::prelude::*;
use whmcs_installation::settings;

use crate::versions::Wanted;

struct CheckRequirements;

impl Stage for CheckRequirements {
    fn info() -> Info {
        Info::new("whmcs-check-requirements", env!("CARGO_PKG_VERSION"))
            .asks(Ask::files("*").read("looks at versions, settings, permissions and changed files"))
            .asks(Ask::database("*").read("reads which version the database is of"))
            .asks(Ask::command("*").run("asks PHP for its version, extensions and limits"))
    }

    fn check() -> Findings {
        let root = Directory::root(&run::param_or("root", "app"))?;
        let database = Database::open(&run::param_or("database", "main"))?;
        let wanted = Wanted::from_params()?;
        let (in_files, in_database) =
            (whmcs_installation::of_files(&root)?, whmcs_installation::of_database(&database)?);
        let mut found: Vec<Finding> = wanted.finding(in_files, in_database).into_iter().collect();
        found.push(licence(wanted.target()));
        let admin = match settings::admin_directory(&root) {
            Ok(admin) => admin,
            Err(failure) => {
                found.push(
                    Finding::from(failure).fix("configuration.php is plain assignments; name the admin area there"),
                );
                settings::ADMIN.to_owned()
            }
        };
        found.extend(files::check(&root, &admin, wanted.is_patch())?);
        found.extend(php(&run::param_or("php", "php"))?);
        Ok(found)
    }

    fn apply() -> Result<Outcome, Failure> {
        Ok(Outcome::unchanged("all that is needed is there"))
    }
}

liftlock_sdk::export!(CheckRequirements);

/// Whether the operator agrees is asked by the host, as about any warning; this code has an option of its own.
fn licence(target: &str) -> Finding {
    let message = format!("WHMCS {target} is under the vendor's licence: https://www.whmcs.com/license/");
    let fix = "read it; if you agree: --accept-eula, or for good accept = [\"eula\"] in installation.toml";
    Finding::warning("eula", message).fix(fix)
}

/// What PHP says of itself, by the operator's command.
fn php(command: &str) -> Findings {
    if !command::is_there(command) {
        return Ok(vec![php::not_looked_at("you have named no command for it", command)]);
    }
    let ended = command::run(command)?;
    let bounds = php::Bounds::from_params()?;
    Ok(match liftlock_php::report::Report::parse(&ended.output) {
        Some(report) if ended.succeeded() => php::findings(&report, &bounds),
        _ => vec![php::not_looked_at(&format!("the command {command} did not answer as it should"), command)],
    })
}
