//! 20200302164801: in the properties of a form field the key `empty_value` is called `placeholder`. The original replaces the
//! text wherever it stands, in what users wrote too.

use liftlock_php::serialized::{self, Key, Value};

use crate::plan::{Decision, Plan, Rewrite, Step};
use crate::three::Site;

const OLD: &str = "empty_value";
const NEW: &str = "placeholder";

pub(super) fn plan(site: &Site) -> Plan {
    if site.schema.table("form_fields").is_none() {
        return Plan::without_table(&site.schema.full("form_fields"));
    }
    Plan::default().step(Step::Rewrite(Rewrite {
        table: site.schema.quoted("form_fields"),
        name: "form_fields",
        column: "properties",
        kind: "''",
        old: "properties LIKE '%\"empty_value\"%'",
        decide,
    }))
}

fn decide(_kind: &str, properties: &[u8]) -> Decision {
    let mut value = match serialized::parse(properties) {
        Ok(value) => value,
        Err(error) => return Decision::LeaveAlone(error.to_string()),
    };
    match rename(&mut value) {
        Ok(0) => Decision::Keep,
        Ok(_) => Decision::Write(value.write()),
        Err(both) => Decision::LeaveAlone(both),
    }
}

/// Renames the key in all arrays. Returns how often.
fn rename(value: &mut Value) -> Result<usize, String> {
    let Some(entries) = value.as_array_mut() else { return Ok(0) };
    if [OLD, NEW].iter().all(|name| entries.iter().any(|(key, _)| key.is(name))) {
        return Err(format!("it has both {OLD} and {NEW}"));
    }
    let mut renamed = 0;
    for (key, inner) in entries {
        if key.is(OLD) {
            *key = Key::from(NEW);
            renamed += 1;
        }
        renamed += rename(inner)?;
    }
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(properties: &str) -> String {
        match decide("", properties.as_bytes()) {
            Decision::Write(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        for broken in
            ["", "x", "a:1:{s:11:\"empty_value\";s:5:\"x\";}", "a:2:{s:11:\"empty_value\";s:1:\"x\";", "O:1:\"A\":0:{}"]
        {
            assert!(matches!(decide("", broken.as_bytes()), Decision::LeaveAlone(_)), "{broken}");
        }
    }

    #[test]
    fn a_field_that_has_both_is_left_alone() {
        let both = "a:2:{s:11:\"empty_value\";s:1:\"x\";s:11:\"placeholder\";s:1:\"y\";}";
        assert_eq!(
            decide("", both.as_bytes()),
            Decision::LeaveAlone("it has both empty_value and placeholder".to_owned())
        );
    }

    #[test]
    fn what_users_wrote_is_not_renamed() {
        let text = "a:1:{s:5:\"label\";s:11:\"empty_value\";}";
        assert_eq!(decide("", text.as_bytes()), Decision::Keep);
        let inside = "a:1:{s:5:\"label\";s:21:\"s:11:\"empty_value\";xy\";}";
        assert_eq!(decide("", inside.as_bytes()), Decision::Keep);
    }

    #[test]
    fn the_key_is_renamed_and_all_else_stays() {
        assert_eq!(
            written(
                "a:3:{s:4:\"list\";a:1:{i:0;s:3:\"a|b\";}s:11:\"empty_value\";s:11:\"empty_value\";s:8:\"multiple\";i:0;}"
            ),
            "a:3:{s:4:\"list\";a:1:{i:0;s:3:\"a|b\";}s:11:\"placeholder\";s:11:\"empty_value\";s:8:\"multiple\";i:0;}"
        );
        let multibyte = "a:1:{s:11:\"empty_value\";s:9:\"Wählen…\";}".replace("s:9", "s:10");
        assert_eq!(written(&multibyte), multibyte.replace("empty_value", "placeholder"));
        let deep = "a:1:{i:0;a:1:{s:11:\"empty_value\";N;}}";
        assert_eq!(written(deep), "a:1:{i:0;a:1:{s:11:\"placeholder\";N;}}");
    }

    #[test]
    fn done_twice_is_done_once() {
        let once = written("a:1:{s:11:\"empty_value\";s:0:\"\";}");
        assert_eq!(decide("", once.as_bytes()), Decision::Keep);
    }
}
