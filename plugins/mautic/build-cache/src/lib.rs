//! Sees to it that Mautic 3 starts with a cache of its own, built in the place where it lives.
//!
//! Symfony writes the absolute path of the application into its cache. One that was warmed beside the live installation
//! would load the classes of whatever lies there later, silently. So this runs after the switch, and never carries a cache.
//!
//! Where the operator has named the command (`clear-cache`: PHP's own `cache:clear`), it is run, and what its user, limits and
//! reach are is the operator's to say. Otherwise the directory is emptied, and the first request builds the cache: that one
//! is slow, and needs a web server that may write there. A directory that is not there yet is made; like all that is new it
//! belongs to the owner of the root, or to whom the operator says (`owner` of the root).
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the live root; default `app` |
//! | `cache` | the directory of the cache; default `var/cache` |
//! | `command` | the operator's command; default `clear-cache` |
//! | `code` | the application's own code for a failure; default the host's |

use liftlock_sdk::prelude::*;

/// What the host's own directories beside the live installation begin with: a path with it in it is one of the new tree
/// before the switch.
const STAGING: &[u8] = b"/.liftlock-";

struct BuildCache;

impl Stage for BuildCache {
    fn info() -> Info {
        Info::new("build-cache", env!("CARGO_PKG_VERSION"))
            .asks(Ask::files("*").write("empties the cache, where you have named no command for it"))
            .asks(Ask::command("*").run("lets PHP build the cache"))
    }

    fn check() -> Findings {
        if command::is_there(&command()) {
            return Ok(Vec::new());
        }
        let message = "the cache will be emptied, and the first request builds it, which takes a minute or so";
        Ok(vec![Finding::info("cache-not-built", message)])
    }

    fn apply() -> Result<Outcome, Failure> {
        let (root, cache, name) = (root()?, cache(), command());
        let made = make(&root, &cache)?;
        if command::is_there(&name) {
            command::run(&name)?.expect_success(&name)?;
            return Ok(Outcome::changed(format!("built by the command {name}")));
        }
        let emptied = empty(&root, &cache)?;
        let summary = format!("{emptied} entries removed; the first request builds the cache");
        Ok(Outcome::changed_if(made || emptied > 0, summary))
    }

    fn verify() -> Findings {
        let (root, cache) = (root()?, cache());
        if !is_directory(&root, &cache)? {
            let message = format!("{cache} is not there, and Mautic may not be able to make it");
            return Ok(vec![
                Finding::warning("cache-missing", message).fix(format!("make {cache}, writable for the web server")),
            ]);
        }
        for entry in root.walk(&cache) {
            let entry = entry?;
            if entry.kind == "file" && names_staging(&root.read_all(&entry.name)?) {
                let message =
                    format!("{} names a path beside the live installation: the cache was built there", entry.name);
                return Ok(vec![
                    Finding::blocking("foreign-path-in-cache", message).fix("empty the cache, then: liftlock resume"),
                ]);
            }
        }
        Ok(Vec::new())
    }
}

liftlock_sdk::export!(BuildCache);

fn root() -> Result<Directory, Failure> {
    Directory::root(&run::param_or("root", "app"))
}

fn cache() -> String {
    run::param_or("cache", "var/cache")
}

fn command() -> String {
    run::param_or("command", "clear-cache")
}

fn is_directory(root: &Directory, path: &str) -> Result<bool, Failure> {
    Ok(root.stat(path)?.is_some_and(|entry| entry.kind == "directory"))
}

/// Sees to it that the directory is there. Answers whether it had to be made.
fn make(root: &Directory, cache: &str) -> Result<bool, Failure> {
    if is_directory(root, cache)? {
        return Ok(false);
    }
    root.make_parents(cache)?;
    root.make_dir(cache).map(|()| true)
}

/// Removes what is in the directory, which itself keeps its owner and mode. Answers how much that was.
fn empty(root: &Directory, cache: &str) -> Result<usize, Failure> {
    let names: Vec<String> = root.list(cache)?.into_iter().map(|entry| entry.name).filter(|name| goes(name)).collect();
    for name in &names {
        root.remove(&files::join(cache, name)).map_err(|failure| failure.at(name))?;
    }
    Ok(names.len())
}

/// What the package puts there to keep the directory, or to keep visitors out of it, is no cache.
fn goes(name: &str) -> bool {
    !name.starts_with('.')
}

fn names_staging(content: &[u8]) -> bool {
    content.windows(STAGING.len()).any(|window| window == STAGING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_tree_before_the_switch_is_found_wherever_it_stands() {
        assert!(names_staging(b"require '/srv/www/.liftlock-7f3a/trees/1/vendor/autoload.php';"));
        assert!(names_staging(b"/.liftlock-"));
        assert!(!names_staging(b"require '/srv/www/vendor/autoload.php'; // liftlock"));
        assert!(!names_staging(b"/.liftlock"));
    }

    #[test]
    fn what_guards_the_directory_stays() {
        assert!(!goes(".htaccess") && !goes(".gitkeep"));
        assert!(goes("prod") && goes("ip_data"));
    }
}
