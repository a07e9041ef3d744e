//! Rows on their way from a server to a guest that adds them up, beside a loop of the same client library.

use std::hint::black_box;

use mysql_async::Value;
use mysql_async::prelude::Queryable;

use super::line::{Goal, Line};
use super::native::{time, turns};
use super::server::{Connection, Schema};
use super::site::Site;
use crate::Result;

const ROWS: u32 = 1_000_000;

/// Three threads share the cores with each other and the machine with others: the median of few turns is another one each time.
const TURNS: usize = 15;
const SQL: &str = "SELECT id, parent, score, name, mail FROM people";

/// At least 0.8 of the loop's rows in the same time.
const MOST: f64 = 1.25;

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let Some(schema) = Schema::new("liftlock_bench_rows", &people())? else {
        eprintln!("server-rows: there is no server; `cargo xtask bench server-rows` starts one");
        return Ok(());
    };
    let site = Site::on_server(&schema.socket, schema.name)?;
    let params = format!("what = \"rows\", sql = \"{SQL}\"");
    let library = || time(|| add_all(&mut schema.connection()?));
    let [guest, library] = turns(TURNS, [Box::new(|| site.apply(&params)), Box::new(library)])?;
    let each = |seconds: f64| seconds / f64::from(ROWS);
    tell(
        Line::new("a row of 5 columns from MariaDB to a guest, recorded", each(guest))
            .against("`mysql_async`, in a loop", each(library))
            .goal(Goal::Ratio(MOST)),
    );
    Ok(())
}

/// Numbers by digits: servers limit how deep a query may call itself.
fn people() -> String {
    let digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7
        UNION SELECT 8 UNION SELECT 9)";
    let tables = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{digits} AS {name}")).join(", ");
    let number = "a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d + 1";
    format!(
        "CREATE TABLE people (id INT PRIMARY KEY, parent INT, score DOUBLE, name VARCHAR(50), mail VARCHAR(50));
         INSERT INTO people SELECT i, i DIV 7, i * 0.25, CONCAT('Person ', i), CONCAT('person.', i, '@example.org')
         FROM (SELECT {number} AS i FROM {tables}) AS numbers WHERE i <= {ROWS};"
    )
}

/// Every value of every row, added up.
fn add_all(connection: &mut Connection) -> Result<(i64, f64, usize)> {
    let Connection { runtime, own } = connection;
    let sums = runtime.block_on(async {
        let mut sums = (0_i64, 0.0, 0);
        let rows = own.exec_iter(SQL, ()).await?;
        rows.for_each_and_drop(|row| {
            for value in row.unwrap() {
                match value {
                    Value::Int(int) => sums.0 += int,
                    Value::Double(real) => sums.1 += real,
                    Value::Bytes(bytes) => sums.2 += bytes.len(),
                    _ => {}
                }
            }
        })
        .await?;
        Ok::<_, mysql_async::Error>(sums)
    })?;
    Ok(black_box(sums))
}
