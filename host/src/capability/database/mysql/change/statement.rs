//! What a statement says about itself, by its tokens: which names are in it, and whether twice is the same as once. And the
//! definitions of programs, without what differs between a schema and its clone.

use std::collections::BTreeSet;

use super::super::catalog::tokens::{Kind, Token, tokens};

/// Facts about a statement that commits by itself, beside those that the guard has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Everything in it that may be a name, in lower case.
    pub(super) names: BTreeSet<String>,
    /// Whether it gives columns other names, which the definitions of other tables may follow.
    pub(super) renames_columns: bool,
    /// Whether a column may get the name that another had before: done twice, it is not what it is done once, and the
    /// definition may not show it.
    pub(super) permutes: bool,
    /// Whether it has parameters, whose values are not known here.
    pub(super) parameters: bool,
    /// Whether it has a name with a qualifier.
    pub(super) qualifies: bool,
}

impl Facts {
    /// Those of a statement without comments.
    pub(super) fn of(sql: &str) -> Self {
        let tokens = tokens(sql.as_bytes());
        let has = |sign| tokens.iter().any(|token| token.kind == Kind::Sign(sign));
        let (renames_columns, permutes) = columns_renamed(sql, &tokens);
        Self { names: names(sql), renames_columns, permutes, parameters: has(b'?'), qualifies: has(b'.') }
    }
}

/// The names in a text, in lower case.
pub(super) fn names(sql: &str) -> BTreeSet<String> {
    let named = |token: &&Token| matches!(token.kind, Kind::Name | Kind::Word);
    tokens(sql.as_bytes()).iter().filter(named).map(|token| token.name(sql).to_lowercase()).collect()
}

/// A program's definition without the account that it belongs to.
pub(super) fn without_definer(sql: &str) -> String {
    let tokens = tokens(sql.as_bytes());
    match definer(sql, &tokens) {
        Some((from, to)) => {
            let rest = tokens.get(to).map_or(sql.len(), |token| token.span.start);
            format!("{}{}", &sql[..tokens[from].span.start], &sql[rest..])
        }
        None => sql.to_owned(),
    }
}

/// A trigger's definition, apart: its head up to the table's name, and what follows that name up to the body.
/// "CREATE TRIGGER a BEFORE INSERT ON", "FOR EACH ROW". None if it is no such text.
pub(super) fn trigger_head(sql: &str) -> Option<(&str, &str)> {
    let tokens = tokens(sql.as_bytes());
    let on = tokens.iter().position(|token| token.is(sql, "ON"))?;
    let each = on + tokens.get(on..)?.iter().position(|token| token.is(sql, "FOR"))?;
    let row = tokens.get(each + 2).filter(|token| token.is(sql, "ROW"))?;
    Some((&sql[..tokens[on].span.end], &sql[tokens[each].span.start..row.span.end]))
}

/// A trigger's definition without its table: what is left when the table gets another name.
pub(super) fn without_trigger_table(sql: &str) -> String {
    let body = |(head, each): (&str, &str)| {
        let at = sql[head.len()..].find(each).map_or(sql.len(), |at| head.len() + at);
        format!("{head} {}", &sql[at..])
    };
    trigger_head(sql).map_or_else(|| sql.to_owned(), body)
}

/// Where `DEFINER = user@host` is.
fn definer(sql: &str, tokens: &[Token]) -> Option<(usize, usize)> {
    let from = tokens.iter().position(|token| token.is(sql, "DEFINER"))?;
    let sign = |at: usize, sign| tokens.get(at).is_some_and(|token| token.kind == Kind::Sign(sign));
    if !sign(from + 1, b'=') {
        return None;
    }
    let user = from + 2;
    let to = if sign(user + 1, b'@') {
        user + 3
    } else if sign(user + 1, b'(') {
        // CURRENT_USER()
        user + 3
    } else {
        user + 1
    };
    (to <= tokens.len()).then_some((from, to))
}

/// Whether columns get other names, and whether such an old name is used again in the same statement.
fn columns_renamed(sql: &str, statement: &[Token]) -> (bool, bool) {
    // Behind the table's own name, which may be that of a column.
    let Some(table) = statement.iter().position(|token| token.is(sql, "TABLE")) else { return (false, false) };
    let clauses = statement.get(table + 2..).unwrap_or_default();
    let is = |at: usize, word: &str| clauses.get(at).is_some_and(|token| token.is(sql, word));
    let name = |at: usize| clauses.get(at).map(|token| token.name(sql).to_lowercase()).unwrap_or_default();
    let mut old_names = Vec::new();
    for at in 0..clauses.len() {
        let mut old = match () {
            () if is(at, "CHANGE") => at + 1 + usize::from(is(at + 1, "COLUMN")),
            () if is(at, "RENAME") && is(at + 1, "COLUMN") => at + 2,
            () => continue,
        };
        if is(old, "IF") && is(old + 1, "EXISTS") {
            old += 2;
        }
        let new = old + 1 + usize::from(is(at, "RENAME"));
        if name(old) != name(new) {
            old_names.push(name(old));
        }
    }
    let uses = |old: &String| (0..clauses.len()).filter(|at| name(*at) == *old).count();
    (!old_names.is_empty(), old_names.iter().any(|old| uses(old) > 1))
}

#[cfg(test)]
mod tests {
    use super::{Facts, trigger_head, without_definer, without_trigger_table};

    #[test]
    fn a_column_that_takes_anothers_name_is_a_permutation_however_it_is_written() {
        for sql in [
            "ALTER TABLE t CHANGE a b INT AFTER b, CHANGE b a INT FIRST",
            "ALTER TABLE t CHANGE COLUMN `A` b INT, CHANGE COLUMN b a INT",
            "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
            "ALTER TABLE t DROP a, CHANGE b a INT, ADD b INT AFTER a",
            "ALTER TABLE t CHANGE IF EXISTS a b INT, ADD COLUMN `a` INT",
        ] {
            assert!(Facts::of(sql).permutes, "{sql}");
        }
        for sql in [
            "ALTER TABLE t CHANGE a a TEXT",
            "ALTER TABLE t CHANGE COLUMN `a` A TEXT, CHANGE b c INT",
            "ALTER TABLE a CHANGE a b INT, ADD INDEX (b)",
            "ALTER TABLE t RENAME COLUMN a TO b",
            "ALTER TABLE t RENAME TO u",
            "ALTER TABLE t",
            "ALTER TABLE t CHANGE",
            "ALTER TABLE t RENAME COLUMN",
        ] {
            assert!(!Facts::of(sql).permutes, "{sql}");
        }
    }

    #[test]
    fn a_program_is_the_same_whoever_made_it_and_a_trigger_whatever_its_table_is_called() {
        let view = "CREATE ALGORITHM=MERGE DEFINER=`ro``ot`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1";
        assert_eq!(without_definer(view), "CREATE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW `v` AS select 1");
        assert_eq!(without_definer("CREATE DEFINER=CURRENT_USER() VIEW v"), "CREATE VIEW v");
        assert_eq!(without_definer("CREATE DEFINER=x VIEW v"), "CREATE VIEW v");
        for mad in ["DEFINER", "DEFINER=", "DEFINER=a@", "x DEFINER=("] {
            without_definer(mad);
        }
        let trigger = "CREATE trigger `on` before insert ON `a`.`b` for each row set new.a = 1";
        assert_eq!(trigger_head(trigger), Some(("CREATE trigger `on` before insert ON", "for each row")));
        assert_eq!(without_trigger_table(trigger), "CREATE trigger `on` before insert ON for each row set new.a = 1");
    }
}
