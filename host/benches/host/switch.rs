//! Putting a tree live: the top-level entries of root and tree change places, durable and undoable.

use std::fs;
use std::path::Path;

use liftlock::effect::Capability as _;

use super::extract::{Unpacking, shown};
use super::line::{Goal, Line};
use super::native::{by_turns, median, run, settle, text, time};
use crate::Result;

const ENTRIES: usize = 100;

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    // Forty files a directory: so many directories at the top.
    let unpacking = Unpacking::new(ENTRIES * 40, 64)?;
    let root = unpacking.root();
    let names: Vec<String> = (0..ENTRIES).map(|number| format!("entry{number:03}")).collect();
    for name in &names {
        fs::create_dir(root.join(name))?;
        fs::write(root.join(name).join("old.php"), "old")?;
    }
    let (files, mut stage) = unpacking.open()?;
    let tree = unpacking.extract(&stage)?;
    stage.admit_tree(&tree);
    let (new, old) = (root.with_file_name("new"), root.with_file_name("old"));
    fs::create_dir(&old)?;
    for name in &names {
        fs::create_dir_all(new.join(name))?;
    }
    let mut back = Vec::new();
    let switch = || {
        settle(&root)?;
        let mut change = None;
        let seconds = time(|| {
            let prepared = stage.prepare_switch(2, &tree, &names, &[]).map_err(shown)?;
            (prepared.act)().map_err(shown)?;
            change = Some(prepared.change);
            Ok(())
        })?;
        if let Some(change) = change {
            back.push(time(|| Ok(files.undo(&change)?))?);
        }
        Ok(seconds)
    };
    let rename = || {
        settle(&root)?;
        let seconds = time(|| exchange(&names, &root, &old, &new))?;
        exchange(&names, &root, &new, &old)?;
        Ok(seconds)
    };
    let mv = || {
        settle(&root)?;
        let seconds = time(|| {
            mv(&names, &root, &old)?;
            mv(&names, &new, &root)?;
            run("sync", &["-f", text(&root)?])
        })?;
        exchange(&names, &root, &new, &old)?;
        Ok(seconds)
    };
    let [switch, rename, mv] = by_turns([Box::new(switch), Box::new(rename), Box::new(mv)])?;
    let what = format!("switch of {ENTRIES} entries, durable and undoable");
    tell(Line::new(what.clone(), switch).against("`mv` twice, `sync -f`", mv).goal(Goal::Ratio(1.0)));
    tell(Line::new(what, switch).against("rename(2), twice each, not durable", rename));
    tell(Line::new("the switch, undone", median(back)));
    Ok(())
}

/// What is live goes to `away`, what is in `from` goes live.
fn exchange(names: &[String], live: &Path, away: &Path, from: &Path) -> Result<()> {
    for name in names {
        fs::rename(live.join(name), away.join(name))?;
        fs::rename(from.join(name), live.join(name))?;
    }
    Ok(())
}

fn mv(names: &[String], from: &Path, to: &Path) -> Result<()> {
    let paths: Vec<_> = names.iter().map(|name| from.join(name)).collect();
    let mut words = vec!["-t", text(to)?];
    for path in &paths {
        words.push(text(path)?);
    }
    run("mv", &words)
}
