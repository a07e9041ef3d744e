//! WASI 0.2 with its doors closed, so that guests of other languages and Rust's std start: no directories, no sockets, no
//! environment, no arguments; a clock of the stage's own and random numbers from the run's seed. Nothing of it is recorded,
//! for nothing of it depends on the world.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiView};

use super::guest::Guest;
use crate::engine::Random;

/// What a guest may import of WASI. Sockets and HTTP are not there: a component that wants them is refused by name.
pub(super) const PACKAGES: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];

/// A clock that starts with the stage and moves a microsecond each time somebody looks, and by what a guest sleeps.
#[derive(Clone)]
pub(crate) struct VirtualClock {
    start_ns: u64,
    passed_ns: Arc<AtomicU64>,
}

impl VirtualClock {
    pub(super) fn new(start_ms: u64) -> Self {
        Self { start_ns: start_ms.saturating_mul(1_000_000), passed_ns: Arc::new(AtomicU64::new(0)) }
    }

    fn look(&self) -> u64 {
        self.passed_ns.fetch_add(1000, Ordering::Relaxed) + 1000
    }

    fn sleep(&self, ns: u64) {
        let _ = self.passed_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(ns)));
    }
}

impl HostWallClock for VirtualClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.start_ns.saturating_add(self.look()))
    }
}

/// The context of one Store.
pub(super) fn context(seed: &[u8; 32], slot: &str, clock: &VirtualClock) -> WasiCtx {
    let mut fixed = [0; 16];
    Random::new(seed, &format!("{slot} wasi seed")).fill(&mut fixed);
    WasiCtx::builder()
        .secure_random(Seeded(Random::new(seed, &format!("{slot} wasi"))))
        .insecure_random(Seeded(Random::new(seed, &format!("{slot} wasi insecure"))))
        .insecure_random_seed(u128::from_le_bytes(fixed))
        .max_random_size(1 << 20)
        .wall_clock(clock.clone())
        .build()
}

/// Links all of it.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi_io::add_to_linker_async(linker)?;
    clocks::wall_clock::add_to_linker::<Guest, WasiClocks>(linker, Guest::clocks)?;
    monotonic_clock::add_to_linker::<Guest, Virtual>(linker, |guest| Clocks {
        clock: &guest.clock,
        table: &mut guest.table,
    })?;
    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    filesystem::types::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    random::random::add_to_linker::<Guest, WasiRandom>(linker, |g| g.ctx().ctx.random())?;
    random::insecure::add_to_linker::<Guest, WasiRandom>(linker, |g| g.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<Guest, WasiRandom>(linker, |g| g.ctx().ctx.random())?;
    cli::exit::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::environment::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_input::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_output::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)
}

/// Monotonic time of the stage: a timer is ready at once, and its time has passed.
struct Clocks<'a> {
    clock: &'a VirtualClock,
    table: &'a mut ResourceTable,
}

struct Virtual;

impl HasData for Virtual {
    type Data<'a> = Clocks<'a>;
}

impl monotonic_clock::Host for Clocks<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.look())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1000)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.clock.look();
        self.subscribe_duration(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.clock.sleep(duration);
        let timer = self.table.push(Passed)?;
        subscribe(self.table, timer)
    }
}

struct Passed;

#[wasmtime_wasi::async_trait]
impl Pollable for Passed {
    async fn ready(&mut self) {}
}

/// The run's random numbers, as WASI wants them.
struct Seeded(Random);

impl rand_core::TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}
