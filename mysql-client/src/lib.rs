//! A client of MySQL and MariaDB, for one thread: its calls block, and the rows of a result are lent, packet by packet, out of
//! the memory into which they were read.
//!
//! What packets consist of (columns, values, constants, passwords) is `mysql_common`'s. Why not `mysql_async`, which is built on
//! the same: it makes a `Row` of every row and a value on the heap of every cell, and there is no way to the bytes between. With
//! many rows that was four fifths of what a read cost, in a host that only puts them into pages or files
//! (ARCHITECTURE.md, "The client of MySQL").
//!
//! ```no_run
//! use mysql_client::{Client, Options, Place, TextRow};
//!
//! # fn main() -> Result<(), mysql_client::Error> {
//! let options = Options::new(Place::Tcp("db.example.org".to_owned(), 3306), "shop", "clerk", "secret");
//! let mut client = Client::connect(&options, None)?;
//! client.query("SELECT name FROM people")?;
//! while let Some(row) = client.row()? {
//!     let name = TextRow::new(row).next().transpose()?.flatten();
//! }
//! # Ok(()) }
//! ```
//!
//! Not there: compression, named parameters, several statements in one text, `mysql_old_password`, passwords in the clear.

mod client;
mod error;
mod login;
mod options;
mod packets;
mod parse;
mod row;
mod socket;
mod statement;
mod tls;

#[cfg(test)]
mod tests;

pub use client::{Client, Done, Reply};
pub use error::{Error, Malformed, ServerError};
pub use mysql_common::constants::{ColumnFlags, ColumnType};
pub use mysql_common::packets::Column;
pub use mysql_common::params::Params;
pub use mysql_common::prelude::FromRow;
pub use mysql_common::row::Row;
pub use mysql_common::row::convert::from_row_opt;
pub use mysql_common::value::Value;
pub use options::{Options, Place, Tls};
pub use packets::{TICK, Watch};
pub use row::{BinaryRow, Field, TextRow};
