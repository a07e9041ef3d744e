//! What PHP must be like, by the answer of the operator's command ([`liftlock_php::report`]).

use liftlock_php::report::Report;
use liftlock_sdk::failure::{Failure, Finding};
use liftlock_sdk::run;

/// What WHMCS's updater asks for. Bytes.
const MEMORY: u64 = 128 << 20;
/// And what its scripts need at least. Seconds.
const TIME: u64 = 60;
/// Without these nothing of it runs. Lower case.
const NEEDED: [&str; 2] = ["ioncube loader", "pdo_mysql"];
/// Without these parts of it do not.
const WANTED: [&str; 9] = ["curl", "gd", "iconv", "intl", "json", "mbstring", "openssl", "xml", "zip"];

/// From which PHP to which the version runs: major and minor numbers.
pub(crate) struct Bounds {
    oldest: (u32, u32),
    too_new: (u32, u32),
}

impl Bounds {
    /// As the slot says it.
    pub(crate) fn from_params() -> Result<Self, Failure> {
        let bound = |name: &str, default: &str| {
            let text = run::param_or(name, default);
            numbers(&text).ok_or_else(|| Failure::new("param-wrong", format!("`{name}` is no version of PHP: {text}")))
        };
        Ok(Self { oldest: bound("php-oldest", "8.1")?, too_new: bound("php-too-new", "8.4")? })
    }
}

/// What stands in the way.
pub(crate) fn findings(report: &Report, bounds: &Bounds) -> Vec<Finding> {
    let mut found: Vec<Finding> = of_version(&report.version, bounds).into_iter().collect();
    let blocking = [("php-ioncube-missing", NEEDED[0]), ("php-driver-missing", NEEDED[1])];
    for (code, name) in blocking.into_iter().filter(|(_, name)| !report.lacks(&[*name]).is_empty()) {
        let message = format!("PHP has no {name}, without which WHMCS does not start");
        found.push(Finding::blocking(code, message).fix("have it installed, for the web server and for cron"));
    }
    let missing = report.lacks(&WANTED);
    if !missing.is_empty() {
        let message = format!("PHP has no {}", missing.join(", "));
        found.push(Finding::warning("php-extension-missing", message).fix("have these extensions installed"));
    }
    if let Some(memory) = report.memory.filter(|memory| *memory < MEMORY) {
        let message = format!("memory_limit of PHP is {} MiB; WHMCS asks for 128", memory >> 20);
        found.push(Finding::warning("php-memory-low", message).fix("memory_limit = 128M in php.ini"));
    }
    if let Some(time) = report.time.filter(|time| *time <= TIME) {
        let message = format!("max_execution_time of PHP is {time} s; WHMCS asks for more than {TIME}");
        found.push(Finding::warning("php-time-short", message).fix("max_execution_time = 120 in php.ini"));
    }
    if !report.open_basedir.is_empty() {
        let message = format!("open_basedir of PHP is {}", report.open_basedir);
        found.push(Finding::warning("php-open-basedir", message).fix("see that the whole root of WHMCS is within"));
    }
    found
}

fn of_version(shown: &str, bounds: &Bounds) -> Option<Finding> {
    let name = |(major, minor)| format!("{major}.{minor}");
    let (oldest, too_new) = (name(bounds.oldest), name(bounds.too_new));
    match numbers(shown) {
        None => {
            let message = format!("PHP says that its version is {shown:?}");
            Some(Finding::blocking("php-version-unknown", message).fix("see what the command php prints"))
        }
        Some(version) if version < bounds.oldest => Some(
            Finding::blocking("php-too-old", format!("PHP is {shown}; this version of WHMCS needs {oldest} or newer"))
                .fix("have a newer PHP installed, for the web server and for cron, before the upgrade"),
        ),
        Some(version) if version >= bounds.too_new => Some(
            Finding::blocking(
                "php-too-new",
                format!("PHP is {shown}; this version of WHMCS runs below {too_new} only"),
            )
            .fix("use an older PHP, for the web server and for cron"),
        ),
        Some(_) => None,
    }
}

/// Nobody has asked PHP.
pub(crate) fn not_looked_at(why: &str, command: &str) -> Finding {
    let message = format!("PHP, its extensions and limits were not looked at: {why}");
    Finding::warning("php-not-looked-at", message)
        .fix(format!("name the command [commands.{command}] in installation.toml, as the pipeline suggests it"))
}

/// Major and minor number.
fn numbers(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.trim().split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"version":"8.2.20","memory_limit":"256M","max_execution_time":"0","open_basedir":"","extensions":["curl","gd","iconv","intl","json","mbstring","openssl","xml","zip","pdo_mysql","ionCube Loader"]}"#;

    fn codes(output: &str) -> Vec<String> {
        let bounds = Bounds { oldest: (8, 1), too_new: (8, 4) };
        let found = findings(&Report::parse(output).unwrap(), &bounds);
        assert!(found.iter().all(|finding| finding.fix.is_some()));
        found.into_iter().map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
    }

    #[test]
    fn the_edges_of_the_versions_block() {
        let at = |version| codes(&GOOD.replace("8.2.20", version));
        assert_eq!(at("8.0.30"), ["blocking php-too-old"]);
        assert_eq!(at("8.4.0"), ["blocking php-too-new"]);
        assert_eq!(at("dev"), ["blocking php-version-unknown"]);
        assert!(at("8.1.0").is_empty() && at("8.3.29-0ubuntu").is_empty());
    }

    #[test]
    fn what_whmcs_cannot_start_without_blocks() {
        assert_eq!(codes(&GOOD.replace("ionCube Loader", "x")), ["blocking php-ioncube-missing"]);
        assert_eq!(codes(&GOOD.replace("pdo_mysql", "x")), ["blocking php-driver-missing"]);
        assert_eq!(codes(&GOOD.replace("\"gd\"", "\"x\"")), ["warning php-extension-missing"]);
    }

    #[test]
    fn small_limits_and_a_fence_around_files_warn() {
        assert_eq!(codes(&GOOD.replace("256M", "64M")), ["warning php-memory-low"]);
        assert_eq!(codes(&GOOD.replace("time\":\"0", "time\":\"60")), ["warning php-time-short"]);
        assert_eq!(codes(&GOOD.replace("basedir\":\"", "basedir\":\"/srv")), ["warning php-open-basedir"]);
        assert!(codes(GOOD).is_empty());
    }
}
