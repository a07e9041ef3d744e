//! Tests on directories that are only texts.

use std::collections::BTreeMap;

use super::*;

struct Texts(BTreeMap<String, String>);

impl Read for Texts {
    fn text(&self, path: &str) -> Result<Option<String>, Failure> {
        Ok(self.0.get(path).cloned())
    }
}

fn texts(files: &[(&str, &str)]) -> Texts {
    Texts(files.iter().map(|(path, text)| ((*path).to_owned(), format!("<?php\n{text}\n"))).collect())
}

fn local(entries: &str) -> Settings {
    Settings::read(&texts(&[(LOCAL, &format!("$parameters = array({entries});"))])).unwrap()
}

fn refused(files: &[(&str, &str)]) -> Failure {
    Settings::read(&texts(files)).unwrap_err()
}

const EMPTY: (&str, &str) = (LOCAL, "$parameters = array();");

#[test]
fn an_installation_without_settings_is_refused() {
    assert_eq!(refused(&[]).code, "config-missing");
    assert!(refused(&[(PATHS, "$paths['local_config'] = 'conf/l.php';"), EMPTY]).message.starts_with("conf/l.php"));
}

#[test]
fn what_is_not_understood_is_named_with_its_line() {
    let failure = refused(&[(LOCAL, "\n$parameters = array(FOO => 1);")]);
    assert_eq!((failure.code.as_str(), failure.extra[0].1.as_str()), ("config-not-understood", "computed-key"));
    assert!(failure.message.starts_with("app/config/local.php, line 3, column 21: "), "{}", failure.message);
    assert_eq!(refused(&[EMPTY, (OVERRIDES, "if ($x) { $parameters['a'] = 1; }")]).code, "config-not-understood");
    assert_eq!(refused(&[(LOCAL, "$config = array();")]).code, "config-not-understood");
    assert_eq!(refused(&[(LOCAL, "return array();")]).code, "config-not-understood");
}

#[test]
fn settings_outside_of_the_root_are_not_followed() {
    for path in
        ["'/etc/mautic/local.php'", "'../local.php'", "'%kernel.root_dir%/../../local.php'", "__DIR__ . '/x.php'"]
    {
        let failure = refused(&[EMPTY, (PATHS, &format!("$paths['local_config'] = {path};"))]);
        assert_eq!(failure.code, "config-elsewhere", "{path}");
        assert!(failure.message.starts_with("app/config/paths_local.php, line 2: "), "{}", failure.message);
    }
    assert_eq!(refused(&[EMPTY, (PATHS, "$paths = f($paths, 'local_config');")]).code, "config-not-understood");
}

#[test]
fn a_setting_that_only_php_knows_is_no_text() {
    let settings = local(
        "'a' => getenv('DB_PREFIX'), 'b' => 'getenv(B)', 'c' => __DIR__ . 'x', 'd' => 5, 'e' => getenv('A') . 'b'",
    );
    assert_eq!(settings.get("a"), Setting::Environment("DB_PREFIX".to_owned()));
    assert_eq!(settings.get("b"), Setting::Environment("B".to_owned()));
    assert_eq!(settings.get("e"), Setting::Expression("getenv('A') . 'b'"));
    for key in ["a", "b", "c", "d", "e"] {
        assert_eq!(settings.text(key).unwrap_err().code, "setting-not-known");
    }
    assert_eq!(settings.text("missing"), Ok(None));
}

#[test]
fn the_overrides_win() {
    let files = [
        (LOCAL, "$parameters = array('theme' => 'a', 'db_table_prefix' => 'mau_', 'db_driver' => 'mysqli');"),
        (OVERRIDES, "$parameters['theme'] = 'b';"),
        (PATHS, "$paths = array_merge($paths, array('themes' => 'skins'));"),
    ];
    let settings = Settings::read(&texts(&files)).unwrap();
    assert_eq!(settings.text("theme"), Ok(Some("b".to_owned())));
    assert_eq!(settings.text("db_table_prefix"), Ok(Some("mau_".to_owned())));
    assert_eq!(settings.driver(), Ok(Some("mysqli".to_owned())));
    assert_eq!(settings.local.place("theme"), "app/config/local.php, line 2");
}

#[test]
fn other_settings_in_the_root_are_found() {
    let paths = (PATHS, "$paths['local_config'] = '%kernel.root_dir%/../conf/local.php';");
    let settings =
        Settings::read(&texts(&[paths, ("conf/local.php", "$parameters = array('theme' => 'a');")])).unwrap();
    assert_eq!(settings.local.path, "conf/local.php");
}

#[test]
fn a_path_out_of_the_root_is_outside() {
    let outside = |text: &str| Location::Outside(text.to_owned());
    for text in ["/var/cache", "/srv/mautic2/app/cache", "../cache", "%kernel.root_dir%/../../x", "%x%/y", "C:\\cache"]
    {
        assert_eq!(locate(text, Some("/srv/mautic")), outside(text), "{text}");
    }
    assert_eq!(locate("/srv/mautic/app/cache", None), outside("/srv/mautic/app/cache"));
}

#[test]
fn a_path_in_the_root_is_found_in_every_spelling() {
    for text in ["%kernel.root_dir%/spool", "app/spool", "/srv/m/app/../app//spool/", "./app/spool"] {
        assert_eq!(locate(text, Some("/srv/m/")), Location::Inside("app/spool".to_owned()), "{text}");
    }
}

#[test]
fn the_base_is_what_absolute_paths_agree_on() {
    let base = |texts: &[&str]| path::common_base(texts.iter().map(|text| (*text).to_owned()));
    assert_eq!(base(&["/a/app/cache", "/b/app/logs"]), None);
    assert_eq!(base(&["%kernel.root_dir%/cache", "/var/cache"]), None);
    assert_eq!(base(&["/a/app/cache", "/var/log", "/a/app/cache"]).as_deref(), Some("/a"));
    assert_eq!(base(&["/app/mautic/app/../var/cache"]).as_deref(), Some("/app/mautic"));
    assert_eq!(base(&["/app/cache"]).as_deref(), Some("/"));
}
