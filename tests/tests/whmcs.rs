//! WHMCS 8.12 is raised to 8.13, or patched, and lowered again; what must not be upgraded is refused, and nothing is touched.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use liftlock_tests::billing::Billing;
use liftlock_tests::fixture::Database;
use liftlock_tests::fixture::whmcs::{
    CUSTOMISED, Data, Files, NEW_VERSION, OLD_VERSION, PATCHED_VERSION, Package, SECRET, STEPS, Size,
};
use liftlock_tests::numbers;
use toml_edit::{Array, value};

/// Exit codes: findings that block; a person has to do something.
const FOUND: i32 = 5;
const PERSON: i32 = 4;

fn up_and_down(what: &str, site: &Billing) -> Result<()> {
    site.up_and_down(what, || site.is_upgraded())
}

#[test]
fn a_plain_site_goes_up_and_down_again() -> Result<()> {
    up_and_down("release", &Billing::new(Package::Release, Size::Small, Files::default(), Data::default())?)
}

#[test]
fn a_site_of_thousands_of_files_with_all_that_people_change_goes_up_and_down_again() -> Result<()> {
    let data = Data::default().clients(5000);
    up_and_down("release, full", &Billing::new(Package::Release, Size::Full, Files::rich(), data)?)
}

#[test]
fn a_patch_set_is_put_on_its_base_and_taken_off_again() -> Result<()> {
    up_and_down("patch set", &Billing::new(Package::PatchSet, Size::Small, Files::default(), Data::default())?)?;
    up_and_down("patch set, rich", &Billing::new(Package::PatchSet, Size::Small, Files::rich(), Data::default())?)
}

/// An installation whose files and database say these versions.
fn of_versions(package: Package, files: &str, database: Option<&str>) -> Result<Billing> {
    let data = Data { version: database.map(str::to_owned), ..Data::default().clients(20) };
    Billing::new(package, Size::Small, Files { version: Some(files.to_owned()), ..Files::default() }, data)
}

/// It is refused by this code and by no other that blocks, before anything was done.
fn refused(site: &Billing, code: &str, words: &[&str]) -> Result<()> {
    let found = site.findings()?;
    // Where there is no version at all the slot that goes on from it says so too.
    let again = |code: &str| code == "WHMCS_MIGRATION_FAILED";
    let blocking: Vec<_> =
        found.iter().filter(|(code, finding)| finding["severity"] == "blocking" && !again(code)).collect();
    ensure!(blocking.len() == 1 && blocking[0].0 == code, "{code} is not all that blocks: {blocking:#?}");
    let said = blocking[0].1.to_string();
    let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
    ensure!(missing.is_empty() && blocking[0].1["fix"].is_string(), "{missing:?} is not said: {said}");
    site.fails("apply", FOUND)?;
    site.is_before()
}

#[test]
fn a_patch_set_is_refused_on_any_base_but_its_own() -> Result<()> {
    let bases = ["8.11.2-release.1", "8.12.0-rc.1", "7.10.3-release.1"];
    for base in bases {
        refused(&of_versions(Package::PatchSet, base, Some(base))?, "wrong-base", &[base, OLD_VERSION])?;
    }
    numbers(format_args!("a patch set on {} wrong bases: refused {0}, changed 0", bases.len()));
    Ok(())
}

/// What a visitor sees as "Down for Maintenance", and what else is no installation that this package is for.
#[test]
fn versions_that_do_not_fit_are_named() -> Result<()> {
    let cases = [
        (NEW_VERSION, Some(OLD_VERSION), "version-mismatch", "finish that upgrade first"),
        (OLD_VERSION, Some(NEW_VERSION), "version-mismatch", "put the files of the full release"),
        (NEW_VERSION, Some("8.13.0-rc.1"), "version-mismatch", "database version '8.13.0-rc.1'"),
        (OLD_VERSION, None, "database-version-unknown", "tblconfiguration"),
        (NEW_VERSION, Some(NEW_VERSION), "already-there", NEW_VERSION),
        ("8.14.0-release.1", Some("8.14.0-release.1"), "newer-than-target", "newer"),
        ("7.10.3-release.1", Some("7.10.3-release.1"), "too-old", "older release"),
    ];
    for (files, database, code, word) in cases {
        refused(&of_versions(Package::Release, files, database)?, code, &[word])?;
    }
    numbers(format_args!("versions that do not fit: states={}, named={0}, changed=0", cases.len()));
    Ok(())
}

/// The licence is accepted by `--accept-eula`, which accepts nothing else, and nothing else accepts it.
#[test]
fn without_the_operators_word_the_licence_is_not_accepted() -> Result<()> {
    let mut refusals = 0;
    for package in [Package::Release, Package::PatchSet] {
        let site = Billing::with(package, Size::Small, Files::rich(), Data::default(), |settings, _| {
            settings.accept.retain(|code| !["eula", "customised"].contains(code));
        })?;
        for (command, open, next) in [
            ("apply", "eula, customised", "liftlock apply --accept-eula --accept customised"),
            ("apply --accept customised", "eula", "liftlock apply --accept customised --accept-eula"),
            ("apply --accept-eula", "customised", "liftlock apply --accept-eula --accept customised"),
        ] {
            let said = site.fails(command, FOUND)?;
            let last = said.last().context("nothing is said")?;
            ensure!(last["code"] == "warnings-not-accepted" && last["next"] == next, "{command}: {last}");
            ensure!(last["message"].as_str().is_some_and(|text| text.ends_with(open)), "{command}: {last}");
            site.is_before()?;
            refusals += 1;
        }
        site.succeeds("apply --accept-eula --accept customised")?;
        site.is_upgraded()?;
    }
    numbers(format_args!("without the licence or another warning accepted: refused {refusals} of 6, changed 0"));
    Ok(())
}

#[test]
fn what_people_have_changed_in_whmcs_is_listed_and_nothing_else() -> Result<()> {
    let rich = Billing::new(Package::Release, Size::Small, Files::rich(), Data::default())?;
    let found = rich.findings()?;
    let finding = found.get("customised").map(ToString::to_string).unwrap_or_default();
    let listed = CUSTOMISED.iter().filter(|path| finding.contains(**path)).count();
    ensure!(listed == CUSTOMISED.len() && !finding.contains("acme") && !finding.contains("overrides/"), "{finding}");
    let plain = Billing::new(Package::Release, Size::Small, Files::default(), Data::default())?;
    ensure!(!plain.findings()?.contains_key("customised"), "nobody has changed anything");
    numbers(format_args!("customised: {listed} of {} listed, 0 others", CUSTOMISED.len()));
    Ok(())
}

/// The most common failure of WHMCS's own updater, in its middle. Here it is found before anything is done.
#[test]
fn directories_that_cannot_be_written_to_are_named_before_the_run() -> Result<()> {
    const WEB: u32 = 33;
    let locked = ["vendor/composer", "modules/gateways", "lang"];
    let mut named = 0;
    for package in [Package::Release, Package::PatchSet] {
        let site = Billing::new(package, Size::Small, Files::default(), Data::default())?;
        let free = site.findings_of(WEB, &[])?;
        ensure!(!free.contains_key("not-writable"), "all is the user's own: {free:#?}");
        // Of one directory all is another's; a file alone counts where files are replaced.
        let mut paths = locked.to_vec();
        paths.push("clientarea.php");
        let found = site.findings_of(WEB, &paths)?;
        let finding = found.get("not-writable").map(ToString::to_string).unwrap_or_default();
        ensure!(finding.contains("blocking"), "{found:#?}");
        for path in locked {
            ensure!(finding.contains(path), "{path} is not named: {finding}");
            named += 1;
        }
    }
    numbers(format_args!("not writable: {named} of {} named", 2 * locked.len()));
    Ok(())
}

/// A step fails: those before it are recorded, `Version` says how far it is, and WHMCS locks itself until it is put back.
#[test]
fn a_step_that_fails_says_how_far_it_came_and_is_put_back() -> Result<()> {
    let site = Billing::new(Package::Release, Size::Small, Files::rich(), Data::default())?;
    let database = &site.installation.database;
    // Somebody has tried the new version's table by hand.
    database.run("CREATE TABLE tblinvoice_payments (a INT)")?;
    let taken = site.installation.digest()?;
    let said = site.fails("apply --on-failure keep", PERSON)?;
    let told = said.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for word in ["WHMCS_MIGRATION_FAILED", "8.13.0-rc.1.sql", "liftlock resume"] {
        ensure!(told.contains(word), "{word} is not said:\n{told}");
    }
    let at = site.database_version()?;
    ensure!(at == PATCHED_VERSION, "the first step is done, and Version says {at}");
    ensure!(site.version()? == NEW_VERSION, "the files are live already");
    site.succeeds("undo --accept-data-loss")?;
    let left = taken.diff(&site.installation.digest()?);
    ensure!(left.is_empty(), "left by undo: {left:?}");
    database.run("DROP TABLE tblinvoice_payments")?;
    site.succeeds("apply")?;
    let conditions = site.is_upgraded()?;
    numbers(format_args!(
        "step 2 of {} failed: Version={at}, 0 of {} left by undo, then {conditions} conditions hold",
        STEPS.len(),
        taken.len()
    ));
    Ok(())
}

/// The vendor's own installer, as a command of the operator's: it does all, and nothing is due behind it.
#[test]
fn the_vendors_installer_is_run_where_it_is_named() -> Result<()> {
    let site = Billing::with(Package::Release, Size::Small, Files::default(), Data::default(), |settings, schema| {
        let (socket, user, name) = (schema.socket().display(), schema.user(), schema.name());
        settings.commands = vec!["installer".to_owned()];
        // Also a look at what it finds: its own directory, live, beside the settings.
        let script = "test -f install/bin/installer.php && test -f configuration.php || exit 9; \
                      for step in 8.12.1-release.1 8.13.0-rc.1 8.13.0-release.1 8.13.1-release.1; do \
                      mariadb --no-defaults --socket=$SOCKET --user=$ACCOUNT --init-command=\\\"SET sql_mode=''\\\" $SCHEMA < install/sql/$step.sql || exit 1; \
                      echo \\\"UPDATE tblconfiguration SET value = '$step' WHERE setting = 'Version'\\\" | \
                      mariadb --no-defaults --socket=$SOCKET --user=$ACCOUNT $SCHEMA || exit 1; done";
        settings.more = format!(
            "[commands.installer]\nargv = [\"sh\", \"-c\", \"{script}\"]\nuser = \"65534:65534\"\ndirectory = \"app\"\ntime = \"5m\"\n\
             environment = [\"SOCKET={socket}\", \"ACCOUNT={user}\", \"SCHEMA={name}\"]\n\
             reach = {{ roots = [\"app\"], databases = [\"main\"] }}\n"
        );
    })?;
    site.open_to_others()?;
    let told = site.succeeds("apply")?.stdout;
    ensure!(told.contains("the installer has upgraded the database"), "{told}");
    ensure!(told.contains("0 migrations"), "{told}");
    let conditions = site.is_upgraded()?;
    site.succeeds("undo --accept-data-loss")?;
    site.is_before()?;
    numbers(format_args!("by the vendor's installer: {conditions} conditions hold, 0 differences left by undo"));
    Ok(())
}

const FLAG: &str = "SELECT value FROM tblconfiguration WHERE setting = 'MaintenanceMode'";

/// A site whose flag is WHMCS's own maintenance mode.
fn with_flag_in_row(package: Package) -> Result<Billing> {
    Billing::with(package, Size::Small, Files::default(), Data::default().clients(20), |settings, _| {
        settings.flag_in_row = true;
    })
}

/// The operator's commands: shell lines.
fn commands(site: &Billing, stop: &str, start: &str) -> Result<()> {
    let list = |line: &str| value(Array::from_iter([Array::from_iter(["sh", "-c", line])]));
    site.installation.configure(|settings| {
        settings["freeze"]["stop"] = list(stop);
        settings["freeze"]["start"] = list(start);
    })
}

fn flag(site: &Billing) -> Result<String> {
    site.installation.database.cell(FLAG)
}

/// A shell line that runs a statement as the operator's own account.
fn by_hand(site: &Billing, sql: &str) -> Result<String> {
    let Database::Server(schema) = &site.installation.database else { bail!("no server") };
    let (socket, user, name) = (schema.socket().display(), schema.user(), schema.name());
    Ok(format!("mariadb --no-defaults --socket={socket} --user={user} --skip-column-names {name} -e \"{sql}\""))
}

/// On from the freeze to the thaw, then as before; our own writes are nobody else's, so `undo` asks for nothing.
#[test]
fn the_maintenance_mode_in_a_row_is_on_under_the_freeze_and_then_as_it_was() -> Result<()> {
    let mut looks = 0;
    for package in [Package::Release, Package::PatchSet] {
        let site = with_flag_in_row(package)?;
        let seen = site.installation.directory.join("seen");
        let look = format!("{} >> {}", by_hand(&site, FLAG)?, seen.display());
        commands(&site, &look, &look)?;
        site.succeeds("apply")?;
        ensure!(flag(&site)?.is_empty(), "the flag is left on");
        site.is_upgraded()?;
        site.succeeds("undo")?;
        site.is_before()?;
        let told = fs::read_to_string(&seen)?;
        ensure!(told == "on\n".repeat(4), "when frozen, before it is opened, and both again for undo: {told:?}");
        looks += 4;
    }
    numbers(format_args!(
        "maintenance mode in a row: on in {looks} of {looks} looks, then as before; undo asks for nothing, 0 differences"
    ));
    Ok(())
}

/// What others have written is seen, whether it is in the flag's table or in another; and so is a host that does not tell its own.
#[test]
fn others_writes_are_seen_beside_that_of_the_flag() -> Result<()> {
    // The server's times have seconds: what is to be seen comes in another one than what is not.
    const LATER: &str = "sleep 1.1";
    let (mut seen, mut red) = (0, 0);
    for (sql, table) in [
        (Some("UPDATE tblclients SET companyname = 'x' WHERE id = 1"), "tblclients"),
        (Some("UPDATE tblconfiguration SET value = 'french' WHERE setting = 'Language'"), "tblconfiguration"),
        (None, "tblconfiguration"),
    ] {
        let site = with_flag_in_row(Package::PatchSet)?;
        commands(&site, "true", LATER)?;
        match sql {
            Some(_) => drop(site.succeeds("apply")?),
            None => drop(site.host.with("LIFTLOCK_MUTANT", "flag-stamp-not-renewed").run(["apply"])?.expect(0)?),
        }
        thread::sleep(Duration::from_millis(1100));
        if let Some(sql) = sql {
            site.installation.database.run(sql)?;
        }
        let said = site.fails("undo", PERSON)?;
        let last = said.last().map(ToString::to_string).unwrap_or_default();
        ensure!(last.contains("data-loss") && last.contains(table), "{table} is not named: {last}");
        site.succeeds("undo --accept-data-loss")?;
        site.is_before()?;
        *if sql.is_some() { &mut seen } else { &mut red } += 1;
    }
    numbers(format_args!(
        "writes of others beside the flag: seen={seen} of 2; control=flag-stamp-not-renewed red={red} of 1"
    ));
    Ok(())
}

/// One that was on before stays on, if the operator accepts that; one that is not there is no flag.
#[test]
fn a_flag_that_is_on_or_not_there_is_told_before_the_run() -> Result<()> {
    let site = with_flag_in_row(Package::PatchSet)?;
    site.installation.database.run("UPDATE tblconfiguration SET value = 'on' WHERE setting = 'MaintenanceMode'")?;
    let taken = site.installation.digest()?;
    let left = |what: &str| -> Result<()> {
        let left = taken.diff(&site.installation.digest()?);
        ensure!(left.is_empty(), "{what}: {left:?}");
        Ok(())
    };
    let said = site.fails("apply", FOUND)?;
    let last = said.last().context("nothing is said")?;
    ensure!(
        last["code"] == "warnings-not-accepted" && last["next"] == "liftlock apply --accept maintenance-on",
        "{last}"
    );
    left("changed by a refusal")?;
    site.succeeds("apply --accept maintenance-on")?;
    ensure!(flag(&site)? == "on", "it was on before");
    site.succeeds("undo")?;
    left("left by undo")?;
    site.installation.database.run("DELETE FROM tblconfiguration WHERE setting = 'MaintenanceMode'")?;
    let found = site.findings()?;
    let finding = found.get("no-such-setting").map(ToString::to_string).unwrap_or_default();
    ensure!(finding.contains("blocking") && finding.contains("there is no such row"), "{found:#?}");
    numbers("maintenance mode on before: on after apply and undo; without its row: blocked before the run");
    Ok(())
}

/// Killed in the middle: that is what `diagnose` says, not that another tool has left a flag. What is gone at the thaw is told.
#[test]
fn a_run_that_was_cut_off_explains_its_flag_and_a_row_that_is_gone_is_told() -> Result<()> {
    let trace = |site: &Billing| site.installation.directory.join("trace");
    let site = with_flag_in_row(Package::PatchSet)?;
    site.host.with("LIFTLOCK_FAULT_TRACE", &trace(&site).to_string_lossy()).run(["apply"])?.expect(0)?;
    let points = fs::read_to_string(trace(&site))?;
    let point = points.lines().find_map(|line| line.strip_suffix(" maintenance.flag-on")).context("no such point")?;

    let site = with_flag_in_row(Package::PatchSet)?;
    let killed = site.host.with("LIFTLOCK_FAULT", &format!("{point}:kill")).run(["apply"])?;
    ensure!(killed.code.is_none() && flag(&site)? == "on", "it was not killed there: {:?}", killed.code);
    let told = site.host.run(["diagnose", "--format", "json"])?.stdout;
    let wanted = ["\"run-interrupted\"", "liftlock resume", "MaintenanceMode", "visitors are kept out by it"];
    let missing: Vec<_> = wanted.iter().filter(|word| !told.contains(**word)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not said: {told}");

    let gone = by_hand(&site, "DELETE FROM tblconfiguration WHERE setting = 'MaintenanceMode'")?;
    commands(&site, "true", &gone)?;
    let said = site.fails("resume", PERSON)?;
    let last = said.last().map(ToString::to_string).unwrap_or_default();
    let wanted = ["thaw-failed", "there is no such row", "put the row back", "liftlock resume"];
    let missing: Vec<_> = wanted.iter().filter(|word| !last.contains(**word)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not said: {last}");
    // The version that is there now has none: the operator says so.
    site.installation.configure(|settings| {
        settings["maintenance"].as_table_mut().map(|table| table.remove("flag"));
    })?;
    commands(&site, "true", "true")?;
    site.succeeds("resume")?;
    site.is_upgraded()?;
    numbers(
        "flag in a row: a run that was cut off is named as what it is, a row that is gone is told, and the way out works",
    );
    Ok(())
}

/// The database's password stands in the settings, which a stage reads.
#[test]
fn the_secret_is_in_no_output() -> Result<()> {
    let site = Billing::new(Package::Release, Size::Small, Files::rich(), Data::default())?;
    site.keeps(SECRET)
}
