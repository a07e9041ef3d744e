//! A small installation and its bundle, right as they are; each test breaks one thing.

mod commands;
mod installation;
mod pipeline;
mod setup;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const PIPELINE: &str = r#"format = 1
name = "shop"
title = "Shop 1 to 2"
from = "1.*"
to = "2.0"

[databases.main]
about = "customers and orders"
foreign_keys = true

[roots.app]
about = "the program"

[artifacts.package]
url = "https://example.org/shop-2.0.zip"
sha256 = "1111111111111111111111111111111111111111111111111111111111111111"
size = 1000

[[slot]]
name = "fetch-package"
component = "fetch.wasm"
sha256 = "FETCH"
codes = ["ERR_DOWNLOAD"]
produces = { package = "artifact" }
asks = [{ capability = "network", object = "*", access = "read", reason = "downloads the package" }]

[[slot]]
name = "unpack"
component = "parts/unpack.wasm"
sha256 = "UNPACK"
consumes = { archive = "artifact", hint = "text?" }
produces = { tree = "tree" }
inputs = { archive = "fetch-package.package" }
params = { strip = 1, quick = true, keep = ["a", "b"] }
limits = { memory = "1 GiB", handles = 10 }
asks = [{ capability = "files", object = "app", access = "write", reason = "puts the new files beside the old" }]

[[slot]]
name = "migrate-sql"
component = "migrate.wasm"
sha256 = "MIGRATE"
asks = [{ capability = "database", object = "main", access = "write", reason = "raises the schema" }]

[[slot.expect]]
database = "main"
query = "SELECT version FROM settings"
equals = 2

[[slot.expect]]
root = "app"
file = "src/version.php"
contains = "2.0"

[[slot]]
name = "tidy-up"
component = "tidy.wasm"
sha256 = "TIDY"
phase = "after"
"#;

const INSTALLATION: &str = r#"format = 1
name = "my-shop"
state = "state"

[pipeline]
path = "bundle/pipeline.toml"
sha256 = "PIN"

[roots.app]
path = "www"
owner = "1234:1235"

[databases.main]
sqlite = "www/data/shop.sqlite"

[params.unpack]
strip = 2

[grants.fetch-package]
network = ["https://Example.org/"]
private-addresses = ["127.0.0.1"]

[grants.migrate-sql]
database.main = "write"
accept = ["DATA-AND-NETWORK"]

[limits.default]
guest-time = "1m"
handles = 20

[limits.unpack]
guest-time = "2m"

[freeze]
stop = [["systemctl", "stop", "cron"]]
start = [["systemctl", "start", "cron"]]
drain = "5s"

[maintenance]
root = "app"
page = "maintenance.html"
lease = "20s"
flag = { root = "app", path = "data/.maintenance", content = "closed" }

[hooks]
after-switch = [["systemctl", "reload", "php-fpm"]]
"#;

/// The flag in it.
const FLAG: &str = "{ root = \"app\", path = \"data/.maintenance\", content = \"closed\" }";

const COMPONENTS: [(&str, &str, &str); 4] = [
    ("FETCH", "fetch.wasm", "the fetching component"),
    ("UNPACK", "parts/unpack.wasm", "the unpacking component"),
    ("MIGRATE", "migrate.wasm", "the migrating component"),
    ("TIDY", "tidy.wasm", "the tidying component"),
];

/// The two files, before they are written.
struct World {
    directory: TempDir,
    pipeline: String,
    installation: String,
}

impl World {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir_all(directory.path().join("bundle/parts")).unwrap();
        let mut pipeline = PIPELINE.to_owned();
        for (mark, file, content) in COMPONENTS {
            fs::write(directory.path().join("bundle").join(file), content).unwrap();
            pipeline = pipeline.replace(mark, &sha256_hex(content.as_bytes()));
        }
        Self { directory, pipeline, installation: INSTALLATION.to_owned() }
    }

    fn pipeline(mut self, from: &str, to: &str) -> Self {
        assert!(self.pipeline.contains(from), "{from:?} is not in the pipeline");
        self.pipeline = self.pipeline.replacen(from, to, 1);
        self
    }

    fn installation(mut self, from: &str, to: &str) -> Self {
        assert!(self.installation.contains(from), "{from:?} is not in the installation");
        self.installation = self.installation.replacen(from, to, 1);
        self
    }

    fn path(&self, relative: &str) -> std::path::PathBuf {
        self.directory.path().join(relative)
    }

    fn load(&self) -> Result<Setup, Problems> {
        let installation = self.installation.replace("PIN", &sha256_hex(self.pipeline.as_bytes()));
        fs::write(self.path("bundle/pipeline.toml"), &self.pipeline).unwrap();
        fs::write(self.path("installation.toml"), installation).unwrap();
        Setup::load(&self.path("installation.toml"))
    }

    /// All problems, with paths relative to the directory.
    fn problems(&self) -> String {
        let problems = self.load().map(|_| ()).unwrap_err().to_string();
        relative(&problems, self.directory.path())
    }
}

fn relative(text: &str, directory: &Path) -> String {
    text.replace(&format!("{}/", directory.display()), "")
}
