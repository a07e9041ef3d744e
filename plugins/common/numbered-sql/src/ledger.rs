//! The application's own note of the version that its database is at.

use liftlock_sdk::prelude::*;

/// The version that the database is at, by the query in the parameter `ledger-read`.
///
/// # Errors
/// `param-missing`, `ledger-empty`; what the database says.
pub fn read_ledger(database: &Database) -> Result<String, Failure> {
    let value: Option<Value> = database
        .query_value(&run::require_param("ledger-read")?, &[])
        .map_err(|failure| failure.at("the ledger cannot be read"))?;
    version_of(value)
}

fn version_of(value: Option<Value>) -> Result<String, Failure> {
    match value {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        Some(Value::Int(number)) => Some(number.to_string()),
        Some(Value::Uint(number)) => Some(number.to_string()),
        Some(Value::Bytes(bytes)) if !bytes.is_empty() => String::from_utf8(bytes).ok(),
        _ => None,
    }
    .ok_or_else(|| Failure::new("ledger-empty", "the database does not say which version it is at"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_that_says_nothing_is_refused() {
        for value in [
            None,
            Some(Value::Null),
            Some(Value::Text(String::new())),
            Some(Value::Float(1.5)),
            Some(Value::Bytes(vec![0xff])),
        ] {
            assert_eq!(version_of(value).unwrap_err().code, "ledger-empty");
        }
    }

    #[test]
    fn numbers_and_texts_are_versions() {
        assert_eq!(version_of(Some(Value::Int(2_022_081_200))), Ok("2022081200".to_owned()));
        assert_eq!(version_of(Some(Value::Text("v1".to_owned()))), Ok("v1".to_owned()));
        assert_eq!(version_of(Some(Value::Bytes(b"v1".to_vec()))), Ok("v1".to_owned()));
    }
}
