//! The driver through the traits, on a real server. What is refused comes first.

mod changes;
mod cursors;
mod refused;
mod schema;
mod values;

use std::sync::Once;
use std::time::Duration;

use super::super::testing::{TestSchema, server};
use super::super::{Mysql, MysqlConfig};
use super::Session;
use crate::capability::database::testing::{self, answer, fault, row_of};
use crate::capability::database::{Driver, Executed, Statement, Value};
use crate::effect::{CallError, Fault, Marker, Store};

/// A schema of a test, and the driver on it.
struct Place {
    // Closed before the schema is dropped.
    database: Mysql,
    schema: TestSchema,
    restore_point: Once,
}

impl Place {
    /// A schema with these tables and rows; none if there is no server.
    fn new(setup: &[&str]) -> Option<Self> {
        Self::with(setup, |_| {})
    }

    fn with(setup: &[&str], change: impl FnOnce(&mut MysqlConfig)) -> Option<Self> {
        let schema = server()?.schema(setup);
        let mut config = schema.config();
        change(&mut config);
        Some(Self { database: Mysql::open(config).unwrap(), schema, restore_point: Once::new() })
    }

    /// Makes the restore point, as the engine does before the first touch.
    fn ready(&self) {
        let make = || self.database.restore_point(&self.database.desk.config().restore).map(drop).unwrap();
        self.restore_point.call_once(make);
    }

    fn begin(&self, expected: Option<&Marker>) -> Result<(), Fault> {
        self.ready();
        self.database.begin(expected)
    }

    /// Does something with the session itself.
    fn inside<T: Send + 'static>(&self, act: impl FnOnce(&mut Session) -> T + Send + 'static) -> T {
        self.database.desk.with(|session| Ok(act(session))).unwrap()
    }

    /// The server's number for the stage's connection.
    fn session_id(&self) -> u32 {
        self.inside(|session| session.stage().unwrap().link.id())
    }

    /// One batch that is committed.
    fn batch(&self, sequence: u64, statements: &[&str]) {
        let expected = (sequence > 1).then(|| marker(&self.database, sequence - 1));
        self.begin(expected.as_ref()).unwrap();
        for sql in statements {
            self.execute(sql).unwrap();
        }
        self.database.commit(&marker(&self.database, sequence)).unwrap();
    }

    fn execute(&self, sql: &str) -> Result<Executed, CallError> {
        self.execute_with(sql, &[])
    }

    fn execute_with(&self, sql: &str, params: &[Value]) -> Result<Executed, CallError> {
        self.database.execute(&statement(sql, params))
    }

    /// All rows, as values.
    fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        self.try_rows(sql, &[]).unwrap()
    }

    fn try_rows(&self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, CallError> {
        testing::rows(&self.database, sql, params)
    }

    fn int(&self, sql: &str) -> i64 {
        testing::int(&self.database, sql)
    }
}

fn statement<'a>(sql: &'a str, params: &'a [Value]) -> Statement<'a> {
    Statement { sql, params, now: 1_700_000_000_123, define: false }
}

fn marker(database: &Mysql, sequence: u64) -> Marker {
    Marker { run: database.desk.config().run.clone(), stage: 0, sequence, recording: sequence * 100 }
}

/// Ten thousand rows of about 100 bytes.
const MANY: [&str; 4] = [
    "CREATE TABLE digits (d INT PRIMARY KEY)",
    "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
    "CREATE TABLE many (id INT PRIMARY KEY, text VARCHAR(200))",
    "INSERT INTO many SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d, REPEAT('text ', 20) FROM digits a, digits b, digits c, digits d",
];

/// Runs for minutes, with [`MANY`].
const ENDLESS: &str = "SELECT COUNT(*) FROM many a, many b, many c WHERE a.id + b.id + c.id < 0";

/// A guest's statement may take so long in tests of what happens then.
const SHORT: Duration = Duration::from_millis(300);
