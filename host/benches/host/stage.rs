//! What it takes to start a stage.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use liftlock::bundle::PlannedSlot;
use liftlock::capability::command::{Commands, CommandsConfig};
use liftlock::capability::database::Databases;
use liftlock::capability::files::{ArchiveLimits, Files, FilesConfig};
use liftlock::capability::network::{Network, NetworkConfig};
use liftlock::engine::{Context, Conversation, Stage as _};
use liftlock::meter::Meter;
use liftlock::policy;
use liftlock::sandbox::{ComponentStage, Loaded, Sandbox, Services};

use super::line::{Goal, Line};
use super::native::{alone, time};
use super::places;
use super::site::Site;
use crate::Result;

/// So often for one time: a single start is too short for the clock to be trusted.
const STARTS: u32 = 50;
const GOAL: Goal = Goal::Within(1e-3);

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let site = Site::new("")?;
    let upgrade = site.upgrade("what = \"nothing\"")?;
    let planned = upgrade.setup().slots.first().ok_or("the pipeline has no slot")?;
    let bytes = fs::read(places::component()?)?;
    let name = PathBuf::from("bench.wasm");

    let cold = alone(|| {
        let directory = places::directory()?;
        let sandbox = Sandbox::new(directory.path())?;
        time(|| Ok(sandbox.load(&name, &bytes)?))
    })?;
    tell(Line::new(format!("compiling a component ({} KiB), once", bytes.len() >> 10), cold));

    let sandbox = Arc::new(Sandbox::new(&site.path("cache"))?);
    let loaded = Arc::new(sandbox.load(&name, &bytes)?);
    let cached = repeated(|| sandbox.load(&name, &bytes).map(drop).map_err(Into::into))?;
    tell(Line::new("loading the compiled code from the cache", cached));

    let describe = repeated(|| {
        let described = sandbox.describe(&loaded).map_err(|trap| trap.message)?;
        policy::decide(&described, planned).map_err(|refused| format!("{refused:?}"))?;
        Ok(())
    })?;
    tell(Line::new("asking it what it is (`describe`), and policy", describe));

    let services = services()?;
    let link = repeated(|| fill(&sandbox, &loaded, &services, planned).map(drop))?;
    tell(Line::new("putting it into its slot: linking what is granted", link));

    let mut stage = fill(&sandbox, &loaded, &services, planned)?;
    let call = repeated(|| check(&mut stage))?;
    tell(Line::new("a call of a stage (`check`): its grants, a fresh instance, the answer", call).goal(GOAL));

    let start = repeated(|| {
        let loaded = Arc::new(sandbox.load(&name, &bytes)?);
        check(&mut fill(&sandbox, &loaded, &services, planned)?)
    })?;
    tell(Line::new("stage start with cached code: load, link, first call", start).goal(GOAL));
    Ok(())
}

fn repeated(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let all = alone(|| time(|| (0..STARTS).try_for_each(|_| work())))?;
    Ok(all / f64::from(STARTS))
}

fn fill(
    sandbox: &Arc<Sandbox>,
    loaded: &Arc<Loaded>,
    services: &Services,
    planned: &PlannedSlot,
) -> Result<ComponentStage> {
    let (sandbox, loaded, services) = (sandbox.clone(), loaded.clone(), services.clone());
    let stage =
        ComponentStage::new(sandbox, loaded, services, planned, planned.grants.clone(), Box::new(|| Ok(Vec::new())));
    stage.map_err(|refused| format!("{refused:?}").into())
}

fn check(stage: &mut ComponentStage) -> Result<()> {
    let context = Context { slot: "bench".into(), host_calls: 1000, ..Context::default() };
    stage.check(Conversation::look(context)).answer.map(drop).map_err(|trap| trap.message.into())
}

/// No root, no database: a stage has its grants, and starts all the same.
fn services() -> Result<Services> {
    let stop = Arc::new(AtomicBool::new(false));
    let files = FilesConfig {
        run: "bench".into(),
        roots: Vec::new(),
        protected: Vec::new(),
        artifacts: PathBuf::new(),
        limits: ArchiveLimits::default(),
        stop: stop.clone(),
        meter: Meter::default(),
    };
    let files = Arc::new(Files::open(files)?);
    Ok(Services {
        commands: Arc::new(Commands::new(CommandsConfig::none(stop.clone()), files.clone())),
        files,
        databases: Arc::new(Databases::new(Vec::new(), PathBuf::new(), "bench".into())),
        network: Arc::new(Network::new(NetworkConfig::new("bench", PathBuf::new(), stop))),
    })
}
