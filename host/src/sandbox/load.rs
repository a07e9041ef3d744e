//! Compiling components, with the compiled code cached, and asking them what they are.

use std::path::Path;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{Component, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::bindings::StagePre;
use super::bindings::exports::liftlock::stage::lifecycle;
use super::call::{self, CallLimits};
use super::guest::Guest;
use super::{stage, wasi};
use crate::bundle::sha256_hex;
use crate::effect::Fault;
use crate::engine::Trap;
use crate::policy::{DescribedAsk, DescribedPort, StageInfo};

/// How often running guests look whether their time is up.
const TICK: Duration = Duration::from_millis(10);
/// Native stack of a guest, and what is left on the same fiber for the host's functions.
const WASM_STACK: usize = 1 << 20;
const FIBER_STACK: usize = 4 << 20;
/// What `describe` may cost: it says who it is.
const DESCRIBE: CallLimits =
    CallLimits { guest_time: Duration::from_secs(10), memory: 256 << 20, call_bytes: 1 << 20, handles: 10 };

/// What every stage exports.
const LIFECYCLE: &str = "liftlock:stage/lifecycle";
/// Code of a component that is none of ours.
pub const WRONG_WORLD: &str = "wrong-world";

/// A compiler and its settings, for one process.
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) runtime: Runtime,
}

/// A component, compiled.
pub struct Loaded {
    pub(super) component: Component,
    /// sha256 of the component's bytes, in hex.
    pub sha256: String,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
}

impl Sandbox {
    /// Makes a sandbox that keeps compiled code in a directory of ours.
    ///
    /// # Errors
    /// Where the directory cannot be used, or this machine cannot run compiled code.
    pub fn new(cache: &Path) -> Result<Self, Fault> {
        crate::io::make_private_dir(cache)
            .map_err(|e| Fault::io(format_args!("making the cache {}", cache.display()), &e))?;
        let engine = Engine::new(&settings(cache)?).map_err(|e| broken(&e))?;
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|e| Fault::io("starting the runtime for guests", &e))?;
        tick(&engine)?;
        Ok(Self { engine, runtime })
    }

    /// Compiles a component, or takes the compiled code from the cache. `path` is only for messages.
    ///
    /// # Errors
    /// "not-a-component", with what it is instead.
    pub fn load(&self, path: &Path, bytes: &[u8]) -> Result<Loaded, Fault> {
        if let Some(what) = not_a_component(bytes) {
            return Err(Fault::new("not-a-component", format!("{} is {what}", path.display())));
        }
        let component = Component::from_binary(&self.engine, bytes).map_err(|e| {
            let why = crate::escape::line(&format!("{e:#}"), 500);
            Fault::new("not-a-component", format!("{} cannot be compiled: {why}", path.display()))
        })?;
        let types = component.component_type();
        let imports = types.imports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        let exports = types.exports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        Ok(Loaded { sha256: sha256_hex(bytes), imports, exports, component })
    }

    /// Asks a component what it is, with every capability closed.
    ///
    /// # Errors
    /// How it ended instead of answering.
    pub fn describe(&self, loaded: &Loaded) -> Result<StageInfo, Trap> {
        let wrong = |e: wasmtime::Error| Trap { code: WRONG_WORLD.into(), message: call::explain(&e) };
        if !loaded.exports.iter().any(|name| name.starts_with(LIFECYCLE)) {
            let message = format!("it does not export {LIFECYCLE}: it is a component, but no stage");
            return Err(Trap { code: WRONG_WORLD.into(), message });
        }
        let mut linker: Linker<Guest> = Linker::new(&self.engine);
        wasi::link(&mut linker).map_err(wrong)?;
        linker.define_unknown_imports_as_traps(&loaded.component).map_err(wrong)?;
        let pre = linker.instantiate_pre(&loaded.component).map_err(wrong)?;
        stage::describe(self, &StagePre::new(pre).map_err(wrong)?, &DESCRIBE)
    }
}

impl From<lifecycle::StageInfo> for StageInfo {
    fn from(info: lifecycle::StageInfo) -> Self {
        let port = |p: lifecycle::Port| DescribedPort { name: p.name, kind: p.kind, extra: p.extra };
        let ask = |a: lifecycle::Ask| DescribedAsk {
            capability: a.capability,
            object: a.object,
            access: a.access,
            reason: crate::escape::line(&a.reason, 500),
            extra: a.extra,
        };
        Self {
            name: crate::escape::line(&info.name, 100),
            version: crate::escape::line(&info.version, 100),
            consumes: info.consumes.into_iter().map(port).collect(),
            produces: info.produces.into_iter().map(port).collect(),
            asks: info.asks.into_iter().map(ask).collect(),
            extra: info.extra,
        }
    }
}

/// A guest must be deterministic (DESIGN §6) and must not get at what is not needed (reliability.md B1).
fn settings(cache: &Path) -> Result<Config, Fault> {
    let mut compiled = CacheConfig::new();
    compiled.with_directory(cache);
    let compiled = Cache::new(compiled).map_err(|e| broken(&e))?;
    let mut config = Config::new();
    config
        .cache(Some(compiled))
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        // Nobody is shown where in a guest it trapped: without the maps for that, compiled code loads in half the time.
        .generate_address_map(false)
        .native_unwind_info(false)
        .wasm_memory64(false)
        .shared_memory(false);
    Ok(config)
}

/// Moves the epoch on as long as the engine lives.
fn tick(engine: &Engine) -> Result<(), Fault> {
    let weak = engine.weak();
    thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(|_| ())
        .map_err(|e| Fault::io("starting the clock for guests", &e))
}

fn broken(error: &wasmtime::Error) -> Fault {
    Fault::new("sandbox-unavailable", format!("the sandbox cannot be set up: {error:#}"))
}

fn not_a_component(bytes: &[u8]) -> Option<&'static str> {
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => None,
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => {
            Some("a core module, not a component (`wasm-tools component new` makes one of it)")
        }
        Some([0x7f, b'E', b'L', b'F', ..]) => Some("compiled code; only portable components are loaded"),
        _ => Some("not WebAssembly"),
    }
}
