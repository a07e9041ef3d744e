//! `liftlock stage`.

use std::fs;
use std::path::PathBuf;

use liftlock::effect::Fault;
use liftlock::policy::StageInfo;
use liftlock::sandbox::{Loaded, Sandbox};
use serde_json::json;

use super::output::{self, ErrorText};
use super::{Exit, Format, Global};

/// Work with single components
#[derive(clap::Args)]
pub(super) struct Stage {
    #[command(subcommand)]
    command: StageCommand,
}

#[derive(clap::Subcommand)]
enum StageCommand {
    Inspect(Inspect),
}

/// Show what a component is, imports and asks for, without running more of it than `describe`
#[derive(clap::Args)]
struct Inspect {
    /// The component
    file: PathBuf,
}

impl Stage {
    pub(super) fn run(&self, global: &Global) -> Exit {
        match &self.command {
            StageCommand::Inspect(inspect) => inspect.run(global),
        }
    }
}

impl Inspect {
    fn run(&self, global: &Global) -> Exit {
        match self.look() {
            Err(fault) => {
                output::fault(global, &fault, None);
                Exit::from(&fault)
            }
            Ok((loaded, info)) => tell(global, &loaded, info.as_ref()),
        }
    }

    fn look(&self) -> Result<(Loaded, Result<StageInfo, liftlock::engine::Trap>), Fault> {
        let bytes = fs::read(&self.file).map_err(|e| Fault::io(format_args!("reading {}", self.file.display()), &e))?;
        let cache = std::env::temp_dir().join(format!("liftlock-inspect-{}", std::process::id()));
        let sandbox = Sandbox::new(&cache)?;
        let loaded = sandbox.load(&self.file, &bytes)?;
        let info = sandbox.describe(&loaded);
        // Only this process knows its name; what is left of it does no harm.
        let _ = fs::remove_dir_all(&cache);
        Ok((loaded, info))
    }
}

fn tell(global: &Global, loaded: &Loaded, info: Result<&StageInfo, &liftlock::engine::Trap>) -> Exit {
    let info = match info {
        Ok(info) => info,
        Err(trap) => {
            let message = format!("the component does not say what it is: {}", trap.message);
            output::error(global, &ErrorText::new(&trap.code, message));
            return Exit::Refused;
        }
    };
    if global.format == Format::Json {
        let port = |p: &liftlock::policy::DescribedPort| json!({ "name": p.name, "kind": p.kind });
        output::json(&json!({
            "name": info.name, "version": info.version, "sha256": loaded.sha256,
            "imports": loaded.imports, "exports": loaded.exports,
            "consumes": info.consumes.iter().map(port).collect::<Vec<_>>(),
            "produces": info.produces.iter().map(port).collect::<Vec<_>>(),
            "asks": info.asks.iter().map(|a| json!({
                "capability": a.capability, "object": a.object, "access": a.access, "reason": a.reason,
            })).collect::<Vec<_>>(),
        }));
        return Exit::Done;
    }
    output::line(&format!("{} {}", info.name, info.version));
    output::line(&format!("  sha256    {}", loaded.sha256));
    for port in &info.consumes {
        output::line(&format!("  consumes  {} ({})", port.name, port.kind));
    }
    for port in &info.produces {
        output::line(&format!("  produces  {} ({})", port.name, port.kind));
    }
    for ask in &info.asks {
        output::line(&format!("  asks      {} {}: {} ({})", ask.capability, ask.object, ask.access, ask.reason));
    }
    for import in &loaded.imports {
        output::line(&format!("  imports   {}", liftlock::escape::line(import, 200)));
    }
    Exit::Done
}
