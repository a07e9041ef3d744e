//! Putting a tree live: the application's own top-level entries change places with the new ones, in one effect.
//!
//! First the users' data is carried from the root into the tree, then each entry is exchanged. Every step is one rename and
//! is listed with the inodes of both sides, so that any prefix of the steps can be told from any other: settling rolls
//! forward, undo goes backwards. Undo never looks for the *new* inodes: what was written since comes back as it is.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{At, Reversible, Step, answer};
use super::dir::{Dir, Inode, Stamp, inode, modified};
use super::path::{RelPath, split};
use super::prepare::hold;
use super::read::Bulk;
use super::stage::{StageFiles, Target};
use super::{Files, Place, refused};
use crate::effect::{Access, CallError, Fault, Prepared, Verdict};
use crate::io::fault;

const MAX_STEPS: usize = 10_000;

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Switch {
    root: String,
    tree: String,
    carries: Vec<Carry>,
    entries: Vec<Exchange>,
    root_modified: Stamp,
}

/// One entry of the users' own data, renamed from the root into the tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Carry {
    from: String,
    to: String,
    moved: Inode,
    from_modified: Stamp,
}

/// One name at the top of root and tree, and what has it on either side before the exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Exchange {
    name: String,
    live: Option<Inode>,
    new: Option<Inode>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    After,
    Lost,
}

struct Sides {
    root: Dir,
    tree: Dir,
}

impl StageFiles {
    /// Exchanges `entries` between a tree and its root, after renaming each pair of `carry` from the root into the tree.
    ///
    /// # Errors
    /// "not-granted", "read-only", "unknown-tree", "invalid-path", "not-found", "already-exists", "invalid-carry",
    /// "protected-path", "mount-point", "too-large". Nothing has changed then.
    pub fn prepare_switch(
        &self,
        seq: u64,
        tree: &str,
        entries: &[String],
        carry: &[(String, String)],
    ) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        if entries.len() + carry.len() > MAX_STEPS {
            return Err(CallError::answer("too-large", format!("a switch has {MAX_STEPS} entries at most")));
        }
        let from_tree = self.target(&Place::Tree(tree.to_owned()), "", Access::Write, false)?;
        let root = from_tree.root;
        let place = Place::Root(root.name.clone());
        let live = self.target(&place, "", Access::Write, false)?;
        let carries = self.plan_carries(&place, tree, entries, carry)?;
        let entries = self.plan_entries(&place, tree, entries, &carries)?;
        let io = |error| Fault::io(&live.object, &error);
        let root_modified = modified(&root.dir.stat().map_err(io)?);
        hold(&*root.staging()?, tree)?;
        let step = Switch { root: root.name.clone(), tree: tree.to_owned(), carries, entries, root_modified };
        let object = format!("{tree} ↔ {}", root.name);
        let change = Step::Switch(step.clone()).record("switch-entries", &object, true)?;
        let files = Arc::clone(&self.files);
        Ok(Prepared { change, act: Box::new(move || step.act(&files, &object)) })
    }

    fn plan_carries(
        &self,
        place: &Place,
        tree: &str,
        entries: &[String],
        carry: &[(String, String)],
    ) -> Result<Vec<Carry>, CallError> {
        let mut planned: Vec<(RelPath, RelPath)> = Vec::new();
        let mut carries = Vec::new();
        for (from, to) in carry {
            let source = self.target(place, from, Access::Write, true)?;
            let target = self.target(&Place::Tree(tree.to_owned()), to, Access::Write, false)?;
            let here = source.at()?;
            target.vacant()?;
            let stat = source.look()?;
            source.check_movable(&self.files)?;
            check_same_device(&here.parent, stat.st_dev, &source)?;
            check_comes_back(&target, entries)?;
            if source.path == target.path && !source.path.bytes().contains(&b'/') {
                return Err(invalid_carry(format!("{} would go where it is: leave it out", source.object)));
            }
            let clash = |(a, b): &(RelPath, RelPath)| {
                [(a, &source.path), (b, &target.path)].iter().any(|(x, y)| x.is_within(y) || y.is_within(x))
            };
            if planned.iter().any(clash) {
                return Err(invalid_carry(format!("{} and another carried entry lie in each other", source.object)));
            }
            let parent = here.parent.stat().map_err(|error| Fault::io(&source.object, &error))?;
            carries.push(Carry {
                from: source.path.text(),
                to: target.path.text(),
                moved: inode(&stat),
                from_modified: modified(&parent),
            });
            planned.push((source.path, target.path));
        }
        Ok(carries)
    }

    fn plan_entries(
        &self,
        place: &Place,
        tree: &str,
        entries: &[String],
        carries: &[Carry],
    ) -> Result<Vec<Exchange>, CallError> {
        let mut seen = BTreeSet::new();
        let mut planned = Vec::with_capacity(entries.len());
        for name in entries {
            let live = self.target(place, name, Access::Write, true)?;
            let new = self.target(&Place::Tree(tree.to_owned()), name, Access::Write, false)?;
            if live.path.is_empty() || live.path.bytes().contains(&b'/') {
                return Err(CallError::answer("invalid-path", format!("{name:?} is no name at the top of a root")));
            }
            if !seen.insert(name) {
                return Err(CallError::answer("invalid-path", format!("{name:?} is given twice")));
            }
            let exchange = Exchange {
                name: name.clone(),
                live: self.side(&live, carries.iter().any(|carry| carry.from == *name), None)?,
                new: self.side(&new, false, carries.iter().find(|carry| carry.to == *name).map(|carry| carry.moved))?,
            };
            if exchange.live.is_none() && exchange.new.is_none() {
                return Err(CallError::answer("not-found", format!("{name:?} is neither in the tree nor in the root")));
            }
            live.check_movable(&self.files)?;
            planned.push(exchange);
        }
        Ok(planned)
    }

    /// What will have the name on one side when the carrying is done.
    fn side(
        &self,
        target: &Target<'_>,
        carried_away: bool,
        carried_here: Option<Inode>,
    ) -> Result<Option<Inode>, CallError> {
        if carried_away || carried_here.is_some() {
            return Ok(carried_here);
        }
        let at = target.at()?;
        let Some(stat) = at.parent.look(&at.name).map_err(|error| refused(&target.object, &error))? else {
            return Ok(None);
        };
        check_same_device(&at.parent, stat.st_dev, target)?;
        Ok(Some(inode(&stat)))
    }
}

fn check_same_device(parent: &Dir, dev: u64, target: &Target<'_>) -> Result<(), CallError> {
    let io = |error| Fault::io(&target.object, &error);
    if dev != parent.stat().map_err(io)?.st_dev || dev != target.root.dir.stat().map_err(io)?.st_dev {
        return Err(CallError::answer(
            "mount-point",
            format!("{} lies on another file system than its root", target.object),
        ));
    }
    Ok(())
}

/// What is carried into the tree must come back with one of the entries: else it would be gone from the live root.
fn check_comes_back(target: &Target<'_>, entries: &[String]) -> Result<(), CallError> {
    let top = |name: &String| RelPath::parse(name).is_ok_and(|name| !name.is_empty() && target.path.is_within(&name));
    if entries.iter().any(top) {
        return Ok(());
    }
    Err(invalid_carry(format!("{} lies in none of the entries that are switched", target.object)))
}

fn invalid_carry(text: String) -> CallError {
    CallError::answer("invalid-carry", text)
}

impl Switch {
    fn act(&self, files: &Files, object: &str) -> Result<Value, CallError> {
        let sides = self.open(files, object)?;
        match self.forward(&sides) {
            Ok(true) => Ok(self.answer()?),
            Ok(false) => {
                Err(Fault::new("changed-meanwhile", format!("{object}: somebody else has moved an entry")).into())
            }
            // A file system that cannot do it (overlayfs, for what an image brought) says so at the first such entry.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::XDEV) => {
                self.back(&sides, object)?;
                Err(refused(object, &error))
            }
            Err(error) => Err(Fault::io(self.stuck_at(&sides, object), &error).into()),
        }
    }

    /// Where it stopped, for people: with the entry that could not be exchanged, if it was one.
    fn stuck_at(&self, sides: &Sides, object: &str) -> String {
        let is = |state: io::Result<State>, wanted| state.is_ok_and(|state| state == wanted);
        let begun = self.entries.iter().any(|entry| is(entry.state(sides), State::After));
        let carrying = !begun && self.carries.iter().any(|carry| is(carry.state(sides), State::Before));
        let next = self.entries.iter().find(|entry| !carrying && is(entry.state(sides), State::Before));
        next.map_or_else(|| object.to_owned(), |entry| format!("{object}: {}", entry.name))
    }

    fn answer(&self) -> Result<Value, Fault> {
        let extra = vec![("carried".to_owned(), self.carries.len().to_string())];
        answer(&Bulk { entries: (self.carries.len() + self.entries.len()) as u64, bytes: 0, extra })
    }

    fn open(&self, files: &Files, object: &str) -> Result<Sides, Fault> {
        let root = files.recorded_root(&self.root)?;
        let staging = root.staging()?;
        let open = || Ok(Sides { root: root.dir.sub(b"")?, tree: staging.trees.sub(self.tree.as_bytes())? });
        open().map_err(|error: io::Error| Fault::io(object, &error))
    }

    /// Does what is not done yet. False: an entry is neither as it was before nor as it shall be.
    fn forward(&self, sides: &Sides) -> io::Result<bool> {
        let mut begun = false;
        for exchange in &self.entries {
            begun |= exchange.state(sides)? == State::After;
        }
        // Once an entry is exchanged all carrying is done, and the carried paths have moved with the entries.
        if !begun {
            for carry in &self.carries {
                match carry.state(sides)? {
                    State::Before => carry.forward(sides)?,
                    State::After => {}
                    State::Lost => return Ok(false),
                }
            }
        }
        for exchange in &self.entries {
            match exchange.state(sides)? {
                State::Before => exchange.forward(sides)?,
                State::After => {}
                State::Lost => return Ok(false),
            }
        }
        fault::point("files.switched")?;
        sides.tree.sync()?;
        sides.root.sync()?;
        Ok(true)
    }

    fn back(&self, sides: &Sides, object: &str) -> Result<(), Fault> {
        let io = |error| Fault::io(object, &error);
        let lost = |name: &str| {
            Fault::new("switch-lost", format!("{object}: what was {name} is neither in the root nor in the tree"))
        };
        for exchange in self.entries.iter().rev() {
            if !exchange.back(sides).map_err(io)? {
                return Err(lost(&exchange.name));
            }
        }
        for carry in self.carries.iter().rev() {
            if !carry.back(sides).map_err(io)? {
                return Err(lost(&carry.from));
            }
        }
        super::dir::set_modified(&sides.root, self.root_modified).map_err(io)?;
        fault::point("files.switch.undone").map_err(io)?;
        sides.root.sync().and_then(|()| sides.tree.sync()).map_err(io)
    }
}

impl Exchange {
    fn name(&self) -> io::Result<Vec<u8>> {
        bytes(&self.name)
    }

    fn state(&self, sides: &Sides) -> io::Result<State> {
        let name = self.name()?;
        let now = (sides.root.inode(&name)?, sides.tree.inode(&name)?);
        Ok(match now {
            _ if now == (self.live, self.new) => State::Before,
            _ if now == (self.new, self.live) => State::After,
            _ => State::Lost,
        })
    }

    fn forward(&self, sides: &Sides) -> io::Result<()> {
        let name = self.name()?;
        fault::point("files.switch.entry")?;
        match (self.live, self.new) {
            (Some(_), Some(_)) => sides.tree.exchange(&name, &sides.root, &name),
            (None, _) => sides.tree.rename(&name, &sides.root, &name),
            (_, None) => sides.root.rename(&name, &sides.tree, &name),
        }
    }

    /// False: what was live is in neither place.
    fn back(&self, sides: &Sides) -> io::Result<bool> {
        let name = self.name()?;
        fault::point("files.switch.undo")?;
        let (in_root, in_tree) = (sides.root.inode(&name)?, sides.tree.inode(&name)?);
        match self.live {
            Some(_) if in_tree == self.live && in_root.is_some() => sides.tree.exchange(&name, &sides.root, &name)?,
            Some(_) if in_tree == self.live => sides.tree.rename(&name, &sides.root, &name)?,
            Some(_) => return Ok(in_root == self.live),
            None if in_root.is_some() && in_tree.is_none() => sides.root.rename(&name, &sides.tree, &name)?,
            None => {}
        }
        Ok(true)
    }
}

impl Carry {
    fn open(&self, sides: &Sides) -> io::Result<(At, Option<At>)> {
        let (from, to) = (bytes(&self.from)?, bytes(&self.to)?);
        let at = |side: &Dir, path: &[u8]| {
            let (parent, name) = split(path);
            Ok(At { parent: side.sub(parent)?, name: name.to_vec() })
        };
        match at(&sides.tree, &to) {
            Ok(to) => Ok((at(&sides.root, &from)?, Some(to))),
            Err(error) if is_gone(&error) => Ok((at(&sides.root, &from)?, None)),
            Err(error) => Err(error),
        }
    }

    fn state(&self, sides: &Sides) -> io::Result<State> {
        let (from, Some(to)) = self.open(sides)? else { return Ok(State::Lost) };
        Ok(match (from.inode()?, to.inode()?) {
            (Some(here), None) if here == self.moved => State::Before,
            (None, Some(there)) if there == self.moved => State::After,
            _ => State::Lost,
        })
    }

    fn forward(&self, sides: &Sides) -> io::Result<()> {
        let (from, to) = self.open(sides)?;
        let to = to.ok_or(Errno::NOENT)?;
        fault::point("files.switch.carry")?;
        from.parent.rename(&from.name, &to.parent, &to.name)?;
        to.parent.sync()?;
        from.parent.sync()
    }

    /// By name, not by inode: what the application put in its place since is the users' data too.
    fn back(&self, sides: &Sides) -> io::Result<bool> {
        fault::point("files.switch.carry-back")?;
        let (from, to) = self.open(sides)?;
        let here = from.inode()?;
        let carried = to.as_ref().map_or(Ok(None), At::inode)?;
        match (here, carried, to) {
            (Some(here), _, _) if here == self.moved => {}
            (Some(_), Some(_), Some(to)) => to.parent.exchange(&to.name, &from.parent, &from.name)?,
            (None, Some(_), Some(to)) => to.parent.rename(&to.name, &from.parent, &from.name)?,
            (Some(_), _, _) => {}
            _ => return Ok(false),
        }
        super::dir::set_modified(&from.parent, self.from_modified)?;
        from.parent.sync()?;
        Ok(true)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR))
}

fn bytes(path: &str) -> io::Result<Vec<u8>> {
    let parsed = RelPath::parse(path).map_err(|failure| io::Error::new(io::ErrorKind::InvalidData, failure.message))?;
    Ok(parsed.bytes().to_vec())
}

impl Reversible for Switch {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let sides = self.open(files, object)?;
        match self.forward(&sides).map_err(|error| Fault::io(self.stuck_at(&sides, object), &error))? {
            true => Ok(Verdict::Done(self.answer()?)),
            false => Ok(Verdict::Undetermined(format!("{object}: somebody else has moved an entry"))),
        }
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        self.back(&self.open(files, object)?, object)
    }
}
