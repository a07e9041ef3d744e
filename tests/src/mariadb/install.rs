//! The programs of MariaDB, and an empty data directory, made once and copied for each server.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::directory;
use crate::digest::sha256_hex;
use crate::fixture::tree;

/// Where servers are, beside `PATH`.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/libexec"];

/// To be changed with everything that changes what is made.
const RECIPE: u32 = 1;

/// The server's command line, to be completed. Where there is `setpriv` the system kills it when we die.
pub(super) fn server() -> Result<Command> {
    let server = program("mariadbd")?;
    let mut command = match program("setpriv") {
        Ok(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(server);
            command
        }
        Err(_) => Command::new(server),
    };
    // Later arguments win, but `--no-defaults` must be the first one, and root must be named.
    command.arg("--no-defaults").args(root());
    Ok(command)
}

/// Copies the empty data directory; makes it before if it is not there.
pub(super) fn copy_data(to: &Path) -> Result<()> {
    tree::copy(&template()?, to)
}

/// A data directory with nothing but the system's own tables, and `root` without a password: one for each version.
fn template() -> Result<PathBuf> {
    let version = said(Command::new(program("mariadbd")?).args(["--no-defaults", "--version"]))?;
    let key = sha256_hex(format!("{RECIPE} {version}").as_bytes());
    let _turn = directory::turn()?;
    let template = directory::cache()?.join(format!("template-{}", &key[..12]));
    if template.is_dir() {
        return Ok(template);
    }
    let partial = template.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    directory::private(&partial)?;
    let mut install = Command::new(program("mariadb-install-db")?);
    install.args([
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
    ]);
    // Small, as it is copied for each server; it grows.
    install.args(root()).args(["--innodb-log-file-size=16M", "--innodb-fast-shutdown=0"]);
    said(install.arg(format!("--datadir={}", partial.display())))?;
    fs::rename(&partial, &template)?;
    Ok(template)
}

fn root() -> Option<&'static str> {
    tree::is_root().then_some("--user=root")
}

fn program(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from));
    let found = places.map(|place| place.join(name)).find(|program| program.is_file());
    found.with_context(|| {
        format!(
            "{name} is not there: these tests need MariaDB (`apt-get install mariadb-server-core mariadb-client-core`)"
        )
    })
}

fn said(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!("{name}: {}{}", text(&output.stdout), text(&output.stderr).trim_end());
    }
    Ok(text(&output.stdout))
}
