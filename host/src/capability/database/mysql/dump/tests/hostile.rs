//! Damage, and servers and tables that are not as they should be.

use std::fs;

use super::*;

const TABLES: &[&str] = &[
    "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, s TEXT)",
    "INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, NULL)",
    "CREATE TABLE b (id INT)",
];

#[test]
fn a_file_that_is_missing_cut_or_altered_is_named_and_nothing_is_changed() {
    let Some(server) = server() else { return };
    let saved = Saved::new(server.schema(TABLES), Quiet::Frozen);
    let names =
        |directory: &Path| fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let files = names(&saved.directory);
    assert_eq!(files.len(), 5);
    saved.schema.run("DROP TABLE b");
    for file in files {
        let whole = fs::read(&file).unwrap();
        let refused = |what: &str| {
            let fault = saved.load().unwrap_err();
            assert_eq!(fault.code, "snapshot-damaged", "{what}: {fault}");
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            // Which of the two is wrong cannot be known.
            let named = fault.message.contains(&name) || name == SUMS && fault.message.contains(MANIFEST);
            assert!(named, "{what} {name}: {fault}");
        };
        fs::remove_file(&file).unwrap();
        refused("missing");
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            refused("cut");
        }
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&file, &altered).unwrap();
            refused("altered");
        }
        fs::write(&file, &whole).unwrap();
    }
    assert_eq!(saved.schema.rows("SHOW TABLES"), [["a"]]);
    saved.load().unwrap();
    assert_eq!(catalog(&saved.schema), saved.catalog);
}

#[test]
fn a_manifest_that_names_a_file_elsewhere_is_not_read() {
    let Some(server) = server() else { return };
    let saved = Saved::new(server.schema(TABLES), Quiet::Frozen);
    let path = saved.directory.join(MANIFEST);
    let json = fs::read_to_string(&path).unwrap().replace("0001-a-2-data", "../0001-a-2-data");
    fs::write(&path, &json).unwrap();
    fs::write(saved.directory.join(SUMS), format!("{}  {MANIFEST}\n", hex(Sha256::new_with_prefix(&json)))).unwrap();
    let fault = saved.load().unwrap_err();
    assert!(fault.code == "snapshot-damaged" && fault.message.contains("no name of a file of ours"), "{fault}");
}

#[test]
fn a_system_versioned_table_is_refused_before_anything_is_written() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[]);
    if schema.link().run("CREATE TABLE h (a INT) WITH SYSTEM VERSIONING").is_err() {
        return;
    }
    let directory = schema.directory().join("none");
    fs::create_dir(&directory).unwrap();
    let (catalog, tables) = (catalog(&schema), ["h".to_owned()]);
    let fault = save(&schema.config(), &catalog, &tables, false, &directory, Quiet::Frozen).unwrap_err();
    assert_eq!(fault.code, "table-not-restorable");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    let fault = save(&schema.config(), &catalog, &["nope".to_owned()], false, &directory, Quiet::Frozen).unwrap_err();
    assert_eq!(fault.code, "no-such-table");
}

#[test]
fn the_operator_can_stop_both_and_do_them_again() {
    let Some(server) = server() else { return };
    let saved = Saved::new(server.schema(TABLES), Quiet::Frozen);
    let before = state(&saved.schema);
    let config = saved.schema.config();
    config.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let again = saved.schema.directory().join("again");
    fs::create_dir(&again).unwrap();
    let tables = ["a".to_owned()];
    assert_eq!(save(&config, &saved.catalog, &tables, false, &again, Quiet::Live).unwrap_err().code, "interrupted");
    let manifest = verify(&saved.directory).unwrap();
    assert_eq!(load(&config, &saved.directory, &manifest).unwrap_err().code, "interrupted");
    assert_eq!(saved.schema.rows("SELECT COUNT(*) FROM a"), [["0"]]);
    saved.load().unwrap();
    assert_eq!(state(&saved.schema), before);
}

#[test]
fn what_another_session_writes_meanwhile_is_not_in_a_live_snapshot() {
    let Some(server) = server() else { return };
    let schema = server.schema(TABLES);
    schema.run("INSERT INTO b SELECT 7 FROM information_schema.COLLATIONS AS x, information_schema.COLLATIONS AS y");
    let count: u64 = schema.rows("SELECT COUNT(*) FROM b")[0][0].parse().unwrap();
    let config = schema.config();
    let done = std::sync::atomic::AtomicBool::new(false);
    let saved = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut link = schema.link();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                // Each transaction leaves the sum of both as it is.
                link.run("START TRANSACTION").unwrap();
                link.run("INSERT INTO a (s) VALUES ('new')").unwrap();
                link.run("DELETE FROM b LIMIT 1").unwrap();
                link.run("COMMIT").unwrap();
            }
        });
        let directory = schema.directory().join("live");
        fs::create_dir(&directory).unwrap();
        let tables = ["a".to_owned(), "b".to_owned()];
        let info = save(&config, &catalog(&schema), &tables, false, &directory, Quiet::Live);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        info.unwrap()
    });
    assert_eq!(saved.rows, count + 3);
    let consistency = &saved.extra[0].1;
    assert!(["one-transaction", "one-moment"].contains(&consistency.as_str()), "{consistency}");
}
