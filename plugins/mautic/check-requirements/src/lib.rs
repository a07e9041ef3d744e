//! Looks whether a Mautic 2 installation can become Mautic 3. Changes nothing.
//!
//! Mautic's own script has 27 checks. Here is what became of each:
//!
//! | its check | here |
//! | --- | --- |
//! | 1 PHP is older than 7.2.21 | `php-too-old`, where the operator has named the command `php`; else `php-not-looked-at` |
//! | 2 PHP is newer than 7.3 | `php-too-new`, likewise |
//! | 3 `db_driver` is neither pdo_mysql nor mysqli | `database-driver`; any other kind of database: `database-not-supported` |
//! | 4 no connection to the database | by the host: it opens each database before any stage, and says which and why |
//! | 5 the server is older than MySQL 5.7.14, MariaDB 10.2 | `database-too-old` (the host's own `server-too-old` is about what it can undo) |
//! | 6 contacts cannot be counted | `contacts-not-counted`; with no table of contacts at all: `wrong-prefix` |
//! | 7 10 000 contacts or more | does not apply: nothing here is cut off by a web server's patience. `contacts` says how many there are |
//! | 8 `api_rate_limiter_cache` is one's own | `rate-limiter-replaced` |
//! | 9, 10 the root is not writable | by the host: `root-not-writable` |
//! | 11 mail in the spool | `mail-in-spool`; a spool elsewhere: `spool-elsewhere` |
//! | 12 free space is unknown | `space-unknown` |
//! | 13 less than twice the size of the installation is free | `space-short`, which blocks: but for the new version itself only, as nothing is copied that can be renamed. For undo data the host looks: `disk-full` |
//! | 14 Mautic 3 is here already | `already-mautic-3` |
//! | 15 Mautic is older than 2.16.3 | `mautic-too-old` |
//! | 16 the version is unknown | `version-unknown`; settings that cannot be read: `config-missing`, `config-not-understood` |
//! | 17 `max_execution_time` | does not apply: a limit of that script in a web server. Time limits of stages and commands are the host's |
//! | 18, 19 no `exec`, no mysqldump | does not apply: the host copies tables itself (slot backup-database), and never leaves that out |
//! | 20 no package is offered | slot download-package: `no-package-offered`. There is no network in checks |
//! | 21 the kill switch is on | slot download-package: `kill-switch`, which blocks |
//! | 22 plugins that are not Mautic's | `custom-plugins` |
//! | 23 plugins cannot be listed | `plugins-unreadable` |
//! | 24 the state of migrations is unknown | slot identify-2x-migrations, which reads the ledger: `no-ledger` |
//! | 25 Windows | does not apply: the host is for Linux |
//! | 26 `memory_limit` below 256M | `php-memory-low`, a warning: only what the operator's commands run is in PHP |
//! | 27 composer.json in the root | `installed-by-composer` |
//!
//! And what it has no check for:
//!
//! | what | here |
//! | --- | --- |
//! | rights in the database | by the host: `missing-rights`, `no-clone`, `table-unreadable`, `definition-unreadable` |
//! | foreign keys, views and halves in the way of migrations; signed and unsigned ids | slot identify-3x-migrations: `column-in-use`, `table-differs`, `half-applied`, `foreign-key-names`, `signedness-differs` |
//! | extensions of PHP; `open_basedir` | `php-driver-missing`, which blocks; `php-extension-missing`, `php-open-basedir` |
//! | who owns the files | `not-writable`, of each directory that would be moved; by the host: `runs-as-root`, and the switch keeps owners |
//! | a name of Mautic 3 that something else has here | `name-taken` |
//! | another run; a frozen installation | by the host: `locked`, `freeze-file-exists` |
//! | cron | by the host: `no-freeze`; `cron-moves` says what the jobs are to call afterwards |
//! | paths in the settings that lead out of the root | slot update-local-config |
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | what is looked at; default `app` and `main` |
//! | `adopt` | true: another tool, or somebody, has put files of Mautic 3 here already; they are put here again |
//! | `prefix` | of the tables; default what `db_table_prefix` of the settings says |
//! | `base` | the path at which PHP sees the root; default what the absolute paths in the settings agree on |
//! | `space-mib` | what the new version needs beside the live one; default 400 |
//! | `php` | the operator's command that tells what PHP is; default `php`. It must change nothing |

mod database;
mod installation;
mod php;
mod settings;

use liftlock_sdk::prelude::*;
use mautic_settings::Settings;

/// Where Mautic's own script moves Mautic 2.
const BACKUP: &str = "mautic-2-backup-files";

struct CheckRequirements;

impl Stage for CheckRequirements {
    fn info() -> Info {
        Info::new("check-requirements", env!("CARGO_PKG_VERSION"))
            .asks(Ask::files("*").read("looks at versions, settings, plugins and the mail queue"))
            .asks(Ask::database("*").read("looks at the server's version and counts contacts"))
            .asks(Ask::command("*").run("asks PHP for its version and extensions"))
    }

    fn check() -> Findings {
        let root = Directory::root(&run::param_or("root", "app"))?;
        let database = Database::open(&run::param_or("database", "main"))?;
        let adopt = run::bool_param("adopt")?;
        if adopt && root.exists(BACKUP)? {
            return Ok(vec![Finding::deferred("what is here is looked at when Mautic 2 is back in its place")]);
        }
        let mut found = installation::check(&root, adopt)?;
        let known = Settings::read(&root).and_then(|settings| Ok((settings.prefix()?, settings)));
        let driver = match known {
            Ok((prefix, settings)) => {
                found.extend(settings::check(&settings));
                found.extend(installation::spool(&root, &settings.spool())?);
                found.extend(database::check(&database, &prefix)?);
                settings.driver().ok().flatten()
            }
            Err(failure) => {
                found.push(settings::unread(failure));
                None
            }
        };
        found.extend(php(&run::param_or("php", "php"), driver.as_deref())?);
        found.push(cron_moves());
        Ok(found)
    }

    fn apply() -> Result<Outcome, Failure> {
        Ok(Outcome::unchanged("all that is needed is there"))
    }
}

liftlock_sdk::export!(CheckRequirements);

/// What PHP says of itself, by the operator's command.
fn php(command: &str, driver: Option<&str>) -> Findings {
    if !command::is_there(command) {
        return Ok(vec![php::not_looked_at("you have named no command for it", command)]);
    }
    let ended = command::run(command)?;
    Ok(match php::Php::parse(&ended.output) {
        Some(report) if ended.succeeded() => report.findings(driver),
        _ => vec![php::not_looked_at(&format!("the command {command} did not answer as it should"), command)],
    })
}

fn cron_moves() -> Finding {
    Finding::info("cron-moves", "Mautic 3 is called by bin/console, no longer by app/console")
        .fix("change your cron jobs and workers before they start again: app/console becomes bin/console")
}
