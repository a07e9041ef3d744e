//! What the operator's machine does around an upgrade: the freeze, what visitors see of it, and the hooks.

use std::time::Duration;

use super::document::{Item, Section, Wrong};
use super::value;
use crate::effect::Setting;

const DRAIN: Duration = Duration::from_secs(30);
const COMMAND_TIME: Duration = Duration::from_mins(1);
const LEASE: Duration = Duration::from_mins(1);
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// A program and its arguments. No shell, and nothing from a guest.
pub type Command = Vec<String>;

/// How the operator keeps everybody else from writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Commands that stop what writes, in this order.
    pub stop: Vec<Command>,
    /// Commands that start it again, in this order.
    pub start: Vec<Command>,
    /// How long requests that had begun may take to end. 30 seconds; none without a `[freeze]`.
    pub drain: Duration,
    /// How long one command or hook may take. 1 minute.
    pub command_time: Duration,
}

/// What others see and find as long as the freeze lasts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// The page, and its status beside it.
    pub page: Option<Page>,
    /// The application's own flag.
    pub flag: Option<Flag>,
}

/// A page that the operator's web server, or the application's front controller, shows as long as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The root that it is put into. In the root itself: what lies deeper may be switched away.
    pub root: String,
    /// The name of its file.
    pub file: String,
    /// The name of the file with its status, which it asks for again and again. "status.json".
    pub status: String,
    /// Without a sign of life for so long it says that the upgrade has stopped. 1 minute.
    pub lease: Duration,
    /// After so long it asks for itself anew where there is no JavaScript: what the server should say as `Retry-After`.
    /// 30 seconds.
    pub retry_after: Duration,
    /// Its heading, if it is the operator's.
    pub title: Option<String>,
    /// What it says below, if it is the operator's.
    pub message: Option<String>,
}

/// What tells the application itself that it is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// A file that is there as long as the freeze lasts.
    File(FlagFile),
    /// A row of a database that says so as long as the freeze lasts.
    Row(FlagRow),
}

/// A file that is there as long as the freeze lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagFile {
    /// The root that it is put into.
    pub root: String,
    /// The path in the root.
    pub path: String,
    /// What is in it.
    pub content: String,
}

/// A row of a database that says so as long as the freeze lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagRow {
    /// The database.
    pub database: String,
    /// Where it is there.
    pub setting: Setting,
    /// What is in it then.
    pub value: String,
}

/// Commands at other moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// After a new tree has been put live, before it is verified.
    pub after_switch: Vec<Command>,
    /// When a run needs a person.
    pub on_attention: Vec<Command>,
}

impl Default for Freeze {
    fn default() -> Self {
        Self { stop: Vec::new(), start: Vec::new(), drain: Duration::ZERO, command_time: COMMAND_TIME }
    }
}

impl Freeze {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            stop: commands(section, "stop"),
            start: commands(section, "start"),
            drain: section.optional("drain", value::duration).unwrap_or(DRAIN),
            command_time: section.optional("command-time", value::time_limit).unwrap_or(COMMAND_TIME),
        }
    }
}

impl Maintenance {
    /// Whether there is anything that keeps visitors away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.page.is_none() && self.flag.is_none()
    }

    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let flag = section.table("flag").map(|mut flag| Flag::read(&mut flag));
        let of_page = ["root", "page", "status", "lease", "retry-after", "title", "message"];
        let page = (flag.is_none() || of_page.iter().any(|key| section.has(key))).then(|| Page::read(section));
        // What is there and wrong has been noted.
        let (page, flag) = (page.map_or(Some(None), |page| page.map(Some)), flag.map_or(Some(None), |f| f.map(Some)));
        Some(Self { page: page?, flag: flag? })
    }
}

impl Page {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        // All of it is read, so that all that is wrong is noted, before what is missing ends it.
        let root = section.required("root", value::name);
        let file = section.required("page", value::file_in_root);
        let status = section.optional("status", value::file_in_root).unwrap_or_else(|| "status.json".to_owned());
        let lease = section.optional("lease", whole_seconds).unwrap_or(LEASE);
        let retry_after = section.optional("retry-after", whole_seconds).unwrap_or(RETRY_AFTER);
        let title = section.optional("title", value::line);
        let message = section.optional("message", value::line);
        if file.as_ref() == Some(&status) {
            let text = "the page and its status cannot be the same file".to_owned();
            section.note("bad-value", Some("status"), text, Some("status = \"status.json\"".to_owned()));
        }
        Some(Self { root: root?, file: file?, status, lease, retry_after, title, message })
    }
}

impl Flag {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let has = |keys: &[&str]| keys.iter().any(|key| section.has(key));
        match (has(&["root", "path", "content"]), has(&["database", "table", "column", "where", "value"])) {
            (true, true) => {
                let hint = "a file has root, path and content; a row has database, table, column, where and value";
                section.note("bad-value", None, "is a file or a row, not both".to_owned(), Some(hint.to_owned()));
                None
            }
            (_, true) => Self::read_row(section),
            (_, false) => Self::read_file(section),
        }
    }

    fn read_row(section: &mut Section<'_>) -> Option<Self> {
        let database = section.required("database", value::name);
        let table = section.required("table", value::identifier);
        let column = section.required("column", value::identifier);
        let row = section.required("where", value::conditions);
        let value = section.required("value", value::scalar);
        let setting = Setting { table: table?, column: column?, row: row? };
        Some(Self::Row(FlagRow { database: database?, setting, value: value? }))
    }

    fn read_file(section: &mut Section<'_>) -> Option<Self> {
        let root = section.required("root", value::name);
        let path = section.required("path", value::path_below);
        let content = section.required("content", value::text);
        Some(Self::File(FlagFile { root: root?, path: path?, content: content? }))
    }
}

/// A time that browsers and servers count in whole seconds.
fn whole_seconds(item: &Item<'_>) -> Result<Duration, Wrong> {
    let time = value::duration(item)?;
    if time.as_secs() > 0 && time.subsec_nanos() == 0 {
        Ok(time)
    } else {
        Err(value::bad("must be whole seconds", None))
    }
}

impl Hooks {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { after_switch: commands(section, "after-switch"), on_attention: commands(section, "on-attention") }
    }
}

fn commands(section: &mut Section<'_>, key: &'static str) -> Vec<Command> {
    section.optional(key, value::list(command)).unwrap_or_default()
}

fn command(item: &Item<'_>) -> Result<Command, Wrong> {
    if item.get_ref().is_str() {
        let hint = "write each command as a list, as in [[\"systemctl\", \"stop\", \"cron\"]]";
        return Err(value::bad("a command is not a line for a shell", hint.to_owned()));
    }
    let words = value::list(value::text)(item)?;
    match words.first() {
        None => Err(value::bad("a command has no program", None)),
        Some(program) if program.is_empty() => Err(value::bad("a command has no program", None)),
        Some(_) if words.iter().any(|word| word.contains('\0')) => Err(value::bad("a command has a zero byte", None)),
        Some(_) => Ok(words),
    }
}
