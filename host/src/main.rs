//! The `liftlock` program. Everything is in the library; the commands are in `cli/`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
