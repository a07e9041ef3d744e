//! The switch: from every prefix of its steps forward to the end and back to the beginning.

use super::*;
use rustix::fs::{CWD, RenameFlags};

const NEW: &[(&str, &str)] = &[
    ("index.php", "new index"),
    ("config/new.php", "new"),
    ("media/index.html", ""),
    ("lib/x.php", "x"),
    ("var/", ""),
];

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())).collect()
}

/// Exchanges a file and two directories, brings `lib` and `var`, retires `link`, carries three entries.
fn switch(site: &mut Site) -> Prepared {
    let id = site.tree(NEW);
    let entries = names(&["index.php", "config", "media", "lib", "link", "var"]);
    let carry =
        pairs(&[("media/2024", "media/2024"), ("config/local.php", "config/local.php"), ("media/note", "var/note")]);
    site.stage.prepare_switch(90, &id, &entries, &carry).unwrap()
}

/// The first `count` of the nine steps, as the host does them.
fn steps(site: &Site, count: usize) {
    let tree = site.tree_path("tree-1");
    let app = site.path("app");
    let rename =
        |from: PathBuf, to: PathBuf| rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).unwrap();
    let exchange = |name: &str| {
        rustix::fs::renameat_with(CWD, tree.join(name), CWD, app.join(name), RenameFlags::EXCHANGE).unwrap();
    };
    let all: [&dyn Fn(); 9] = [
        &|| rename(app.join("media/2024"), tree.join("media/2024")),
        &|| rename(app.join("config/local.php"), tree.join("config/local.php")),
        &|| rename(app.join("media/note"), tree.join("var/note")),
        &|| exchange("index.php"),
        &|| exchange("config"),
        &|| exchange("media"),
        &|| rename(tree.join("lib"), app.join("lib")),
        &|| rename(app.join("link"), tree.join("link")),
        &|| rename(tree.join("var"), app.join("var")),
    ];
    all.iter().take(count).for_each(|step| step());
}

fn is_live(site: &Site) {
    assert_eq!(site.text("app/index.php"), "new index");
    assert_eq!(site.text("app/config/new.php"), "new");
    assert_eq!(site.text("app/config/local.php"), "secret = 1", "carried");
    assert_eq!(site.text("app/media/2024/cat.jpg"), "meow", "carried");
    assert_eq!(site.text("app/var/note"), "note", "carried");
    assert_eq!(site.text("app/lib/x.php"), "x");
    assert!(site.path("app/link").symlink_metadata().is_err());
    assert!(site.path("app/escape").symlink_metadata().is_ok(), "what is not listed stays");
}

#[test]
fn the_new_tree_is_live_with_the_users_data() {
    let mut site = Site::new();
    let prepared = switch(&mut site);
    assert!(prepared.change.touches);
    let bulk: Bulk = serde_json::from_value((prepared.act)().unwrap()).unwrap();
    assert_eq!(bulk.entries, 9);
    is_live(&site);
    let Verdict::Done(again) = site.files.settle(&prepared.change).unwrap() else { panic!("not done") };
    assert_eq!(again, serde_json::to_value(bulk).unwrap());
}

#[test]
fn from_every_prefix_of_the_steps_settle_goes_forward() {
    for count in 0..=9 {
        let mut site = Site::new();
        let prepared = switch(&mut site);
        steps(&site, count);
        assert!(matches!(site.files.settle(&prepared.change).unwrap(), Verdict::Done(_)), "{count}");
        is_live(&site);
    }
}

#[test]
fn from_every_prefix_of_the_steps_undo_goes_back() {
    for count in 0..=9 {
        let mut site = Site::new();
        let before = site.picture();
        let prepared = switch(&mut site);
        steps(&site, count);
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{count}");
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{count}, twice");
        site.files.forget().unwrap();
        assert_eq!(site.picture(), before, "{count}, forgotten");
    }
}

#[test]
fn what_users_wrote_since_comes_back() {
    let mut site = Site::new();
    let prepared = switch(&mut site);
    (prepared.act)().unwrap();
    fs::write(site.path("app/media/2024/dog.jpg"), "woof").unwrap();
    fs::write(site.path("app/swap"), "secret = 3").unwrap();
    fs::rename(site.path("app/swap"), site.path("app/config/local.php")).unwrap();
    fs::write(site.path("app/link"), "made since").unwrap();
    fs::remove_file(site.path("app/index.php")).unwrap();
    site.files.undo(&prepared.change).unwrap();
    assert_eq!(site.text("app/index.php"), "old index");
    assert_eq!(site.text("app/media/2024/dog.jpg"), "woof");
    assert_eq!(site.text("app/config/local.php"), "secret = 3");
    assert!(site.path("app/link").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn after_commit_the_old_entries_are_gone() {
    let mut site = Site::new();
    let prepared = switch(&mut site);
    (prepared.act)().unwrap();
    site.files.forget().unwrap();
    is_live(&site);
    assert!(!site.path("app/.liftlock-r1").exists());
}

#[test]
fn a_switched_tree_is_undo_data() {
    let mut site = Site::new();
    let prepared = switch(&mut site);
    (prepared.act)().unwrap();
    assert_eq!(code(site.stage.prepare_discard(91, "tree-1")), "undo-data");
}

#[test]
fn an_entry_that_somebody_exchanged_is_undetermined() {
    let mut site = Site::new();
    let prepared = switch(&mut site);
    fs::write(site.path("app/swap"), "foreign").unwrap();
    fs::rename(site.path("app/swap"), site.path("app/index.php")).unwrap();
    assert!(matches!(site.files.settle(&prepared.change).unwrap(), Verdict::Undetermined(_)));
}

#[test]
fn a_lost_old_entry_is_loud() {
    let mut site = Site::new();
    let prepared = switch(&mut site);
    (prepared.act)().unwrap();
    fs::remove_file(site.tree_path("tree-1").join("index.php")).unwrap();
    assert_eq!(site.files.undo(&prepared.change).unwrap_err().code, "switch-lost");
}

#[test]
fn a_bad_list_is_refused_before_anything_moves() {
    let mut site = Site::new();
    let id = site.tree(NEW);
    let before = site.picture();
    let attempt = |entries: &[&str], carry: &[(&str, &str)]| {
        code(site.stage.prepare_switch(90, &id, &names(entries), &pairs(carry)))
    };
    assert_eq!(attempt(&["nothing"], &[]), "not-found");
    assert_eq!(attempt(&["config/new.php"], &[]), "invalid-path");
    assert_eq!(attempt(&[""], &[]), "invalid-path");
    assert_eq!(attempt(&[".."], &[]), "invalid-path");
    assert_eq!(attempt(&["config", "config"], &[]), "invalid-path");
    assert_eq!(attempt(&[".liftlock-r1"], &[]), "invalid-path");
    assert_eq!(attempt(&["media"], &[("nothing", "media/x")]), "not-found");
    assert_eq!(attempt(&["media"], &[("media/note", "media/index.html")]), "already-exists");
    assert_eq!(attempt(&["media"], &[("media/note", "media/no/parent")]), "not-found");
    assert_eq!(attempt(&["media"], &[("media/note", "../note")]), "invalid-path");
    assert_eq!(attempt(&["media"], &[("escape/secret", "media/x")]), "symlink");
    assert_eq!(attempt(&["media"], &[("media/2024", "media/a"), ("media/2024/cat.jpg", "media/b")]), "invalid-carry");
    assert_eq!(attempt(&["media"], &[("media/2024", "config/2024")]), "invalid-carry");
    assert_eq!(attempt(&["media"], &[("", "media/x")]), "invalid-path");
    assert_eq!(site.picture(), before);
}

#[test]
fn protected_entries_are_not_switched_or_carried() {
    let mut site = Site::with(|config| config.protected.push(config.roots[0].path.join("config/db.sqlite")), |_| {});
    let id = site.tree(NEW);
    assert_eq!(code(site.stage.prepare_switch(90, &id, &names(&["config"]), &[])), "protected-path");
    let carry = pairs(&[("config", "media/config")]);
    assert_eq!(code(site.stage.prepare_switch(90, &id, &names(&["media"]), &carry)), "protected-path");
    act(site.stage.prepare_switch(90, &id, &names(&["media"]), &[]).unwrap());
}

#[test]
fn without_write_on_the_root_there_is_no_switch() {
    let mut site = Site::new();
    let id = site.tree(NEW);
    site.stage.grant.roots.insert("app".to_owned(), Access::Read);
    assert_eq!(code(site.stage.prepare_switch(90, &id, &names(&["media"]), &[])), "not-granted");
}

#[test]
fn a_hundred_entries_are_switched_at_once_and_back() {
    let mut site = Site::new();
    let list: Vec<String> = (0..100).map(|n| format!("entry-{n}")).collect();
    for name in &list {
        fs::write(site.path("app").join(name), "old").unwrap();
    }
    let contents: Vec<_> = list.iter().map(|name| (name.as_str(), "new")).collect();
    let id = site.tree(&contents);
    let before = site.picture();
    let prepared = site.stage.prepare_switch(90, &id, &list, &[]).unwrap();
    let start = std::time::Instant::now();
    (prepared.act)().unwrap();
    println!("100 entries switched in {:?}", start.elapsed());
    assert!(list.iter().all(|name| site.text(&format!("app/{name}")) == "new"));
    site.files.undo(&prepared.change).unwrap();
    assert_eq!(site.picture(), before);
}
