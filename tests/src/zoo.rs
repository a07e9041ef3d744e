//! A zoo beside an application: tables and programs of every kind that a server has, with extreme values.
//!
//! The SQL is in `fixtures/mysql/`. It makes the same rows every time.

use anyhow::{Context, Result};

use crate::mariadb::{Client, Schema};

const ALL: &str = include_str!("../fixtures/mysql/zoo.sql");
const MARIADB: &str = include_str!("../fixtures/mysql/zoo-mariadb.sql");
const WEBMAIL: &str = include_str!("../fixtures/mysql/zoo-webmail.sql");

/// UUID came with 10.7.
const MARIADB_SINCE: (u32, u32) = (10, 7);

/// Fills a schema with the zoo, on any server.
///
/// # Errors
/// What the server says.
pub fn fill(schema: &Schema) -> Result<()> {
    // Definers are the schema's own account, as an application's are.
    schema.client()?.run(ALL).context("zoo.sql")?;
    if has_mariadbs_types(&mut schema.root()?)? {
        schema.client()?.run(MARIADB).context("zoo-mariadb.sql")?;
    }
    Ok(())
}

/// Fills the schema of a Roundcube 1.4 with the zoo, and with foreign keys, triggers and programs that tie the two together.
///
/// # Errors
/// What the server says.
pub fn fill_beside_webmail(schema: &Schema) -> Result<()> {
    fill(schema)?;
    schema.client()?.run(WEBMAIL).context("zoo-webmail.sql")
}

fn has_mariadbs_types(client: &mut Client) -> Result<bool> {
    let version = client.cell("SELECT VERSION()")?;
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (version.contains("MariaDB"), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Ok(version >= (true, MARIADB_SINCE.0, MARIADB_SINCE.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::mariadb::{Server, shared};

    fn filled() -> Schema {
        let schema = Schema::new(&shared().unwrap(), "zoo").unwrap();
        fill(&schema).unwrap();
        schema
    }

    fn digest(schema: &Schema) -> Digest {
        Digest::of_schema(&mut schema.root().unwrap()).unwrap()
    }

    #[test]
    fn two_zoos_are_equal() {
        let [one, two] = [filled(), filled()].map(|zoo| digest(&zoo));
        assert_eq!(one.diff(&two), Vec::<String>::new());
        assert!(one.len() > 80, "{}", one.len());
    }

    #[test]
    fn every_type_of_the_server_is_there() {
        let zoo = filled();
        let sql = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = DATABASE()";
        let types = zoo.root().unwrap().column(sql).unwrap();
        for name in [
            "tinyint",
            "smallint",
            "mediumint",
            "int",
            "bigint",
            "decimal",
            "float",
            "double",
            "bit",
            "date",
            "datetime",
            "timestamp",
            "time",
            "year",
            "char",
            "varchar",
            "binary",
            "varbinary",
            "tinyblob",
            "blob",
            "mediumblob",
            "longblob",
            "tinytext",
            "text",
            "mediumtext",
            "longtext",
            "enum",
            "set",
            "geometry",
            "point",
            "linestring",
            "polygon",
            "multipoint",
            "multilinestring",
            "multipolygon",
            "geometrycollection",
        ] {
            assert!(types.iter().any(|found| found == name), "{name}: {types:?}");
        }
    }

    #[test]
    fn every_difference_of_a_schema_is_seen() {
        let zoo = filled();
        let mut client = zoo.root().unwrap();
        let mut before = digest(&zoo);
        for (sql, part) in [
            ("UPDATE zoo_bytes SET long_ = CONCAT(long_, 0x00) WHERE id = 1", "~ rows of zoo_bytes"),
            // All that a FLOAT as text has on the way of a usual dump.
            ("UPDATE zoo_numbers SET f = CONCAT(f, '') WHERE id = 4", "~ rows of zoo_numbers"),
            ("UPDATE zoo_words SET exactly = 'E' WHERE id = 4", "~ rows of zoo_words"),
            ("UPDATE zoo_words SET long_ = NULL WHERE id = 2", "~ rows of zoo_words"),
            ("UPDATE zoo_mariadb SET also = 'x' WHERE also = 'hidden'", "~ rows of zoo_mariadb"),
            ("INSERT INTO zoo_bag VALUES (1, 'twin')", "~ rows of zoo_bag"),
            ("ALTER TABLE zoo_integers AUTO_INCREMENT = 1001", "~ next id of zoo_integers"),
            ("ALTER TABLE zoo_bag ROW_FORMAT = COMPACT", "~ table zoo_bag"),
            ("ALTER TABLE zoo_children DROP FOREIGN KEY zoo_child_of", "~ table zoo_children"),
            ("DROP TRIGGER zoo_ansi", "- trigger zoo_ansi"),
            ("DROP VIEW zoo_families", "- view zoo_families"),
            ("CREATE PROCEDURE zoo_new () SELECT 1", "+ procedure zoo_new"),
            ("ALTER EVENT zoo_clock ENABLE", "~ event zoo_clock"),
            ("ALTER DATABASE CHARACTER SET ucs2", "~ schema"),
            ("CREATE TABLE extra (id INT)", "+ table extra"),
        ] {
            client.run(sql).unwrap();
            let after = digest(&zoo);
            let different = before.diff(&after);
            assert!(different.iter().any(|line| line.starts_with(part)), "{sql}: {different:?}");
            before = after;
        }
        client.run("CREATE TABLE liftlock_marker (run INT)").unwrap();
        assert_eq!(before.diff(&digest(&zoo)), Vec::<String>::new(), "the host's own table is no part of it");
    }

    #[test]
    fn a_killed_server_keeps_the_zoo() {
        let mut server = Server::start().unwrap();
        let zoo = server.schema("kept").unwrap();
        fill(&zoo).unwrap();
        let before = digest(&zoo);
        server.kill9();
        server.restart().unwrap();
        assert_eq!(before.diff(&digest(&zoo)), Vec::<String>::new());
    }
}
