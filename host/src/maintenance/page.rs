//! The page: one file, nothing from elsewhere, no word of a stage, no version.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::status::{Doing, Status};
use crate::bundle::Page;
use crate::io::{fault, open_plain};

const TITLE: &str = "Down for maintenance";
const MESSAGE: &str = "We are upgrading this site, and will be back as soon as that is done.";

const FORWARD: &str = "An upgrade is going on: stage {stage} of {stages}.";
const BACK: &str = "The version from before is being put back.";
const STOPPED: &str = "The upgrade has stopped. The operator knows of it.";
const LATER: &str = "There is nothing to be done here but to come back later. This page gives way to the site as soon as it is open again.";
const LASTING: &str = "The site has been closed for {time}. This page gives way to it as soon as it is open again.";
const SILENT: &str = "The site cannot be reached at the moment.";

/// The second line of each page of ours.
const MARK: (&str, &str) = ("<!-- liftlock maintenance page, run ", " -->");

const HTML: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// The run that a page belongs to. None if there is none, or it is not ours.
#[must_use]
pub fn run_of_page(path: &Path) -> Option<String> {
    let file = open_plain(path).ok()??;
    let second = BufReader::new(file.take(4096)).lines().nth(1)?.ok()?;
    second.strip_prefix(MARK.0)?.strip_suffix(MARK.1).map(str::to_owned)
}

/// The page for a status.
pub(super) fn html(page: &Page, status: &Status) -> String {
    let (state, detail) = words(status);
    let title = escape(page.title.as_deref().unwrap_or(TITLE));
    let parts = [
        ("{{mark}}", format!("{}{}{}", MARK.0, status.run, MARK.1)),
        ("{{refresh}}", page.retry_after.as_secs().to_string()),
        ("{{title}}", title.clone()),
        ("{{message}}", escape(page.message.as_deref().unwrap_or(MESSAGE))),
        ("{{state}}", escape(&state)),
        ("{{detail}}", escape(&detail)),
        ("{{script}}", SCRIPT.trim_end().replace("{{settings}}", &settings(page))),
    ];
    fill(HTML, &parts)
}

/// Each place is filled once, from left to right: what is put in is not looked at again.
fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text += before;
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        let part = parts.iter().find(|(place, _)| place.trim_matches(['{', '}']) == name);
        text += part.map_or("", |(_, value)| value);
        rest = behind;
    }
    text + rest
}

/// What the page says as long as nothing newer is known: true however old it has become.
fn words(status: &Status) -> (String, String) {
    let state = match status.doing {
        Doing::Forward => FORWARD,
        Doing::Back => BACK,
        Doing::Stopped => return (STOPPED.to_owned(), LATER.to_owned()),
    };
    let stage =
        |text: &str| text.replace("{stage}", &status.stage.to_string()).replace("{stages}", &status.stages.to_string());
    let detail = format!(
        "That was so at {}; the site has been closed since {}. If it is later than {} now, the upgrade has stopped, and the operator \
         knows of it.",
        time(status.heartbeat),
        time(status.since),
        time(status.good_until())
    );
    (stage(state), detail)
}

fn time(milliseconds: u64) -> String {
    let moment = i64::try_from(milliseconds).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.unwrap_or_default().strftime("%H:%M:%S UTC").to_string()
}

/// What the script has to know.
fn settings(page: &Page) -> String {
    const POLL: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
    let lease = if fault::mutant("page-ignores-lease") { Duration::from_hours(24) } else { page.lease };
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let settings = json!({
        "status": page.status,
        "lease": milliseconds(lease),
        "poll": milliseconds((page.lease / 4).clamp(POLL.0, POLL.1)),
        "refresh": milliseconds(page.retry_after),
        "forward": FORWARD, "back": BACK, "stopped": STOPPED, "later": LATER, "lasting": LASTING, "silent": SILENT,
    });
    // Nothing in it can end the script.
    settings.to_string().replace('<', "\\u003c")
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}
