//! A component in a slot, as the engine's [`Stage`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wasmtime::component::{Linker, ResourceTable};

use super::Sandbox;
use super::bindings::{Stage as Bindings, StagePre};
use super::call::{self, CallLimits};
use super::guest::Guest;
use super::limiter::Limiter;
use super::link;
use super::load::Loaded;
use super::wasi::{self, VirtualClock};
use crate::bundle::{ACCEPT_UNPINNED_PACKAGE, Grants, PlannedSlot};
use crate::capability::command::{CommandGrant, Commands, CommandsConfig, StageCommands};
use crate::capability::database::{DatabaseGrant, Databases, StageDatabase};
use crate::capability::files::{ArchiveLimits, Files, FilesConfig, FilesGrant, StageFiles};
use crate::capability::network::{Network, NetworkConfig, NetworkGrant, StageNetwork};
use crate::effect::{Failure, Fault, Finding, Outcome};
use crate::engine::{Context, Conversation, Returned, Stage, Stop, Trap};
use crate::meter::Meter;
use crate::policy::{Refusal, StageInfo};

/// The capabilities of a run, shared by its stages.
#[derive(Clone)]
pub struct Services {
    /// Directories.
    pub files: Arc<Files>,
    /// Databases.
    pub databases: Arc<Databases>,
    /// Downloads.
    pub network: Arc<Network>,
    /// The operator's commands.
    pub commands: Arc<Commands>,
}

/// Looks whether the pipeline's post-conditions of a slot hold.
pub(crate) type Expectation = Box<dyn FnMut() -> Result<Vec<Finding>, Fault> + Send>;

/// A component that fills a slot.
pub struct ComponentStage {
    sandbox: Arc<Sandbox>,
    linked: StagePre<Guest>,
    services: Services,
    slot: String,
    params: BTreeMap<String, String>,
    grants: Grants,
    limits: CallLimits,
    expect: Expectation,
}

/// What a call of a stage may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Change, within the grant.
    Apply,
    /// Look, without network.
    Look,
}

impl ComponentStage {
    /// Puts a component into a slot. `grants` is what policy has decided.
    ///
    /// # Errors
    /// Refusals for what the component imports or does not export.
    pub fn new(
        sandbox: Arc<Sandbox>,
        loaded: Arc<Loaded>,
        services: Services,
        planned: &PlannedSlot,
        grants: Grants,
        expect: Expectation,
    ) -> Result<Self, Vec<Refusal>> {
        link::admit(&loaded, planned)?;
        let mut linker = Linker::new(&sandbox.engine);
        let slot = planned.slot.name.clone();
        let wrong = |e: wasmtime::Error| {
            let text = format!("the component of slot {slot} does not fit the contract: {}", call::explain(&e));
            vec![Refusal { code: "wrong-world", slot: slot.clone(), message: text, lines: Vec::new() }]
        };
        link::link(&mut linker, planned).map_err(wrong)?;
        let pre = linker.instantiate_pre(&loaded.component).map_err(wrong)?;
        let linked = StagePre::new(pre).map_err(wrong)?;
        let limits = CallLimits::of(planned);
        let params = planned.params.clone();
        Ok(Self { sandbox, linked, services, slot, params, grants, limits, expect })
    }

    fn call<T>(
        &mut self,
        talk: Conversation,
        mode: Mode,
        export: impl AsyncFnOnce(&mut wasmtime::Store<Guest>, &Bindings) -> wasmtime::Result<T>,
    ) -> Returned<T> {
        let tenant = Tenant {
            slot: &self.slot,
            params: &self.params,
            grants: &self.grants,
            memory: self.limits.memory,
            handles: self.limits.handles,
        };
        match tenant.guest(&self.services, talk, mode) {
            Ok(guest) => {
                let (guest, answer) = call::call(&self.sandbox, guest, &self.limits, async |store| {
                    let stage = self.linked.instantiate_async(&mut *store).await?;
                    export(store, &stage).await
                });
                Returned { talk: guest.into_talk(), answer }
            }
            Err(refused) => {
                let (mut talk, failure) = *refused;
                talk.end(Stop::Fault(Fault::new("bad-grant", failure.message)));
                let trap = Trap { code: "stopped".into(), message: "stopped by the host".into() };
                Returned { talk, answer: Err(trap) }
            }
        }
    }
}

/// Asks a component what it is: a guest with no grant at all, every capability's import a trap.
pub(super) fn describe(sandbox: &Sandbox, linked: &StagePre<Guest>, limits: &CallLimits) -> Result<StageInfo, Trap> {
    let closed = |message: String| Trap { code: "stopped".into(), message };
    let services = Services::closed().map_err(|fault| closed(fault.message))?;
    let talk = Conversation::look(Context { slot: "describe".into(), ..Context::default() });
    let (params, grants) = (BTreeMap::new(), Grants::default());
    let tenant =
        Tenant { slot: "describe", params: &params, grants: &grants, memory: limits.memory, handles: limits.handles };
    let guest = tenant.guest(&services, talk, Mode::Look).map_err(|refused| closed(refused.1.message.clone()))?;
    let (_, answer) = call::call(sandbox, guest, limits, async |store| {
        let stage = linked.instantiate_async(&mut *store).await?;
        stage.liftlock_stage_lifecycle().call_describe(store).await
    });
    answer.map(Into::into)
}

impl Services {
    /// Nothing: no root, no database.
    fn closed() -> Result<Self, Fault> {
        let stop = Arc::new(AtomicBool::new(false));
        let files = FilesConfig {
            run: "none".into(),
            roots: Vec::new(),
            protected: Vec::new(),
            artifacts: PathBuf::new(),
            limits: ArchiveLimits::default(),
            stop: stop.clone(),
            meter: Meter::default(),
        };
        let files = Arc::new(Files::open(files)?);
        Ok(Self {
            commands: Arc::new(Commands::new(CommandsConfig::none(stop.clone()), files.clone())),
            files,
            databases: Arc::new(Databases::new(Vec::new(), PathBuf::new(), "none".into())),
            network: Arc::new(Network::new(NetworkConfig::new("none", PathBuf::new(), stop))),
        })
    }
}

/// What a guest is in its slot.
pub(super) struct Tenant<'a> {
    pub(super) slot: &'a str,
    pub(super) params: &'a BTreeMap<String, String>,
    pub(super) grants: &'a Grants,
    pub(super) memory: u64,
    pub(super) handles: usize,
}

impl Tenant<'_> {
    /// Gives each capability its grant. The conversation comes back if one cannot be read.
    pub(super) fn guest(
        &self,
        services: &Services,
        talk: Conversation,
        mode: Mode,
    ) -> Result<Guest, Box<(Conversation, Failure)>> {
        let look = mode == Mode::Look;
        let network = NetworkGrant {
            slot: self.slot.to_owned(),
            origins: self.grants.origins.clone(),
            private: self.grants.private.clone(),
            accept_unpinned: self.grants.accept.contains(ACCEPT_UNPINNED_PACKAGE),
            closed: look,
        };
        let network = match StageNetwork::new(services.network.clone(), network) {
            Ok(network) => network,
            Err(failure) => return Err(Box::new((talk, failure))),
        };
        let files = FilesGrant {
            slot: self.slot.to_owned(),
            roots: self.grants.roots.clone(),
            trees: talk.input_ids("tree"),
            artifacts: talk.input_ids("artifact"),
            read_only: look,
        };
        let database = DatabaseGrant {
            slot: self.slot.to_owned(),
            databases: self.grants.databases.clone(),
            snapshots: talk.input_ids("snapshot"),
            read_only: look,
        };
        let commands = CommandGrant {
            slot: self.slot.to_owned(),
            commands: self.grants.commands.keys().cloned().collect(),
            read_only: look,
        };
        let context = talk.context();
        let clock = VirtualClock::new(context.clock);
        let wasi = wasi::context(&context.seed, &context.slot, &clock);
        Ok(Guest {
            params: self.params.clone(),
            files: StageFiles::new(services.files.clone(), files),
            database: StageDatabase::new(services.databases.clone(), database),
            network,
            commands: StageCommands::new(services.commands.clone(), commands),
            drivers: services.databases.clone(),
            cursors: 0,
            open_cursors: 0,
            table: table(self.handles),
            wasi,
            clock,
            limiter: Limiter::new(self.memory),
            talk,
        })
    }
}

impl Stage for ComponentStage {
    fn check(&mut self, talk: Conversation) -> Returned<Vec<Finding>> {
        let Returned { talk, answer } = self.call(talk, Mode::Look, async |store, stage: &Bindings| {
            stage.liftlock_stage_lifecycle().call_check(store).await
        });
        Returned { talk, answer: answer.map(|found| found.into_iter().map(Into::into).collect()) }
    }

    fn apply(&mut self, talk: Conversation) -> Returned<Result<Outcome, Failure>> {
        let Returned { talk, answer } = self.call(talk, Mode::Apply, async |store, stage: &Bindings| {
            stage.liftlock_stage_lifecycle().call_apply(store).await
        });
        Returned { talk, answer: answer.map(|done| done.map(Into::into).map_err(Into::into)) }
    }

    fn verify(&mut self, talk: Conversation) -> Returned<Vec<Finding>> {
        let Returned { talk, answer } = self.call(talk, Mode::Look, async |store, stage: &Bindings| {
            stage.liftlock_stage_lifecycle().call_verify(store).await
        });
        Returned { talk, answer: answer.map(|found| found.into_iter().map(Into::into).collect()) }
    }

    fn expect(&mut self) -> Result<Vec<Finding>, Fault> {
        (self.expect)()
    }
}

/// Handles of the host that a guest may hold.
fn table(handles: usize) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(handles);
    table
}
