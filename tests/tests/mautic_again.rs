//! What is done is not done again: a failed migration is mended and resumed, where Mautic's own script, called once more, moves
//! its new files over the backup; and a finished upgrade is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::mautic::{Data, Files, NEW_VERSION, Size};
use liftlock_tests::fixture::{FLAG, PAGE, STATUS};
use liftlock_tests::host::{Ended, Host};
use liftlock_tests::newsletter::Newsletter;
use liftlock_tests::numbers;
use liftlock_tests::webmail::Webmail;
use serde_json::Value;

const PERSON: i32 = 4;
const FOUND: i32 = 5;

/// Two categories of one name, and the operator's own index that will not have that in one bundle. Webhooks have a secret, as the
/// random one that they would get makes no two runs alike.
const OURS: &str = "
    ALTER TABLE webhooks ADD secret VARCHAR(255) DEFAULT NULL; UPDATE webhooks SET secret = 'here already';
    ALTER TABLE categories ADD UNIQUE KEY one_alias_in_a_bundle (bundle, alias);
    INSERT INTO categories (is_published, title, alias, bundle)
    VALUES (1, 'News', 'news', 'messages'), (1, 'News of 2018', 'news-2018', '0')";
/// The migration gives both the bundle "messages".
const IN_THE_WAY: &str = "UPDATE categories SET alias = 'news' WHERE title = 'News of 2018'";
const MENDED: &str = "UPDATE categories SET alias = 'news-2018' WHERE title = 'News of 2018'";

#[test]
fn a_failed_migration_is_mended_and_resumed_and_nothing_is_moved_twice() -> Result<()> {
    let mut site = Newsletter::new(Size::Small, Files::rich(), Data::default())?;
    let database = site.installation.database.clone();
    database.run(OURS)?;
    site.before = site.installation.digest()?;
    // Beside the root: it tells what has happened, and that is not the same.
    let settings = fs::read_to_string(&site.installation.settings)? + "\n[log]\nfile = \"upgrade_log.txt\"\n";
    fs::write(&site.installation.settings, settings)?;
    site.succeeds("apply")?;
    let undisturbed = site.installation.digest()?.without_new_times(&site.before);
    site.succeeds("undo --accept-data-loss")?;
    site.is_before()?;

    database.run(IN_THE_WAY)?;
    let looked = site.before.clone();
    site.before = site.installation.digest()?;
    let failed = site.host.run(["apply", "--on-failure", "keep"])?.expect(PERSON)?;
    ensure!(failed.stderr.contains("ERR_MAUTIC_3_MIGRATIONS_FAILED"), "{}", failed.stderr);
    ensure!(failed.stderr.contains("next: liftlock resume"), "{}", failed.stderr);
    ensure!(site.version()? == NEW_VERSION, "the trap is behind the switch");
    let backup = Digest::of_tree(&site.installation.backup)?;
    ensure!(!backup.is_empty(), "there is no backup");
    let places = entries(&site.installation.root)?;

    database.run(MENDED)?;
    let mended = site.installation.digest()?;
    // What the script's users do, as its message tells them to.
    let refused = site.host.run(["apply"])?.expect(PERSON)?;
    ensure!(refused.stderr.contains("run-open") && refused.stderr.contains("next: liftlock resume"), "{refused:?}");
    ensure!(mended.diff(&site.installation.digest()?).is_empty(), "the refused apply has changed something");
    ensure!(runs(&site.installation.state)?.len() == 2, "the refused apply has begun a run");

    site.succeeds("resume")?;
    let conditions = site.is_upgraded()?;
    let differences = undisturbed.diff(&site.installation.digest()?.without_new_times(&looked));
    ensure!(differences.is_empty(), "not as without the failure:\n{}", differences.join("\n"));
    let spoilt = backup.diff(&Digest::of_tree(&site.installation.backup)?);
    ensure!(spoilt.is_empty(), "the backup has changed:\n{}", spoilt.join("\n"));
    let now = entries(&site.installation.root)?;
    let moved: Vec<_> = places.iter().filter(|(name, inode)| now.get(*name) != Some(*inode)).collect();
    ensure!(moved.iter().all(|(name, _)| [FLAG, PAGE, STATUS].contains(&name.as_str())), "moved again: {moved:?}");
    let run = runs(&site.installation.state)?.pop().context("there is no run")?;
    let switches = intents(&run, "switch-entries")?;
    ensure!(switches == 1, "{switches} switches");
    let attempts = begun(&run, "switch-files")?;
    ensure!(attempts == 1, "{attempts} attempts at the switch");

    site.succeeds("undo --accept-data-loss")?;
    site.is_before()?;
    numbers(format_args!(
        "trap: {conditions} conditions hold, {} parts as without the failure, switches={switches} moved_again=0 of {}, \
         backup of {} parts untouched, 0 of {} left by undo",
        undisturbed.len(),
        places.len(),
        backup.len(),
        site.before.len(),
    ));
    Ok(())
}

/// An application with its host, as far as these tests look at it.
struct Seen<'s> {
    host: &'s Host,
    state: &'s Path,
    /// A file that says which version this is.
    version: PathBuf,
    digest: &'s dyn Fn() -> Result<Digest>,
    /// How `apply` ends where somebody has put the old version back over a committed run: with what the stages' checks say.
    anew: i32,
}

impl Seen<'_> {
    /// Applies where there is nothing to do, in both formats; how many commands that were.
    fn nothing_to_do(&self, next: Option<&str>) -> Result<u32> {
        let before = (self.digest)()?;
        for command in ["apply", "check"] {
            let ended = self.host.run([command])?.expect(0)?;
            ensure!(ended.stdout.lines().count() == 1 && ended.stdout.starts_with("nothing to do: "), "{ended:?}");
            ensure!(ended.stderr.is_empty(), "{ended:?}");
            let ended = self.host.run([command, "--format", "json"])?.expect(0)?;
            let said: Value = serde_json::from_str(&ended.stdout).with_context(|| ended.stdout.clone())?;
            ensure!(said["result"] == "nothing-to-do" && said["next"].as_str() == next, "{said}");
        }
        let differences = before.diff(&(self.digest)()?);
        ensure!(differences.is_empty(), "something has changed:\n{}", differences.join("\n"));
        ensure!(runs(self.state)?.len() == 1, "another run has begun");
        Ok(4)
    }

    /// Somebody has put the old version back by hand: what the journal says is no longer so.
    fn put_back_by_hand(&self, code: i32) -> Result<Ended> {
        let kept = fs::read(&self.version)?;
        fs::write(&self.version, "")?;
        let ended = self.host.run(["apply"])?.expect(code)?;
        ensure!(!ended.stdout.contains("nothing to do:"), "{ended:?}");
        fs::write(&self.version, kept)?;
        Ok(ended)
    }

    fn three_times(&self, what: &str) -> Result<()> {
        self.host.run(["apply"])?.expect(0)?;
        let mut commands =
            self.nothing_to_do(Some("liftlock commit"))? + self.nothing_to_do(Some("liftlock commit"))?;
        let ended = self.put_back_by_hand(PERSON)?;
        ensure!(ended.stderr.contains("run-open"), "{ended:?}");
        self.host.run(["commit"])?.expect(0)?;
        commands += self.nothing_to_do(None)? + self.nothing_to_do(None)?;
        self.put_back_by_hand(self.anew)?;
        numbers(format_args!("{what}: nothing_to_do={commands} changes=0 runs=1"));
        Ok(())
    }
}

#[test]
fn a_finished_upgrade_of_mautic_is_left_alone() -> Result<()> {
    let site = Newsletter::new(Size::Small, Files::rich(), Data::default())?;
    let digest = || site.installation.digest();
    let version = site.installation.root.join("app/release_metadata.json");
    Seen { host: &site.host, state: &site.installation.state, version, digest: &digest, anew: FOUND }
        .three_times("mautic")
}

#[test]
fn a_finished_upgrade_of_roundcube_is_left_alone() -> Result<()> {
    let site = Webmail::new()?;
    let digest = || site.installation.exact_digest();
    let version = site.installation.root.join("program/include/iniset.php");
    Seen { host: &site.host, state: &site.installation.state, version, digest: &digest, anew: 0 }
        .three_times("roundcube")
}

/// The inode of each entry in a directory.
fn entries(directory: &Path) -> Result<BTreeMap<String, u64>> {
    let entries = fs::read_dir(directory)?;
    let found = entries.map(|entry| {
        let entry = entry?;
        let inode = fs::symlink_metadata(entry.path())?.ino();
        Ok((entry.file_name().to_string_lossy().into_owned(), inode))
    });
    found.collect()
}

/// The directories of all runs, the newest last.
fn runs(state: &Path) -> Result<Vec<PathBuf>> {
    let mut runs = fs::read_dir(state.join("runs"))?.map(|run| Ok(run?.path())).collect::<Result<Vec<_>>>()?;
    runs.sort();
    Ok(runs)
}

fn journal(run: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(run.join("journal.jsonl"))?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// How often an effect was announced.
fn intents(run: &Path, verb: &str) -> Result<usize> {
    Ok(journal(run)?.iter().filter(|line| line.to_string().contains(&format!("\"verb\":\"{verb}\""))).count())
}

/// How often a stage was begun.
fn begun(run: &Path, slot: &str) -> Result<usize> {
    let lines = journal(run)?;
    let first = lines.first().context("the journal is empty")?;
    let slots = find(first, "slots").and_then(Value::as_array).context("the plan has no slots")?;
    let number = slots.iter().position(|planned| planned["slot"] == slot).context("there is no such slot")?;
    let started = lines.iter().filter(|line| line.to_string().contains("\"event\":\"stage-started\""));
    Ok(started.filter(|line| find(line, "stage").and_then(Value::as_u64) == Some(number as u64)).count())
}

/// The value of a key, wherever it is.
fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key).or_else(|| map.values().find_map(|value| find(value, key))),
        Value::Array(list) => list.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}
