//! The settings in configuration.php, as far as an upgrade must know them.

use liftlock_php::config::{Literal, variables};
use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::Directory;

/// The file.
pub const FILE: &str = "configuration.php";

/// What the admin area is called where nothing is said.
pub const ADMIN: &str = "admin";

/// What is said of the admin area: the name of its directory.
///
/// # Errors
/// `config-missing`, `config-not-understood`, or `admin-path-wrong` if it is not a name at the top of the installation.
pub fn admin_directory(root: &Directory) -> Result<String, Failure> {
    if !root.exists(FILE)? {
        return Err(Failure::new("config-missing", format!("there is no {FILE}: is this WHMCS?")));
    }
    admin_in(&String::from_utf8_lossy(&root.read_all(FILE)?))
}

fn admin_in(text: &str) -> Result<String, Failure> {
    let found = variables(text).map_err(|error| Failure::new("config-not-understood", format!("{FILE}, {error}")))?;
    match found.into_iter().find(|(name, _)| name == "customadminpath") {
        None | Some((_, Some(Literal::Null))) => Ok(ADMIN.to_owned()),
        Some((_, Some(Literal::String(name)))) if name.trim_matches('/').is_empty() => Ok(ADMIN.to_owned()),
        Some((_, Some(Literal::String(name)))) if is_a_name(name.trim_matches('/')) => {
            Ok(name.trim_matches('/').to_owned())
        }
        Some(_) => {
            let message = format!("$customadminpath in {FILE} is not the name of a directory beside it");
            Err(Failure::new("admin-path-wrong", message))
        }
    }
}

fn is_a_name(name: &str) -> bool {
    !name.contains(['/', '\\']) && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        admin_in(text).unwrap_err().code
    }

    #[test]
    fn what_leads_out_of_the_installation_is_refused() {
        for path in ["'../office'", "'a/b'", "'..'", "getenv('ADMIN')", "7"] {
            assert_eq!(code(&format!("<?php\n$customadminpath = {path};\n")), "admin-path-wrong", "{path}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        assert_eq!(code("<?php\nif ($x) { $customadminpath = 'office'; }\n"), "config-not-understood");
        assert_eq!(code("404 Not Found"), "config-not-understood");
    }

    #[test]
    fn without_a_word_it_is_admin() {
        let admin = |text: &str| admin_in(&format!("<?php\n$license = 'Owned-1';\n{text}\n")).unwrap();
        assert_eq!(admin(""), "admin");
        assert_eq!(admin("$customadminpath = '';"), "admin");
        assert_eq!(admin("// $customadminpath = 'no';\n$customadminpath = \"office/\";"), "office");
    }
}
