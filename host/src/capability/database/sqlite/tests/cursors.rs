//! Rows on their way, and what happens when something else comes between.

use super::*;
use crate::capability::database::{ColumnData, Cursor};

#[test]
fn a_page_has_a_row_at_least_and_a_hundred_thousand_at_most() {
    let place = Place::new(MANY);
    let mut cursor = place.database.query("SELECT id FROM many", &[], None).unwrap();
    for max in [0, 100_001, u32::MAX] {
        assert_eq!(answer(cursor.next(max)).code, "bad-argument");
    }
    assert_eq!(cursor.next(100_000).unwrap().rows, 10_000);
    assert_eq!(cursor.next(100_000).unwrap().rows, 0);
    assert_eq!(cursor.next(1).unwrap().rows, 0);
}

#[test]
fn columns_come_packed_by_type() {
    let place = Place::new(
        "CREATE TABLE t (i INTEGER, f REAL, s TEXT, b BLOB, m, n);
         INSERT INTO t VALUES (1, 0.5, 'one', x'00ff', 1, NULL), (-9223372036854775808, -0.0, 'zwölf', x'', 'x', NULL);
         INSERT INTO t VALUES (NULL, NULL, CAST(x'ff' AS TEXT), NULL, x'01', NULL);",
    );
    let mut cursor = place.database.query("SELECT i, f, s, b, m, n, 1 + 1 AS two FROM t", &[], None).unwrap();
    let declared: Vec<_> = cursor.columns().iter().map(|c| (c.name.clone(), c.declared.clone())).collect();
    assert_eq!(declared[0], ("i".to_owned(), "INTEGER".to_owned()));
    assert_eq!(declared[6], ("two".to_owned(), String::new()));
    let page = cursor.next(2).unwrap();
    assert!(matches!(&page.columns[0].data, ColumnData::Ints(ints) if ints == &[1, i64::MIN]));
    assert!(matches!(&page.columns[1].data, ColumnData::Floats(_)));
    assert!(matches!(&page.columns[2].data, ColumnData::Texts(texts) if texts.data == "onezwölf".as_bytes()));
    assert!(matches!(&page.columns[3].data, ColumnData::Blobs(blobs) if blobs.ends == [2, 2]));
    assert!(matches!(&page.columns[4].data, ColumnData::Mixed(_)));
    assert_eq!(page.columns[5].nulls, [1, 1]);
    let page = cursor.next(2).unwrap();
    assert_eq!(row_of(&page, 0)[2], Value::Bytes(vec![0xff]));
    assert_eq!(row_of(&page, 0)[4], Value::Bytes(vec![1]));
}

#[test]
fn a_query_in_the_middle_of_a_cursor_moves_its_rest_to_disk_and_nothing_is_lost() {
    let place = Place::new(MANY);
    testing::nothing_is_lost_when_other_queries_come_between(&place.database, &place.config.spool);
}

#[test]
fn a_spooled_read_has_ended_and_does_not_see_later_changes() {
    let place = Place::new(MANY);
    let mut cursor = place.database.query("SELECT id FROM many", &[], None).unwrap();
    cursor.next(10).unwrap();
    // An open read would hold the lock that another program's commit needs, and our own DROP as well.
    place.batch(1, &["DELETE FROM many", "DROP TABLE many"]);
    place.outside().execute_batch("CREATE TABLE other (a)").unwrap();
    cursor.skip(9_980).unwrap();
    assert_eq!(cursor.next(100).unwrap().rows, 10);
    assert_eq!(cursor.next(100).unwrap().rows, 0);
}

#[test]
fn a_replayed_cursor_goes_on_with_the_rows_of_its_time() {
    let place = Place::new(MANY);
    let sql = "SELECT id FROM many ORDER BY id";
    let mut cursor = place.database.query(sql, &[], Some("01-1")).unwrap();
    let columns = cursor.columns().to_vec();
    cursor.next(10).unwrap();
    // The stage changes what it walks through; then the process is killed.
    place.batch(1, &["DELETE FROM many WHERE id > 5"]);
    drop(cursor);
    place.database.close();
    let mut again = place.database.reopen(sql, &[], &columns, "01-1", 12).unwrap();
    assert_eq!(row_of(&again.next(1).unwrap(), 0), [Value::Int(13)]);
    // A position before the spool begins: nothing that was done under the cursor is durable, so the database is asked.
    let mut early = place.database.reopen(sql, &[], &columns, "01-1", 4).unwrap();
    assert_eq!(row_of(&early.next(1).unwrap(), 0), [Value::Int(5)]);
    // A new query under the same name is of another life: what was kept is gone.
    place.database.query(sql, &[], Some("01-1")).unwrap();
    let mut fresh = place.database.reopen(sql, &[], &columns, "01-1", 4).unwrap();
    assert_eq!(row_of(&fresh.next(1).unwrap(), 0), [Value::Int(5)]);
    assert_eq!(fresh.next(1).unwrap().rows, 0);
}

#[test]
fn skipping_is_the_same_live_and_from_disk_and_ends_at_the_end() {
    let place = Place::new(MANY);
    for spooled in [false, true] {
        let mut cursor = place.database.query("SELECT id FROM many ORDER BY id", &[], None).unwrap();
        if spooled {
            place.int("SELECT 1");
        }
        cursor.skip(0).unwrap();
        cursor.skip(5_000).unwrap();
        assert_eq!(row_of(&cursor.next(1).unwrap(), 0), [Value::Int(5_001)]);
        cursor.skip(u64::MAX).unwrap();
        assert_eq!(cursor.next(1).unwrap().rows, 0);
    }
}

#[test]
fn a_page_of_big_rows_ends_early_live_and_from_disk() {
    let place =
        Place::new("CREATE TABLE big (a); INSERT INTO big VALUES (zeroblob(3000000)), (zeroblob(3000000)), (1)");
    for spooled in [false, true] {
        let mut cursor = place.database.query("SELECT a FROM big", &[], None).unwrap();
        if spooled {
            place.int("SELECT 1");
        }
        let sizes = [cursor.next(100).unwrap().rows, cursor.next(100).unwrap().rows, cursor.next(100).unwrap().rows];
        assert_eq!(sizes, [2, 1, 0], "spooled: {spooled}");
    }
}

#[test]
fn a_cursor_that_fails_half_way_answers_so_live_and_from_disk_and_again() {
    let place = Place::new("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (-9223372036854775808)");
    for spooled in [false, true] {
        let mut cursor = place.database.query("SELECT abs(a) FROM t", &[], None).unwrap();
        if spooled {
            place.int("SELECT 1");
        }
        assert_eq!(cursor.next(2).unwrap().rows, 2);
        assert_eq!(answer(cursor.next(1)).code, "sql-error");
        assert_eq!(answer(cursor.next(1)).code, "sql-error", "spooled: {spooled}");
    }
}

#[test]
fn a_full_spool_is_a_fault_of_the_call_that_needed_it() {
    let place = Place::with(MANY, |config| config.spool_bytes = 100_000);
    let mut cursor = place.database.query("SELECT * FROM many", &[], None).unwrap();
    cursor.next(1).unwrap();
    assert_eq!(fault(place.database.query("SELECT 1", &[], None).map(drop)).code, "spool-full");
    assert_eq!(fault(cursor.next(1)).code, "session-closed");
    assert_eq!(place.int("SELECT 1"), 1);
}

#[test]
fn cursors_may_be_dropped_in_any_order_and_outlive_the_session() {
    let place = Place::new(MANY);
    let open = || place.database.query("SELECT * FROM many", &[], None).unwrap();
    let (first, mut second, third) = (open(), open(), open());
    drop(third);
    drop(first);
    assert_eq!(second.next(5).unwrap().rows, 5);
    let mut live: Box<dyn Cursor> = open();
    place.database.close();
    assert_eq!(fault(second.next(5)).code, "session-closed");
    assert_eq!(fault(live.next(5)).code, "session-closed");
    drop(live);
    assert_eq!(place.int("SELECT count(*) FROM many"), 10_000);
}

#[test]
fn a_column_whose_name_or_type_is_no_text_does_not_take_the_worker_down() {
    for (place, code) in
        [(Place::new("CREATE TABLE t (xx)"), "statement-refused"), (Place::new("CREATE TABLE t (a xx)"), "sql-error")]
    {
        let mut bytes = std::fs::read(&place.config.path).unwrap();
        let at = bytes.windows(3).position(|window| window == b"xx)").unwrap();
        bytes[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
        std::fs::write(&place.config.path, bytes).unwrap();
        assert_eq!(answer(place.try_rows("SELECT * FROM t")).code, code);
        assert_eq!(place.int("SELECT count(*) AS n FROM t"), 0);
        assert_eq!(place.database.columns("t").unwrap().len(), 1);
    }
}
