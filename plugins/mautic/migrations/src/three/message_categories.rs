//! 20200220172041: categories that Mautic 2 saved for the bundle "0" are those of marketing messages.

use crate::plan::{Fill, Filling, Plan, Step};
use crate::three::Site;

pub(super) fn plan(site: &Site) -> Plan {
    if site.schema.table("categories").is_none() {
        return Plan::without_table(&site.schema.full("categories"));
    }
    Plan::default().step(Step::Fill(Fill {
        what: "categories of the bundle 0",
        table: site.schema.quoted("categories"),
        column: "bundle",
        old: "bundle = '0'",
        new: Filling::Text("messages"),
        is_there: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    #[test]
    fn only_rows_of_the_bundle_0_are_changed() {
        let table = table(&["id int(10) unsigned", "bundle varchar(50)"]);
        let plan = plan(&Site { schema: schema("mau_").with("categories", table), ..Site::default() });
        let [Step::Fill(fill)] = &plan.steps[..] else { panic!("{plan:?}") };
        // The 0 is text: compared with a number, every name of a bundle would be 0.
        assert_eq!(fill.sql(), "UPDATE `mau_categories` SET bundle = ? WHERE bundle = '0'");
        assert_eq!(fill.new, Filling::Text("messages"));
    }
}
