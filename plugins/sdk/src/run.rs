//! The run that the stage is part of: parameters, inputs and outputs, progress, log lines, clock and random numbers.

use crate::bindings::liftlock::run::context;
use crate::failure::Failure;

/// A parameter of the slot. One that is there but empty counts as missing.
pub fn param(name: &str) -> Option<String> {
    context::param(name).filter(|value| !value.is_empty())
}

/// A parameter of the slot, or what it is without one.
pub fn param_or(name: &str, default: &str) -> String {
    param(name).unwrap_or_else(|| default.to_owned())
}

/// A parameter that the stage cannot work without.
///
/// # Errors
/// `param-missing`.
pub fn require_param(name: &str) -> Result<String, Failure> {
    param(name).ok_or_else(|| Failure::new("param-missing", format!("the slot has no parameter `{name}`")))
}

/// A parameter that is a list: empty if it is missing.
pub fn list_param(name: &str) -> Vec<String> {
    param(name).map(|value| lines(&value)).unwrap_or_default()
}

/// A parameter that is a number, or what it is without one.
///
/// # Errors
/// `param-wrong` if it is something else.
pub fn int_param(name: &str, default: u64) -> Result<u64, Failure> {
    param(name).map_or(Ok(default), |value| {
        value.trim().parse().map_err(|_| wrong(name, &value, "a whole number that is not negative"))
    })
}

/// A parameter that is true or false; false if it is missing.
///
/// # Errors
/// `param-wrong` if it is something else.
pub fn bool_param(name: &str) -> Result<bool, Failure> {
    param(name).map_or(Ok(false), |value| parse_bool(&value).ok_or_else(|| wrong(name, &value, "true or false")))
}

/// What an earlier slot put out and the pipeline wired to this name. Untrusted words, unless it is an id that the host made.
pub fn input(name: &str) -> Option<String> {
    context::input(name)
}

/// An input that the stage cannot work without.
///
/// # Errors
/// `input-missing`.
pub fn require_input(name: &str) -> Result<String, Failure> {
    input(name).ok_or_else(|| Failure::new("input-missing", format!("nothing is wired to the input `{name}`")))
}

/// Puts out a value under a name that the slot declares.
///
/// # Errors
/// If the slot does not declare it, or its kind wants an id of the host.
pub fn set_output(name: &str, value: &str) -> Result<(), Failure> {
    context::set_output(name, value)
}

/// Says how far the work is, in `unit`s ("statements", "bytes").
pub fn progress(done: u64, total: Option<u64>, unit: &str) {
    context::progress(done, total, unit);
}

/// A line for the operator's log that is read only when something is searched for.
pub fn debug(message: impl AsRef<str>) {
    context::log("debug", message.as_ref());
}

/// A line for the operator's log.
pub fn info(message: impl AsRef<str>) {
    context::log("info", message.as_ref());
}

/// A line for the operator's log: something is not as it should be.
pub fn warn(message: impl AsRef<str>) {
    context::log("warning", message.as_ref());
}

/// A line for the operator's log: something went wrong.
pub fn error(message: impl AsRef<str>) {
    context::log("error", message.as_ref());
}

/// Milliseconds since 1970 by the stage's own clock: the same in a resumed run.
pub fn now() -> u64 {
    context::now()
}

/// Random bytes (at most 4096) from the run's seed: the same in a resumed run.
pub fn random(length: u32) -> Vec<u8> {
    context::random(length)
}

/// The lines of a text that say something: a list as the host hands it over.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn parse_bool(value: &str) -> Option<bool> {
    match value.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn wrong(name: &str, value: &str, wanted: &str) -> Failure {
    Failure::new("param-wrong", format!("the parameter `{name}` must be {wanted}, not `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn almost_true_is_not_true() {
        assert_eq!(parse_bool("yes"), None);
        assert_eq!(parse_bool("true "), Some(true));
        assert_eq!(parse_bool("false"), Some(false));
    }

    #[test]
    fn empty_lines_are_no_entries_of_a_list() {
        assert_eq!(lines("a\n\nb c\r\n"), ["a", "b c"]);
    }
}
