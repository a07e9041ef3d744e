//! Plans carried out, and looked at: what is left of one. Only this and [`translations`] change anything.

use liftlock_sdk::database::Transaction;
use liftlock_sdk::prelude::*;

use crate::installation::Installation;
use crate::plan::{Decision, Fill, Filling, Plan, Rewrite, Step};
use crate::translations;

/// Rows of a page: a transaction each.
const PAGE: usize = 500;

/// Bytes of the random key, which is written in hex.
const KEY: u32 = 32;

/// What is left of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// What is to be done, in words. Empty: nothing.
    pub due: Vec<String>,
    /// What cannot be understood, and stays as it is: where, and why.
    pub left_alone: Vec<String>,
}

/// Looks what is left. Changes nothing.
///
/// # Errors
/// What the host says.
pub fn look(at: &Installation, plan: &Plan) -> Result<Left, Failure> {
    let mut left = Left::default();
    for step in &plan.steps {
        match step {
            Step::Change(change) => left.due.push(change.what.clone()),
            Step::Fill(fill) => left.due.extend(count(&at.database, fill)?),
            Step::Rewrite(rewrite) => look_at_rows(&at.database, rewrite, &mut left)?,
            Step::Translations => look_at_files(&at.root, &mut left)?,
        }
    }
    Ok(left)
}

/// Carries a plan out. Returns how many statements and files it took; none means that nothing was left.
///
/// # Errors
/// The first finding that blocks, or what the host says.
pub fn apply(at: &Installation, plan: &Plan) -> Result<u64, Failure> {
    if let Some(finding) = plan.blocking() {
        return Err(Failure::new(&finding.code, &finding.message));
    }
    let mut done = 0;
    for step in &plan.steps {
        done += match step {
            Step::Change(change) => {
                run::info(&change.what);
                at.database.execute(&change.sql, &[]).map_err(|failure| failure.at(&change.what))?;
                1
            }
            Step::Fill(fill) => apply_fill(&at.database, fill)?,
            Step::Rewrite(rewrite) => apply_rewrite(&at.database, rewrite)?,
            Step::Translations => apply_translations(&at.root)?,
        };
    }
    Ok(done)
}

fn count(database: &Database, fill: &Fill) -> Result<Option<String>, Failure> {
    let Some(sql) = fill.count() else { return Ok(Some(fill.what.to_owned())) };
    let rows: u64 = database.query_value(&sql, &[])?.unwrap_or(0);
    Ok((rows > 0).then(|| format!("{rows} {}", fill.what)))
}

fn apply_fill(database: &Database, fill: &Fill) -> Result<u64, Failure> {
    let value = match fill.new {
        Filling::Text(text) => text.to_owned(),
        Filling::RandomKey => hex(&run::random(KEY)),
    };
    let done = database.execute(&fill.sql(), &[value.into()]).map_err(|failure| failure.at(fill.what))?;
    if done.affected > 0 {
        run::info(format!("{} {}", done.affected, fill.what));
    }
    Ok(u64::from(done.affected > 0))
}

/// A row of a [`Rewrite`], with what becomes of it.
struct Decided {
    id: Value,
    decision: Decision,
    /// Whether the database gave the value as text.
    is_text: bool,
}

fn look_at_rows(database: &Database, rewrite: &Rewrite, left: &mut Left) -> Result<(), Failure> {
    let mut due = 0_u64;
    each_page(database, rewrite, |page| {
        for row in page {
            match &row.decision {
                Decision::Keep => {}
                Decision::Write(_) => due += 1,
                Decision::LeaveAlone(why) => left.left_alone.push(place(rewrite, row, why)),
            }
        }
        Ok(())
    })?;
    left.due.extend((due > 0).then(|| format!("{due} rows of {}", rewrite.name)));
    Ok(())
}

fn apply_rewrite(database: &Database, rewrite: &Rewrite) -> Result<u64, Failure> {
    let mut written = 0;
    each_page(database, rewrite, |page| {
        if page.iter().any(|row| matches!(row.decision, Decision::Write(_))) {
            written += database.transaction(|tx| write_page(tx, rewrite, page))?;
        }
        for row in page {
            if let Decision::LeaveAlone(why) = &row.decision {
                run::warn(place(rewrite, row, why));
            }
        }
        Ok(())
    })?;
    Ok(written)
}

fn write_page(tx: &Transaction, rewrite: &Rewrite, page: &[Decided]) -> Result<u64, Failure> {
    let sql = format!("UPDATE {} SET {} = ? WHERE id = ?", rewrite.table, rewrite.column);
    let mut written = 0;
    for row in page {
        if let Decision::Write(bytes) = &row.decision {
            tx.execute(&sql, &[as_it_came(bytes, row.is_text), row.id.clone()])?;
            written += 1;
        }
    }
    Ok(written)
}

/// All rows that may have the old form, in the order of their ids.
fn each_page(
    database: &Database,
    rewrite: &Rewrite,
    mut visit: impl FnMut(&[Decided]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut last = Vec::new();
    loop {
        let rows = database.query(&page_sql(rewrite, !last.is_empty()), &last)?.collect::<Result<Vec<_>, _>>()?;
        let page = rows.iter().map(|row| decide(rewrite, row)).collect::<Result<Vec<_>, _>>()?;
        let Some(end) = page.last() else { return Ok(()) };
        last = vec![end.id.clone()];
        visit(&page)?;
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

fn decide(rewrite: &Rewrite, row: &Row) -> Result<Decided, Failure> {
    let (kind, value): (&str, &[u8]) = (row.get(1)?, row.get(2)?);
    let is_text = row.get::<&str>(2).is_ok();
    Ok(Decided { id: row.get(0)?, decision: (rewrite.decide)(kind, value), is_text })
}

fn page_sql(rewrite: &Rewrite, further: bool) -> String {
    let Rewrite { table, column, kind, old, .. } = rewrite;
    let behind = if further { "id > ? AND " } else { "" };
    format!("SELECT id, {kind}, {column} FROM {table} WHERE {behind}{old} ORDER BY id LIMIT {PAGE}")
}

/// The value for the database. Text stays text, as a server compares the two kinds differently.
fn as_it_came(bytes: &[u8], is_text: bool) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_text => text.into(),
        _ => bytes.into(),
    }
}

fn place(rewrite: &Rewrite, row: &Decided, why: &str) -> String {
    let id = match &row.id {
        Value::Int(id) => id.to_string(),
        Value::Uint(id) => id.to_string(),
        other => format!("{other:?}"),
    };
    format!("{} of the row {id} of {} stays as it is: {why}", rewrite.column, rewrite.name)
}

fn look_at_files(root: &Directory, left: &mut Left) -> Result<(), Failure> {
    for description in translations::due(root)? {
        match description.json {
            Ok(_) => left.due.push(description.old),
            Err(why) => left.left_alone.push(format!("{} stays as it is: {why}", description.old)),
        }
    }
    Ok(())
}

fn apply_translations(root: &Directory) -> Result<u64, Failure> {
    let mut written = 0;
    for description in translations::due(root)? {
        match &description.json {
            Ok(_) => written += u64::from(translations::write(root, &description)?),
            Err(why) => run::warn(format!("{} stays as it is: {why}", description.old)),
        }
    }
    Ok(written)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite() -> Rewrite {
        Rewrite {
            table: "`mau_form_fields`".to_owned(),
            name: "form_fields",
            column: "properties",
            kind: "''",
            old: "properties LIKE '%x%'",
            decide: |_, _| Decision::Keep,
        }
    }

    #[test]
    fn pages_go_by_id_through_rows_of_the_old_form_only() {
        assert_eq!(
            page_sql(&rewrite(), false),
            "SELECT id, '', properties FROM `mau_form_fields` WHERE properties LIKE '%x%' ORDER BY id LIMIT 500"
        );
        assert!(page_sql(&rewrite(), true).contains(" WHERE id > ? AND properties LIKE '%x%' ORDER BY id "));
    }

    #[test]
    fn bytes_that_came_as_bytes_go_as_bytes() {
        assert_eq!(as_it_came(b"a", false), Value::Bytes(b"a".to_vec()));
        assert_eq!(as_it_came(b"a", true), Value::Text("a".to_owned()));
        assert_eq!(as_it_came(&[0xff], true), Value::Bytes(vec![0xff]));
    }

    #[test]
    fn a_row_that_stays_is_named_by_its_id_and_not_by_what_is_in_it() {
        let row = Decided { id: Value::Uint(7), decision: Decision::Keep, is_text: true };
        assert_eq!(place(&rewrite(), &row, "broken"), "properties of the row 7 of form_fields stays as it is: broken");
    }

    #[test]
    fn a_key_is_64_hex_digits() {
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
        assert_eq!(hex(&[7; KEY as usize]).len(), 64);
    }
}
