//! What the files of the installation must be like.

use liftlock_sdk::failure::{Failure, Finding};
use liftlock_sdk::files::{Directory, Entry, join};
use liftlock_sdk::run;
use liftlock_sdk::stage::Findings;
use whmcs_installation::HEAD;
use whmcs_installation::settings::{ADMIN, FILE};

/// An update takes a while: files written within an hour of init.php belong to it. Seconds.
const SLACK: u64 = 3_600;

/// Paths that a finding names at most.
const MOST: usize = 12;

/// All that is to be said. `admin`: what the admin area is called here. `files_too`: files are replaced one by one.
pub(crate) fn check(root: &Directory, admin: &str, files_too: bool) -> Findings {
    let mut found = Vec::new();
    found.extend(space(root.free_space(), run::int_param("space-mib", 250)?));
    if !root.exists(admin)? {
        let message = format!("the admin area is to be {admin}, and there is no such directory");
        found.push(Finding::blocking("admin-missing", message).fix(format!("correct $customadminpath in {FILE}")));
    }
    let here = |path: &str| under_its_name(path, admin);
    let own: Vec<String> = run::list_param("own").iter().map(|path| here(path)).collect();
    found.extend(not_writable(&root.locked(&own, files_too)?));
    let words: Vec<String> = run::list_param("own-words").iter().map(|path| here(path)).collect();
    found.extend(customised(
        root,
        &run::list_param("stock").iter().map(|path| here(path)).collect::<Vec<_>>(),
        &words,
    )?);
    Ok(found)
}

/// A path of WHMCS as it is called here.
fn under_its_name(path: &str, admin: &str) -> String {
    match path.strip_prefix(ADMIN) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{admin}{rest}"),
        _ => path.to_owned(),
    }
}

fn space(free: Result<u64, Failure>, needed_mib: u64) -> Option<Finding> {
    match free.map(|free| free >> 20) {
        Ok(free) if free < needed_mib => {
            let message = format!("{free} MiB are free where WHMCS is, and the new version needs {needed_mib}");
            Some(Finding::blocking("space-short", message).fix("make room there"))
        }
        Ok(_) => None,
        Err(failure) => {
            let message = format!("how much is free where WHMCS is cannot be known: {}", failure.message);
            Some(Finding::warning("space-unknown", message).fix(format!("see that {needed_mib} MiB are free there")))
        }
    }
}

fn not_writable(locked: &[String]) -> Option<Finding> {
    if locked.is_empty() {
        return None;
    }
    let message = format!("{} will change, and cannot be written to by whom this runs as", named(locked));
    let fix = "run liftlock as the user whom the files belong to, or give them to it: chown -R USER …";
    Some(Finding::blocking("not-writable", message).fix(fix).with_paths(locked))
}

/// Files of WHMCS's own that were written after its last update: somebody has changed them.
fn customised(root: &Directory, stock: &[String], words: &[String]) -> Result<Option<Finding>, Failure> {
    let time = |path: &str| -> Result<Option<u64>, Failure> { Ok(root.stat(path)?.map(|entry| entry.modified)) };
    let (Some(mark), settings) = (time(HEAD)?, time(FILE)?) else { return Ok(None) };
    if settings.is_some_and(|settings| settings.abs_diff(mark) <= SLACK) {
        let message = format!(
            "{FILE} is as old as {HEAD}: somebody has copied the installation without its times, so that changed files cannot be told from others"
        );
        let fix = "compare your templates and languages with the package yourself";
        return Ok(Some(Finding::warning("times-tell-nothing", message).fix(fix)));
    }
    let mut changed = Vec::new();
    for top in stock {
        match root.stat(top)? {
            Some(entry) if entry.kind == "directory" => {
                for entry in root.walk(top) {
                    let entry = entry?;
                    if is_changed(&entry, mark) && !within(&entry.name, words) {
                        changed.push(entry.name);
                    }
                }
            }
            Some(entry) if is_changed(&entry, mark) => changed.push(top.clone()),
            _ => {}
        }
    }
    if changed.is_empty() {
        return Ok(None);
    }
    let message = format!("files of WHMCS's own were changed after its last update: {}", named(&changed));
    let fix = "compare them with the new version's; better, move your changes to a template of your own and to lang/overrides, which every update keeps";
    Ok(Some(Finding::warning("customised", message).fix(fix).with_paths(&changed)))
}

fn is_changed(entry: &Entry, mark: u64) -> bool {
    entry.kind == "file" && entry.modified > mark + SLACK
}

fn within(path: &str, directories: &[String]) -> bool {
    directories.iter().any(|directory| path.starts_with(&join(directory, "")))
}

/// The first ones, and how many there are.
fn named(paths: &[String]) -> String {
    let first = paths.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match paths.len().checked_sub(MOST).filter(|more| *more > 0) {
        Some(more) => format!("{first} and {more} more"),
        None => first,
    }
}

/// All paths as a fact, for programs that read the finding.
trait WithPaths {
    fn with_paths(self, paths: &[String]) -> Self;
}

impl WithPaths for Finding {
    fn with_paths(mut self, paths: &[String]) -> Self {
        self.extra.push(("paths".to_owned(), paths.join("\n")));
        self
    }
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::files;

    use super::*;

    fn entry(kind: &str, modified: u64, writable: bool) -> Entry {
        let extra = if writable { Vec::new() } else { vec![("writable".to_owned(), "false".to_owned())] };
        Entry { name: "a".to_owned(), kind: kind.to_owned(), size: 0, mode: 0o644, modified, extra }
    }

    #[test]
    fn what_cannot_be_written_to_blocks_and_is_named() {
        assert!(!files::may_write(&entry("directory", 0, false)) && files::may_write(&entry("directory", 0, true)));
        let paths: Vec<String> = (0..MOST + 3).map(|number| format!("vendor/{number}")).collect();
        let finding = not_writable(&paths).unwrap();
        assert_eq!((finding.severity.as_str(), finding.code.as_str()), ("blocking", "not-writable"));
        assert!(
            finding.message.contains("vendor/0, ") && finding.message.contains("and 3 more"),
            "{}",
            finding.message
        );
        assert!(finding.extra[0].1.ends_with("vendor/14"));
        assert_eq!(not_writable(&[]), None);
    }

    #[test]
    fn only_files_that_are_clearly_younger_than_the_update_count_as_changed() {
        assert!(!is_changed(&entry("file", 5_000 + SLACK, true), 5_000));
        assert!(!is_changed(&entry("directory", 50_000, true), 5_000));
        assert!(is_changed(&entry("file", 5_001 + SLACK, true), 5_000));
        let words = ["lang/overrides".to_owned()];
        assert!(within("lang/overrides/english.php", &words) && !within("lang/overrides.php", &words));
    }

    #[test]
    fn the_admin_area_is_looked_for_under_its_name() {
        assert_eq!(under_its_name("admin/lang", "office"), "office/lang");
        assert_eq!(under_its_name("admin", "office"), "office");
        assert_eq!(under_its_name("administration", "office"), "administration");
    }

    #[test]
    fn little_room_blocks_and_unknown_room_warns() {
        let code = |free| space(free, 250).map(|finding| format!("{} {}", finding.severity, finding.code));
        assert_eq!(code(Ok(249 << 20)).as_deref(), Some("blocking space-short"));
        assert_eq!(code(Err(Failure::new("io", "?"))).as_deref(), Some("warning space-unknown"));
        assert_eq!(code(Ok(250 << 20)), None);
    }
}
