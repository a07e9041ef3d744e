//! A restore point with damage is refused before anything is changed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;

fn files(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

#[test]
fn a_file_that_is_missing_cut_or_altered_by_a_bit_stops_undo_before_it_begins() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["pr", "cd", "grand", "audit"], "DELETE FROM pr WHERE id = 1");
    zoo.change(&["anew"], "DROP TABLE anew");
    let changed = zoo.now();
    let mut all = Vec::new();
    files(&zoo.config.restore, &mut all);
    let mut refused = 0;
    for file in &all {
        let whole = fs::read(file).unwrap();
        let middle = whole.len() / 2;
        let mut altered: Vec<Option<Vec<u8>>> = vec![None, Some(Vec::new()), Some(whole[..middle].to_vec())];
        for place in [0, middle, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            altered.push(Some(bytes));
        }
        for damage in altered {
            match damage {
                Some(bytes) => fs::write(file, bytes).unwrap(),
                None => fs::remove_file(file).unwrap(),
            }
            let fault = zoo.undo().expect_err(&file.display().to_string());
            assert_eq!(fault.code, "restore-point-damaged", "{fault}");
            refused += 1;
        }
        fs::write(file, whole).unwrap();
    }
    assert_eq!(zoo.now(), changed, "nothing has been changed");
    println!("{refused} damages of {} files refused", all.len());
    zoo.expect_undone();
}

#[test]
fn a_record_of_another_run_or_none_is_refused() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["anew"], "DROP TABLE anew");
    for record in [json!({}), json!(null), json!({"catalog": "00"})] {
        let fault = put_back(&mut zoo.locked(), &zoo.config, &record).unwrap_err();
        assert_eq!(fault.code, "restore-point-damaged");
    }
    assert_eq!(zoo.schema.rows("SHOW TABLES LIKE 'anew'").len(), 0);
}

#[test]
fn the_place_of_a_table_that_is_gone_is_noticed() {
    let Some(zoo) = Zoo::new() else { return };
    let place = fs::read_dir(zoo.config.restore.join("tables")).unwrap().next().unwrap().unwrap().path();
    fs::remove_dir_all(place).unwrap();
    assert_eq!(zoo.undo().unwrap_err().code, "restore-point-damaged");
}

#[test]
fn nobody_else_can_read_a_restore_point() {
    use std::os::unix::fs::PermissionsExt;
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["alone"], "DELETE FROM alone");
    let mut all = Vec::new();
    files(&zoo.config.restore, &mut all);
    assert!(all.len() > 3);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    for path in all {
        assert!(mode(&path) == 0 || mode(path.parent().unwrap()) == 0, "{}", path.display());
    }
}
