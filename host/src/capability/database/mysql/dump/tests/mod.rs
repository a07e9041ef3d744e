//! Saved and loaded again on a real server: by us, and by the server's own client without us.

mod exact;
mod hostile;
mod killed;
mod moment;
mod programs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;
use crate::capability::database::mysql::catalog::quoted;
use crate::capability::database::mysql::testing::{TestSchema, server};

/// A schema with a snapshot of all that is in it.
struct Saved {
    schema: TestSchema,
    catalog: Catalog,
    directory: PathBuf,
    info: SnapshotInfo,
}

/// What a schema holds: definitions, next ids, and the checksum of the rows of each table.
type State = (Catalog, BTreeMap<String, u64>, Vec<Vec<String>>);

impl Saved {
    fn new(schema: TestSchema, quiet: Quiet) -> Self {
        let directory = schema.directory().join("snapshot");
        fs::create_dir(&directory).unwrap();
        let catalog = catalog(&schema);
        let tables: Vec<_> = catalog.tables.keys().cloned().collect();
        let info = save(&schema.config(), &catalog, &tables, true, &directory, quiet).unwrap();
        Self { schema, catalog, directory, info }
    }

    fn load(&self) -> Result<(), Fault> {
        load(&self.schema.config(), &self.directory, &verify(&self.directory)?)
    }

    /// What the module's documentation says: `for f in *.sql.zst; do zstd -dc "$f"; done | mariadb --comments DATABASE`.
    fn load_by_hand(&self, schema: &TestSchema) {
        let script = "for f in *.sql.zst; do zstd -dc \"$f\" || exit 1; done | \
            \"$CLIENT\" --no-defaults --comments --max-allowed-packet=64M -u root -S \"$SOCKET\" \"$SCHEMA\"";
        let Some(client) =
            ["mariadb", "mysql"].into_iter().find(|name| is_program(name)).filter(|_| is_program("zstd"))
        else {
            println!("skipped: zstd and the server's client are not there");
            return;
        };
        let socket = std::env::var_os("LIFTLOCK_TEST_MYSQL_SOCKET").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).current_dir(&self.directory);
        shell.env("CLIENT", client).env("SOCKET", socket).env("SCHEMA", &schema.name);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn is_program(name: &str) -> bool {
    let run = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

fn is_mariadb() -> bool {
    server().is_some_and(|server| server.schema(&[]).rows("SELECT VERSION()")[0][0].contains("MariaDB"))
}

fn catalog(schema: &TestSchema) -> Catalog {
    Catalog::read(&mut schema.link(), &schema.config()).unwrap()
}

fn state(schema: &TestSchema) -> State {
    let catalog = catalog(schema);
    let sums = catalog.tables.keys().map(|table| {
        let row = schema.rows(&format!("CHECKSUM TABLE {} EXTENDED", quoted(table))).remove(0);
        vec![
            table.clone(),
            row[1].clone(),
            schema.rows(&format!("SELECT COUNT(*) FROM {}", quoted(table)))[0][0].clone(),
        ]
    });
    let sums = sums.collect();
    (catalog, Catalog::next_ids(&mut schema.link(), &schema.config()).unwrap(), sums)
}

/// The first file whose name has this in it.
fn file_with(directory: &Path, part: &str) -> PathBuf {
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.into_iter().find(|path| path.to_string_lossy().contains(part)).unwrap()
}

/// What a file holds, without its compression.
fn text_of(path: &Path) -> Vec<u8> {
    zstd::decode_all(fs::File::open(path).unwrap()).unwrap()
}
