//! How fast it is: printed, not judged. For a look by hand; the bench compares with the usual tools.

use std::time::Instant;

use super::*;

/// Takes a schema that is there from `LIFTLOCK_TEST_MYSQL_BIG`: `mautic.sql` makes one.
#[test]
#[ignore = "wants a big schema, and drops and loads its tables"]
fn seconds_and_megabytes() {
    let (Some(server), Ok(name)) = (server(), std::env::var("LIFTLOCK_TEST_MYSQL_BIG")) else { return };
    let schema = server.schema(&[]);
    let mut config = schema.config();
    config.server.schema = name;
    let mut link = crate::capability::database::mysql::link::Link::open(
        &config,
        crate::capability::database::mysql::link::Account::Host,
    )
    .unwrap();
    let catalog = Catalog::read(&mut link, &config).unwrap();
    let tables: Vec<_> = catalog.tables.keys().cloned().collect();
    let directory = schema.directory().join("big");
    fs::create_dir(&directory).unwrap();
    let begun = Instant::now();
    let info = save(&config, &catalog, &tables, false, &directory, Quiet::Frozen).unwrap();
    println!(
        "save {:.2} s, {} rows, {} MB, peak {}",
        begun.elapsed().as_secs_f64(),
        info.rows,
        info.bytes >> 20,
        peak()
    );
    let begun = Instant::now();
    let manifest = verify(&directory).unwrap();
    println!("verify {:.2} s", begun.elapsed().as_secs_f64());
    if std::env::var_os("LIFTLOCK_TEST_SAVE_ONLY").is_some() {
        return;
    }
    let begun = Instant::now();
    load(&config, &directory, &manifest).unwrap();
    println!("load {:.2} s, peak {}", begun.elapsed().as_secs_f64(), peak());
}

/// The most memory that this process has had.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().split_whitespace().skip(1).collect()
}
