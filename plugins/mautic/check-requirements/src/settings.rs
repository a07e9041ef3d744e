//! What Mautic's settings must be like. Where their paths lead is looked at by update-local-config.

use liftlock_sdk::failure::{Failure, Finding};
use mautic_settings::{Setting, Settings};

/// How PHP may speak to the database, and the extension for it.
const DRIVERS: [&str; 2] = ["pdo_mysql", "mysqli"];

/// All that is to be said.
pub(crate) fn check(settings: &Settings) -> Vec<Finding> {
    let driver = settings.driver();
    let limiter = settings.get("api_rate_limiter_cache");
    [of_driver(driver.as_ref().map(Option::as_deref)), of_rate_limiter(&limiter)].into_iter().flatten().collect()
}

fn of_driver(driver: Result<Option<&str>, &Failure>) -> Option<Finding> {
    let one_of = DRIVERS.join(" or ");
    match driver {
        Ok(Some(driver)) if DRIVERS.contains(&driver) => None,
        Ok(driver) => {
            let is = driver.map_or_else(|| "not set".to_owned(), |driver| format!("{driver:?}"));
            let message = format!("db_driver is {is}; Mautic 3 needs {one_of}");
            Some(
                Finding::blocking("database-driver", message)
                    .fix("set 'db_driver' => 'pdo_mysql' in app/config/local.php"),
            )
        }
        Err(failure) => {
            let message = format!("{}, so that it cannot be told whether it is {one_of}", failure.message);
            Some(Finding::warning("database-driver", message).fix(format!("see that it gives {one_of}")))
        }
    }
}

/// Mautic 3 has its own; whatever is there is replaced by update-local-config.
fn of_rate_limiter(limiter: &Setting<'_>) -> Option<Finding> {
    match limiter {
        Setting::Missing => return None,
        Setting::Literal(value) if value.is_empty() => return None,
        _ => {}
    }
    let message = "api_rate_limiter_cache is set; Mautic 3 keeps it in files, and it will be replaced by that";
    Some(Finding::warning("rate-limiter-replaced", message).fix("set it again after the upgrade, as Mautic 3 has it"))
}

/// The settings could not be read: what depends on them is left out, or taken from parameters.
pub(crate) fn unread(failure: Failure) -> Finding {
    let fix = match failure.is("setting-not-known") {
        true => {
            "say it in installation.toml: [params.check-requirements] prefix = \"…\", and the same for the slots of migrations"
        }
        false => "mend the file so that PHP and this program can read it; then: liftlock check",
    };
    Finding::from(failure).fix(fix)
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::failure::Failure;
    use mautic_settings::Read;

    use super::*;

    /// An installation that is one file of settings.
    struct Local(&'static str);

    impl Read for Local {
        fn text(&self, path: &str) -> Result<Option<String>, Failure> {
            let text = format!("<?php\n$parameters = array(\n{}\n);\n", self.0);
            Ok((path == mautic_settings::LOCAL).then_some(text))
        }
    }

    fn codes(settings: &'static str) -> Vec<String> {
        let found = check(&Settings::read(&Local(settings)).unwrap());
        found.into_iter().map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
    }

    #[test]
    fn another_driver_is_refused_and_a_computed_one_told_of() {
        assert_eq!(codes("'db_driver' => 'pdo_pgsql',"), ["blocking database-driver"]);
        assert_eq!(codes(""), ["blocking database-driver"]);
        assert_eq!(codes("'db_driver' => getenv('DRIVER'),"), ["warning database-driver"]);
        assert!(codes("'db_driver' => 'mysqli',").is_empty());
    }

    #[test]
    fn a_rate_limiter_of_ones_own_is_told_of() {
        let warned = ["warning rate-limiter-replaced"];
        assert_eq!(codes("'db_driver' => 'mysqli', 'api_rate_limiter_cache' => ['type' => 'redis'],"), warned);
        assert_eq!(codes("'db_driver' => 'mysqli', 'api_rate_limiter_cache' => make(),"), warned);
        assert!(codes("'db_driver' => 'mysqli', 'api_rate_limiter_cache' => [],").is_empty());
        assert!(codes("'db_driver' => 'mysqli', 'api_rate_limiter_cache' => null,").is_empty());
    }

    #[test]
    fn settings_that_cannot_be_read_block_with_a_fix() {
        let finding = unread(Failure::new("config-missing", "app/config/local.php is not there"));
        assert_eq!((finding.severity.as_str(), finding.code.as_str()), ("blocking", "config-missing"));
        assert!(finding.fix.unwrap().starts_with("mend"));
        let computed = unread(Failure::new("setting-not-known", "`db_table_prefix` is computed by PHP"));
        assert!(computed.fix.unwrap().contains("prefix"));
    }
}
