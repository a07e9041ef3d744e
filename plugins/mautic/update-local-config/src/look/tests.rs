//! Tests of the findings.

use std::collections::BTreeMap;

use mautic_settings::LOCAL;

use super::*;

struct Texts(BTreeMap<&'static str, String>);

impl Read for Texts {
    fn text(&self, path: &str) -> Result<Option<String>, Failure> {
        Ok(self.0.get(path).cloned())
    }
}

fn live(entries: &str) -> Settings {
    let text = format!("<?php\n$parameters = array(\n{entries}\n);\n");
    Settings::read(&Texts(BTreeMap::from([(LOCAL, text)]))).unwrap()
}

fn found(entries: &str) -> Vec<(String, String, String)> {
    let findings = settings(&live(entries), Some("/srv/m"));
    findings.into_iter().map(|finding| (finding.severity, finding.code, finding.message)).collect()
}

#[test]
fn what_the_operator_must_see_to_is_a_warning_with_its_line() {
    let found = found("'db_host' => getenv('DB'),\n'theme' => 'getenv(THEME)',\n'cache_path' => __DIR__ . '/c',");
    let lines: Vec<&str> = found
        .iter()
        .map(|(severity, code, message)| {
            assert_eq!((severity.as_str(), code.as_str()), ("warning", "setting-not-known"));
            message.split(':').next().unwrap()
        })
        .collect();
    assert_eq!(lines, ["app/config/local.php, line 4", "app/config/local.php, line 5"]);
    assert!(found[0].2.contains("(THEME)"));
}

#[test]
fn a_place_outside_of_the_root_is_named() {
    let found =
        found("'cache_path' => '/mnt/cache',\n'upload_dir' => '/srv/m/media/files',\n'log_path' => '/var/log/m',");
    let codes: Vec<(&str, &str)> = found.iter().map(|(severity, code, _)| (severity.as_str(), code.as_str())).collect();
    assert_eq!(codes, [("warning", "cache-outside"), ("info", "path-outside")]);
    assert!(found[1].2.starts_with("app/config/local.php, line 5: `log_path` names /var/log/m"));
}

#[test]
fn paths_that_do_not_agree_on_the_root_are_a_warning() {
    let live = live("'cache_path' => '/a/app/cache', 'log_path' => '/b/app/logs'");
    let codes: Vec<String> = settings(&live, None).into_iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["base-not-known", "base-not-known"]);
}

#[test]
fn a_rule_that_does_not_hold_blocks() {
    let live = live("'theme' => 'Mauve', 'webhook_start' => 5, 'mailer_transport' => getenv('X')");
    let left: Vec<String> = left(&live.local, None).into_iter().map(|finding| finding.message).collect();
    let expected = ["theme: Mauve → blank", "webhook_start: 5 → removed"];
    assert_eq!(left, expected.map(|text| format!("app/config/local.php, line 3: {text}")));
}

#[test]
fn good_settings_are_not_talked_about() {
    let found = found("'theme' => 'blank', 'cache_path' => '/srv/m/app/../var/cache', 'db_password' => getenv('DB')");
    assert_eq!(found, []);
}

#[test]
fn directories_outside_of_the_root_are_named_too() {
    let paths = |text: &str| {
        let found = paths(&Texts(BTreeMap::from([(PATHS, format!("<?php\n{text}"))])), Some("/srv/m"));
        found.into_iter().map(|finding| (finding.code, finding.message)).collect::<Vec<_>>()
    };
    assert_eq!(paths("if ($x) { $paths = array(); }")[0].0, "paths-not-understood");
    let outside =
        "app/config/paths_local.php, line 2: `media` names /mnt/media, which is not in the root: it stays as it is";
    let found = paths("$paths['media'] = '/mnt/media';\n$paths['themes'] = 'skins';");
    assert_eq!(found, [("path-outside".to_owned(), outside.to_owned())]);
}

#[test]
fn each_refusal_has_a_next_step() {
    let fixes = ["config-missing", "config-elsewhere", "config-not-understood", "not-utf8", "io-error"]
        .map(|code| fix(&Failure::new(code, "")));
    assert_eq!(fixes.iter().collect::<std::collections::BTreeSet<_>>().len(), fixes.len());
}
