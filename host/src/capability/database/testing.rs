//! What the tests of both drivers ask and look at.

use std::path::Path;

use super::{Cell, ColumnData, Driver, Page, Value};
use crate::effect::{CallError, Failure, Fault};

/// All rows of a query, as values.
pub(super) fn rows(database: &impl Driver, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, CallError> {
    let mut cursor = database.query(sql, params, None)?;
    let mut rows = Vec::new();
    loop {
        let page = cursor.next(1000)?;
        if page.rows == 0 {
            return Ok(rows);
        }
        rows.extend((0..page.rows as usize).map(|row| row_of(&page, row)));
    }
}

/// One row of a page.
pub(super) fn row_of(page: &Page, row: usize) -> Vec<Value> {
    (0..page.columns.len()).map(|column| page.cell(column, row).map(Cell::to_value).unwrap()).collect()
}

/// The only value of a query: an integer.
#[track_caller]
pub(super) fn int(database: &impl Driver, sql: &str) -> i64 {
    match rows(database, sql, &[]).unwrap().as_slice() {
        [row] => match row.as_slice() {
            [Value::Int(int)] => *int,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// The answer that a call fails with.
#[track_caller]
pub(super) fn answer<T>(result: Result<T, CallError>) -> Failure {
    match result {
        Err(CallError::Answer(failure)) => failure,
        Err(CallError::Fault(fault)) => panic!("fault: {fault:?}"),
        Ok(_) => panic!("it worked"),
    }
}

/// The fault that a call ends with.
#[track_caller]
pub(super) fn fault<T>(result: Result<T, impl Into<CallError>>) -> Fault {
    match result.map_err(Into::into) {
        Err(CallError::Fault(fault)) => fault,
        Err(CallError::Answer(failure)) => panic!("answer: {failure:?}"),
        Ok(_) => panic!("it worked"),
    }
}

/// Reads a table `many` of ten thousand rows with other queries in between: its rest goes to a spool, which is gone afterwards.
pub(super) fn nothing_is_lost_when_other_queries_come_between(database: &impl Driver, spool: &Path) {
    let mut cursor = database.query("SELECT id, text FROM many ORDER BY id", &[], None).unwrap();
    let mut ids = Vec::new();
    let mut round = 0;
    loop {
        let page = cursor.next(777).unwrap();
        if page.rows == 0 {
            break;
        }
        assert!(matches!(&page.columns[1].data, ColumnData::Texts(_)));
        ids.extend((0..page.rows as usize).map(|row| row_of(&page, row)[0].clone()));
        round += 1;
        if round % 3 == 0 {
            assert_eq!(int(database, "SELECT COUNT(*) FROM many"), 10_000);
        }
    }
    assert_eq!(ids, (1..=10_000).map(Value::Int).collect::<Vec<_>>());
    // The file has no name: nothing is left however we end.
    assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0);
}
