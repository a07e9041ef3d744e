//! A schema for trying a statement out on empty clones of its tables. It is made for one statement, and dropped.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use mysql_client::{Error, ServerError};
use sha2::{Digest, Sha256};

use super::super::MysqlConfig;
use super::super::catalog::{Catalog, Program, Table, quoted};
use super::super::error;
use super::super::link::{Account, Link};
use super::print::Print;
use super::statement::{trigger_head, without_definer};
use crate::effect::{Failure, Fault};
use crate::io::fault::point;

/// The account may not do this. Nothing is wrong with the statement.
const DENIED: [u16; 3] = [1044, 1142, 1227];

/// Errors about a statement or a definition, which the real tables would answer too. Others may come from what a clone lacks:
/// then the statement is sent, and the real answer counts. Not 1061 (such a key is there): the real key may be one that the
/// server made itself, and gives up.
const CONCLUSIVE: [u16; 42] = [
    1063, 1064, 1065, 1103, 1110, 1111, 1235, 1239, // the statement
    1050, 1054, 1059, 1060, 1072, 1091, 1166, 1280, // names: there already, not there, wrong
    1067, 1074, 1101, 1115, 1253, 1273, 1286, 1291, 1294, // types and defaults
    1068, 1069, 1070, 1071, 1073, 1075, 1089, 1121, 1163, 1167, 1170, 1171, 1252, // keys
    1090, 1113, 1117, 1118, // the table as a whole
];

/// What a trial has shown.
pub(super) enum Tried {
    /// What the statement makes of its schema.
    Expected(Print),
    /// It cannot be tried here.
    Unknown,
    /// The server refuses the statement.
    Refused(Failure),
}

/// What is cloned, by the names that the objects have in the catalog.
#[derive(Debug, Default)]
pub(super) struct Cast {
    /// Tables, with their triggers.
    pub(super) tables: BTreeSet<String>,
    /// Views.
    pub(super) views: BTreeSet<String>,
    /// Routines: "function f".
    pub(super) routines: BTreeSet<String>,
    /// The statement is about code, or runs some: all of the schema is looked at, not only tables and views.
    pub(super) whole: bool,
}

/// Runs a statement on empty clones, under the stage's `sql_mode`, on a connection of its own.
pub(super) fn try_out(
    config: &MysqlConfig,
    sql: &str,
    sql_mode: &str,
    before: &Catalog,
    cast: &Cast,
) -> Result<Tried, Fault> {
    let mut link = Link::open(config, Account::Host)?;
    let mut scratch = Scratch { link: &mut link, config, name: name(config) };
    if !scratch.make(before)? {
        return Ok(Tried::Unknown);
    }
    let tried = scratch.clone_and_run(sql, sql_mode, before, cast);
    let dropped = scratch.drop();
    let tried = tried?;
    dropped?;
    Ok(tried)
}

/// Drops what a killed trial of this run has left.
pub(super) fn clear(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    let name = name(config);
    let there = link.rows(&format!("SHOW DATABASES LIKE '{}'", name.replace('_', "\\_")));
    match there.map_err(|error| error::fault(&config.name, "scratch schema", &error))?.len() {
        0 => Ok(()),
        _ => Scratch { link, config, name }.drop(),
    }
}

/// The schema's name: no other run has it, and no other database of the same run.
pub(super) fn name(config: &MysqlConfig) -> String {
    let hash = Sha256::digest(format!("{}\n{}\n{}", config.run, config.name, config.server.schema));
    format!("liftlock_{}", HEXLOWER.encode(&hash[..6]))
}

struct Scratch<'a> {
    link: &'a mut Link,
    config: &'a MysqlConfig,
    name: String,
}

impl Scratch<'_> {
    /// Makes the schema anew. False if the account may not.
    fn make(&mut self, like: &Catalog) -> Result<bool, Fault> {
        let (name, charset, collation) = (quoted(&self.name), &like.charset, &like.collation);
        let made = self.link.run(format!("DROP DATABASE IF EXISTS {name}")).and_then(|_| {
            self.link.run(format!("CREATE DATABASE {name} CHARACTER SET {} COLLATE {}", word(charset), word(collation)))
        });
        match made {
            Ok(_) => {
                self.point("mysql.change.scratch-made")?;
                Ok(true)
            }
            Err(Error::Server(server)) if DENIED.contains(&server.code) => Ok(false),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn drop(&mut self) -> Result<(), Fault> {
        let sql = format!("DROP DATABASE IF EXISTS {}", quoted(&self.name));
        self.host(&sql)?;
        self.point("mysql.change.scratch-dropped")
    }

    fn clone_and_run(&mut self, sql: &str, sql_mode: &str, before: &Catalog, cast: &Cast) -> Result<Tried, Fault> {
        self.host(&format!("USE {}", quoted(&self.name)))?;
        self.host("SET SESSION sql_mode = '', foreign_key_checks = 0")?;
        // What was made under looser settings must be possible here too. MySQL 8 does not let everybody set it.
        let _ = self.link.run("SET SESSION innodb_strict_mode = 0");
        if !self.clone_all(before, cast)? {
            return Ok(Tried::Unknown);
        }
        let clone = self.print(cast)?;
        let _ = self.link.run("SET SESSION innodb_strict_mode = DEFAULT");
        self.mode(sql_mode)?;
        match self.link.run(sql) {
            Ok(_) => {}
            Err(Error::Server(server)) if CONCLUSIVE.contains(&server.code) => {
                return Ok(Tried::Refused(refused(&server)));
            }
            Err(Error::Server(_)) => return Ok(Tried::Unknown),
            Err(error) => return Err(self.fault(&error)),
        }
        let after = self.print(cast)?;
        Ok(Print::of(before).follow(&clone, &after).map_or(Tried::Unknown, Tried::Expected))
    }

    /// False if something cannot be cloned.
    fn clone_all(&mut self, before: &Catalog, cast: &Cast) -> Result<bool, Fault> {
        let tables: Vec<_> = cast.tables.iter().filter_map(|name| before.tables.get(name)).collect();
        let views = cast.views.iter().filter_map(|name| before.views.get(name));
        let routines = cast.routines.iter().filter_map(|name| before.routines.get(name));
        for table in &tables {
            if !self.clones(&table.definition)? {
                return Ok(false);
            }
        }
        for routine in routines {
            self.mode(&routine.sql_mode)?;
            if !self.clones(&without_definer(&routine.definition))? {
                return Ok(false);
            }
        }
        self.mode("")?;
        if !self.clone_views(views.collect())? {
            return Ok(false);
        }
        for table in tables {
            if !self.clone_triggers(table)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Views may need each other: those that cannot be made yet are tried again as long as others can.
    fn clone_views(&mut self, mut views: Vec<&Program>) -> Result<bool, Fault> {
        while !views.is_empty() {
            let mut left = Vec::new();
            for view in &views {
                if !self.clones(&without_definer(&view.definition))? {
                    left.push(*view);
                }
            }
            if left.len() == views.len() {
                return Ok(false);
            }
            views = left;
        }
        Ok(true)
    }

    /// Triggers that do nothing: a clone has no rows, and what the bodies name need not be here.
    fn clone_triggers(&mut self, table: &Table) -> Result<bool, Fault> {
        for trigger in &table.triggers {
            self.mode(&trigger.sql_mode)?;
            let definition = without_definer(&trigger.definition);
            let Some((head, each)) = trigger_head(&definition) else { return Ok(false) };
            if !self.clones(&format!("{head} {} {each} BEGIN END", quoted(&table.name)))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes an object. False if the server says no.
    fn clones(&mut self, definition: &str) -> Result<bool, Fault> {
        match self.link.run(definition) {
            Ok(_) => Ok(true),
            Err(Error::Server(_)) => Ok(false),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn print(&mut self, cast: &Cast) -> Result<Print, Fault> {
        let catalog = match cast.whole {
            true => Catalog::read(self.link, self.config)?,
            false => Catalog::read_tables(self.link, self.config, None)?,
        };
        Ok(Print::of_clone(&catalog, &self.name, &self.config.server.schema))
    }

    fn mode(&mut self, sql_mode: &str) -> Result<(), Fault> {
        self.host(&format!("SET SESSION sql_mode = '{}'", sql_mode.replace(['\'', '\\'], "")))
    }

    fn host(&mut self, sql: &str) -> Result<(), Fault> {
        self.link.run(sql).map(drop).map_err(|error| self.fault(&error))
    }

    fn point(&self, name: &'static str) -> Result<(), Fault> {
        point(name).map_err(|error| Fault::io(format_args!("database {}", self.config.name), &error))
    }

    fn fault(&self, error: &Error) -> Fault {
        error::fault(&self.config.name, &format!("scratch schema {}", self.name), error)
    }
}

/// The name of a character set or collation, which the server said: letters, digits and `_`, or it is no such name.
fn word(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn refused(server: &ServerError) -> Failure {
    let mut failure = Failure::new("sql-error", server.message.clone());
    failure.extra.push(("code".to_owned(), server.code.to_string()));
    failure.extra.push(("sqlstate".to_owned(), server.state.clone()));
    failure
}
