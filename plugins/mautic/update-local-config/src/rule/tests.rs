//! Tests of the rules, each on a whole file.

use liftlock_php::config::Config;
use mautic_settings::LOCAL;

use super::*;
use crate::change;

fn file(entries: &str) -> File {
    let config = Config::parse(&format!("<?php\n$parameters = array(\n{entries}\n);\n")).unwrap();
    File { path: LOCAL.to_owned(), config }
}

/// The entries after all changes.
fn changed(entries: &str, base: Option<&str>) -> String {
    let mut changed = file(entries);
    for change in change::all(&changed.clone(), base) {
        change.make(&mut changed).unwrap();
    }
    assert_eq!(change::all(&changed, base), [], "a second time changes more");
    let text = changed.config.to_string();
    text.trim_start_matches("<?php\n$parameters = array(\n").trim_end_matches("\n);\n").to_owned()
}

#[test]
fn what_only_php_knows_is_not_changed() {
    for value in ["getenv('X')", "'getenv(X)'", "__DIR__ . '/app/cache'", "\"$root/app/cache\""] {
        for rule in RULES {
            let entries = format!("'{}' => {value},", rule.key);
            match rule.wish {
                Wish::Gone => assert_eq!(rule.judge(&file(&entries), None), Verdict::Remove),
                _ => assert!(matches!(rule.judge(&file(&entries), None), Verdict::Unknown(_)), "{entries}"),
            }
        }
    }
}

#[test]
fn what_is_not_the_old_value_stays() {
    for entries in [
        "'mailer_transport' => 'smtp',",
        "'mailer_transport' => 'Mail',",
        "'system_update_url' => 'https://updates.example.org/',",
        "'dev_hosts' => array('10.0.0.1'),",
        "'dev_hosts' => '',",
        "'theme' => 'mauve',",
        "'api_rate_limiter_cache' => array(),",
        "'api_rate_limiter_cache' => null,",
        "'db_name' => 'mail', 'secret_key' => 'Mauve',",
    ] {
        assert_eq!(changed(entries, None), entries);
    }
}

#[test]
fn a_path_outside_of_the_root_stays() {
    for path in [
        "/mnt/ram/app/cache",
        "/srv/m/app/cached",
        "/srv/m/cache",
        "/srv/m2/app/cache",
        "%kernel.root_dir%/caches",
        "5",
    ] {
        let entries = format!("'cache_path' => '{path}',");
        assert_eq!(changed(&entries, Some("/srv/m")), entries);
    }
    let unknown = "'cache_path' => '/srv/m/app/cache',";
    assert_eq!(changed(unknown, None), unknown);
}

#[test]
fn each_setting_becomes_what_mautic_3_wants() {
    let old = "\
    'mailer_transport' => 'mail', // we like it
    \"system_update_url\" => \"https://updates.mautic.org/index.php?option=com_mauticdownload&task=checkUpdates\",
    'dev_hosts' => null,
    'theme' => 'Mauve',
    'track_by_fingerprint' => 0, # gone
    'webhook_start' => getenv('START'),
    'cache_path' => '/srv/m/app/cache',
    'log_path' => '/srv/m/app/logs',
    'tmp_path' => '/srv/m/app/cache',
    'mailer_spool_path' => '%kernel.root_dir%/spool',
    'db_server_version' => '5.5',
    'api_rate_limiter_cache' => array(
        'type' => 'redis', 'host' => getenv('REDIS'),
    ),
    'db_password' => 'hush'";
    let new = "\
    'mailer_transport' => 'sendmail', // we like it
    \"system_update_url\" => \"https://api.github.com/repos/mautic/mautic/releases\",
    'dev_hosts' => array(),
    'theme' => 'blank',
    'cache_path' => '/srv/m/app/../var/cache',
    'log_path' => '/srv/m/app/../var/logs',
    'tmp_path' => '/srv/m/app/../var/tmp',
    'mailer_spool_path' => '%kernel.root_dir%/../var/spool',
    'db_server_version' => '5.7',
    'api_rate_limiter_cache' => array(
        'adapter' => 'cache.adapter.filesystem',
    ),
    'db_password' => 'hush'";
    assert_eq!(changed(old, Some("/srv/m")), new);
    assert_eq!(changed(new, Some("/srv/m")), new);
}

#[test]
fn a_path_keeps_its_spelling_and_what_is_below() {
    for (old, new) in [
        ("/srv/m/app/cache", "/srv/m/app/../var/cache"),
        ("/srv/m/app/cache/site/", "/srv/m/app/../var/cache/site/"),
        ("%kernel.root_dir%/cache", "%kernel.root_dir%/../var/cache"),
        ("app/cache", "app/../var/cache"),
    ] {
        assert_eq!(changed(&format!("'cache_path' => '{old}',"), Some("/srv/m/")), format!("'cache_path' => '{new}',"));
    }
    // The spool moves with the switch: mail in it would not be found otherwise.
    let spool = changed("'mailer_spool_path' => '/srv/m/app/spool',", Some("/srv/m"));
    assert_eq!(spool, "'mailer_spool_path' => '/srv/m/app/../var/spool',");
}

#[test]
fn what_is_not_set_is_not_added() {
    assert_eq!(changed("'db_name' => 'mautic'", None), "'db_name' => 'mautic'");
}
