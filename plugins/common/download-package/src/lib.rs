//! Gets the package of the new version, whole and as the bundle or the operator has pinned it.
//!
//! Where the operator has named a local file for the artifact, the host takes that and asks no server. Without the parameter
//! `url` the host takes the address that the pipeline or the operator gives for the artifact.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `url` | where the package is; default: what is said of the artifact |
//! | `name` | the artifact's name in the pipeline, by which it is pinned; default `package` |
//! | `sha256` | what the package must be, in addition to the pin |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `package` | artifact | the package |

use liftlock_sdk::network::Pin;
use liftlock_sdk::prelude::*;

struct DownloadPackage;

impl Stage for DownloadPackage {
    fn info() -> Info {
        Info::new("download-package", env!("CARGO_PKG_VERSION"))
            .produces("package", Kind::Artifact)
            .asks(Ask::network("*").read("downloads the package of the new version"))
    }

    fn apply() -> Result<Outcome, Failure> {
        let pin = run::param("sha256").map(|sha256| Pin { sha256: Some(sha256), size: None });
        let package = network::download(&run::param_or("url", ""), &run::param_or("name", "package"), pin.as_ref())?;
        run::set_output("package", &package.artifact)?;
        Ok(Outcome::changed(format!("{} bytes, sha256 {}", package.size, package.sha256)))
    }
}

liftlock_sdk::export!(DownloadPackage);
