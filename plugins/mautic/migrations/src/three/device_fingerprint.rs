//! 20200212141530: `lead_devices` loses `device_fingerprint`.

use crate::plan::Plan;
use crate::three::Site;
use crate::three::drop_columns::drop_columns;

pub(super) fn plan(site: &Site) -> Plan {
    drop_columns(&site.schema, "lead_devices", &["device_fingerprint"])
}
