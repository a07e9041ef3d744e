//! What differs from a database that Mautic itself has made: names and signs. Nothing of it stops Mautic 3.0.2; later
//! versions stumble over it, and an operator who knows can plan.

use liftlock_sdk::prelude::*;

use crate::schema::{Schema, Table};

/// The tables that are looked at.
pub const TABLES: &[&str] = &[
    "categories",
    "companies",
    "companies_leads",
    "form_fields",
    "forms",
    "lead_devices",
    "lead_donotcontact",
    "lead_fields",
    "leads",
    "roles",
    "users",
    "webhooks",
];

/// Columns that refer to an id, as Mautic declares it: table, column, table that it refers to.
const REFERENCES: [(&str, &str, &str); 7] = [
    ("companies_leads", "company_id", "companies"),
    ("companies_leads", "lead_id", "leads"),
    ("form_fields", "form_id", "forms"),
    ("lead_devices", "lead_id", "leads"),
    ("lead_donotcontact", "lead_id", "leads"),
    ("users", "role_id", "roles"),
    ("webhooks", "category_id", "categories"),
];

/// The longest name that Mautic gives.
const LONGEST_NAME: usize = 63;

/// All that differs.
pub fn findings(schema: &Schema) -> Vec<Finding> {
    let references = REFERENCES.iter().filter_map(|(table, column, to)| reference(schema, table, column, to));
    references.chain(signs(schema)).chain(foreign_keys(schema)).collect()
}

/// A column and the id that it refers to of different signs: there can be no foreign key between them, and none is there.
fn reference(schema: &Schema, table: &str, column: &str, to: &str) -> Option<Finding> {
    let from = schema.table(table)?.column(column)?;
    let id = schema.table(to)?.column("id")?;
    (from.is_unsigned() != id.is_unsigned()).then(|| {
        let message =
            format!("{table}.{column} is {}, and {to}.id, to which it refers, is {}", from.declared, id.declared);
        let fix = "nothing for Mautic 3.0.2; before 3.3 give both the same type, or its foreign keys cannot be made";
        Finding::warning("signedness-differs", message).fix(fix)
    })
}

/// Mautic 2 made its ids signed, Mautic 3 makes them unsigned; 3.3.0 failed on databases that had grown with Mautic 2.
fn signs(schema: &Schema) -> Option<Finding> {
    let ids = |unsigned| {
        let of_sign = |table: &Table| table.column("id").is_some_and(|id| id.is_unsigned() == unsigned);
        schema.tables().filter(|(_, table)| of_sign(table)).map(|(name, _)| name).collect::<Vec<_>>()
    };
    let (signed, unsigned) = (ids(false), ids(true));
    (!signed.is_empty() && !unsigned.is_empty()).then(|| {
        let (signed, unsigned) = (signed.join(", "), unsigned.join(", "));
        let message = format!("ids are signed in {signed}, and unsigned in {unsigned}: Mautic 3.0.2 takes both");
        Finding::info("signedness-mixed", message)
    })
}

fn foreign_keys(schema: &Schema) -> Option<Finding> {
    let mut odd = Vec::new();
    for (name, table) in schema.tables() {
        let full = schema.full(name);
        let given = |columns: &[String]| generated("FK", &full, columns);
        let keys = table.foreign_keys().iter().filter(|key| !key.name.eq_ignore_ascii_case(&given(&key.columns)));
        odd.extend(keys.map(|key| format!("{} of {name}", key.name)));
    }
    (!odd.is_empty()).then(|| {
        let message = format!(
            "foreign keys have other names than Mautic gives: {}; here the real names are used, but later versions may ask \
             for Mautic's",
            odd.join(", ")
        );
        Finding::info("foreign-key-names", message)
    })
}

/// The name that Mautic, like Doctrine, gives: the checksums of the table and its columns in hex, in capitals.
fn generated(kind: &str, table: &str, columns: &[String]) -> String {
    let parts = std::iter::once(table).chain(columns.iter().map(String::as_str));
    let sums: String = parts.map(|part| format!("{:X}", crc32fast::hash(part.as_bytes()))).collect();
    format!("{kind}_{sums}").chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    fn codes(schema: &Schema) -> Vec<String> {
        findings(schema).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_column_of_another_sign_than_its_id_is_named() {
        let schema = schema("mau_")
            .with("categories", table(&["id int(10) unsigned"]))
            .with("webhooks", table(&["id int(10) unsigned", "category_id int(11)"]));
        let findings = findings(&schema);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].code.as_str(), findings[0].severity.as_str()), ("signedness-differs", "warning"));
        let message = "webhooks.category_id is int(11), and categories.id, to which it refers, is int(10) unsigned";
        assert_eq!(findings[0].message, message);
    }

    #[test]
    fn mixed_signs_are_said_and_stop_nothing() {
        let mixed =
            schema("").with("categories", table(&["id int(10) unsigned"])).with("leads", table(&["id int(11)"]));
        assert_eq!(codes(&mixed), ["signedness-mixed"]);
        assert_eq!(findings(&mixed)[0].severity, "info");
    }

    #[test]
    fn a_foreign_key_of_another_name_is_said() {
        let name = generated("FK", "mau_companies_leads", &["lead_id".to_owned()]);
        let with = |name: &str| {
            let table = table(&["lead_id int(11)"]).with_foreign_key(name, &["lead_id"], "mau_leads");
            schema("mau_").with("companies_leads", table)
        };
        assert_eq!(codes(&with("fk_by_softaculous")), ["foreign-key-names"]);
        assert_eq!(codes(&with(&name)), Vec::<String>::new());
    }

    #[test]
    fn names_are_made_of_checksums() {
        // crc32("users") = 0x1483A5E9, crc32("email") = 0xE7927C74
        assert_eq!(generated("UNIQ", "users", &["email".to_owned()]), "UNIQ_1483A5E9E7927C74");
        let many: Vec<_> = (0..20).map(|at| format!("column_{at}")).collect();
        assert_eq!(generated("FK", "users", &many).len(), LONGEST_NAME);
    }
}
