//! What PHP says of itself: the answer of an operator's command that prints a JSON object on one line.
//!
//! | key | what it is |
//! | --- | --- |
//! | `version` | `PHP_VERSION` |
//! | `extensions` | the names of the extensions that are loaded |
//! | `memory_limit`, `max_execution_time`, `open_basedir` | as in php.ini |
//!
//! It is the PHP of the command line. That of the web server may be another one, which only the operator can know.

use serde_json::Value;

/// The answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// The version as PHP writes it.
    pub version: String,
    /// Lower case. None: it did not say.
    pub extensions: Option<Vec<String>>,
    /// Bytes. None: no limit, or it did not say.
    pub memory: Option<u64>,
    /// Seconds. None: no limit, or it did not say.
    pub time: Option<u64>,
    /// Where PHP may read and write; empty: everywhere.
    pub open_basedir: String,
}

impl Report {
    /// Reads the output of the command: the last line that is such an object. PHP may have warned of something in the lines
    /// around it.
    #[must_use]
    pub fn parse(output: &str) -> Option<Self> {
        let json: Value = output.lines().rev().find_map(|line| serde_json::from_str(line.trim()).ok())?;
        let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default();
        let names = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
        Some(Self {
            version: json.get("version")?.as_str()?.to_owned(),
            extensions: json.get("extensions").and_then(Value::as_array).map(names),
            memory: bytes(text("memory_limit")),
            time: text("max_execution_time").trim().parse().ok().filter(|seconds| *seconds > 0),
            open_basedir: text("open_basedir").to_owned(),
        })
    }

    /// Which of these extensions are not loaded. None if PHP did not say which are. In lower case.
    #[must_use]
    pub fn lacks<'a>(&self, extensions: &[&'a str]) -> Vec<&'a str> {
        let Some(loaded) = &self.extensions else { return Vec::new() };
        extensions.iter().copied().filter(|name| loaded.iter().all(|loaded| loaded != name)).collect()
    }
}

/// A size as php.ini has it: "256M", "1G", bytes; none for "-1" and what is no size.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, shift) = match text.chars().last()?.to_ascii_uppercase() {
        'K' => (&text[..text.len() - 1], 10),
        'M' => (&text[..text.len() - 1], 20),
        'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_none() {
        for output in ["", "PHP 7.3.33 (cli)", "{}", "{\"version\": 7}", "[1]", "\"7.3.1\"", "{\"version\":\"7.3"] {
            assert_eq!(Report::parse(output), None, "{output}");
        }
    }

    #[test]
    fn sizes_are_read_as_php_reads_them() {
        assert_eq!((bytes("1G"), bytes("512k"), bytes("1048576")), (Some(1 << 30), Some(1 << 19), Some(1 << 20)));
        assert_eq!((bytes("-1"), bytes(""), bytes("much"), bytes("99999999999999G")), (None, None, None, None));
    }

    #[test]
    fn no_limit_is_none_and_names_are_in_lower_case() {
        let report = Report::parse(
            "PHP Warning: no timezone\n{\"version\":\"8.2.1\",\"max_execution_time\":\"0\",\"extensions\":[\"PDO\"]}\n",
        );
        let report = report.unwrap();
        assert_eq!((report.time, report.memory), (None, None));
        assert_eq!(report.lacks(&["pdo", "zip"]), ["zip"]);
        assert!(Report::default().lacks(&["zip"]).is_empty());
    }
}
