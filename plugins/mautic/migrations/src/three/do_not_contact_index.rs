//! 20200227110431: an index on `channel_id` of `lead_donotcontact`. The original cannot be run twice.

use liftlock_sdk::prelude::*;

use crate::plan::Plan;
use crate::schema::ident;
use crate::three::Site;

pub(super) fn plan(site: &Site) -> Plan {
    let schema = &site.schema;
    let Some(contacts) = schema.table("lead_donotcontact") else {
        return Plan::without_table(&schema.full("lead_donotcontact"));
    };
    let table = schema.quoted("lead_donotcontact");
    let name = schema.full("dnc_channel_id_search");
    if let Some(index) = contacts.index(&name) {
        return match index.is_on(&["channel_id"]) {
            true => Plan::default(),
            false => {
                let message = format!("the index {name} is on ({}), not on (channel_id)", index.columns.join(", "));
                let fix = format!("DROP INDEX {} ON {table}", ident(&index.name));
                Plan::blocked(Finding::blocking("index-differs", message).fix(fix))
            }
        };
    }
    let sql = format!("CREATE INDEX {} ON {table} (channel_id)", ident(&name));
    let plan = Plan::default().change(format!("lead_donotcontact gets the index {name}"), sql);
    match contacts.indexes_with("channel_id").find(|index| index.is_on(&["channel_id"])) {
        Some(other) => plan.note(Finding::info(
            "index-of-another-name",
            format!("{} does the same under another name: later versions of Mautic look for {name}", other.name),
        )),
        None => plan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Table;
    use crate::schema::testing::{schema, table};

    fn plan_of(prefix: &str, indexes: impl FnOnce(Table) -> Table) -> Plan {
        let table = indexes(table(&["id int(11)", "channel_id int(11)"]));
        plan(&Site { schema: schema(prefix).with("lead_donotcontact", table), ..Site::default() })
    }

    #[test]
    fn the_name_on_other_columns_blocks() {
        let plan = plan_of("", |table| table.with_index("dnc_channel_id_search", &["id", "channel_id"]));
        let finding = plan.blocking().unwrap();
        assert_eq!(finding.code, "index-differs");
        assert_eq!(finding.fix.as_deref(), Some("DROP INDEX `dnc_channel_id_search` ON `lead_donotcontact`"));
    }

    #[test]
    fn another_name_is_said_and_no_hindrance() {
        let plan = plan_of("mau_", |table| table.with_index("mine", &["channel_id"]));
        assert_eq!(plan.findings[0].code, "index-of-another-name");
        assert_eq!(plan.changes().count(), 1);
    }

    #[test]
    fn once_and_not_twice() {
        let plan = plan_of("mau_", |table| table);
        assert_eq!(
            plan.changes().next().unwrap().sql,
            "CREATE INDEX `mau_dnc_channel_id_search` ON `mau_lead_donotcontact` (channel_id)"
        );
        assert_eq!(
            plan_of("mau_", |table| table.with_index("mau_dnc_channel_id_search", &["channel_id"])),
            Plan::default()
        );
    }
}
