//! A setting of the application's, in one row of one table: read and set by the host itself, on its own connection.
//!
//! Nothing else of the row changes, not even a column that has the server note the time of each change. What the column makes of
//! the value is read again before it is committed.

use mysql_client::{Error, Row, Value as Sent};
use serde_json::{Value, json};

use super::catalog::quoted;
use super::link::Link;
use super::{MysqlConfig, batch, error, stamp};
use crate::effect::{CallError, Failure, Fault, Setting};

/// Columns of a table that change by themselves with each change of their row.
const BY_THEMSELVES: &str = "SELECT COLUMN_NAME FROM information_schema.COLUMNS \
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND EXTRA LIKE '%on update%' AND COLUMN_NAME <> ?";

/// A fault, or else perhaps an answer: what is asked here can be asked again on another connection.
type Answered<T> = Result<Result<T, Failure>, Fault>;

/// What it says.
pub(super) fn read(link: &mut Link, config: &MysqlConfig, setting: &Setting) -> Answered<Value> {
    answered(look(link, config, setting, ""))
}

/// Sets it. Returns the stamp with this write in it, as [`stamp::with_own`].
pub(super) fn write(
    link: &mut Link,
    config: &MysqlConfig,
    setting: &Setting,
    value: &Value,
    stamp: &str,
) -> Answered<Option<String>> {
    let act = |link: &mut Link| {
        let set = link.lenient(|link| in_transaction(link, config, setting, value));
        set.map_err(|error| trouble(config, setting, &error))?
    };
    answered(stamp::with_own(link, config, stamp, &setting.table, act))
}

fn in_transaction(link: &mut Link, config: &MysqlConfig, setting: &Setting, value: &Value) -> Result<(), CallError> {
    let server = |error| trouble(config, setting, &error);
    link.run("START TRANSACTION").map_err(server)?;
    let done = change(link, config, setting, value).and_then(|()| {
        link.run("COMMIT").map_err(server)?;
        Ok(batch::point(config, "mysql.setting-set")?)
    });
    if done.is_err() {
        // A session that cannot roll back is gone, and its transaction with it.
        let _ = link.run("ROLLBACK");
    }
    done
}

fn change(link: &mut Link, config: &MysqlConfig, setting: &Setting, value: &Value) -> Result<(), CallError> {
    let server = |error| trouble(config, setting, &error);
    if look(link, config, setting, " FOR UPDATE")? == *value {
        return Ok(());
    }
    let columns = link.ask(BY_THEMSELVES, (&setting.table, &setting.column)).map_err(server)?;
    let columns = columns.iter().filter_map(|row| row.get_opt::<String, _>(0)?.ok()).map(|name| quoted(&name));
    let kept: String = columns.map(|name| format!(", {name} = {name}")).collect();
    let sql = format!(
        "UPDATE {} SET {} = ?{kept} WHERE {}",
        quoted(&setting.table),
        quoted(&setting.column),
        of_row(setting)
    );
    let sent = std::iter::once(to_server(value)).chain(setting.row.values().map(|text| Sent::from(text.as_str())));
    batch::point(config, "mysql.setting")?;
    link.ask(&sql, sent.collect::<Vec<_>>()).map_err(server)?;
    let became = look(link, config, setting, "")?;
    if Setting::words(&became) == Setting::words(value) {
        return Ok(());
    }
    Err(setting.wrong(&config.name, format_args!("the column makes {became} of {value}")))
}

/// The value, if there is exactly one such row.
fn look(link: &mut Link, config: &MysqlConfig, setting: &Setting, lock: &str) -> Result<Value, CallError> {
    let (column, table, row) = (quoted(&setting.column), quoted(&setting.table), of_row(setting));
    let sql = format!("SELECT {column} FROM {table} WHERE {row} LIMIT 2{lock}");
    let values: Vec<_> = setting.row.values().map(|text| Sent::from(text.as_str())).collect();
    let rows = link.ask(&sql, values).map_err(|error| trouble(config, setting, &error))?;
    let wrong = |why: &str| Err(setting.wrong(&config.name, why));
    match rows.as_slice() {
        [] => wrong("there is no such row"),
        [row] => of_server(row).map_or_else(|| wrong("it is neither a text nor a whole number"), Ok),
        _ => wrong("there is more than one such row"),
    }
}

fn of_row(setting: &Setting) -> String {
    let conditions: Vec<_> = setting.row.keys().map(|column| format!("{} = ?", quoted(column))).collect();
    conditions.join(" AND ")
}

fn of_server(row: &Row) -> Option<Value> {
    match row.as_ref(0)? {
        Sent::NULL => Some(Value::Null),
        Sent::Bytes(bytes) => str::from_utf8(bytes).ok().map(|text| json!(text)),
        Sent::Int(number) => Some(json!(number)),
        Sent::UInt(number) => Some(json!(number)),
        _ => None,
    }
}

fn to_server(value: &Value) -> Sent {
    match value {
        Value::Null => Sent::NULL,
        other => Sent::from(Setting::words(other).unwrap_or_default()),
    }
}

/// What the server itself says no to is about the setting; all else is the surroundings.
fn trouble(config: &MysqlConfig, setting: &Setting, error: &Error) -> CallError {
    let fault = error::fault(&config.name, &format!("setting {setting}"), error);
    match error {
        Error::Server(server) if fault.code == "database-error" => setting.wrong(&config.name, &server.message),
        _ => fault.into(),
    }
}

fn answered<T>(done: Result<T, CallError>) -> Answered<T> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(CallError::Answer(failure)) => Ok(Err(failure)),
        Err(CallError::Fault(fault)) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::thread;
    use std::time::Duration;

    use super::super::testing::{TestSchema, server};
    use super::*;

    const TABLES: [&str; 4] = [
        "CREATE TABLE `a``table` (name VARCHAR(20) NOT NULL, `the value` VARCHAR(3) CHARACTER SET latin1, n INT NOT NULL, blobs BLOB,
            made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, noted TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)",
        "SET sql_mode = ''",
        "INSERT INTO `a``table` VALUES ('Closed', 'no', 0, x'ff', '2020-01-01 00:00:00', '0000-00-00 00:00:00'),
            ('Twice', NULL, 1, '', '2020-01-01 00:00:00', '2020-01-02 00:00:00'), ('Twice', 'b', 2, '', '2020-01-01 00:00:00', '2020-01-02 00:00:00'),
            ('None', NULL, 3, '', '2020-01-01 00:00:00', '2020-01-03 00:00:00')",
        "CREATE TABLE other (a INT)",
    ];

    fn setting(name: &str) -> Setting {
        let row = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        Setting { table: "a`table".to_owned(), column: "the value".to_owned(), row }
    }

    fn looks(schema: &TestSchema) -> Vec<Vec<String>> {
        schema.rows("SELECT name, `the value`, n, HEX(blobs), made, noted FROM `a``table` ORDER BY n")
    }

    fn set(schema: &TestSchema, setting: &Setting, value: &Value, stamp: &str) -> Result<Option<String>, Failure> {
        let mut link = schema.link();
        let done = write(&mut link, &schema.config(), setting, value, stamp).unwrap();
        assert!(!batch::in_transaction(&mut link).unwrap());
        done
    }

    #[test]
    fn what_is_not_exactly_one_value_is_refused() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let before = looks(&schema);
        for (setting, value, why) in [
            (setting("Nobody"), "on", "there is no such row"),
            (setting("Twice"), "on", "more than one"),
            (setting("Closed"), "closed", "the column makes \"clo\" of \"closed\""),
            (Setting { table: "nowhere".to_owned(), ..setting("Closed") }, "on", "doesn't exist"),
            (Setting { column: "walue".to_owned(), ..setting("Closed") }, "on", "Unknown column"),
            (Setting { column: "blobs".to_owned(), ..setting("Closed") }, "on", "neither a text nor a whole number"),
            (Setting { column: "made".to_owned(), ..setting("Closed") }, "on", "neither a text nor a whole number"),
            (Setting { column: "n".to_owned(), ..setting("Closed") }, "on", "the column makes"),
        ] {
            let failure = set(&schema, &setting, &json!(value), "").unwrap_err();
            let is_told = failure.message.contains(why)
                || value == "on" && setting.column == "n" && failure.message.contains("Incorrect integer");
            assert!(failure.code == "no-such-setting" && is_told, "{failure:?}");
        }
        assert_eq!(looks(&schema), before);
    }

    #[test]
    fn nothing_else_of_its_row_changes() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let before = looks(&schema);
        for (setting, was) in [
            (setting("Closed"), json!("no")),
            (setting("None"), Value::Null),
            (Setting { column: "n".to_owned(), ..setting("Closed") }, json!(0)),
        ] {
            let says = || read(&mut schema.link(), &schema.config(), &setting).unwrap().unwrap();
            assert_eq!(says(), was);
            set(&schema, &setting, &json!("1"), "").unwrap();
            assert_eq!(Setting::words(&says()).as_deref(), Some("1"));
            assert_ne!(looks(&schema), before);
            set(&schema, &setting, &was, "").unwrap();
            assert_eq!(looks(&schema), before, "{setting}");
        }
    }

    /// The server's times have seconds.
    #[test]
    fn our_own_write_is_in_the_stamp_and_nobody_elses() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let config = schema.config();
        let a_second_passes = || thread::sleep(Duration::from_millis(1100));
        let take = || stamp::take(&mut schema.link(), &config).unwrap();
        let written = |stamp: &str| stamp::written_since(&mut schema.link(), &config, stamp).unwrap();
        let known = take();
        a_second_passes();
        assert_eq!(set(&schema, &setting("Closed"), &json!("on"), ""), Ok(None), "there is no stamp");
        assert_eq!(written(&known).as_deref(), Some("the table main.a`table"));
        let known = take();
        a_second_passes();
        // Somebody else is at another table.
        schema.run("INSERT INTO other VALUES (1)");
        let renewed = set(&schema, &setting("Closed"), &json!("no"), &known).unwrap().expect("nobody else was at it");
        assert_eq!(written(&renewed).as_deref(), Some("the table main.other"));
        let known = take();
        assert_eq!(written(&known), None);
        a_second_passes();
        schema.run("UPDATE `a``table` SET n = 5 WHERE name = 'None'");
        assert_eq!(set(&schema, &setting("Closed"), &json!("on"), &known), Ok(None), "somebody else was at it before");
        assert_eq!(written(&known).as_deref(), Some("the table main.a`table"));
    }
}
