//! `demo`: Roundcube 1.4 upgraded to 1.6 and put back, on this machine, with nothing touched outside `target`.

use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::layout::Layout;
use crate::mariadb;
use crate::plugins;
use crate::process;
use crate::setup;
use crate::test;

/// Upgrade a Roundcube made for the purpose, look at it, put it back, compare (in target/demo)
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What its database is: a SQLite file, or a schema on a MariaDB server that is started for it
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Mariadb,
}

pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    let guest = setup::ready(layout)?;
    if arguments.database == Database::Mariadb {
        mariadb::ready()?;
    }
    println!("{}", plugins::build(layout, &guest)?);
    test::build_host(layout)?;
    let mut demo = Command::new(layout.demo());
    if arguments.database == Database::Mariadb {
        demo.arg("mariadb");
    }
    process::run(demo.current_dir(&layout.root))
}
