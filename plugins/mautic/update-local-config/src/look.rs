//! What `check` and `verify` find.

use liftlock_php::config::{Key, Literal, Value};
use liftlock_sdk::failure::{Failure, Finding};
use liftlock_sdk::run;
use mautic_settings::{File, Location, PATHS, Read, Setting, Settings};

use crate::change;
use crate::rule::{RULES, Verdict};

/// Settings that name a place.
const PLACES: [&str; 7] =
    ["cache_path", "log_path", "tmp_path", "mailer_spool_path", "image_path", "upload_dir", "report_temp_dir"];

/// Settings that cannot be read, under the application's own code if it has one.
pub(crate) fn refused(failure: Failure) -> Finding {
    let fix = fix(&failure);
    let failure = match run::param("code") {
        Some(code) => failure.under(code),
        None => failure,
    };
    Finding::from(failure).fix(fix)
}

fn fix(failure: &Failure) -> &'static str {
    match failure.code.as_str() {
        "config-missing" => "is this the root of Mautic? Name the directory with index.php in installation.toml",
        "config-elsewhere" => {
            "put the file to app/config/local.php, take `local_config` out of app/config/paths_local.php, and run `check` again"
        }
        "not-utf8" => "save the file as UTF-8 and run `check` again",
        "config-not-understood" => {
            "write the settings as one plain array, `$parameters = array('key' => value, …);`, at the place that is named, \
             and run `check` again"
        }
        _ => "put a file there that can be read, no link and no directory, and run `check` again",
    }
}

/// What the operator has to know of the settings. `base` is the path at which PHP sees the root.
pub(crate) fn settings(settings: &Settings, base: Option<&str>) -> Vec<Finding> {
    let unknown = settings.files().flat_map(|file| unknown(file, base));
    let outside = PLACES.iter().filter_map(|key| match settings.get(key) {
        Setting::Literal(Literal::String(text)) => outside(key, &text, settings, base),
        _ => None,
    });
    unknown.chain(outside).collect()
}

/// Settings with a rule of which only PHP knows whether it holds.
fn unknown(file: &File, base: Option<&str>) -> impl Iterator<Item = Finding> {
    RULES.iter().filter_map(move |rule| match rule.judge(file, base) {
        Verdict::Unknown(why) => {
            let message = format!("{}: `{}` {why}, so it is not changed for Mautic 3", file.place(rule.key), rule.key);
            Some(Finding::warning("setting-not-known", message).fix(format!("look at it: {}", rule.advice())))
        }
        _ => None,
    })
}

fn outside(key: &str, text: &str, settings: &Settings, base: Option<&str>) -> Option<Finding> {
    let Location::Outside(path) = mautic_settings::locate(text, base) else { return None };
    let place = settings.files().filter(|file| file.get(key) != Setting::Missing).last()?.place(key);
    if base.is_none() && path.contains("/app/") {
        let message = format!(
            "{place}: `{key}` names {path}, and nobody knows whether that is this installation: it stays as it is"
        );
        let fix = "the paths in the settings do not agree on where the root is: say so by `base` in [params.update-local-config]";
        return Some(Finding::warning("base-not-known", message).fix(fix));
    }
    let message = format!("{place}: `{key}` names {path}, which is not in the root: it stays as it is");
    Some(match key {
        "cache_path" => Finding::warning("cache-outside", message)
            .fix("empty that directory when Mautic 3 is live: what is in it was made by Mautic 2"),
        _ => Finding::info("path-outside", message),
    })
}

/// What the operator has to know of the directories that Mautic is told to look in.
pub(crate) fn paths(root: &impl Read, base: Option<&str>) -> Vec<Finding> {
    let file = match File::read(root, PATHS, "paths") {
        Ok(Some(file)) => file,
        Ok(None) => return Vec::new(),
        Err(failure) => {
            return vec![
                Finding::warning("paths-not-understood", failure.message)
                    .fix("see for yourself that no directory it names is outside of the root"),
            ];
        }
    };
    let keys = file.config.keys(&[]).unwrap_or_default();
    let outside = keys.iter().filter_map(|key| {
        let Key::String(key) = key else { return None };
        let why = match file.config.get(&[key])? {
            Value::Literal(Literal::String(text)) => match mautic_settings::locate(&text, base) {
                Location::Outside(path) => format!("names {path}, which is not in the root"),
                _ => return None,
            },
            Value::Literal(_) => return None,
            Value::Expression(_) => "is computed by PHP".to_owned(),
        };
        Some(Finding::info("path-outside", format!("{}: `{key}` {why}: it stays as it is", file.place(key))))
    });
    outside.collect()
}

/// Rules that do not hold.
pub(crate) fn left(file: &File, base: Option<&str>) -> Vec<Finding> {
    let left = change::all(file, base).into_iter().map(|change| {
        Finding::blocking("setting-not-changed", format!("{}: {}", file.place(change.key), change.text()))
    });
    left.collect()
}

#[cfg(test)]
mod tests;
