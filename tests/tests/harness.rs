//! What the suites on a server are made of is right: otherwise they prove nothing.

use std::fs;

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::roundcube::{Fixture, NEW_SCHEMA, OLD_SCHEMA, Options, Size, Template, database_version};
use liftlock_tests::fixture::{Database, Installation};
use liftlock_tests::mariadb::{Client, Schema, Server, shared};
use liftlock_tests::proxy::{Cut, Proxy};
use liftlock_tests::{numbers, places, zoo};
use mysql_async::OptsBuilder;
use tempfile::TempDir;

/// A Roundcube 1.4 on a server, with a zoo. Nothing serves its package.
fn webmail(template: &Template, schema: Schema) -> Result<(TempDir, Installation)> {
    let directory = tempfile::tempdir()?;
    let pipeline = directory.path().join("pipeline.toml");
    fs::write(&pipeline, "format = 1\n")?;
    let options = Options::new(pipeline, "http://127.0.0.1:1").users(50).on(schema.clone());
    let site = template.installation(&directory.path().join("site"), &options)?;
    zoo::fill_beside_webmail(&schema)?;
    Ok((directory, site))
}

fn template() -> Result<Template> {
    Fixture::new(Size::Small).prepare(&places::cache()?)
}

#[test]
fn two_installations_on_a_server_are_equal_and_the_application_migrates_among_the_zoo() -> Result<()> {
    let (template, socket) = (template()?, shared()?);
    let (_first, one) = webmail(&template, Schema::new(&socket, "one")?)?;
    let (_second, two) = webmail(&template, Schema::new(&socket, "two")?)?;
    let before = one.digest()?;
    assert_eq!(before.diff(&two.digest()?), Vec::<String>::new());
    assert_eq!(database_version(&one.database)?, OLD_SCHEMA);
    for name in ["2020020101", "2020091000", "2021081000"] {
        one.database.run(&fs::read_to_string(template.new_tree().join(format!("SQL/mysql/{name}.sql")))?)?;
    }
    one.database.run(&format!("UPDATE `system` SET value = '{NEW_SCHEMA}' WHERE name = 'roundcube-version'"))?;
    assert_eq!(database_version(&one.database)?, NEW_SCHEMA);
    let changed = before.diff(&one.digest()?);
    // The zoo notices what it is tied to, and nothing else.
    let zoo: Vec<_> = changed.iter().filter(|line| line.contains("zoo")).map(|line| line.split(':').next()).collect();
    let noticed = ["~ next id of zoo_log", "~ rows of zoo_counts", "~ rows of zoo_log"].map(Some);
    assert_eq!(zoo, noticed, "{changed:#?}");
    let (compared, changed) = (before.len(), changed.len());
    numbers(format_args!(
        "{compared} parts of a site on a server compared, {changed} changed by its migrations, 3 of them the zoo's"
    ));
    Ok(())
}

#[test]
fn the_settings_name_the_socket_and_no_password() -> Result<()> {
    let (_directory, site) = webmail(&template()?, Schema::new(&shared()?, "settings")?)?;
    let Database::Server(schema) = &site.database else { panic!("it is on a server") };
    let text = fs::read_to_string(&site.settings)?;
    let lines = ["socket = ", &format!("user = \"{}\"", schema.user()), &format!("schema = \"{}\"", schema.name())];
    assert!(text.contains("[databases.main]") && lines.iter().all(|line| text.contains(line)), "{text}");
    assert!(!text.contains("password"), "{text}");
    Ok(())
}

/// A counter under kills of the server and cuts of the connection: what a client was told is true.
#[test]
fn what_the_server_said_is_true_after_kills_and_cuts() -> Result<()> {
    const KILLS: u64 = 5;
    let mut server = Server::start()?;
    let schema = server.schema("count")?;
    schema.client()?.run("CREATE TABLE c (n INT NOT NULL); INSERT INTO c VALUES (0)")?;
    let proxy = Proxy::start(server.socket())?;
    let connect = || {
        let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(proxy.port()).prefer_socket(false);
        Client::new(options.user(Some(schema.user())).db_name(Some(schema.name())))
    };
    let (mut told, mut unknown) = (0, 0);
    for round in 0..KILLS {
        proxy.cut(Cut::Answered("UPDATE".to_owned(), 3));
        let mut client = connect()?;
        while client.run("UPDATE c SET n = n + 1").is_ok() {
            told += 1;
        }
        unknown += 1;
        ensure!(proxy.counts().cuts == round + 1, "{:?}", proxy.counts());
        server.kill9();
        server.restart()?;
    }
    let n: u64 = schema.client()?.cell("SELECT n FROM c")?.parse().context("a number")?;
    assert_eq!((told, n), (2 * KILLS, 3 * KILLS), "each that was cut had happened");
    numbers(format_args!(
        "{KILLS} cuts behind the answer, {KILLS} kills of the server: {told} told, {unknown} unknown, {n} done"
    ));
    Ok(())
}

#[test]
fn a_digest_of_a_site_sees_files_and_rows() -> Result<()> {
    let (_directory, site) = webmail(&template()?, Schema::new(&shared()?, "seen")?)?;
    let before = site.exact_digest()?;
    fs::write(site.root.join("temp/new"), "new")?;
    site.database.run("UPDATE users SET language = 'fr' WHERE user_id = 1")?;
    let changed: Vec<_> =
        before.diff(&site.digest()?).iter().map(|line| line[..line.find(':').unwrap_or(0)].to_owned()).collect();
    assert_eq!(changed, ["~ rows of users", "+ file temp/new"]);
    let Database::Server(schema) = &site.database else { panic!("it is on a server") };
    assert!(Digest::of_schema(&mut schema.client()?)?.len() < before.len());
    Ok(())
}
