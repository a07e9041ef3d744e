//! What this repository does with itself: `cargo xtask <command>`.
//!
//! One file a command. Each can be run alone; `test` runs what the others need.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a terminal")]

mod bench;
mod bundle;
mod demo;
mod fixture;
mod guest;
mod layout;
mod mariadb;
mod outside;
mod plugins;
mod process;
mod setup;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use layout::Layout;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set up, build the plugins, test, demonstrate, tidy, measure")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Arguments),
    Plugins(plugins::Arguments),
    Test(test::Arguments),
    Tidy(tidy::Arguments),
    Demo(demo::Arguments),
    Bench(bench::Arguments),
    Fixture(fixture::Arguments),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let layout = Layout::find();
    let result = match command {
        Command::Setup(arguments) => setup::run(&layout, &arguments),
        Command::Plugins(arguments) => plugins::run(&layout, &arguments),
        Command::Test(arguments) => test::run(&layout, &arguments),
        Command::Tidy(arguments) => tidy::run(&layout, &arguments),
        Command::Demo(arguments) => demo::run(&layout, &arguments),
        Command::Bench(arguments) => bench::run(&layout, &arguments),
        Command::Fixture(arguments) => fixture::run(&layout, &arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
