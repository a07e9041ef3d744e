//! Stages that attack: each is stopped with a code, costs no more than its limits, and leaves host and installation whole.
//!
//! One test an attack, by its name; the guests are in `fixtures/guests`.

use std::fs;
use std::io::{Cursor, Write};

use anyhow::{Result, ensure};
use liftlock_tests::fixture::small::Slot;
use liftlock_tests::hostile::{Attack, FOUND, MOST_TIME, PUT_BACK, REFUSED, STOPPED, blocked, package, tally};
use liftlock_tests::http::Server;
use liftlock_tests::{places, watched};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

#[test]
fn endless_loop() -> Result<()> {
    blocked(Slot::guest("endless-loop")?, PUT_BACK, "guest-time")?;
    Ok(())
}

#[test]
fn endless_loop_in_check() -> Result<()> {
    blocked(Slot::guest("endless-loop")?.param("in", "check"), FOUND, "guest-time")?;
    Ok(())
}

#[test]
fn endless_loop_in_verify() -> Result<()> {
    blocked(Slot::guest("endless-loop")?.param("in", "verify"), PUT_BACK, "guest-time")?;
    Ok(())
}

#[test]
fn block_in_a_query() -> Result<()> {
    blocked(Slot::guest("block-in-host-call")?.database("write"), STOPPED, "deadline")?;
    Ok(())
}

#[test]
fn block_in_a_statement() -> Result<()> {
    let slot = Slot::guest("block-in-host-call")?.param("how", "execute").database("write");
    blocked(slot, STOPPED, "deadline")?;
    Ok(())
}

#[test]
fn block_in_a_query_of_check() -> Result<()> {
    blocked(Slot::guest("block-in-host-call")?.param("in", "check").database("write"), FOUND, "deadline")?;
    Ok(())
}

#[test]
fn memory_bomb() -> Result<()> {
    blocked(Slot::guest("memory-bomb")?, PUT_BACK, "memory-limit")?;
    Ok(())
}

#[test]
fn a_big_text() -> Result<()> {
    blocked(Slot::guest("big-list")?.database("write").param("bytes", 40 << 20), PUT_BACK, "call-bytes")?;
    Ok(())
}

#[test]
fn a_text_that_ends_outside_the_memory() -> Result<()> {
    blocked(Slot::guest("big-list")?.database("write").param("what", "outside"), PUT_BACK, "guest-trap")?;
    Ok(())
}

#[test]
fn a_list_of_two_gibibytes() -> Result<()> {
    blocked(Slot::guest("big-list")?.database("write").param("what", "aliased"), PUT_BACK, "call-bytes")?;
    Ok(())
}

#[test]
fn deep_recursion() -> Result<()> {
    blocked(Slot::guest("deep-recursion")?, PUT_BACK, "stack-overflow")?;
    Ok(())
}

#[test]
fn panic() -> Result<()> {
    blocked(Slot::guest("panics")?, PUT_BACK, "guest-trap")?;
    Ok(())
}

#[test]
fn panic_in_check() -> Result<()> {
    blocked(Slot::guest("panics")?.param("in", "check"), FOUND, "guest-trap")?;
    Ok(())
}

#[test]
fn host_call_flood() -> Result<()> {
    blocked(Slot::guest("host-call-flood")?.limit("host-calls = 100000"), PUT_BACK, "host-call-limit")?;
    Ok(())
}

#[test]
fn host_call_flood_of_big_answers() -> Result<()> {
    blocked(Slot::guest("host-call-flood")?.param("what", "random"), PUT_BACK, "guest-time")?;
    Ok(())
}

#[test]
fn deep_recursion_in_its_memory() -> Result<()> {
    blocked(Slot::guest("deep-recursion")?.param("stack", "memory"), PUT_BACK, "guest-trap")?;
    Ok(())
}

/// Its imports are of both kinds, so its slot asks for both.
fn handle_flood(what: &str) -> Result<()> {
    blocked(Slot::guest("handle-flood")?.param("what", what).files("read").database("read"), PUT_BACK, "handle-limit")?;
    Ok(())
}

#[test]
fn root_flood() -> Result<()> {
    handle_flood("root")
}

#[test]
fn connection_flood() -> Result<()> {
    handle_flood("database")
}

#[test]
fn cursor_flood() -> Result<()> {
    handle_flood("cursor")
}

#[test]
fn log_flood() -> Result<()> {
    let attack = Attack::new(&[Slot::guest("log-flood")?], "")?;
    attack.is_blocked(PUT_BACK, "guest-time")?;
    Ok(())
}

#[test]
fn liar() -> Result<()> {
    let expect = "root = \"app\"\nfile = \"program/version.php\"\ncontains = \"VERSION = '2'\"\n";
    blocked(Slot::guest("liar")?.expect(expect), PUT_BACK, "postcondition-failed")?;
    Ok(())
}

#[test]
fn liar_about_the_database() -> Result<()> {
    let expect = "database = \"main\"\nquery = \"SELECT count(*) FROM notes\"\nequals = \"1001\"\n";
    blocked(Slot::guest("liar")?.expect(expect), PUT_BACK, "postcondition-failed")?;
    Ok(())
}

#[test]
fn unknown_import() -> Result<()> {
    blocked(Slot::guest("ungranted-import")?, REFUSED, "unknown-import")?;
    Ok(())
}

#[test]
fn sockets() -> Result<()> {
    blocked(Slot::guest("sockets")?, REFUSED, "unknown-import")?;
    Ok(())
}

#[test]
fn import_of_a_capability_that_the_slot_does_not_ask_for() -> Result<()> {
    blocked(Slot::guest("ok")?.files("write"), REFUSED, "ungranted-import")?;
    Ok(())
}

#[test]
fn ask_that_is_not_granted() -> Result<()> {
    let slot = Slot::guest("ok")?.files("write").asks("database", "main", "write");
    let last = blocked(slot, REFUSED, "not-granted")?;
    let hint = last["hint"].as_str().unwrap_or_default();
    ensure!(hint.contains("database.main = \"write\""), "the line that would allow it is not told: {last}");
    Ok(())
}

#[test]
fn wrong_world() -> Result<()> {
    blocked(Slot::guest("wrong-world")?, REFUSED, "wrong-world")?;
    Ok(())
}

#[test]
fn what_the_slot_does_not_put_out() -> Result<()> {
    blocked(Slot::guest("liar")?.param("output", "tree"), PUT_BACK, "unknown-output")?;
    Ok(())
}

#[test]
fn data_and_network_together() -> Result<()> {
    let slot = Slot::guest("ok")?.files("read").database("read").asks("network", "*", "read");
    let last = blocked(slot.granted("network = [\"https://example.org\"]"), REFUSED, "data-and-network")?;
    let hint = last["hint"].as_str().unwrap_or_default();
    ensure!(hint.contains("accept = [\"DATA-AND-NETWORK\"]"), "the line that would allow it is not told: {last}");
    Ok(())
}

#[test]
fn core_module() -> Result<()> {
    blocked(Slot::new("attack", b"\0asm\x01\0\0\0".to_vec()), REFUSED, "not-a-component")?;
    Ok(())
}

#[test]
fn compiled_code() -> Result<()> {
    let mut code = b"\x7fELF\x02\x01\x01".to_vec();
    code.resize(4096, 0);
    blocked(Slot::new("attack", code), REFUSED, "not-a-component")?;
    Ok(())
}

#[test]
fn no_wasm_at_all() -> Result<()> {
    blocked(Slot::new("attack", b"#!/bin/sh\nrm -rf /\n".to_vec()), REFUSED, "not-a-component")?;
    Ok(())
}

#[test]
fn half_a_component() -> Result<()> {
    let mut component = fs::read(places::guest("ok")?)?;
    component.truncate(component.len() / 2);
    blocked(Slot::new("attack", component), REFUSED, "not-a-component")?;
    Ok(())
}

#[test]
fn path_traversal() -> Result<()> {
    let attack = Attack::new(&[Slot::guest("path-traversal")?.files("write")], "")?;
    let before = attack.small.digest()?;
    let watched = attack.succeeds(&["apply"])?;
    ensure!(watched.ended.stdout.contains("attempts refused"), "{}", watched.ended.stdout);
    attack.is_as_it_was(&before)?;
    tally(&watched);
    Ok(())
}

/// Through a link to a directory, and through one to a file.
#[test]
fn write_through_a_symlink() -> Result<()> {
    for path in ["outside", "outside-file"] {
        let attack = Attack::new(&[Slot::guest("symlink-write")?.files("write").param("path", path)], "")?;
        let before = attack.small.digest()?;
        let watched = attack.succeeds(&["apply", "--format", "json"])?;
        let refused = watched.ended.stdout.matches("=symlink").count();
        ensure!(refused == 9, "{refused} of 9 attempts refused: {}", watched.ended.stdout);
        attack.succeeds(&["undo", "--accept-data-loss"])?;
        attack.is_as_it_was(&before)?;
        tally(&watched);
    }
    Ok(())
}

fn zip(entries: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default())?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[test]
fn zip_slip() -> Result<()> {
    for name in ["../escaped", "program/../../escaped", "/escaped", "program\\..\\escaped"] {
        package(&zip(&[("index.php", b"<?php"), (name, b"escaped")])?)?.is_blocked(PUT_BACK, "archive-unsafe")?;
    }
    Ok(())
}

#[test]
fn zip_slip_by_a_link() -> Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("uploads", "../outside", SimpleFileOptions::default())?;
    zip.start_file("uploads/escaped", SimpleFileOptions::default())?;
    zip.write_all(b"escaped")?;
    package(&zip.finish()?.into_inner())?.is_blocked(PUT_BACK, "archive-unsafe")?;
    Ok(())
}

#[test]
fn zip_bomb() -> Result<()> {
    package(&zip(&[("index.php", &vec![0; 300 << 20])])?)?.is_blocked(PUT_BACK, "archive-too-big")?;
    Ok(())
}

#[test]
fn unpinned_download() -> Result<()> {
    let server = Server::start([("/package.zip", b"whatever it is today".to_vec())])?;
    let slot = Slot::common("download-package")?
        .key("produces = { package = \"artifact\" }")
        .param("url", format!("{}/package.zip", server.origin()))
        .asks("network", "*", "read")
        .granted(&format!("network = [{:?}]\nprivate-addresses = [\"127.0.0.1\"]", server.origin()));
    blocked(slot, REFUSED, "unpinned-package")?;
    ensure!(server.requests() == 0, "the server was asked before the refusal");
    Ok(())
}

#[test]
fn terminal_escapes() -> Result<()> {
    let commands: [&[&str]; 6] = [
        &["check"],
        &["apply", "--verbose"],
        &["status"],
        &["log"],
        &["apply", "--format", "json"],
        &["log", "--format", "json"],
    ];
    for slot in [Slot::guest("terminal-escapes")?.param("as", "failure"), Slot::guest("terminal-escapes")?] {
        let attack = Attack::new(&[slot], "")?;
        for (command, colours) in commands.iter().flat_map(|command| [(command, "0"), (command, "1")]) {
            let host = attack.small.host()?.with("CLICOLOR_FORCE", colours);
            let ended = watched::run(&host, command, MOST_TIME)?.ended;
            for text in [&ended.stdout, &ended.stderr] {
                let nasty = without_our_colours(text).chars().find(|c| is_nasty(*c));
                ensure!(nasty.is_none(), "{command:?} prints {nasty:?}:\n{}", text.escape_debug());
                ensure!(!text.contains("\u{1b}[31mred"), "{command:?} prints a stage's colours");
            }
            attack.run(&["undo", "--accept-data-loss"])?;
        }
        tally(&attack.succeeds(&["status"])?);
    }
    Ok(())
}

/// What a terminal obeys, and what turns a line round; a line feed is ours.
fn is_nasty(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text without sequences that only colour it.
fn without_our_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((numbers, rest)) if numbers.bytes().all(|b| b.is_ascii_digit() || b == b';') => plain += rest,
            _ => plain += &format!("\u{1b}[{part}"),
        }
    }
    plain
}
