//! Tests of the plan, on directories that are only lists of paths.

use liftlock_sdk::look::Listing;

use super::*;

fn paths(paths: &[&str]) -> Listing {
    Listing::new(paths)
}

fn plan(copy: &[&str], carry: &[&str], unknown: &[&str]) -> Plan {
    Plan {
        copy: copy.iter().map(|spec| CopySpec::parse(spec).unwrap()).collect(),
        carry: carry.iter().map(|spec| CarrySpec::parse(spec).unwrap()).collect(),
        carry_unknown: unknown.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn live() -> Listing {
    paths(&[
        ".htaccess",
        "media/",
        "plugins/",
        "plugins/archive/",
        "plugins/archive/config.inc.php",
        "plugins/mine/",
        "plugins/mine/config.inc.php",
        "plugins/zip/",
        "skins/",
        "skins/elastic/",
        "skins/house/",
    ])
}

fn new() -> Listing {
    paths(&["plugins/", "plugins/archive/", "plugins/zip/", "skins/", "skins/elastic/"])
}

fn same(path: &str) -> Pair {
    Pair { from: path.to_owned(), to: path.to_owned() }
}

#[test]
fn what_must_be_there_and_is_not_is_named() {
    for plan in [plan(&["config.php"], &[], &[]), plan(&[], &["config.php -> etc/config.php"], &[])] {
        let failure = plan.missing(&live()).unwrap_err();
        assert_eq!(failure.code, "not-found");
        assert!(failure.message.starts_with("config.php"));
        assert_eq!(plan.resolve(&live(), &new()).unwrap_err().code, "not-found");
    }
}

#[test]
fn a_directory_of_the_new_version_is_not_hidden() {
    assert_eq!(must_not_hide(&new(), "skins").unwrap_err().code, "cannot-copy");
    assert_eq!(must_not_hide(&new(), ".htaccess"), Ok(()));
}

#[test]
fn a_name_that_breaks_the_list_is_refused() {
    let odd = paths(&["skins/", "skins/a\tb/"]);
    assert_eq!(plan(&[], &[], &["skins"]).resolve(&odd, &new()).unwrap_err().code, "cannot-carry");
}

#[test]
fn a_link_in_the_place_of_a_directory_is_refused() {
    let linked = paths(&["skins"]);
    assert_eq!(plan(&[], &[], &["skins"]).resolve(&linked, &new()).unwrap_err().code, "cannot-carry");
    assert_eq!(plan(&[], &[], &["config"]).resolve(&paths(&["config"]), &new()).unwrap().carries, []);
}

#[test]
fn what_may_be_missing_is_not_copied_where_the_new_version_has_no_place() {
    let work = plan(&["media/logo.svg?", ".htaccess?"], &[], &[]);
    let live = paths(&["media/", "media/logo.svg", ".htaccess"]);
    assert_eq!(work.resolve(&live, &new()).unwrap().copies, [".htaccess"]);
    let must = plan(&["media/logo.svg"], &[], &[]);
    assert_eq!(must.resolve(&live, &new()).unwrap().copies, ["media/logo.svg"]);
}

#[test]
fn what_may_be_missing_is_left_out() {
    let work = plan(&["config.php?", "no/*/way"], &["var?"], &["themes"]).resolve(&live(), &new()).unwrap();
    assert_eq!(work, Work { copies: Vec::new(), carries: Vec::new() });
}

#[test]
fn entries_that_the_new_version_lacks_are_carried() {
    let work = plan(&[], &["media -> var/media"], &["skins", "plugins"]).resolve(&live(), &new()).unwrap();
    let media = Pair { from: "media".to_owned(), to: "var/media".to_owned() };
    assert_eq!(work.carries, [media, same("skins/house"), same("plugins/mine")]);
}

#[test]
fn a_pattern_copies_only_where_the_new_version_has_the_place() {
    let work = plan(&[".htaccess", "plugins/*/config.inc.php"], &[], &["plugins"]).resolve(&live(), &new()).unwrap();
    assert_eq!(work.copies, [".htaccess", "plugins/archive/config.inc.php"]);
    assert_eq!(work.carries, [same("plugins/mine")]);
    let without_carry = plan(&["plugins/*/config.inc.php"], &[], &[]).resolve(&live(), &new()).unwrap();
    assert_eq!(without_carry.copies, ["plugins/archive/config.inc.php"]);
}

#[test]
fn what_is_carried_by_name_is_not_carried_twice() {
    let live = paths(&["media/", "media/files/", "media/own/", "themes/"]);
    let work = plan(&[], &["media/files"], &["media", "media"]).resolve(&live, &paths(&["media/"])).unwrap();
    assert_eq!(work.carries, [same("media/files"), same("media/own")]);
}

#[test]
fn a_star_in_a_name_finds_the_settings() {
    let live =
        paths(&["app/", "app/config/", "app/config/config.php", "app/config/local.php", "app/config/x_local.php"]);
    let work = plan(&["app/config/*local*.php"], &[], &[]).resolve(&live, &paths(&["app/", "app/config/"])).unwrap();
    assert_eq!(work.copies, ["app/config/local.php", "app/config/x_local.php"]);
}
