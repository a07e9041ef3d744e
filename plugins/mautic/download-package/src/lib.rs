//! Gets the package of Mautic 3, whole and as the bundle or the operator has pinned it, and asks Mautic's control file whether
//! the upgrade is open at all.
//!
//! The control file has an address and no digest, so it is never obeyed: nothing that it names is fetched. It can only say no.
//! The package comes from where the bundle or the operator says, and is what they say. It is asked for first, and the control
//! file then, for two reasons: an operator with a package of their own needs no network at all; and a run that the kill
//! switch has stopped goes on by `resume`, without a second download, when the switch is off.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `control` | the address of the control file; empty: it is not asked, and `check` says so |
//! | `name` | the artifact's name in the pipeline, by which it is pinned; default `package` |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `package` | artifact | the package |
//!
//! | failure | when |
//! | --- | --- |
//! | `kill-switch` | the control file says that too many upgrades go wrong; with the page that says more |
//! | `no-package-offered` | it names no package |
//! | `control-file-unavailable`, `control-file-wrong` | the server gives something else than a control file |

mod control;

use liftlock_sdk::prelude::*;

use crate::control::Control;

/// A control file is three lines. Bytes.
const LONGEST: u64 = 64 << 10;

struct DownloadPackage;

impl Stage for DownloadPackage {
    fn info() -> Info {
        Info::new("mautic-download-package", env!("CARGO_PKG_VERSION")).produces("package", Kind::Artifact).asks(
            Ask::network("*").read("downloads the package, and asks Mautic's control file whether the upgrade is open"),
        )
    }

    fn check() -> Findings {
        Ok(match run::param("control") {
            Some(_) => Vec::new(),
            None => vec![
                Finding::warning(
                    "control-file-not-asked",
                    "nobody asks Mautic whether the upgrade is open at the moment",
                )
                .fix("look at Mautic's status page yourself, or set the parameter `control`"),
            ],
        })
    }

    fn apply() -> Result<Outcome, Failure> {
        let package = network::download("", &run::param_or("name", "package"), None)?;
        let control = match run::param("control") {
            Some(_) if is_own_copy(&package.extra) => Err("the package is a copy of your own"),
            Some(url) => Ok(url),
            None => Err("the parameter `control` is empty"),
        };
        let asked = match control {
            Ok(url) => ask(&url)?,
            Err(why) => not_asked(why),
        };
        run::set_output("package", &package.artifact)?;
        Ok(Outcome::changed(format!("{} bytes, sha256 {}, {asked}", package.size, package.sha256)))
    }
}

liftlock_sdk::export!(DownloadPackage);

/// Whether the host took a file that the operator has named, and asked no server.
fn is_own_copy(extra: &[(String, String)]) -> bool {
    extra.iter().any(|(name, value)| name == "source" && value == "file")
}

/// Asks the control file. Where its server is not granted nothing is asked: what the operator did not allow is not needed.
fn ask(url: &str) -> Result<&'static str, Failure> {
    let answer = match network::get(url, LONGEST) {
        Err(failure) if failure.is("not-granted") => return Ok(not_asked(&failure.message)),
        answer => answer?,
    };
    if answer.status != 200 {
        let message = format!("{url} answers with status {}", answer.status);
        return Err(Failure::new("control-file-unavailable", message).with(
            "fix",
            "try again later, or set the parameter `control` to \"\" and look at Mautic's status page yourself",
        ));
    }
    let offered = Control::parse(&answer.body)?.admit()?;
    run::info(format!("the upgrade is open; Mautic offers {offered}, which is not what decides what is fetched"));
    Ok("the upgrade is open")
}

fn not_asked(why: &str) -> &'static str {
    run::warn(format!("the control file was not asked whether the upgrade is open: {why}"));
    "the control file was not asked"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hosts_word_makes_a_package_the_operators_own() {
        let extra = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        assert!(!is_own_copy(&[]));
        assert!(!is_own_copy(&extra("source", "server")));
        assert!(is_own_copy(&extra("source", "file")));
    }
}
