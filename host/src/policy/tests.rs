//! What stages must not get, and what they do get.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::bundle::{Ask, Input, LimitOverrides, Limits, Phase, Port, PortKind, Slot};

const ORIGIN: &str = "https://example.org";

fn slot_ask(capability: AskedCapability, object: &str, access: Access) -> Ask {
    Ask { capability, object: object.to_owned(), access, reason: "raises the schema".to_owned() }
}

fn own_ask(capability: &str, object: &str, access: &str) -> DescribedAsk {
    DescribedAsk {
        capability: capability.to_owned(),
        object: object.to_owned(),
        access: access.to_owned(),
        reason: "because I want to".to_owned(),
        extra: Extra::new(),
    }
}

fn port(name: &str, kind: &str) -> DescribedPort {
    DescribedPort { name: name.to_owned(), kind: kind.to_owned(), extra: Extra::new() }
}

/// A slot that takes a tree, gives a text and writes the database "main"; everything is granted.
fn planned() -> PlannedSlot {
    let slot = Slot {
        name: "migrate".to_owned(),
        title: "Migrate".to_owned(),
        component: "migrate.wasm".to_owned(),
        sha256: "ab".repeat(32),
        codes: Vec::new(),
        consumes: vec![Port { name: "tree".to_owned(), kind: PortKind::Tree, optional: false }],
        produces: vec![Port { name: "version".to_owned(), kind: PortKind::Text, optional: false }],
        inputs: [("tree".to_owned(), Input { slot: "unpack".to_owned(), output: "tree".to_owned() })].into(),
        params: BTreeMap::new(),
        asks: vec![slot_ask(AskedCapability::Database, "main", Access::Write)],
        phase: Phase::Upgrade,
        limits: LimitOverrides::default(),
        expect: Vec::new(),
    };
    let grants = Grants { databases: [("main".to_owned(), Access::Write)].into(), ..Grants::default() };
    PlannedSlot {
        index: 0,
        sha256: slot.sha256.clone(),
        slot,
        component: PathBuf::from("migrate.wasm"),
        swapped: false,
        params: BTreeMap::new(),
        grants,
        limits: Limits::default(),
    }
}

fn described() -> StageInfo {
    StageInfo {
        name: "sql-migrations".to_owned(),
        version: "1.2.0".to_owned(),
        consumes: vec![port("tree", "tree")],
        produces: vec![port("version", "text")],
        asks: vec![own_ask("database", "*", "write")],
        extra: Extra::new(),
    }
}

/// Code and message of each refusal.
fn refused(described: &StageInfo, planned: &PlannedSlot) -> Vec<String> {
    let refusals = decide(described, planned).unwrap_err();
    refusals.iter().map(|refusal| format!("{}: {}", refusal.code, refusal.message)).collect()
}

fn lines(described: &StageInfo, planned: &PlannedSlot) -> String {
    let refusals = decide(described, planned).unwrap_err();
    refusals.into_iter().flat_map(|refusal| refusal.lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_component_with_other_ports_is_refused_by_name() {
    let mut stage = described();
    stage.consumes = vec![port("tree", "artifact"), port("config", "text")];
    stage.produces = vec![port("ver\u{1b}sion", "text")];
    let who = "contract-mismatch: the component migrate.wasm does not fit the slot";
    assert_eq!(
        refused(&stage, &planned()),
        [
            format!("{who}: its input \"tree\" is of kind artifact, the slot's is tree"),
            format!("{who}: the slot has no input \"config\""),
            format!("{who}: it has no output \"version\""),
            format!("{who}: the slot has no output \"ver\\u{{1b}}sion\""),
        ]
    );
    stage = described();
    stage.produces.push(port("version", "text"));
    assert_eq!(refused(&stage, &planned()), [format!("{who}: it has the output \"version\" twice")]);
    let swap = PlannedSlot { swapped: true, ..planned() };
    assert_eq!(
        refused(&stage, &swap),
        [
            "contract-mismatch: the swapped component migrate.wasm does not fit the slot: it has the output \"version\" twice"
        ]
    );
}

#[test]
fn an_input_that_the_component_can_do_without_may_be_missing_in_the_slot() {
    let mut stage = described();
    stage
        .consumes
        .push(DescribedPort { extra: vec![("optional".to_owned(), "true".to_owned())], ..port("more", "text") });
    assert!(decide(&stage, &planned()).is_ok());
    stage.produces.push(stage.consumes[1].clone());
    assert!(decide(&stage, &planned()).is_err());
}

#[test]
fn an_input_that_the_component_cannot_do_without_must_come_from_somewhere() {
    let mut slot = planned();
    slot.slot.inputs.clear();
    slot.slot.consumes[0].optional = true;
    assert_eq!(
        refused(&described(), &slot),
        [
            "contract-mismatch: the component migrate.wasm does not fit the slot: it needs the input \"tree\", which comes from nowhere"
        ]
    );
}

#[test]
fn a_slot_that_asks_for_what_its_component_does_not_is_refused() {
    let mut stage = described();
    stage.asks = vec![own_ask("database", "*", "read"), own_ask("database", "other", "write")];
    assert_eq!(
        refused(&stage, &planned()),
        ["slot-asks-more: the slot asks for write of database main, and the component does not"]
    );
}

#[test]
fn an_ask_in_unknown_words_is_refused() {
    let strange = [
        ("database", "main", "admin"),
        ("command", "php", "write"),
        ("network", ORIGIN, "write"),
        ("network", "https://example.org/path", "read"),
        ("network", "https://a\", \"https://b", "read"),
        ("network", "file:///etc", "read"),
    ];
    for (capability, object, access) in strange {
        let mut stage = described();
        stage.asks.push(own_ask(capability, object, access));
        let expected = format!(
            "unknown-ask: the component asks for \"{access} {capability} {object}\", which this host does not understand"
        );
        assert_eq!(refused(&stage, &planned()), [expected]);
    }
}

#[test]
fn what_is_not_granted_is_refused_with_the_lines_to_add() {
    let mut slot = planned();
    slot.slot.asks.push(slot_ask(AskedCapability::Files, "app", Access::Read));
    let mut stage = described();
    stage.asks.push(own_ask("files", "*", "write"));
    slot.grants = Grants::default();
    assert_eq!(refused(&stage, &slot), ["not-granted: writing database main, reading files app: not granted"]);
    assert_eq!(
        lines(&stage, &slot),
        format!(
            "# for sql-migrations 1.2.0, sha256 {}\n[grants.migrate]\ndatabase.main = \"write\"  # raises the schema\n\
             files.app = \"read\"  # raises the schema",
            "ab".repeat(32)
        )
    );
}

#[test]
fn a_section_that_is_there_is_not_written_a_second_time() {
    let mut slot = planned();
    slot.grants.databases.insert("main".to_owned(), Access::Read);
    assert_eq!(
        lines(&described(), &slot),
        format!(
            "# for sql-migrations 1.2.0, sha256 {}\n# below [grants.migrate]:\ndatabase.main = \"write\"  # in place of \
             \"read\": raises the schema",
            "ab".repeat(32)
        )
    );
}

#[test]
fn a_reason_cannot_write_lines_of_its_own() {
    let mut slot = PlannedSlot { swapped: true, grants: Grants::default(), ..planned() };
    slot.slot.asks.push(slot_ask(AskedCapability::Files, "app", Access::Write));
    let mut stage = described();
    stage.name = "x\n[grants.other]".to_owned();
    stage.asks[0].reason = format!("harmless\nfiles.app = \"write\"\u{202e}{}", "a".repeat(1000));
    let text = lines(&stage, &slot);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().all(|line| line.len() < 300));
    assert!(text.contains("[swap.migrate.grants]\ndatabase.main = \"write\"  # harmless\\nfiles.app"), "{text}");
}

#[test]
fn a_swapped_component_that_asks_for_more_than_the_slot_is_refused() {
    let beyond =
        [("database", "other", "read"), ("files", "*", "read"), ("network", ORIGIN, "read"), ("network", "*", "read")];
    for (capability, object, access) in beyond {
        let swap = PlannedSlot { swapped: true, ..planned() };
        let mut stage = described();
        stage.asks.push(own_ask(capability, object, access));
        let expected = format!(
            "swap-asks-more: the swapped component asks for {access} of {capability} {object}, the slot does not"
        );
        assert_eq!(refused(&stage, &swap), [expected]);
    }
    let mut swap = PlannedSlot { swapped: true, ..planned() };
    swap.slot.asks[0].access = Access::Read;
    assert_eq!(
        refused(&described(), &swap),
        ["swap-asks-more: the swapped component asks for write of database *, the slot does not"]
    );
}

#[test]
fn a_swapped_component_that_asks_for_less_gets_less() {
    let mut swap = PlannedSlot { swapped: true, ..planned() };
    swap.slot.asks.push(slot_ask(AskedCapability::Files, "app", Access::Write));
    swap.grants.roots.insert("app".to_owned(), Access::Write);
    let mut stage = described();
    stage.asks = vec![own_ask("database", "main", "read")];
    let granted = decide(&stage, &swap).unwrap();
    let expected = Grants { databases: [("main".to_owned(), Access::Read)].into(), ..Grants::default() };
    assert_eq!(granted, expected);
}

/// The slot reads the database and asks the network where the operator says.
fn with_network(object: &str) -> (StageInfo, PlannedSlot) {
    let mut slot = planned();
    slot.slot.asks.push(slot_ask(AskedCapability::Network, object, Access::Read));
    let mut stage = described();
    stage.asks.push(own_ask("network", "*", "read"));
    (stage, slot)
}

#[test]
fn data_and_network_in_one_stage_is_refused_until_it_is_accepted() {
    let (stage, mut slot) = with_network(ORIGIN);
    slot.grants.origins = vec![ORIGIN.to_owned()];
    assert_eq!(refused(&stage, &slot), ["data-and-network: can send database main to https://example.org"]);
    assert!(lines(&stage, &slot).ends_with(
        "# below [grants.migrate]:\naccept = [\"DATA-AND-NETWORK\"]  # can send database main to https://example.org"
    ));
    slot.grants.accept.insert(ACCEPT_DATA_AND_NETWORK.to_owned());
    assert_eq!(decide(&stage, &slot).unwrap(), slot.grants);
}

#[test]
fn everything_that_is_missing_is_told_in_one_block() {
    let (stage, mut slot) = with_network("*");
    slot.grants = Grants::default();
    assert_eq!(
        refused(&stage, &slot),
        [
            "not-granted: writing database main, reading from the network: not granted",
            "data-and-network: can send database main to any origin that is granted"
        ]
    );
    let text = lines(&stage, &slot);
    assert!(text.contains("network = [\"https://…\"]  # raises the schema\naccept = ["), "{text}");
    assert_eq!(text.matches("[grants.migrate]").count(), 1);
}

#[test]
fn an_origin_that_is_not_granted_is_added_to_those_that_are() {
    let (stage, mut slot) = with_network(ORIGIN);
    slot.grants.origins = vec!["https://other.example".to_owned()];
    slot.grants.accept.insert(ACCEPT_DATA_AND_NETWORK.to_owned());
    let text = lines(&stage, &slot);
    assert!(
        text.ends_with("network = [\"https://other.example\", \"https://example.org\"]  # raises the schema"),
        "{text}"
    );
}

#[test]
fn a_swap_that_names_an_origin_gets_only_that_one() {
    let (mut stage, mut slot) = with_network("*");
    slot.swapped = true;
    slot.grants.accept.insert(ACCEPT_DATA_AND_NETWORK.to_owned());
    slot.grants.origins = vec![ORIGIN.to_owned(), "https://other.example".to_owned()];
    slot.grants.private = vec!["10.0.0.1".to_owned()];
    stage.asks[1].object = format!("{ORIGIN}/");
    let granted = decide(&stage, &slot).unwrap();
    assert_eq!(granted.origins, [ORIGIN]);
    assert_eq!(granted.private, ["10.0.0.1"]);
}

#[test]
fn what_is_granted_beyond_the_asks_is_cut_and_said() {
    let mut slot = planned();
    slot.slot.asks[0].access = Access::Read;
    slot.grants.roots.insert("app".to_owned(), Access::Write);
    slot.grants.origins = vec![ORIGIN.to_owned()];
    slot.grants.private = vec!["10.0.0.1".to_owned()];
    let granted = decide(&described(), &slot).unwrap();
    let expected = Grants { databases: [("main".to_owned(), Access::Read)].into(), ..Grants::default() };
    assert_eq!(granted, expected);
    assert_eq!(
        surplus(&slot, &granted),
        [
            "migrate: database main: write is granted, read is all that is asked for",
            "migrate: files app: write is granted, but not asked for",
            "migrate: network https://example.org is granted, but not asked for",
        ]
    );
}

#[test]
fn a_stage_without_asks_gets_nothing() {
    let mut slot = planned();
    slot.slot.asks.clear();
    assert!(decide(&described(), &slot).unwrap().is_empty());
}

/// A slot that could use a command beside its database.
fn commanding() -> (StageInfo, PlannedSlot) {
    let (mut stage, mut slot) = (described(), planned());
    stage.asks.push(own_ask("command", "*", "run"));
    slot.slot.asks.push(slot_ask(AskedCapability::Command, "clear-cache", Access::Run));
    (stage, slot)
}

#[test]
fn a_command_is_only_run_and_nothing_else_is_run() {
    for (capability, object, access) in
        [("command", "php", "write"), ("command", "*", "read"), ("database", "main", "run")]
    {
        let (mut stage, slot) = commanding();
        stage.asks.push(own_ask(capability, object, access));
        let said = refused(&stage, &slot);
        assert!(said[0].starts_with("unknown-ask:"), "{said:?}");
    }
}

#[test]
fn a_command_that_nobody_granted_is_no_refusal_and_not_there() {
    let (stage, mut slot) = commanding();
    assert_eq!(decide(&stage, &slot).unwrap().commands, [].into());
    slot.grants.commands.insert("clear-cache".to_owned(), Access::Run);
    slot.grants.commands.insert("php".to_owned(), Access::Run);
    let grants = decide(&stage, &slot).unwrap();
    assert_eq!(grants.commands, [("clear-cache".to_owned(), Access::Run)].into());
    assert_eq!(surplus(&slot, &grants), ["migrate: command php: run is granted, but not asked for"]);
}

#[test]
fn a_swap_runs_no_command_that_its_slot_does_not_ask_for() {
    let (mut stage, mut slot) = commanding();
    slot.swapped = true;
    stage.asks[1].object = "php".to_owned();
    let said = refused(&stage, &slot);
    assert_eq!(said, ["swap-asks-more: the swapped component asks for run of command php, the slot does not"]);
}

#[test]
fn what_a_command_says_is_data_that_could_be_sent() {
    let (mut stage, mut slot) = commanding();
    stage.asks.remove(0);
    slot.slot.asks.remove(0);
    stage.asks.push(own_ask("network", "*", "read"));
    slot.slot.asks.push(slot_ask(AskedCapability::Network, ORIGIN, Access::Read));
    slot.grants.origins.push(ORIGIN.to_owned());
    assert!(decide(&stage, &slot).is_ok(), "there is no command");
    slot.grants.commands.insert("clear-cache".to_owned(), Access::Run);
    let said = refused(&stage, &slot);
    assert_eq!(said, [format!("data-and-network: can send command clear-cache to {ORIGIN}")]);
}
