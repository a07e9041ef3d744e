//! 20200211095409: `users` loses `online_status`.

use crate::plan::Plan;
use crate::three::Site;
use crate::three::drop_columns::drop_columns;

pub(super) fn plan(site: &Site) -> Plan {
    drop_columns(&site.schema, "users", &["online_status"])
}
