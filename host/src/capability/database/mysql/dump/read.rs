//! A connection that reads rows: the bytes of each column's own character set, times in UTC, all at one moment.

use mysql_client::{Error, Row, TextRow};

use super::plan::{Part, Source};
use super::text::{Flavor, push_row};
use crate::capability::database::mysql::MysqlConfig;
use crate::capability::database::mysql::error::fault;
use crate::capability::database::mysql::link::{Account, Link};
use crate::effect::Fault;

/// How long a statement of a data file may become, but for a row that is longer.
const STATEMENT: usize = 1 << 20;

/// Text for a data file: one statement.
pub(super) struct Block {
    /// The position of the table in the plan.
    pub(super) source: usize,
    /// Rows in it.
    pub(super) rows: u64,
    pub(super) text: Vec<u8>,
}

/// A connection that reads rows.
pub(super) struct Reader<'a> {
    config: &'a MysqlConfig,
    link: Link,
    /// What it is connected to.
    pub(super) flavor: Flavor,
    /// The longest statement.
    statement: usize,
}

impl<'a> Reader<'a> {
    /// Connects.
    pub(super) fn open(config: &'a MysqlConfig) -> Result<Self, Fault> {
        let mut link = Link::open(config, Account::Host)?;
        let failed = |error| fault(&config.name, "snapshot", &error);
        let flavor = flavor(&mut link).map_err(failed)?;
        let no_deadline = if flavor.mariadb { "max_statement_time = 0" } else { "max_execution_time = 0" };
        let settings = format!(
            "SET SESSION character_set_results = NULL, time_zone = '+00:00', sql_mode = '', {no_deadline}, \
            sql_select_limit = 18446744073709551615, sql_big_selects = 1, net_write_timeout = 3600"
        );
        link.run(&settings).map_err(failed)?;
        link.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").map_err(failed)?;
        let packet = link.rows("SELECT @@max_allowed_packet").map_err(failed)?;
        let packet = packet.first().and_then(|row| row.get_opt::<usize, _>(0)?.ok()).unwrap_or(STATEMENT);
        Ok(Self { config, link, flavor, statement: STATEMENT.min(packet / 2) })
    }

    /// From here on, everything is read as of now.
    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        let begun = self.link.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
        begun.map(drop).map_err(|error| fault(&self.config.name, "snapshot", &error))
    }

    /// All rows of a query. For results that are small.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Fault> {
        self.link.rows(sql).map_err(|error| fault(&self.config.name, "snapshot", &error))
    }

    /// The connection.
    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Reads a part of a table, and hands its rows over as blocks. `take` may end it early.
    pub(super) fn read(
        &mut self,
        sources: &[Source<'_>],
        part: &Part,
        fresh: impl FnMut() -> Vec<u8>,
        take: impl FnMut(Block) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let source = &sources[part.source];
        let mut blocks =
            Blocks { source, index: part.source, limit: self.statement, fresh, take, text: Vec::new(), rows: 0 };
        let sql = source.query(part);
        let what = format!("snapshot of the table {}", source.table.name);
        let failed = |error| fault(&self.config.name, &what, &error);
        let client = self.link.client();
        client.query(sql).map_err(failed)?;
        while let Some(row) = client.row().map_err(failed)? {
            blocks.add(row)?;
        }
        blocks.end()
    }
}

/// Rows that become statements.
struct Blocks<'a, F, T> {
    source: &'a Source<'a>,
    index: usize,
    limit: usize,
    fresh: F,
    take: T,
    text: Vec<u8>,
    rows: u64,
}

impl<F: FnMut() -> Vec<u8>, T: FnMut(Block) -> Result<(), Fault>> Blocks<'_, F, T> {
    fn add(&mut self, row: &[u8]) -> Result<(), Fault> {
        let fields = &self.source.fields;
        if self.rows == 0 {
            self.text = (self.fresh)();
            self.text.extend_from_slice(self.source.insert.as_bytes());
        } else {
            self.text.extend_from_slice(b",\n");
        }
        let start = self.text.len();
        push_row(&mut self.text, fields, TextRow::new(row)).map_err(|error| {
            Fault::new("database-error", format!("rows of the table {}: {error}", self.source.table.name))
        })?;
        self.rows += 1;
        if self.text.len() < self.limit {
            return Ok(());
        }
        if self.rows > 1 {
            // The row begins a statement of its own, so that none is longer than the server takes.
            let mut next = (self.fresh)();
            next.extend_from_slice(self.source.insert.as_bytes());
            next.extend_from_slice(&self.text[start..]);
            self.text.truncate(start - b",\n".len());
            self.rows -= 1;
            self.end()?;
            (self.text, self.rows) = (next, 1);
            if self.text.len() < self.limit {
                return Ok(());
            }
        }
        self.end()
    }

    /// The statement is complete.
    fn end(&mut self) -> Result<(), Fault> {
        if self.rows == 0 {
            return Ok(());
        }
        self.text.extend_from_slice(b";\n");
        let (text, rows) = (std::mem::take(&mut self.text), std::mem::take(&mut self.rows));
        (self.take)(Block { source: self.index, rows, text })
    }
}

/// Which server it is.
pub(super) fn flavor(link: &mut Link) -> Result<Flavor, Error> {
    let rows = link.rows("SELECT VERSION()")?;
    let version = rows.first().and_then(|row| row.get_opt::<String, _>(0)?.ok());
    Ok(Flavor::of(&version.unwrap_or_default()))
}
