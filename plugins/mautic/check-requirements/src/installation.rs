//! What the files of the installation must be like.

use liftlock_sdk::failure::{Failure, Finding};
use liftlock_sdk::files::{Directory, Entry};
use liftlock_sdk::look::{Found, Look};
use liftlock_sdk::run;
use liftlock_sdk::stage::Findings;
use mautic_settings::Location;

use mautic_settings::version::Version;

/// The oldest version that can be upgraded.
const OLDEST: Version = Version(2, 16, 3);

/// The plugins that come with Mautic 2, as their directories are called.
const BUNDLED: [&str; 11] = [
    "MauticCitrixBundle",
    "MauticClearbitBundle",
    "MauticCloudStorageBundle",
    "MauticCrmBundle",
    "MauticEmailMarketingBundle",
    "MauticFocusBundle",
    "MauticFullContactBundle",
    "MauticGmailBundle",
    "MauticOutlookBundle",
    "MauticSocialBundle",
    "MauticZapierBundle",
];

/// Names at the top of Mautic 3 that Mautic 2 does not have: something else would have to give way to them.
const NEW_NAMES: [&str; 1] = ["var"];

/// The directories of Mautic 2: the switch moves them, and the end of the run deletes them.
const OWN: [&str; 7] = ["app", "bin", "media", "plugins", "themes", "translations", "vendor"];

/// All but the mail queue. `adopt`: files of Mautic 3 may be here, and none of them is trusted.
pub(crate) fn check(root: &Directory, adopt: bool) -> Findings {
    let mut found = Vec::new();
    let text = |path: &str| -> Result<Option<String>, Failure> {
        match root.find(path)? {
            Found::Other => root.read_all(path).map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned())),
            _ => Ok(None),
        }
    };
    let metadata = text("app/release_metadata.json")?;
    if !(adopt && metadata.is_some()) {
        found.extend(installed(text("app/version.txt")?.as_deref(), metadata.as_deref()));
        found.extend(names(&root.names("")?));
    }
    found.extend(plugins(root.list("plugins")));
    found.extend(not_writable(&root.locked(&OWN, false)?));
    found.extend(space(root.free_space(), run::int_param("space-mib", 400)?));
    Ok(found)
}

/// Which version is installed, by its own words.
fn installed(version: Option<&str>, metadata: Option<&str>) -> Option<Finding> {
    if let Some(metadata) = metadata {
        let version = metadata_version(metadata);
        let message = format!("this is Mautic {} already: there is nothing to do", version.as_deref().unwrap_or("3"));
        return Some(Finding::blocking("already-mautic-3", message).fix("from here on use Mautic's own updates"));
    }
    let unknown = |message: &str| {
        let fix = "see whether [roots.app] is the directory with index.php; app/version.txt has one line: 2.16.5";
        Some(Finding::blocking("version-unknown", message).fix(fix))
    };
    let Some(text) = version else { return unknown("there is no app/version.txt: is this Mautic 2?") };
    match Version::parse(text) {
        None => unknown("app/version.txt does not say a version"),
        Some(version) if version < OLDEST => {
            let message = format!("this is Mautic {version}, and only {OLDEST} or newer can be upgraded");
            Some(Finding::blocking("mautic-too-old", message).fix("upgrade to 2.16.5 by Mautic's own updates first"))
        }
        Some(version) if version >= Version(3, 0, 0) => {
            unknown("app/version.txt says version 3, but there is no app/release_metadata.json")
        }
        Some(_) => None,
    }
}

fn metadata_version(text: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    json.get("version")?.as_str().map(str::to_owned)
}

fn names(top: &[String]) -> Vec<Finding> {
    let there = |name: &str| top.iter().any(|there| there == name);
    let mut found = Vec::new();
    for name in NEW_NAMES.into_iter().filter(|name| there(name)) {
        let message = format!("{name} is a name of Mautic 3, and something that is not Mautic 2's has it here");
        found.push(Finding::blocking("name-taken", message).fix(format!("give {name} another name, or move it away")));
    }
    if there("composer.json") {
        let message =
            "composer.json is in the root: Mautic was installed from its sources, which its makers do not support";
        let fix = "if nobody deploys from there any more, remove composer.json and composer.lock";
        found.push(Finding::warning("installed-by-composer", message).fix(fix));
    }
    found
}

fn plugins(listed: Result<Vec<Entry>, Failure>) -> Option<Finding> {
    let entries = match listed {
        Ok(entries) => entries,
        Err(failure) => {
            let message = format!("the plugins cannot be listed: {}", failure.message);
            return Some(
                Finding::warning("plugins-unreadable", message)
                    .fix("see whether plugins is a directory that can be read"),
            );
        }
    };
    let own = entries.iter().filter(|entry| entry.kind != "file" && !entry.name.starts_with('.'));
    let own: Vec<&str> = own.map(|entry| entry.name.as_str()).filter(|name| !BUNDLED.contains(name)).collect();
    if own.is_empty() {
        return None;
    }
    let message =
        format!("plugins that do not come with Mautic go along, and may not run in Mautic 3: {}", own.join(", "));
    let fix = "ask their makers for versions for Mautic 3, or unpublish and remove them first";
    Some(Finding::warning("custom-plugins", message).fix(fix))
}

fn not_writable(locked: &[String]) -> Option<Finding> {
    const MOST: usize = 12;
    if locked.is_empty() {
        return None;
    }
    let first = locked.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = locked.len().checked_sub(MOST).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
    let message =
        format!("{first}{} will be moved, and cannot be written to by whom this runs as", more.unwrap_or_default());
    let fix = "run liftlock as the user whom the files belong to, or give them to it: chown -R USER …";
    Some(Finding::blocking("not-writable", message).fix(fix))
}

fn space(free: Result<u64, Failure>, needed_mib: u64) -> Option<Finding> {
    match free.map(|free| free >> 20) {
        Ok(free) if free < needed_mib => {
            let message = format!("{free} MiB are free where Mautic is, and the new version needs {needed_mib}");
            Some(
                Finding::blocking("space-short", message)
                    .fix("make room there; var/logs and app/cache are good places to begin"),
            )
        }
        Ok(_) => None,
        Err(failure) => {
            let message = format!("how much is free where Mautic is cannot be known: {}", failure.message);
            Some(Finding::warning("space-unknown", message).fix(format!("see that {needed_mib} MiB are free there")))
        }
    }
}

/// Mail that Mautic 2 has queued and not sent.
pub(crate) fn spool(root: &impl Look, spool: &Location) -> Findings {
    let directory = match spool {
        Location::Inside(directory) => format!("{directory}/default"),
        Location::Outside(_) | Location::Unknown => {
            let named = if let Location::Outside(path) = spool { path } else { "computed" };
            let message = format!("mailer_spool_path is {named}: the queue stays where it is, and is not looked at");
            let fix = "see whether mail is waiting there, and whether Mautic 3 finds it by the same setting";
            return Ok(vec![Finding::info("spool-elsewhere", message).fix(fix)]);
        }
    };
    if root.find(&directory)? != Found::Directory {
        return Ok(Vec::new());
    }
    let waiting = root.names(&directory)?.iter().filter(|name| !name.starts_with('.')).count();
    if waiting == 0 {
        return Ok(Vec::new());
    }
    let message =
        format!("{waiting} messages wait in {directory}; they go along, but Mautic 3 may not read what Mautic 2 wrote");
    Ok(vec![Finding::warning("mail-in-spool", message).fix("php app/console mautic:emails:send --env=prod")])
}

#[cfg(test)]
mod tests;
