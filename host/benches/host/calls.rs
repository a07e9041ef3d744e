//! What a call to the host costs: counted only, recorded, replayed.

use super::line::{Goal, Line};
use super::native::alone;
use super::site::Site;
use crate::Result;

const CALLS: u32 = 1_000_000;
const GOAL: Goal = Goal::Within(1e-6);

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let site = Site::new("CREATE TABLE bench (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO bench VALUES (1, 0);")?;
    let each = |seconds: f64| seconds / f64::from(CALLS);

    let calls = alone(|| site.apply(&format!("what = \"calls\", n = \"{CALLS}\"")))?;
    tell(Line::new("a call to the host that is counted (`now`)", each(calls)).goal(GOAL));

    let params = format!("what = \"reads\", n = \"{CALLS}\"");
    let reads = alone(|| site.apply(&params))?;
    tell(Line::new("a call to the host that is recorded (`server-version`)", each(reads)).goal(GOAL));

    let mut failed = site.fail(&params)?;
    let replay = alone(|| failed.replay())?;
    tell(Line::new("the same call, replayed by `resume`", each(replay)).goal(GOAL));
    Ok(())
}
