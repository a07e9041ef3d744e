//! What PHP must be like, by the answer of the operator's command `php` ([`liftlock_php::report`]).

use liftlock_php::report::Report;
use liftlock_sdk::failure::Finding;

use mautic_settings::version::Version;

/// The oldest PHP that Mautic 3.0 runs in.
const OLDEST: Version = Version(7, 2, 21);
/// The first one that it does not run in any more.
const TOO_NEW: Version = Version(7, 4, 0);
/// What Mautic asks for. Bytes.
const MEMORY: u64 = 256 << 20;
/// What Symfony 3.4 and Mautic need, beside the driver of the database. Lower case.
const EXTENSIONS: [&str; 10] =
    ["ctype", "curl", "iconv", "json", "mbstring", "openssl", "simplexml", "tokenizer", "xml", "zip"];

/// The answer of the operator's command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Php(Report);

impl Php {
    /// Reads the answer, whatever PHP has warned of in the lines around it.
    pub(crate) fn parse(output: &str) -> Option<Self> {
        Report::parse(output).map(Self)
    }

    /// What stands in the way. `driver`: how Mautic speaks to its database.
    pub(crate) fn findings(&self, driver: Option<&str>) -> Vec<Finding> {
        let parts = [self.of_version(), self.of_memory(), self.of_open_basedir()];
        parts.into_iter().flatten().chain(self.of_extensions(driver)).collect()
    }

    fn of_version(&self) -> Option<Finding> {
        let shown = &self.0.version;
        match Version::parse(shown) {
            Some(version) if version < OLDEST => {
                let message = format!("PHP is {shown}; Mautic 3 needs {OLDEST} or a later 7.2 or 7.3");
                Some(
                    Finding::blocking("php-too-old", message)
                        .fix("have PHP 7.3 installed, for the web server and for cron"),
                )
            }
            Some(version) if version >= TOO_NEW => {
                let message = format!("PHP is {shown}, in which Mautic 3.0 does not run");
                Some(Finding::blocking("php-too-new", message).fix("use PHP 7.3, for the web server and for cron"))
            }
            Some(_) => None,
            None => {
                let message = format!("PHP says that its version is {shown:?}");
                Some(Finding::blocking("php-version-unknown", message).fix("see what the command php prints"))
            }
        }
    }

    fn of_memory(&self) -> Option<Finding> {
        let memory = self.0.memory.filter(|memory| *memory < MEMORY)?;
        let message = format!("memory_limit of PHP is {} MiB, and building the cache may need 256", memory >> 20);
        Some(Finding::warning("php-memory-low", message).fix("memory_limit = 256M in php.ini of the command line"))
    }

    fn of_open_basedir(&self) -> Option<Finding> {
        let message = format!(
            "open_basedir of PHP is {}: the cache moves to var/cache, which must be within",
            self.0.open_basedir
        );
        let finding =
            Finding::warning("php-open-basedir", message).fix("see that open_basedir has the whole root of Mautic");
        (!self.0.open_basedir.is_empty()).then_some(finding)
    }

    fn of_extensions(&self, driver: Option<&str>) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(driver) = driver.filter(|driver| !self.0.lacks(&[*driver]).is_empty()) {
            let message = format!("PHP has no extension {driver}, by which Mautic speaks to its database");
            found.push(
                Finding::blocking("php-driver-missing", message).fix(format!("have the extension {driver} installed")),
            );
        }
        let missing = self.0.lacks(&EXTENSIONS);
        if !missing.is_empty() {
            let message = format!("PHP has no {}", missing.join(", "));
            found.push(Finding::warning("php-extension-missing", message).fix("have these extensions installed"));
        }
        found
    }
}

/// Nobody has asked PHP.
pub(crate) fn not_looked_at(why: &str, command: &str) -> Finding {
    Finding::warning("php-not-looked-at", format!("whether PHP is of 7.2.21 to 7.3 was not looked at: {why}"))
        .fix(format!("name the command [commands.{command}] in installation.toml, as the pipeline suggests it; or run php -v yourself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"version":"7.3.33","memory_limit":"256M","open_basedir":"","extensions":["ctype","curl","iconv","json","mbstring","openssl","SimpleXML","tokenizer","xml","zip","pdo_mysql"]}"#;

    fn codes(output: &str) -> Vec<(String, String)> {
        let found = Php::parse(output).unwrap().findings(Some("pdo_mysql"));
        found.into_iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    fn pair(severity: &str, code: &str) -> (String, String) {
        (severity.to_owned(), code.to_owned())
    }

    #[test]
    fn the_edges_of_the_versions_are_where_mautic_has_them() {
        let at = |version| codes(&GOOD.replace("7.3.33", version));
        assert_eq!(at("7.2.20"), [pair("blocking", "php-too-old")]);
        assert_eq!(at("5.6.40"), [pair("blocking", "php-too-old")]);
        assert_eq!(at("7.4.0"), [pair("blocking", "php-too-new")]);
        assert_eq!(at("8.2.7-1ubuntu"), [pair("blocking", "php-too-new")]);
        assert_eq!(at("dev"), [pair("blocking", "php-version-unknown")]);
        assert_eq!(at("7.2.21"), []);
        assert_eq!(at("7.3.999"), []);
    }

    #[test]
    fn a_missing_driver_blocks_and_other_extensions_warn() {
        assert_eq!(codes(&GOOD.replace("pdo_mysql", "x")), [pair("blocking", "php-driver-missing")]);
        assert_eq!(codes(&GOOD.replace("mbstring", "x")), [pair("warning", "php-extension-missing")]);
    }

    #[test]
    fn little_memory_and_a_fence_around_files_warn() {
        assert_eq!(codes(&GOOD.replace("256M", "128M")), [pair("warning", "php-memory-low")]);
        assert_eq!(codes(&GOOD.replace("256M", "-1")), []);
        let fenced = GOOD.replace("\"open_basedir\":\"\"", "\"open_basedir\":\"/srv\"");
        assert_eq!(codes(&fenced), [pair("warning", "php-open-basedir")]);
    }

    #[test]
    fn warnings_of_php_around_the_answer_do_not_hide_it() {
        assert_eq!(codes(&format!("PHP Warning: no timezone\n{GOOD}\n\n")), []);
        assert_eq!(codes("{\"version\":\"7.3.1\"}"), []);
    }
}
