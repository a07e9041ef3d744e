//! Brings the settings of Mautic 2 to Mautic 3: in the new tree, before it is live, and only the keys that have to change.
//!
//! Works on the tree's copies of `app/config/local.php` (or what `app/config/paths_local.php` names instead) and
//! `app/config/parameters_local.php`. Comments, expressions, order and spacing stay; each file is replaced whole or not at all.
//!
//! | key | what becomes of it |
//! | --- | --- |
//! | `api_rate_limiter_cache` | the file system adapter, if it is not empty |
//! | `mailer_transport` | `mail` becomes `sendmail` |
//! | `system_update_url` | Mautic's old address becomes that of its releases |
//! | `dev_hosts` | null becomes an empty list |
//! | `theme` | `Mauve` becomes `blank` |
//! | `track_by_fingerprint`, `webhook_start` | removed |
//! | `cache_path`, `log_path`, `tmp_path`, `mailer_spool_path` | from `app/` to `var/` (`cache`, `logs`, `tmp`, `spool`), also where the path is absolute; a path outside of the root stays |
//! | `db_server_version` | `5.7`, if it is set |
//!
//! What comes from the environment or is computed by PHP stays as it is: `check` says what the operator has to look at.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the live root; default `app` |
//! | `base` | the path at which PHP sees the root; default what the absolute paths in the settings agree on; a pipeline has it as `""`, so that the operator can say it |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version, with its copies of the settings |

mod change;
mod look;
mod rule;

use liftlock_sdk::prelude::*;
use mautic_settings::{File, Settings};

struct UpdateLocalConfig;

impl Stage for UpdateLocalConfig {
    fn info() -> Info {
        Info::new("update-local-config", env!("CARGO_PKG_VERSION"))
            .consumes("tree", Kind::Tree)
            .asks(Ask::files("*").read("reads Mautic's settings, to change the new version's copy of them"))
    }

    fn check() -> Findings {
        let root = root()?;
        let settings = match Settings::read(&root) {
            Ok(settings) => settings,
            // Once there is a tree, its copy is as bad, or no longer what the live file is.
            Err(failure) if run::input("tree").is_some() => return Ok(vec![look::refused(failure.for_good())]),
            Err(failure) => return Ok(vec![look::refused(failure)]),
        };
        let base = settings.base();
        let mut findings = look::settings(&settings, base.as_deref());
        findings.extend(look::paths(&root, base.as_deref()));
        match run::input("tree") {
            Some(tree) => drop(copies(&settings, &Directory::tree(&tree)?)?),
            None => {
                findings.push(Finding::deferred("the settings are changed when the new version has a copy of them"))
            }
        }
        Ok(findings)
    }

    fn apply() -> Result<Outcome, Failure> {
        let (settings, tree) = (Settings::read(&root()?)?, tree()?);
        let copies = copies(&settings, &tree)?;
        let base = copies.base();
        let mut changed = Vec::new();
        for mut file in [Some(copies.local), copies.overrides].into_iter().flatten() {
            let changes = change::all(&file, base.as_deref());
            if changes.is_empty() {
                continue;
            }
            for change in changes {
                run::info(format!("{}: {}", file.place(change.key), change.text()));
                change.make(&mut file)?;
                changed.push(change.key);
            }
            tree.write_all(&file.path, file.config.as_str().as_bytes())?;
        }
        Ok(match changed.len() {
            0 => Outcome::unchanged("the settings are as Mautic 3 wants them"),
            count => Outcome::changed(format!("{count} settings changed: {}", changed.join(", "))),
        })
    }

    fn verify() -> Findings {
        let copies = copies(&Settings::read(&root()?)?, &tree()?)?;
        let base = copies.base();
        let left = copies.files().flat_map(|file| look::left(file, base.as_deref()));
        Ok(left.collect())
    }
}

liftlock_sdk::export!(UpdateLocalConfig);

fn root() -> Result<Directory, Failure> {
    Directory::root(&run::param_or("root", "app"))
}

fn tree() -> Result<Directory, Failure> {
    Directory::tree(&run::require_input("tree")?)
}

/// The new version's copies of the live settings.
fn copies(live: &Settings, tree: &Directory) -> Result<Settings, Failure> {
    let copy = |file: &File| {
        let missing = || {
            let message = format!("the new version has no copy of {}: `restore-user-data` has to make it", file.path);
            Failure::new("config-not-in-tree", message)
        };
        File::read(tree, &file.path, mautic_settings::VARIABLE)
            .and_then(|copy| copy.ok_or_else(missing))
            .map_err(Failure::for_good)
    };
    Ok(Settings { local: copy(&live.local)?, overrides: live.overrides.as_ref().map(copy).transpose()? })
}
