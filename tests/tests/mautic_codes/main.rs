//! Each of the twelve codes of Mautic's own script, provoked by faults that are real: it is told word for word, with its cause and
//! one next command; and when the fault is gone, that very command helps.

#![allow(clippy::print_stdout, reason = "the faults behind a line of numbers")]

mod database;
mod package;
mod site;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use liftlock_tests::numbers;
use liftlock_tests::trial::{Fault, Met, Trial, counted};

/// How many codes there are: each has a test below.
const CODES: u32 = 12;
static DONE: AtomicU32 = AtomicU32::new(0);

/// A code and faults that lead to it. With the last code the line of numbers is printed.
fn prove(code: &str, faults: &[Fault]) -> Result<()> {
    let mut wrong = Vec::new();
    for fault in faults {
        let start = Instant::now();
        wrong.extend(fault.prove(code).err().map(|error| format!("{error:#}")));
        println!("{code}: {}: {:.1} s", fault.what, start.elapsed().as_secs_f64());
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    if DONE.fetch_add(1, Ordering::SeqCst) + 1 == CODES {
        let [faults, shown, cured] = counted();
        numbers(format_args!("codes={CODES} faults={faults} shown={shown} cured={cured}"));
        ensure!(shown == 2 * faults && cured == shown, "a fault was not proved");
    }
    Ok(())
}

/// Most faults are met before anything live is touched, and leave no trace.
const USUAL: Fault = Fault {
    what: "",
    slot: "",
    met: Met::Failed,
    words: &[],
    site: Trial::plain,
    make: |_| Ok(()),
    cure: |trial| {
        trial.release();
        Ok(())
    },
    untouched: true,
    same: true,
};
