//! 20191126093923: `companies_leads` loses `manually_added` and `manually_removed`. The original looks at the first only: a
//! crash between its two statements leaves the second for ever.

use crate::plan::Plan;
use crate::three::Site;
use crate::three::drop_columns::drop_columns;

pub(super) fn plan(site: &Site) -> Plan {
    drop_columns(&site.schema, "companies_leads", &["manually_added", "manually_removed"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    #[test]
    fn the_second_column_goes_even_if_the_first_is_gone() {
        let table = table(&["company_id int(11)", "lead_id int(11)", "manually_removed tinyint(1)"]);
        let plan = plan(&Site { schema: schema("").with("companies_leads", table), ..Site::default() });
        let sql: Vec<_> = plan.changes().map(|change| change.sql.as_str()).collect();
        assert_eq!(sql, ["ALTER TABLE `companies_leads` DROP COLUMN `manually_removed`"]);
    }
}
