//! Rows on their way, and what happens when something else comes between.

use std::time::Instant;

use super::*;
use crate::capability::database::Cursor;

#[test]
fn a_page_has_a_row_at_least_and_a_hundred_thousand_at_most() {
    let Some(place) = Place::new(&MANY) else { return };
    let mut cursor = place.database.query("SELECT id FROM many", &[], None).unwrap();
    for max in [0, 100_001, u32::MAX] {
        assert_eq!(answer(cursor.next(max)).code, "bad-argument");
    }
    assert_eq!(cursor.next(100_000).unwrap().rows, 10_000);
    assert_eq!(cursor.next(100_000).unwrap().rows, 0);
    assert_eq!(cursor.next(1).unwrap().rows, 0);
}

#[test]
fn a_query_in_the_middle_of_a_cursor_moves_its_rest_to_disk_and_nothing_is_lost() {
    let Some(place) = Place::new(&MANY) else { return };
    testing::nothing_is_lost_when_other_queries_come_between(&place.database, &place.database.desk.config().spool);
}

#[test]
fn a_spooled_read_has_ended_and_does_not_stand_in_the_way_of_a_schema_change() {
    let Some(place) = Place::new(&MANY) else { return };
    let mut cursor = place.database.query("SELECT id FROM many", &[], None).unwrap();
    cursor.next(10).unwrap();
    place.int("SELECT 1");
    // An open read would hold the metadata lock that this needs.
    place.schema.run("DROP TABLE many");
    cursor.skip(9_980).unwrap();
    assert_eq!(cursor.next(100).unwrap().rows, 10);
    assert_eq!(cursor.next(100).unwrap().rows, 0);
}

#[test]
fn a_read_in_a_batch_sees_the_batch_and_one_outside_does_not_hold_it_open() {
    let Some(place) = Place::new(&MANY) else { return };
    place.begin(None).unwrap();
    place.execute("DELETE FROM many WHERE id > 5").unwrap();
    let mut cursor = place.database.query("SELECT id FROM many", &[], None).unwrap();
    assert_eq!(cursor.next(1).unwrap().rows, 1);
    place.execute("DELETE FROM many WHERE id > 2").unwrap();
    assert_eq!(cursor.next(100).unwrap().rows, 4, "the rows of its time");
    assert_eq!(place.int("SELECT COUNT(*) FROM many"), 2);
    assert_eq!(place.schema.rows("SELECT COUNT(*) FROM many"), [["10000"]]);
    drop(cursor);
    place.database.commit(&marker(&place.database, 1)).unwrap();
    assert_eq!(place.schema.rows("SELECT COUNT(*) FROM many"), [["2"]]);
}

#[test]
fn a_replayed_cursor_goes_on_with_the_rows_of_its_time() {
    let Some(place) = Place::new(&MANY) else { return };
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
    let mut early = place.database.reopen(sql, &[], &columns, "01-1", 4).unwrap();
    assert_eq!(row_of(&early.next(1).unwrap(), 0), [Value::Int(5)]);
}

#[test]
fn skipping_is_the_same_live_and_from_disk_and_ends_at_the_end() {
    let Some(place) = Place::new(&MANY) else { return };
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
fn a_cursor_that_fails_half_way_answers_so_live_and_from_disk_and_again() {
    let Some(place) = Place::new(&["CREATE TABLE t (id INT PRIMARY KEY, a BIGINT)"]) else { return };
    place.schema.run("INSERT INTO t VALUES (1, 1), (2, 2), (3, 9223372036854775807)");
    for spooled in [false, true] {
        let mut cursor = place.database.query("SELECT id, a + 1 AS b FROM t", &[], None).unwrap();
        if spooled {
            place.int("SELECT 1");
        }
        assert_eq!(cursor.next(2).unwrap().rows, 2);
        assert_eq!(answer(cursor.next(1)).code, "sql-error");
        assert_eq!(answer(cursor.next(1)).code, "sql-error", "spooled: {spooled}");
    }
    assert_eq!(place.int("SELECT 1"), 1);
}

#[test]
fn a_full_spool_is_a_fault_of_the_call_that_needed_it() {
    let Some(place) = Place::with(&MANY, |config| config.spool_bytes = 100_000) else { return };
    let mut cursor = place.database.query("SELECT * FROM many", &[], None).unwrap();
    cursor.next(1).unwrap();
    assert_eq!(fault(place.database.query("SELECT 1", &[], None).map(drop)).code, "spool-full");
    assert_eq!(fault(cursor.next(1)).code, "session-closed");
    assert_eq!(place.int("SELECT 1"), 1);
}

#[test]
fn cursors_may_be_dropped_in_any_order_and_outlive_the_session() {
    let Some(place) = Place::new(&MANY) else { return };
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
    assert_eq!(place.int("SELECT COUNT(*) FROM many"), 10_000);
}

#[test]
fn nobody_waits_for_the_rows_of_a_dropped_cursor_and_its_batch_lives() {
    let Some(place) = Place::new(&MANY) else { return };
    let id = place.session_id();
    place.begin(None).unwrap();
    place.execute("DELETE FROM many WHERE id = 1").unwrap();
    // A hundred million rows, which the server makes as it sends them.
    let sql = "SELECT a.id, b.text FROM many a, many b";
    for _ in 0..5 {
        let mut cursor = place.database.query(sql, &[], None).unwrap();
        assert_eq!(cursor.next(10).unwrap().rows, 10);
        let started = Instant::now();
        drop(cursor);
        assert_eq!(place.int("SELECT COUNT(*) FROM many"), 9_999);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
    place.database.commit(&marker(&place.database, 1)).unwrap();
    assert_eq!(place.schema.rows("SELECT COUNT(*) FROM many"), [["9999"]]);
    assert_eq!(place.session_id(), id);
}
