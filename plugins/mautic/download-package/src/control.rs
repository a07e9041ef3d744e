//! Mautic's control file: a JSON object with `mautic3downloadUrl`, `statusPageUrl` and `killSwitchActivated`.

use liftlock_sdk::failure::Failure;
use serde_json::Value;

/// An address longer than this is none. Bytes.
const LONGEST_URL: usize = 2_000;

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Control {
    package: Option<String>,
    status_page: Option<String>,
    closed: bool,
}

impl Control {
    /// Reads one.
    ///
    /// # Errors
    /// `control-file-wrong`: also if it does not say clearly whether the kill switch is on.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new("control-file-wrong", format!("Mautic's control file {why}"));
        let json: Value = serde_json::from_slice(body).map_err(|_| wrong("is not JSON: is it a page of an error?"))?;
        let object = json.as_object().ok_or_else(|| wrong("is not an object"))?;
        let closed = match object.get("killSwitchActivated") {
            None | Some(Value::Null) => false,
            Some(value) => truth(value).ok_or_else(|| wrong("has a kill switch that is neither on nor off"))?,
        };
        if !object.contains_key("mautic3downloadUrl") && !object.contains_key("killSwitchActivated") {
            return Err(wrong("has none of the keys of one"));
        }
        let address = |key: &str| object.get(key).and_then(Value::as_str).and_then(address);
        Ok(Self { package: address("mautic3downloadUrl"), status_page: address("statusPageUrl"), closed })
    }

    /// The address of the package that is offered, if the upgrade is open. For the log only.
    ///
    /// # Errors
    /// `kill-switch`, `no-package-offered`; each with the page that says more.
    pub(crate) fn admit(self) -> Result<String, Failure> {
        let page = self.status_page.as_deref().unwrap_or("Mautic's status page");
        if self.closed {
            let message = format!("Mautic has stopped upgrades to version 3 for now: {page} says why");
            return Err(Failure::new("kill-switch", message).with("status-page", page));
        }
        self.package.ok_or_else(|| {
            Failure::new("no-package-offered", format!("Mautic offers no package at the moment: {page} says why"))
                .with("status-page", page)
        })
    }
}

/// Yes or no, as PHP programs write it.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        Value::String(text) => match text.as_str() {
            "" | "0" | "false" => Some(false),
            "1" | "true" => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// An address as it can be shown; nothing else that a server may have put there.
fn address(text: &str) -> Option<String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_plain = text.chars().all(|c| c.is_ascii_graphic());
    (is_web && is_plain && text.len() <= LONGEST_URL).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(body: &str) -> Result<String, String> {
        Control::parse(body.as_bytes()).and_then(Control::admit).map_err(|failure| failure.code)
    }

    const OPEN: &str = r#"{"mautic3downloadUrl": "https://example.org/3.zip", "statusPageUrl": "https://example.org/status", "killSwitchActivated": false}"#;

    #[test]
    fn what_is_no_control_file_is_refused() {
        for body in ["", "<html>404</html>", "[]", "\"x\"", "{}", "{\"a\": 1}", "{\"killSwitchActivated\": \"maybe\"}"]
        {
            assert_eq!(admit(body), Err("control-file-wrong".to_owned()), "{body}");
        }
    }

    #[test]
    fn a_kill_switch_stops_and_names_the_page() {
        for on in ["true", "1", "\"1\"", "\"true\""] {
            let body = OPEN.replace("false", on);
            let failure = Control::parse(body.as_bytes()).unwrap().admit().unwrap_err();
            assert_eq!(failure.code, "kill-switch", "{on}");
            assert!(failure.message.contains("https://example.org/status"), "{}", failure.message);
        }
    }

    #[test]
    fn without_a_package_there_is_no_upgrade() {
        for body in [
            r#"{"mautic3downloadUrl": null, "killSwitchActivated": false}"#,
            r#"{"mautic3downloadUrl": "", "killSwitchActivated": false}"#,
            r#"{"mautic3downloadUrl": "file:///etc/passwd", "killSwitchActivated": false}"#,
            "{\"mautic3downloadUrl\": \"https://example.org/\\u001b[2J\"}",
        ] {
            assert_eq!(admit(body), Err("no-package-offered".to_owned()), "{body}");
        }
    }

    #[test]
    fn an_open_upgrade_is_admitted() {
        assert_eq!(admit(OPEN), Ok("https://example.org/3.zip".to_owned()));
        assert_eq!(admit(&OPEN.replace("false", "\"0\"")), Ok("https://example.org/3.zip".to_owned()));
    }
}
