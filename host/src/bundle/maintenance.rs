//! What the operator's machine does around an upgrade: the freeze and the hooks.

use std::time::Duration;

use super::document::{Item, Section, Wrong};
use super::value;

const DRAIN: Duration = Duration::from_secs(30);
const COMMAND_TIME: Duration = Duration::from_mins(1);

/// A program and its arguments. No shell, and nothing from a guest.
pub type Command = Vec<String>;

/// How the operator keeps everybody else from writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// A file that makes the application show its maintenance page.
    pub file: Option<FreezeFile>,
    /// Commands that stop what writes, in this order.
    pub stop: Vec<Command>,
    /// Commands that start it again, in this order.
    pub start: Vec<Command>,
    /// How long requests that had begun may take to end. 30 seconds; none without a `[freeze]`.
    pub drain: Duration,
    /// How long one command or hook may take. 1 minute.
    pub command_time: Duration,
}

/// A file that is there as long as the freeze lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeFile {
    /// The root that it is put into.
    pub root: String,
    /// The path in the root.
    pub path: String,
    /// What is in it.
    pub content: String,
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
        Self { file: None, stop: Vec::new(), start: Vec::new(), drain: Duration::ZERO, command_time: COMMAND_TIME }
    }
}

impl Freeze {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let file = section.table("file").map(|mut file| FreezeFile::read(&mut file));
        let freeze = Self {
            file: None,
            stop: commands(section, "stop"),
            start: commands(section, "start"),
            drain: section.optional("drain", value::duration).unwrap_or(DRAIN),
            command_time: section.optional("command-time", value::time_limit).unwrap_or(COMMAND_TIME),
        };
        match file {
            Some(file) => Some(Self { file: Some(file?), ..freeze }),
            None => Some(freeze),
        }
    }
}

impl FreezeFile {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let root = section.required("root", value::name);
        let path = section.required("path", value::path_below);
        let content = section.required("content", value::text);
        Some(Self { root: root?, path: path?, content: content? })
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
