//! What a statement may change: the tables that it names and all that is reached from there, by foreign keys and by the
//! bodies of programs.
//!
//! Names are compared, nothing is understood: a table counts as named wherever its name stands. That may be too much (a column
//! called like a table), never too little, for no statement can reach a table without naming it, a view or program of it, or
//! a table whose foreign keys or triggers lead there.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::refuse::alike;
use super::survey::Survey;
use super::token::is_word;
use super::{Action, Kind, ObjectKind, Parsed, SchemaChange, SetsOff, Touched, Use, not_granted};
use crate::capability::database::mysql::catalog::{Catalog, Program, Table};
use crate::effect::Failure;

/// Rules of foreign keys that change rows of the table that refers.
const RULES: [&str; 3] = ["CASCADE", "SET NULL", "SET DEFAULT"];

/// Refuses calls of routines to whom no programs are granted: what they do is not in the statement.
pub(super) fn check_routines(survey: &Survey, used: Use, catalog: &Catalog) -> Result<(), Failure> {
    if used == (Use::Execute { define: true }) {
        return Ok(());
    }
    let routine = |name: &String| catalog.routines.values().find(|routine| alike(&routine.name, name));
    match survey.called.iter().find_map(routine) {
        Some(routine) => Err(not_granted(&format!("the routine {}", routine.name))),
        None => Ok(()),
    }
}

/// Tells what may change. `schemas`: ours is the first.
pub(super) fn touched(statement: &Parsed, catalog: &Catalog, schemas: &[String]) -> Result<Touched, Failure> {
    match (statement.kind, &statement.change) {
        (Kind::Schema, Some(change)) => by_schema_change(statement, change, catalog, schemas),
        (Kind::Data, _) => {
            let mut reach = Reach::new(catalog);
            reach.add_tables(|name| has(&statement.survey, name), statement.sets_off);
            reach.add_programs(|name| has(&statement.survey, name), statement.sets_off);
            reach.spread();
            reach.check_schemas(schemas)?;
            let commits_itself = reach.tables.keys().any(|name| !is_transactional(catalog, name));
            let rows = reach.tables.into_keys().map(str::to_owned).collect();
            Ok(Touched { rows, commits_itself, ..Touched::default() })
        }
        _ => Ok(Touched::default()),
    }
}

fn has(survey: &Survey, name: &str) -> bool {
    survey.names.iter().any(|named| alike(named, name))
}

fn is_transactional(catalog: &Catalog, table: &str) -> bool {
    catalog.tables.get(table).is_none_or(|table| table.transactional)
}

fn by_schema_change(
    statement: &Parsed,
    change: &SchemaChange,
    catalog: &Catalog,
    schemas: &[String],
) -> Result<Touched, Failure> {
    let mut touched = Touched { commits_itself: true, ..Touched::default() };
    let table = match (change.object, change.action) {
        (ObjectKind::Table, _) => Some(&change.name),
        (ObjectKind::Index, _) => change.table.as_ref(),
        (ObjectKind::Trigger, Action::Drop) => {
            touched.definitions.extend(tables_of_trigger(catalog, &change.name));
            None
        }
        (ObjectKind::Trigger, _) => {
            touched.definitions.extend(change.table.iter().flat_map(|name| real_names(catalog, name)));
            // CREATE OR REPLACE takes it from the table that it was on.
            touched.definitions.extend(tables_of_trigger(catalog, &change.name));
            None
        }
        _ => None,
    };
    let Some(table) = table else { return Ok(touched) };
    let writes_rows = match change.action {
        Action::Create if change.object == ObjectKind::Table => change.fills,
        Action::Maintain => false,
        _ => true,
    };
    if writes_rows {
        touched.rows.extend(real_names(catalog, table));
    }
    if change.fills {
        let mut reach = Reach::new(catalog);
        reach.add_programs(|name| has(&statement.survey, name), SetsOff::default());
        reach.spread();
        reach.check_schemas(schemas)?;
        touched.rows.extend(reach.tables.into_keys().map(str::to_owned));
    }
    for name in [Some(table), change.new_name.as_ref()].into_iter().flatten() {
        touched.definitions.extend(real_names(catalog, name));
        touched.definitions.extend(children(catalog, name).map(|child| child.name.clone()));
    }
    Ok(touched)
}

/// The tables that a server may mean by this name; the name itself if there are none.
fn real_names(catalog: &Catalog, name: &str) -> BTreeSet<String> {
    let known: BTreeSet<String> = catalog.tables.keys().filter(|table| alike(table, name)).cloned().collect();
    if known.is_empty() { BTreeSet::from([name.to_owned()]) } else { known }
}

fn children<'c>(catalog: &'c Catalog, parent: &str) -> impl Iterator<Item = &'c Table> {
    let refers = move |table: &&Table| table.foreign_keys.iter().any(|key| alike(&key.references, parent));
    catalog.tables.values().filter(refers)
}

fn tables_of_trigger(catalog: &Catalog, name: &str) -> impl Iterator<Item = String> {
    let has_it = move |table: &&Table| table.triggers.iter().any(|trigger| alike(&trigger.name, name));
    catalog.tables.values().filter(has_it).map(|table| table.name.clone())
}

/// What has been reached so far.
struct Reach<'c> {
    catalog: &'c Catalog,
    /// Tables, with what may have happened to them.
    tables: BTreeMap<&'c str, SetsOff>,
    /// Programs, with what may have been done through them.
    programs: BTreeSet<(&'static str, &'c str, SetsOff)>,
    /// What is to be looked at yet.
    todo: Vec<Step<'c>>,
    /// Triggers and routines that are set off.
    set_off: Vec<&'c Program>,
}

enum Step<'c> {
    Table(&'c Table),
    /// Definitions hand on to what they name; triggers and routines may do anything to it.
    Program(&'c Program, SetsOff),
}

impl<'c> Reach<'c> {
    fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, tables: BTreeMap::new(), programs: BTreeSet::new(), todo: Vec::new(), set_off: Vec::new() }
    }

    /// Goes on from what was added until nothing is new.
    fn spread(&mut self) {
        while let Some(step) = self.todo.pop() {
            match step {
                Step::Table(table) => self.spread_from(table),
                Step::Program(program, sets_off) => {
                    let names = Mentions::of(&program.definition);
                    self.add_tables(|name| names.has(name), sets_off);
                    self.add_programs(|name| names.has(name), sets_off);
                }
            }
        }
    }

    fn spread_from(&mut self, table: &'c Table) {
        let now = self.tables.get(table.name.as_str()).copied().unwrap_or_default();
        for trigger in &table.triggers {
            self.set_off("trigger", trigger);
        }
        let catalog = self.catalog;
        for child in children(catalog, &table.name) {
            let mut keys = child.foreign_keys.iter().filter(|key| alike(&key.references, &table.name));
            if keys.any(|key| (now.on_delete && acts(&key.on_delete)) || (now.on_update && acts(&key.on_update))) {
                self.add_table(child, SetsOff::BOTH);
            }
        }
    }

    fn add_tables(&mut self, is_named: impl Fn(&str) -> bool, sets_off: SetsOff) {
        let catalog = self.catalog;
        for table in catalog.tables.values().filter(|table| is_named(&table.name)) {
            self.add_table(table, sets_off);
        }
    }

    fn add_table(&mut self, table: &'c Table, sets_off: SetsOff) {
        let known = self.tables.get(table.name.as_str()).copied();
        let old = known.unwrap_or_default();
        let new =
            SetsOff { on_delete: old.on_delete || sets_off.on_delete, on_update: old.on_update || sets_off.on_update };
        if known != Some(new) {
            self.tables.insert(&table.name, new);
            self.todo.push(Step::Table(table));
        }
    }

    fn add_programs(&mut self, is_named: impl Fn(&str) -> bool, sets_off: SetsOff) {
        let catalog = self.catalog;
        for view in catalog.views.values().filter(|view| is_named(&view.name)) {
            if self.programs.insert(("view", &view.name, sets_off)) {
                self.todo.push(Step::Program(view, sets_off));
            }
        }
        for (name, routine) in catalog.routines.iter().filter(|(_, routine)| is_named(&routine.name)) {
            // By the key: a procedure and a function may have the same name.
            if self.programs.insert(("routine", name, SetsOff::BOTH)) {
                self.set_off.push(routine);
                self.todo.push(Step::Program(routine, SetsOff::BOTH));
            }
        }
    }

    fn set_off(&mut self, kind: &'static str, program: &'c Program) {
        if self.programs.insert((kind, &program.name, SetsOff::BOTH)) {
            self.set_off.push(program);
            self.todo.push(Step::Program(program, SetsOff::BOTH));
        }
    }

    /// Refuses where a program that is set off names another schema: no restore point has that.
    fn check_schemas(&self, schemas: &[String]) -> Result<(), Failure> {
        let ours = schemas.first();
        let others: Vec<_> = schemas.iter().filter(|schema| Some(*schema) != ours && !is_read_only(schema)).collect();
        for program in &self.set_off {
            let names = Mentions::of(&program.definition);
            if let Some(other) = others.iter().find(|schema| names.has_qualifier(schema)) {
                let why = format!("the statement sets off {}, which names the schema {other}", program.name);
                return Err(Failure::new("other-schema", why));
            }
        }
        Ok(())
    }
}

/// Whether a rule of a foreign key changes rows of the table that refers.
fn acts(rule: &str) -> bool {
    RULES.iter().any(|acting| rule.eq_ignore_ascii_case(acting))
}

fn is_read_only(schema: &str) -> bool {
    schema.eq_ignore_ascii_case("information_schema") || schema.eq_ignore_ascii_case("performance_schema")
}

/// The names in the definition of a program that is there already, made under whatever `sql_mode`: everything that may be one,
/// in texts and comments too.
struct Mentions<'t> {
    text: &'t str,
    /// Runs of letters, in lower case.
    words: HashSet<String>,
    /// Those with letters beyond ASCII.
    odd: Vec<&'t str>,
}

impl<'t> Mentions<'t> {
    fn of(text: &'t str) -> Self {
        let words = || text.split(|letter| !is_letter(letter)).filter(|word| !word.is_empty());
        let odd = words().filter(|word| !word.is_ascii()).collect();
        Self { text, words: words().map(str::to_ascii_lowercase).collect(), odd }
    }

    fn has(&self, name: &str) -> bool {
        if !name.chars().all(is_letter) {
            // Only in quotes can it stand there.
            let text = self.text.to_lowercase();
            let name = name.to_lowercase();
            return ["`", "\""].iter().any(|quote| text.contains(&name.replace(quote, &quote.repeat(2))));
        }
        self.words.contains(&name.to_ascii_lowercase())
            || self.odd.iter().any(|word| alike(word, name))
            || (!name.is_ascii() && self.words.iter().any(|word| alike(word, name)))
    }

    /// Whether the name stands in front of a dot.
    fn has_qualifier(&self, name: &str) -> bool {
        let (text, name) = (self.text.to_ascii_lowercase(), name.to_ascii_lowercase());
        text.match_indices(&name).any(|(at, _)| {
            let inside = text[..at].chars().next_back().is_some_and(is_letter);
            let behind = text[at + name.len()..].trim_start_matches(['`', '"']).trim_start();
            !inside && behind.starts_with('.')
        })
    }
}

fn is_letter(letter: char) -> bool {
    !letter.is_ascii() || is_word(u8::try_from(letter).unwrap_or(0xff))
}
