//! The files capability without wasm and without an engine: a site on disk, a stage, changes that are made and undone.

mod archives;
mod changes;
mod grants;
mod keeping;
mod paths;
mod switching;

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::effect::Prepared;

/// A directory with two roots, artifacts, and something outside of all of them.
struct Site {
    _home: TempDir,
    home: PathBuf,
    files: Arc<Files>,
    stage: StageFiles,
    seq: Cell<u64>,
}

impl Site {
    fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    fn with(configure: impl FnOnce(&mut FilesConfig), grant: impl FnOnce(&mut FilesGrant)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let home = temporary.path().canonicalize().unwrap();
        for directory in ["app/config", "app/media/2024", "media", "artifacts", "outside"] {
            fs::create_dir_all(home.join(directory)).unwrap();
        }
        for (name, text) in [
            ("app/index.php", "old index"),
            ("app/config/local.php", "secret = 1"),
            ("app/media/2024/cat.jpg", "meow"),
            ("app/media/note", "note"),
            ("outside/secret", "canary"),
        ] {
            fs::write(home.join(name), text).unwrap();
        }
        fs::set_permissions(home.join("app/config/local.php"), fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("config/local.php", home.join("app/link")).unwrap();
        std::os::unix::fs::symlink("../outside", home.join("app/escape")).unwrap();
        let past =
            fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000));
        for name in ["app", "app/config", "app/index.php", "app/config/local.php", "app/media", "app/media/2024"] {
            fs::File::open(home.join(name)).unwrap().set_times(past).unwrap();
        }
        let root = |name: &str| RootConfig { name: name.to_owned(), path: home.join(name), owner: None };
        let mut config = FilesConfig {
            run: "r1".to_owned(),
            roots: vec![root("app"), root("media")],
            protected: Vec::new(),
            artifacts: home.join("artifacts"),
            limits: ArchiveLimits::default(),
            stop: Arc::default(),
            meter: Meter::default(),
        };
        configure(&mut config);
        let mut rights = FilesGrant {
            slot: "switch-code".to_owned(),
            roots: [("app".to_owned(), Access::Write), ("media".to_owned(), Access::Write)].into(),
            ..FilesGrant::default()
        };
        grant(&mut rights);
        let files = Arc::new(Files::open(config).unwrap());
        let stage = StageFiles::new(Arc::clone(&files), rights);
        Self { _home: temporary, home, files, stage, seq: Cell::new(0) }
    }

    fn next(&self) -> u64 {
        self.seq.set(self.seq.get() + 1);
        self.seq.get()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Everything in both roots but the staging, with all that undo has to bring back.
    fn picture(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for root in ["app", "media"] {
            picture(&self.home, Path::new(root), &mut lines);
        }
        lines
    }

    /// A tree beside `app`, as `extract` makes it, from names and texts.
    fn tree(&mut self, contents: &[(&str, &str)]) -> String {
        let seq = self.next();
        let artifact = format!("artifact-{seq}");
        fs::write(self.path("artifacts").join(&artifact), archives::zip_of(contents)).unwrap();
        self.stage.admit_artifact(&artifact);
        let answer = act(self.stage.prepare_extract(seq, &artifact, "app", 0).unwrap());
        let extracted: Extracted = serde_json::from_value(answer).unwrap();
        self.stage.admit_tree(&extracted.tree);
        extracted.tree
    }

    fn tree_path(&self, tree: &str) -> PathBuf {
        self.path("app/.liftlock-r1/trees").join(tree)
    }
}

fn picture(home: &Path, path: &Path, lines: &mut Vec<String>) {
    let full = home.join(path);
    let meta = full.symlink_metadata().unwrap();
    let content = match meta.file_type() {
        kind if kind.is_symlink() => format!("→ {}", full.read_link().unwrap().display()),
        kind if kind.is_file() => String::from_utf8_lossy(&fs::read(&full).unwrap()).into_owned(),
        kind if kind.is_fifo() => "fifo".to_owned(),
        _ => String::new(),
    };
    let links = if meta.is_dir() { 0 } else { meta.nlink() };
    lines.push(format!(
        "{} {:o} {}:{} inode {} links {links} modified {}.{} {content}",
        path.display(),
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.ino(),
        meta.mtime(),
        meta.mtime_nsec(),
    ));
    if meta.is_dir() {
        let mut names: Vec<_> = fs::read_dir(&full).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".liftlock-")) {
            picture(home, &path.join(name), lines);
        }
    }
}

fn app() -> Place {
    Place::Root("app".to_owned())
}

fn media() -> Place {
    Place::Root("media".to_owned())
}

fn tree(id: &str) -> Place {
    Place::Tree(id.to_owned())
}

fn act(prepared: Prepared) -> Value {
    (prepared.act)().unwrap()
}

/// The code of an answer.
#[track_caller]
fn code<T>(result: Result<T, CallError>) -> String {
    match result {
        Ok(_) => panic!("it was allowed"),
        Err(CallError::Answer(failure)) => failure.code,
        Err(CallError::Fault(fault)) => panic!("it stops the run: {} {}", fault.code, fault.message),
    }
}
