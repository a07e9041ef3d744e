//! Tests of what is said about the files.

use liftlock_sdk::look::Listing;

use super::*;

fn code(finding: Option<Finding>) -> String {
    finding.map(|finding| format!("{} {}", finding.severity, finding.code)).unwrap_or_default()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn entry(name: &str, kind: &str) -> Entry {
    Entry { name: name.to_owned(), kind: kind.to_owned(), size: 0, mode: 0o755, modified: 0, extra: Vec::new() }
}

#[test]
fn another_version_is_refused_by_name() {
    assert_eq!(code(installed(None, None)), "blocking version-unknown");
    assert_eq!(code(installed(Some("two"), None)), "blocking version-unknown");
    assert_eq!(code(installed(Some("3.0.1"), None)), "blocking version-unknown");
    assert_eq!(code(installed(Some("2.16.2"), None)), "blocking mautic-too-old");
    assert_eq!(code(installed(Some("2.9.9"), None)), "blocking mautic-too-old");
}

#[test]
fn a_second_upgrade_has_nothing_to_do() {
    let finding = installed(Some("2.16.5"), Some("{\"version\": \"3.0.2\"}")).unwrap();
    assert_eq!(finding.code, "already-mautic-3");
    assert_eq!(finding.message, "this is Mautic 3.0.2 already: there is nothing to do");
    assert_eq!(code(installed(None, Some("broken"))), "blocking already-mautic-3");
}

#[test]
fn mautic_2_16_3_and_later_pass() {
    for version in ["2.16.3", "2.16.5\n", "2.17.0"] {
        assert_eq!(installed(Some(version), None), None, "{version}");
    }
}

#[test]
fn a_name_of_the_new_version_that_is_taken_blocks() {
    assert_eq!(names(&strings(&["app", "var"]))[0].code, "name-taken");
    assert_eq!(names(&strings(&["app", "composer.json"]))[0].code, "installed-by-composer");
    assert!(names(&strings(&["app", "index.php", "shop"])).is_empty());
}

#[test]
fn plugins_of_others_are_named() {
    let listed =
        vec![entry("MauticFocusBundle", "directory"), entry("AcmeBundle", "directory"), entry(".git", "directory")];
    let finding = plugins(Ok(listed)).unwrap();
    assert_eq!(finding.code, "custom-plugins");
    assert!(finding.message.ends_with(": AcmeBundle"), "{}", finding.message);
    assert_eq!(code(plugins(Err(Failure::new("not-found", "gone")))), "warning plugins-unreadable");
    let bundled: Vec<Entry> = BUNDLED.iter().map(|name| entry(name, "directory")).collect();
    assert_eq!(plugins(Ok([bundled, vec![entry("index.html", "file")]].concat())), None);
}

#[test]
fn too_little_room_blocks_and_unknown_room_warns() {
    assert_eq!(code(space(Ok(399 << 20), 400)), "blocking space-short");
    assert_eq!(code(space(Err(Failure::new("x", "y")), 400)), "warning space-unknown");
    assert_eq!(space(Ok(400 << 20), 400), None);
}

#[test]
fn waiting_mail_is_counted() {
    let here = Location::Inside("app/spool".to_owned());
    let queue =
        ["app/", "app/spool/", "app/spool/default/", "app/spool/default/.htaccess", "app/spool/default/a.message"];
    let found = spool(&Listing::new(&queue), &here).unwrap();
    assert_eq!(found[0].code, "mail-in-spool");
    assert!(found[0].message.starts_with("1 messages wait in app/spool/default"), "{}", found[0].message);
    assert_eq!(spool(&Listing::new(&queue[..4]), &here), Ok(Vec::new()));
    assert_eq!(spool(&Listing::new(&[]), &here), Ok(Vec::new()));
    for elsewhere in [Location::Outside("/var/spool/mautic".to_owned()), Location::Unknown] {
        assert_eq!(spool(&Listing::new(&[]), &elsewhere).unwrap()[0].code, "spool-elsewhere");
    }
}

#[test]
fn directories_that_cannot_be_moved_block_and_are_named() {
    let many: Vec<String> = (0..14).map(|number| format!("app/cache/{number}")).collect();
    let finding = not_writable(&many).unwrap();
    assert_eq!(code(Some(finding.clone())), "blocking not-writable");
    assert!(finding.message.contains("app/cache/0, ") && finding.message.contains("app/cache/11 and 2 more"));
    assert_eq!(code(not_writable(&[])), "");
}
