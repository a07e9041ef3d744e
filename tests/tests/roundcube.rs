//! Roundcube 1.4 is raised to 1.6 and lowered again, as an operator would do it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use liftlock_tests::fixture::Installation;
use liftlock_tests::fixture::roundcube::{
    Fixture, NEW_SCHEMA, OLD_SCHEMA, OLD_VERSION, Options, PACKAGE, SECRET, Size, Template, database_version, version,
};
use liftlock_tests::fixture::{FLAG, PAGE, STATUS};
use liftlock_tests::host::Host;
use liftlock_tests::http::Server;
use liftlock_tests::webmail::Webmail;
use liftlock_tests::{mariadb, numbers, places};
use tempfile::TempDir;

struct Site {
    template: Template,
    installation: Installation,
    host: Host,
    _server: Server,
    _directory: TempDir,
}

impl Site {
    fn new(size: Size, users: u32) -> Result<Self> {
        let template = Fixture::new(size).prepare(&places::cache()?)?;
        let server = Server::start([(PACKAGE, template.package()?)])?;
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let options = Options::new(places::pipeline("roundcube")?, server.origin()).users(users);
        let installation = template.installation(directory.path(), &options)?;
        let host = Host::new(&installation.settings)?;
        Ok(Self { template, installation, host, _server: server, _directory: directory })
    }

    fn text(&self, path: &str) -> Result<String> {
        Ok(fs::read_to_string(self.installation.root.join(path))?)
    }
}

/// Of the files, and of the database.
fn versions(installation: &Installation) -> Result<(String, String)> {
    Ok((version(&installation.root)?, database_version(&installation.database)?))
}

#[test]
fn up_and_down_again_in_both_sizes() -> Result<()> {
    for (size, users) in [(Size::Small, 50), (Size::Full, 2000)] {
        let site = Site::new(size, users)?;
        let before = site.installation.exact_digest()?;
        site.host.run(["check"])?.expect(0)?;
        assert_eq!(
            before.diff(&site.installation.exact_digest()?),
            Vec::<String>::new(),
            "check has changed something"
        );

        site.host.run(["apply"])?.expect(0)?;
        assert_eq!(versions(&site.installation)?, (site.template.version.clone(), NEW_SCHEMA.to_owned()));
        users_data_is_there(&site)?;
        let compared = before.diff(&site.installation.digest()?).len();

        site.host.run(["undo"])?.expect(0)?;
        assert_eq!(versions(&site.installation)?, (OLD_VERSION.to_owned(), OLD_SCHEMA.to_owned()));
        let differences = before.diff(&site.installation.exact_digest()?);
        assert_eq!(differences, Vec::<String>::new(), "undo must end where apply began");
        numbers(format_args!("{size:?}: {compared} differences by apply, 0 of {} left by undo", before.len()));
    }
    Ok(())
}

/// All that was the users' before is there after the upgrade, as it was.
fn users_data_is_there(site: &Site) -> Result<()> {
    assert!(site.text("config/config.inc.php")?.contains(SECRET));
    assert!(site.text("plugins/acme_sso/config.inc.php")?.contains("acme_sso_secret"));
    for path in ["skins/acme/images/logo.png", "logs/errors.log", "temp/RCMTEMPattmnt5ea96c", "blog/latest/photo.jpg"] {
        assert!(site.installation.root.join(path).is_file(), "{path}");
    }
    for name in [FLAG, PAGE, STATUS] {
        assert!(!site.installation.root.join(name).exists(), "{name} is still there");
    }
    assert!(
        !site.installation.root.join("program/lib/old_only.php").exists(),
        "a file of the old version is still there"
    );
    Ok(())
}

/// A zoo of every type, key and program stands beside it: nothing of that may be lost on the way down.
#[test]
fn up_and_down_again_on_a_server_with_a_zoo_beside() -> Result<()> {
    let site = Webmail::on(&mariadb::shared()?)?;
    let (installation, before) = (&site.installation, &site.before);
    site.succeeds("check")?;
    assert_eq!(before.diff(&installation.exact_digest()?), Vec::<String>::new(), "check has changed something");
    site.succeeds("apply")?;
    assert_eq!(versions(installation)?, (site.template.version.clone(), NEW_SCHEMA.to_owned()));
    let compared = before.diff(&installation.digest()?).len();
    site.succeeds("undo")?;
    let differences = before.diff(&installation.exact_digest()?);
    assert_eq!(differences, Vec::<String>::new(), "undo must end where apply began");
    numbers(format_args!("on a server: {compared} differences by apply, 0 of {} left by undo", before.len()));
    Ok(())
}

#[test]
fn the_secret_is_in_no_output_and_no_journal() -> Result<()> {
    let site = Site::new(Size::Small, 20)?;
    for command in ["check", "apply", "status", "log", "undo"] {
        for manner in ["--verbose", "--format json"] {
            let ended = site.host.run(format!("{command} {manner}").split(' '))?;
            assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "{command}");
        }
    }
    let mode = fs::metadata(&site.installation.state)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "nobody else may look into the state directory");
    let files = private_files(&site.installation.state)?;
    assert!(files > 0, "a run leaves a journal");
    numbers(format_args!("{files} files of the state directory are private, 0 outputs with the secret"));
    Ok(())
}

/// Counts the files below, each of which only its owner may read. Compiled code is no secret.
fn private_files(directory: &Path) -> Result<u32> {
    let mut files = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = fs::symlink_metadata(entry.path())?;
        if entry.file_name() == "cache" {
            continue;
        } else if metadata.is_dir() {
            files += private_files(&entry.path())?;
        } else {
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{} can be read by others", entry.path().display());
            files += 1;
        }
    }
    Ok(files)
}
