//! Everything that a run works with, opened: the capabilities, and a component in every slot.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::operator::Configured;
use super::runs::RunDirectory;
use super::{Found, Trouble, Upgrade, account, backup, commands, expect, preflight, server};
use crate::bundle::{ArtifactPin, DatabasePlace, Expect, PlannedDatabase, PlannedSlot, ServerPlace, Setup};
use crate::capability::command::{Commands, CommandsConfig};
use crate::capability::database::mysql::{Mysql, MysqlConfig};
use crate::capability::database::sqlite::{Sqlite, SqliteConfig};
use crate::capability::database::{Databases, Driver};
use crate::capability::files::{ArchiveLimits, Files, FilesConfig, RootConfig};
use crate::capability::network::{Network, NetworkConfig, Pin};
use crate::effect::{Fault, Finding, Severity};
use crate::engine::{BatchLimits, Parts, Sink, Slot, TalkLimits};
use crate::maintenance::Signs;
use crate::meter::Meter;
use crate::policy;
use crate::sandbox::{ComponentStage, Services, WRONG_WORLD};

/// One row or cell of a result may have this many bytes.
const RESULT_BYTES: u64 = 64 << 20;

/// The filled slots of a run, and the capabilities that they share.
pub struct Slots {
    slots: Vec<Slot>,
    services: Services,
    meter: Meter,
    /// What the operator should know: grants that are more than what is asked for.
    pub(super) notes: Vec<Found>,
}

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Slot> {
        self.slots.get_mut(index)
    }

    /// What the databases themselves have to say before an upgrade.
    pub(super) fn preflight(&self, setup: &Setup) -> Result<Vec<Finding>, Fault> {
        let mut found = Vec::new();
        for driver in self.services.databases.drivers() {
            found.extend(driver.preflight()?);
            if backup::is_wanted(setup, driver.name()) {
                found.extend(backup::room(driver.name(), &setup.installation.backup, driver.size()?));
            }
            found.extend(preflight::flag(&setup.installation, driver.as_ref())?);
        }
        Ok(found)
    }

    /// Which of the pipeline's post-conditions do not hold.
    pub(super) fn unmet(&self, expects: &[Expect]) -> Result<Vec<Finding>, Fault> {
        expect::check(expects, &self.services.files, &self.services.databases)
    }

    pub(super) fn into_slots(self) -> Vec<Slot> {
        self.slots
    }

    pub(super) fn parts(&self, setup: &Setup, run: &RunDirectory, sink: Box<dyn Sink>, stop: Arc<AtomicBool>) -> Parts {
        let Services { files, databases, network, commands } = self.services.clone();
        let (installation, stores) = (&setup.installation, databases.stores());
        let signs = Signs::new(installation, run.id()).with_databases(installation, stores.clone(), run.path());
        Parts {
            directory: run.path().to_owned(),
            stores,
            capabilities: vec![files, databases, network, commands],
            operator: Box::new(Configured::new(setup, signs, stop.clone())),
            sink,
            stop,
            meter: self.meter.clone(),
            batch: BatchLimits::default(),
        }
    }
}

impl Upgrade {
    /// Opens the capabilities only.
    pub(super) fn without_stages(&self, run: &RunDirectory) -> Result<Slots, Fault> {
        let (slots, notes) = Default::default();
        Ok(Slots { slots, services: self.services(run)?, meter: self.meter.clone(), notes })
    }

    /// Opens the capabilities, and puts the pinned component into every slot, if policy lets it.
    pub(super) fn assemble(&self, run: &RunDirectory) -> Result<Slots, Trouble> {
        self.setup.verify_components()?;
        let services = self.services(run)?;
        let mut slots = Vec::new();
        let mut refusals = Vec::new();
        let mut notes = Vec::new();
        for planned in &self.setup.slots {
            match self.fill(planned, &services)? {
                Ok((slot, found)) => {
                    slots.push(slot);
                    notes.extend(found);
                }
                Err(refused) => refusals.extend(refused),
            }
        }
        if refusals.is_empty() {
            Ok(Slots { slots, services, meter: self.meter.clone(), notes })
        } else {
            Err(refusals.into())
        }
    }

    #[expect(clippy::type_complexity, reason = "trouble ends everything, refusals are collected over all slots")]
    fn fill(
        &self,
        planned: &PlannedSlot,
        services: &Services,
    ) -> Result<Result<(Slot, Vec<Found>), Vec<policy::Refusal>>, Trouble> {
        let bytes = self.setup.read_component(planned)?;
        let loaded = Arc::new(self.sandbox.load(&planned.component, &bytes)?);
        let outright = |code: &'static str, message: String| {
            vec![policy::Refusal { code, slot: planned.slot.name.clone(), message, lines: Vec::new() }]
        };
        let described = match self.sandbox.describe(&loaded) {
            Ok(described) => described,
            Err(trap) => {
                let text =
                    format!("the component of slot {} does not say what it is: {}", planned.slot.name, trap.message);
                let code = if trap.code == WRONG_WORLD { WRONG_WORLD } else { "describe-failed" };
                return Ok(Err(outright(code, text)));
            }
        };
        let grants = match policy::decide(&described, planned) {
            Ok(grants) => grants,
            Err(refusals) => return Ok(Err(refusals)),
        };
        let surplus = policy::surplus(planned, &grants).into_iter();
        let mut notes: Vec<Found> = surplus.map(|text| (planned.slot.name.clone(), surplus_note(text))).collect();
        notes.extend(commands::notes(&self.setup, planned, &grants));
        let expects = planned.slot.expect.clone();
        let (files, databases) = (services.files.clone(), services.databases.clone());
        let expectation = Box::new(move || expect::check(&expects, &files, &databases));
        let stage = ComponentStage::new(self.sandbox.clone(), loaded, services.clone(), planned, grants, expectation);
        let limits = TalkLimits { host_calls: planned.limits.host_calls, log_bytes: planned.limits.log_bytes };
        Ok(stage.map(|stage| (Slot { stage: Box::new(stage), limits }, notes)))
    }

    fn services(&self, run: &RunDirectory) -> Result<Services, Fault> {
        let drivers = self.setup.databases.keys().map(|name| self.driver(run, name)).collect::<Result<_, _>>()?;
        self.services_with(run, |_| true, drivers)
    }

    /// The capabilities of a run with these databases, and the roots (by their path) that `is_there` lets through.
    pub(super) fn services_with(
        &self,
        run: &RunDirectory,
        is_there: impl Fn(&Path) -> bool,
        drivers: Vec<Arc<dyn Driver>>,
    ) -> Result<Services, Fault> {
        let installation = &self.setup.installation;
        let artifacts = run.path().join("artifacts");
        let mut protected = vec![installation.state.clone(), installation.backup.clone()];
        protected.extend(self.setup.databases.values().filter_map(|d| d.place.file().cloned()));
        let roots = installation.roots.iter().filter(|(_, root)| is_there(&root.path)).map(|(name, root)| RootConfig {
            name: name.clone(),
            path: root.path.clone(),
            owner: root.owner.map(|o| (o.uid, o.gid)),
        });
        let files = Files::open(FilesConfig {
            run: run.id().to_owned(),
            roots: roots.collect(),
            protected,
            artifacts: artifacts.clone(),
            limits: ArchiveLimits::default(),
            stop: self.stop.clone(),
            meter: self.meter.clone(),
        })?;
        let mut own = account::places(&self.setup, run.id());
        own.extend(Signs::new(installation, run.id()).paths());
        let files = files.with_own(own);
        let backup = installation.backup.clone();
        crate::io::make_private_dir(&backup)
            .map_err(|e| Fault::io(format_args!("making the backup directory {}", backup.display()), &e))?;
        let databases = Databases::new(drivers, backup, run.id().to_owned());
        let files = Arc::new(files);
        Ok(Services {
            commands: Arc::new(Commands::new(self.commands()?, files.clone())),
            files,
            databases: Arc::new(databases),
            network: Arc::new(self.network(run, artifacts)),
        })
    }

    fn commands(&self) -> Result<CommandsConfig, Fault> {
        let names = self.setup.commands.keys();
        let known = names.map(|name| (name.clone(), commands::known(&self.setup, name, self.environment)));
        let lock = self.lock.share()?;
        let none = CommandsConfig::none(self.stop.clone());
        Ok(CommandsConfig { commands: known.collect(), lock, meter: self.meter.clone(), ..none })
    }

    /// A database that the pipeline declares.
    pub(super) fn driver(&self, run: &RunDirectory, name: &str) -> Result<Arc<dyn Driver>, Fault> {
        let unknown = || Fault::new("no-such-database", format!("the pipeline has no database {name}"));
        let database = self.setup.databases.get(name).ok_or_else(unknown)?;
        match &database.place {
            DatabasePlace::Sqlite(path) => self.sqlite(run, name, path, database.foreign_keys.unwrap_or(false)),
            DatabasePlace::Server(place) => self.mysql(run, name, place, database),
        }
    }

    fn sqlite(
        &self,
        run: &RunDirectory,
        name: &str,
        path: &Path,
        foreign_keys: bool,
    ) -> Result<Arc<dyn Driver>, Fault> {
        Ok(Arc::new(Sqlite::open(SqliteConfig {
            name: name.to_owned(),
            path: path.to_owned(),
            foreign_keys,
            statement_time: self.statement_time(),
            result_bytes: RESULT_BYTES,
            spool_bytes: self.spool_bytes(),
            spool: run.path().join("spool"),
            stop: self.stop.clone(),
            run: run.id().to_owned(),
        })?))
    }

    fn mysql(
        &self,
        run: &RunDirectory,
        name: &str,
        place: &ServerPlace,
        database: &PlannedDatabase,
    ) -> Result<Arc<dyn Driver>, Fault> {
        Ok(Arc::new(Mysql::open(MysqlConfig {
            name: name.to_owned(),
            server: server::resolve(name, place, self.environment)?,
            foreign_keys: database.foreign_keys.unwrap_or(true),
            sql_mode: database.sql_mode.clone(),
            statement_time: self.statement_time(),
            result_bytes: RESULT_BYTES,
            spool_bytes: self.spool_bytes(),
            spool: run.path().join("spool"),
            restore: run.path().join("restore").join(name),
            stop: self.stop.clone(),
            meter: self.meter.clone(),
            run: run.id().to_owned(),
        })?))
    }

    fn statement_time(&self) -> Duration {
        self.longest(|p| p.limits.statement_time)
    }

    fn spool_bytes(&self) -> u64 {
        self.setup.slots.iter().map(|p| p.limits.spool_bytes).max().unwrap_or_default()
    }

    fn network(&self, run: &RunDirectory, artifacts: PathBuf) -> Network {
        let pins = self.setup.artifacts.iter().map(|(name, pin)| {
            let ArtifactPin { url, file, sha256, size, .. } = pin.clone();
            (name.clone(), Pin { sha256, size, url, file, max_size: None })
        });
        let mut config = NetworkConfig::new(run.id(), artifacts, self.stop.clone());
        config.pins = pins.collect();
        config.meter = self.meter.clone();
        config.time = self.longest(|p| p.limits.download_time);
        Network::new(config)
    }

    /// A capability is shared by the stages of a run: it gets the longest time that one of them has.
    fn longest(&self, of: impl Fn(&PlannedSlot) -> Duration) -> Duration {
        self.setup.slots.iter().map(of).max().unwrap_or_default()
    }
}

fn surplus_note(text: String) -> Finding {
    Finding { severity: Severity::Info, ..Finding::blocking("grant-unused", text) }
}
