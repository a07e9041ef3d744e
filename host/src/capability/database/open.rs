//! A cursor whose rows still come from the connection.

use std::path::PathBuf;

use super::spool::{Keep, Spool, SpoolRoom};
use super::worker::Rows;
use super::{Cell, Page, PageBuilder};
use crate::effect::{CallError, Fault};

/// Rows at a time that are not for the guest.
const MANY: u32 = 1000;

/// A cursor, as the worker has it while it stays with it.
pub(super) struct OpenCursor<'a> {
    /// Its number.
    pub(super) number: u64,
    /// Columns.
    width: usize,
    keep: Option<PathBuf>,
    /// Rows that went out.
    given: u64,
    /// What the last page was asked for, and how often in a row.
    habit: (u32, u32),
    ahead: Option<Ahead>,
    rows: &'a mut dyn Rows,
}

/// Rows that were read before they were asked for.
struct Ahead {
    page: Page,
    /// The first that was not given out.
    next: usize,
    /// Whether it is what a call for so many rows gets, as it is.
    whole_for: Option<u32>,
}

impl<'a> OpenCursor<'a> {
    /// A cursor from its first row on. `keep`: where the rest is kept if it must be spooled.
    pub(super) fn new(number: u64, width: usize, keep: Option<PathBuf>, rows: &'a mut dyn Rows) -> Self {
        Self { number, width, keep, given: 0, habit: (0, 0), ahead: None, rows }
    }

    /// As `Cursor::next`.
    pub(super) fn page(&mut self, max: u32) -> Result<Page, CallError> {
        let page = match self.ahead.take_if(|ahead| ahead.whole_for == Some(max)) {
            Some(ahead) => ahead.page,
            None => {
                let mut page = PageBuilder::new(self.width, max);
                self.fill(&mut page)?;
                page.finish()
            }
        };
        self.given += u64::from(page.rows);
        let (asked, times) = self.habit;
        self.habit = (max, if page.rows > 0 && asked == max { times + 1 } else { 1 });
        Ok(page)
    }

    /// As `Cursor::skip`.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), CallError> {
        self.given = self.given.saturating_add(count);
        let mut left = count;
        while left > 0 {
            let mut page = PageBuilder::new(self.width, MANY.min(u32::try_from(left).unwrap_or(MANY)));
            self.fill(&mut page)?;
            left -= page.rows();
            if !page.is_full() {
                break;
            }
        }
        Ok(())
    }

    /// Reads the page that is likely to be asked for next: by a guest that has taken several of the same size. Others may not
    /// want any more, and the next row may be far away.
    pub(super) fn read_ahead(&mut self) {
        let (max, times) = self.habit;
        if times < 2 || self.ahead.is_some() {
            return;
        }
        let mut page = PageBuilder::new(self.width, max);
        // How it ended is the answer to a later call.
        let ended = self.fill(&mut page);
        let whole_for = ended.is_ok().then_some(max);
        self.ahead = Some(Ahead { page: page.finish(), next: 0, whole_for });
    }

    /// Moves all that is left to a spool, where `used` bytes are taken by others. What the guest's own SQL does wrong on the
    /// way is the cursor's answer, later; a fault stops everything now.
    pub(super) fn drain(mut self, room: &SpoolRoom, used: u64) -> Result<Spool, Fault> {
        let keep = self.keep.take().map(|path| Keep { path, start: self.given });
        let mut spool = room.writer(self.number, keep, used)?;
        let ended = loop {
            let mut page = PageBuilder::new(self.width, MANY);
            let filled = self.fill(&mut page);
            let more = page.is_full();
            let page = page.finish();
            for row in 0..page.rows as usize {
                spool.push(&page.row(row).map(Cell::to_value).collect::<Vec<_>>())?;
            }
            if filled.is_err() || !more {
                break filled;
            }
        };
        match ended {
            Err(CallError::Fault(fault)) => Err(fault),
            Err(CallError::Answer(failure)) => spool.finish(self.width, Some(failure)),
            Ok(()) => spool.finish(self.width, None),
        }
    }

    /// As [`Rows::fill`], with those that were read ahead first.
    fn fill(&mut self, page: &mut PageBuilder) -> Result<(), CallError> {
        if let Some(ahead) = &mut self.ahead {
            ahead.whole_for = None;
            while !page.is_full() && ahead.next < ahead.page.rows as usize {
                page.push(ahead.page.row(ahead.next));
                ahead.next += 1;
            }
            if page.is_full() {
                return Ok(());
            }
            self.ahead = None;
        }
        self.rows.fill(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many rows, each its number; then an answer.
    struct Counting(i64, i64);

    impl Rows for Counting {
        fn fill(&mut self, page: &mut PageBuilder) -> Result<(), CallError> {
            while !page.is_full() {
                if self.0 == self.1 {
                    return Err(CallError::answer("sql-error", "the end"));
                }
                self.0 += 1;
                page.push([Cell::Int(self.0)]);
            }
            Ok(())
        }
    }

    fn read(page: &Page) -> Vec<i64> {
        let int = |row| match page.cell(0, row) {
            Some(Cell::Int(int)) => int,
            other => panic!("{other:?}"),
        };
        (0..page.rows as usize).map(int).collect()
    }

    #[test]
    fn nothing_is_read_ahead_of_a_guest_that_has_shown_no_habit() {
        let mut rows = Counting(0, 100);
        let mut cursor = OpenCursor::new(1, 1, None, &mut rows);
        cursor.read_ahead();
        cursor.page(10).unwrap();
        cursor.read_ahead();
        cursor.page(3).unwrap();
        cursor.read_ahead();
        assert!(cursor.ahead.is_none());
        assert_eq!(rows.0, 13);
    }

    #[test]
    fn what_was_read_ahead_is_given_once_and_in_order_whatever_is_asked_for() {
        for wanted in [10, 4, 25] {
            let mut rows = Counting(0, 100);
            let mut cursor = OpenCursor::new(1, 1, None, &mut rows);
            let mut seen = Vec::new();
            for max in [10, 10, wanted, 7, 7, 7] {
                cursor.read_ahead();
                seen.extend(read(&cursor.page(max).unwrap()));
            }
            cursor.read_ahead();
            cursor.skip(3).unwrap();
            let last = seen.len() as i64;
            assert_eq!(read(&cursor.page(1).unwrap()), [last + 4]);
            assert_eq!(cursor.given, seen.len() as u64 + 4);
            assert_eq!(seen, (1..=last).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_falls_in_the_same_page_with_and_without_reading_ahead() {
        for ahead in [false, true] {
            let mut rows = Counting(0, 25);
            let mut cursor = OpenCursor::new(1, 1, None, &mut rows);
            for max in [10, 10, 3] {
                if ahead {
                    cursor.read_ahead();
                }
                assert_eq!(cursor.page(max).unwrap().rows, max);
            }
            for _ in 0..2 {
                assert!(cursor.page(10).is_err(), "read ahead: {ahead}");
            }
        }
    }
}
