//! What stays in a schema beside rows: definitions, triggers, routines, views, events, sequences; as files, and as statements.

use std::path::Path;

use mysql_client::{Error, Value};

use super::Manifest;
use super::file::{FileEntry, SqlFile};
use super::keys::with_next_id;
use super::names::Stem;
use super::plan::Source;
use crate::capability::database::mysql::MysqlConfig;
use crate::capability::database::mysql::catalog::{Program, Table, quoted};
use crate::capability::database::mysql::error::fault;
use crate::capability::database::mysql::link::Link;
use crate::effect::Fault;

/// The first lines of a file that is not one of rows.
const HEAD: &str = "-- liftlock dump 1\n\
    SET NAMES utf8mb4;\n\
    SET SESSION foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';\n\
    /*M!100201 SET SESSION check_constraint_checks = 0, innodb_strict_mode = 0 */;\n";

/// How the host's own connections speak.
const PLAINLY: &str = "SET NAMES utf8mb4";

/// What ends a statement that has semicolons of its own: the first that is not in it.
const DELIMITERS: [&str; 5] = [";;", "$$", "//", "$liftlock$", "||liftlock||"];

/// Writes all files but those of rows.
pub(super) fn save(
    config: &MysqlConfig,
    link: &mut Link,
    manifest: &Manifest,
    sources: &[Source<'_>],
    directory: &Path,
) -> Result<Vec<FileEntry>, Fault> {
    let mut files = Files { config, link, manifest, directory, written: Vec::new() };
    for source in sources {
        files.table(source)?;
    }
    files.programs(sources.len())?;
    Ok(files.written)
}

struct Files<'a> {
    config: &'a MysqlConfig,
    link: &'a mut Link,
    manifest: &'a Manifest,
    directory: &'a Path,
    written: Vec<FileEntry>,
}

impl Files<'_> {
    fn table(&mut self, source: &Source<'_>) -> Result<(), Fault> {
        let Table { name, definition, triggers, .. } = source.table;
        let next_id = self.manifest.tables.get(name).and_then(|entry| entry.next_id);
        let drop = format!("DROP TABLE IF EXISTS {}", quoted(name)).into_bytes();
        self.file(source.stem.schema(), &[drop, with_next_id(definition, next_id).into_bytes()])?;
        if triggers.is_empty() {
            return Ok(());
        }
        let mut statements = Vec::new();
        for trigger in triggers {
            statements.extend(self.program("TRIGGER", trigger)?);
        }
        self.file(source.stem.last("triggers"), &statements)
    }

    /// Sequences before the tables, as a default may need them; routines before views, which are checked when they are made.
    fn programs(&mut self, tables: usize) -> Result<(), Fault> {
        let catalog = &self.manifest.catalog;
        let (mut sequences, mut routines, mut views, mut events) = Default::default();
        let push = |all: &mut Vec<_>, made: Result<Vec<_>, Fault>| made.map(|made| all.extend(made));
        for (key, program) in &catalog.routines {
            let kind = key.strip_suffix(&program.name).unwrap_or(key).trim().to_uppercase();
            let made = self.program(&kind, program);
            if kind == "SEQUENCE" {
                push(&mut sequences, made)?;
                sequences.push(self.next_value(&program.name)?);
            } else {
                push(&mut routines, made)?;
            }
        }
        for view in in_order(catalog.views.values().collect()) {
            push(&mut views, self.program("VIEW", view))?;
        }
        for event in catalog.events.values() {
            push(&mut events, self.program("EVENT", event))?;
        }
        let stem = |number: usize, what: &str| Stem::new(number, tables, what);
        self.file(stem(0, "sequences").schema(), &sequences)?;
        self.file(stem(tables + 1, "routines").last("programs"), &routines)?;
        self.file(stem(tables + 2, "views").last("programs"), &views)?;
        self.file(stem(tables + 3, "events").last("programs"), &events)
    }

    fn program(&mut self, kind: &str, program: &Program) -> Result<Vec<Vec<u8>>, Fault> {
        let made = statements(self.link, kind, program, &self.manifest.catalog.collation);
        made.map_err(|error| fault(&self.config.name, &format!("snapshot of {}", program.name), &error))
    }

    fn next_value(&mut self, sequence: &str) -> Result<Vec<u8>, Fault> {
        let name = quoted(sequence);
        let rows = self.link.rows(&format!("SELECT next_not_cached_value FROM {name}"));
        let rows = rows.map_err(|error| fault(&self.config.name, &format!("snapshot of {sequence}"), &error))?;
        let next = rows.first().and_then(|row| row.get_opt::<i64, _>(0)?.ok()).unwrap_or(1);
        Ok(format!("DO SETVAL({name}, {next}, 0)").into_bytes())
    }

    fn file(&mut self, name: String, statements: &[Vec<u8>]) -> Result<(), Fault> {
        if statements.is_empty() {
            return Ok(());
        }
        let mut file = SqlFile::create(self.directory, name)?;
        file.write(HEAD.as_bytes(), 0)?;
        for statement in statements {
            file.write(&delimited(statement), 0)?;
        }
        self.written.push(file.finish()?);
        Ok(())
    }
}

/// A statement as the server's own client reads it.
fn delimited(statement: &[u8]) -> Vec<u8> {
    let has = |words: &str| statement.windows(words.len()).any(|window| window == words.as_bytes());
    if !has(";") {
        return [statement, b";\n"].concat();
    }
    let delimiter = DELIMITERS.into_iter().find(|delimiter| !has(delimiter)).unwrap_or(";;");
    let (before, behind) = (format!("DELIMITER {delimiter}\n"), format!("\n{delimiter}\nDELIMITER ;\n"));
    [before.as_bytes(), statement, behind.as_bytes()].concat()
}

/// Makes a trigger, a routine, a view or an event as it was: under its own `sql_mode`, character set, collations and time zone.
/// One with this name is dropped first. `collation` is the database's own.
///
/// # Errors
/// What the server says; the connection's settings are then not the host's any more.
pub(in super::super) fn make(link: &mut Link, kind: &str, program: &Program, collation: &str) -> Result<(), Error> {
    let mode = link.rows("SELECT @@SESSION.sql_mode, @@SESSION.time_zone")?;
    let setting = |index| mode.first().and_then(|row| row.get_opt::<String, _>(index)?.ok()).unwrap_or_default();
    let back = format!("SET SESSION sql_mode = {}, time_zone = {}", literal(&setting(0)), literal(&setting(1)));
    for statement in statements(link, kind, program, collation)? {
        link.run(statement)?;
    }
    link.run(&back).map(drop)
}

/// The statements for [`make`]. A program's text is in the character set of the client that made it: it keeps that.
fn statements(link: &mut Link, kind: &str, program: &Program, collation: &str) -> Result<Vec<Vec<u8>>, Error> {
    let [client, connection, database] = &program.collations;
    let mut settings = vec![format!("sql_mode = {}", literal(&program.sql_mode))];
    if !client.is_empty() {
        settings.push(format!("character_set_client = {}", literal(client)));
    }
    if !connection.is_empty() {
        settings.push(format!("collation_connection = {}", literal(connection)));
    }
    if !program.time_zone.is_empty() {
        settings.push(format!("time_zone = {}", literal(&program.time_zone)));
    }
    // A program remembers the database's collation too. There is no other way to tell the server than to change it.
    let elsewhere = !database.is_empty() && database != collation;
    let collate = |collation: &str| elsewhere.then(|| format!("ALTER DATABASE COLLATE = {}", literal(collation)));
    let drop = format!("DROP {kind} IF EXISTS {}", quoted(&program.name));
    let before = [Some(PLAINLY.to_owned()), Some(drop), collate(database)];
    let mut statements: Vec<_> = before.into_iter().flatten().map(String::into_bytes).collect();
    statements.push(format!("SET SESSION {}", settings.join(", ")).into_bytes());
    statements.push(encoded(link, &program.definition, client)?);
    statements.push(PLAINLY.as_bytes().to_vec());
    statements.extend(collate(collation).map(String::into_bytes));
    Ok(statements)
}

/// Text in a character set of the server's.
fn encoded(link: &mut Link, text: &str, charset: &str) -> Result<Vec<u8>, Error> {
    // A client's character set never has other bytes for ASCII.
    if text.is_ascii() || charset.is_empty() || charset == "binary" || charset.starts_with("utf8") {
        return Ok(text.as_bytes().to_vec());
    }
    let charset: String = charset.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let rows = link.ask(&format!("SELECT HEX(CONVERT(? USING {charset}))"), (text,))?;
    let hex = rows.first().and_then(|row| match row.as_ref(0)? {
        Value::Bytes(hex) => data_encoding::HEXUPPER.decode(hex).ok(),
        _ => None,
    });
    Ok(hex.unwrap_or_else(|| text.as_bytes().to_vec()))
}

/// Views, each behind those that it names. The server names them in quotes; an alias may look like one and only changes the
/// order.
fn in_order(mut views: Vec<&Program>) -> Vec<&Program> {
    let mut ordered = Vec::new();
    while !views.is_empty() {
        let free = |view: &&Program| {
            let names = |other: &&Program| other.name != view.name && view.definition.contains(&quoted(&other.name));
            !views.iter().any(names)
        };
        let next = views.iter().position(free).unwrap_or(0);
        ordered.push(views.remove(next));
    }
    ordered
}

/// A string as SQL has it, in any `sql_mode`: names of settings have no backslashes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, definition: &str) -> Program {
        let (name, definition) = (name.to_owned(), definition.to_owned());
        let empty = String::new;
        Program { name, definition, sql_mode: empty(), time_zone: empty(), collations: [empty(), empty(), empty()] }
    }

    #[test]
    fn views_that_seem_to_need_each_other_are_written_nevertheless() {
        let (a, b) = (view("a", "select 1 AS `b`"), view("b", "select 2 AS `a`"));
        assert_eq!(in_order(vec![&a, &b]).len(), 2);
    }

    #[test]
    fn views_come_behind_those_that_they_name() {
        let (a, b, c) = (view("a", "from `b`"), view("b", "from `c`"), view("c", "select `c`"));
        let names: Vec<_> = in_order(vec![&a, &b, &c]).iter().map(|view| view.name.clone()).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }

    #[test]
    fn a_body_cannot_end_its_statement() {
        let text = |statement: &str| String::from_utf8(delimited(statement.as_bytes())).unwrap();
        assert_eq!(text("SELECT 1"), "SELECT 1;\n");
        assert_eq!(text("BEGIN x; END"), "DELIMITER ;;\nBEGIN x; END\n;;\nDELIMITER ;\n");
        assert!(text("BEGIN x;; '$$' END").starts_with("DELIMITER //\n"));
    }
}
