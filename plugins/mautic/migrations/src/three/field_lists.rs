//! 20200422144300: the choices of a contact field, one text with pipes (`a|b`), become a list: of texts for a lookup, of label
//! and value for a select or multiselect.
//!
//! Mautic 2 also reads `Yes|No||1|0`, labels and then values. The original takes such a text apart at each pipe, so that a
//! contact's values are no choices any more; here the pairs stay pairs.

use liftlock_php::serialized::{self, Value};

use crate::plan::{Decision, Plan, Rewrite, Step};
use crate::three::Site;

/// The property with the choices.
const LIST: &str = "list";

pub(super) fn plan(site: &Site) -> Plan {
    if site.schema.table("lead_fields").is_none() {
        return Plan::without_table(&site.schema.full("lead_fields"));
    }
    Plan::default().step(Step::Rewrite(Rewrite {
        table: site.schema.quoted("lead_fields"),
        name: "lead_fields",
        column: "properties",
        kind: "type",
        old: "type IN ('lookup', 'select', 'multiselect') AND properties LIKE '%|%'",
        decide,
    }))
}

fn decide(kind: &str, properties: &[u8]) -> Decision {
    let mut value = match serialized::parse(properties) {
        Ok(value) => value,
        Err(error) => return Decision::LeaveAlone(error.to_string()),
    };
    let Some(Value::String(text)) = value.get(LIST) else { return Decision::Keep };
    if !text.contains(&b'|') {
        return Decision::Keep;
    }
    let choices = if kind == "lookup" { Value::list(split(text).map(Value::string)) } else { pairs(text) };
    if let Some(list) = value.get_mut(LIST) {
        *list = choices;
    }
    Decision::Write(value.write())
}

fn pairs(text: &[u8]) -> Value {
    let (labels, values) = halves(text).unwrap_or((text, text));
    let pair =
        |(label, value): (&[u8], &[u8])| Value::map([("label", Value::string(label)), ("value", Value::string(value))]);
    Value::list(split(labels).zip(split(values)).map(pair))
}

/// Labels and values, if the text has both, and as many of the one as of the other.
fn halves(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.windows(2).position(|pair| pair == b"||")?;
    let (labels, values) = (&text[..at], &text[at + 2..]);
    let even = !labels.is_empty() && !values.windows(2).any(|pair| pair == b"||");
    (even && split(labels).count() == split(values).count()).then_some((labels, values))
}

fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'|')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Properties with this list, and one more of no concern.
    fn properties(list: &str) -> String {
        format!("a:2:{{s:4:\"list\";s:{}:\"{list}\";s:5:\"other\";s:3:\"x|y\";}}", list.len())
    }

    fn list_of(kind: &str, list: &str) -> String {
        match decide(kind, properties(list).as_bytes()) {
            Decision::Write(bytes) => {
                let text = String::from_utf8(bytes).unwrap();
                let inner = text.strip_prefix("a:2:{s:4:\"list\";").unwrap();
                inner.strip_suffix("s:5:\"other\";s:3:\"x|y\";}").unwrap().to_owned()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        for broken in ["a|b", "a:1:{s:4:\"list\";s:9:\"a|b\";}", "a:1:{s:4:\"list\";s:3:\"a|b\";"] {
            assert!(matches!(decide("select", broken.as_bytes()), Decision::LeaveAlone(_)), "{broken}");
        }
    }

    #[test]
    fn a_pipe_elsewhere_is_no_list() {
        for fine in [
            "a:1:{s:5:\"other\";s:3:\"x|y\";}",
            "a:1:{s:4:\"list\";a:1:{i:0;s:3:\"a|b\";}}",
            "a:2:{s:4:\"list\";s:1:\"a\";s:5:\"other\";s:3:\"x|y\";}",
            "s:3:\"a|b\";",
        ] {
            assert_eq!(decide("select", fine.as_bytes()), Decision::Keep, "{fine}");
        }
    }

    #[test]
    fn a_lookup_gets_texts_with_their_lengths_in_bytes() {
        assert_eq!(list_of("lookup", "a|Müller"), "a:2:{i:0;s:1:\"a\";i:1;s:7:\"Müller\";}");
        assert_eq!(list_of("lookup", "a||b"), "a:3:{i:0;s:1:\"a\";i:1;s:0:\"\";i:2;s:1:\"b\";}");
    }

    #[test]
    fn a_select_gets_labels_and_values() {
        let pair = |label: &str, value: &str| {
            format!("a:2:{{s:5:\"label\";s:{}:\"{label}\";s:5:\"value\";s:{}:\"{value}\";}}", label.len(), value.len())
        };
        for kind in ["select", "multiselect"] {
            assert_eq!(list_of(kind, "é|b"), format!("a:2:{{i:0;{}i:1;{}}}", pair("é", "é"), pair("b", "b")));
        }
        assert_eq!(
            list_of("select", "Yes|No||1|0"),
            format!("a:2:{{i:0;{}i:1;{}}}", pair("Yes", "1"), pair("No", "0"))
        );
    }

    #[test]
    fn halves_that_do_not_match_are_taken_apart_at_each_pipe() {
        for odd in ["Yes|No||1", "||a", "a||b||c"] {
            assert_eq!(halves(odd.as_bytes()), None, "{odd}");
            let expected = split(odd.as_bytes()).count();
            assert!(list_of("select", odd).starts_with(&format!("a:{expected}:{{i:0;")), "{odd}");
        }
    }

    #[test]
    fn done_twice_is_done_once() {
        for kind in ["lookup", "select"] {
            let Decision::Write(once) = decide(kind, properties("a|b").as_bytes()) else { panic!() };
            assert_eq!(decide(kind, &once), Decision::Keep);
        }
    }
}
