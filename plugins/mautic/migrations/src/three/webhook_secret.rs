//! 20181111095447: webhooks get the column `secret`, and those that are there a random key.

use crate::plan::{Fill, Filling, Plan, Step};
use crate::three::Site;

pub(super) fn plan(site: &Site) -> Plan {
    let Some(webhooks) = site.schema.table("webhooks") else {
        return Plan::without_table(&site.schema.full("webhooks"));
    };
    let table = site.schema.quoted("webhooks");
    let is_there = webhooks.column("secret").is_some();
    let mut plan = Plan::default();
    if !is_there {
        plan = plan.change("webhooks gets secret", format!("ALTER TABLE {table} ADD secret VARCHAR(255) DEFAULT NULL"));
    }
    plan.step(Step::Fill(Fill {
        what: "webhooks without a secret",
        table,
        column: "secret",
        old: "secret IS NULL",
        new: Filling::RandomKey,
        is_there,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    fn plan_of(prefix: &str, columns: &[&str]) -> Plan {
        plan(&Site { schema: schema(prefix).with("webhooks", table(columns)), ..Site::default() })
    }

    #[test]
    fn a_column_that_is_there_is_not_added_but_its_rows_are_looked_at() {
        let plan = plan_of("", &["id int(11)", "secret varchar(255)"]);
        assert_eq!(plan.changes().count(), 0);
        assert!(matches!(&plan.steps[..], [Step::Fill(Fill { is_there: true, .. })]));
    }

    #[test]
    fn first_the_column_then_the_rows() {
        let plan = plan_of("mau_", &["id int(11)"]);
        assert_eq!(
            plan.changes().next().unwrap().sql,
            "ALTER TABLE `mau_webhooks` ADD secret VARCHAR(255) DEFAULT NULL"
        );
        assert!(matches!(&plan.steps[1], Step::Fill(fill) if fill.count().is_none()));
    }
}
