//! The eleven migrations that Mautic 3.0.2 ships: two that it kept from Mautic 2, and nine of its own.
//!
//! Each is a plan over what is really there, object by object. The originals look at one object and change two,
//! send two statements as one, and know only the names that Doctrine would have given.

mod company_contacts;
mod device_fingerprint;
mod do_not_contact_index;
mod drop_columns;
mod field_lists;
mod form_placeholder;
mod message_categories;
mod multiselect_columns;
mod online_status;
mod sync_tables;
mod webhook_secret;

use liftlock_sdk::prelude::*;

use crate::ledger::Ledger;
use crate::plan::{Plan, Step};
use crate::schema::{Schema, ident};
use crate::version::Version;

/// One migration.
#[derive(Debug)]
pub struct Migration {
    /// Which.
    pub version: Version,
    /// What it does, in words for the operator.
    pub about: &'static str,
    /// Whether it is one of Mautic 2's. An installation of 2.16.5 has executed it, and what the ledger says is believed.
    pub kept: bool,
    tables: &'static [&'static str],
    plan: fn(&Site) -> Plan,
}

/// What a migration is decided by.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// The tables that it meets.
    pub(crate) schema: Schema,
    /// The aliases of the contact fields of type multiselect. Each has a column of that name.
    pub(crate) multiselects: Vec<String>,
}

/// All, in the order in which they are run.
pub const ALL: [Migration; 11] = [
    Migration {
        version: Version::new(20181111095447),
        about: "every webhook gets a secret",
        kept: false,
        tables: &["webhooks"],
        plan: webhook_secret::plan,
    },
    Migration {
        version: Version::new(20190704154940),
        about: "the description of each translation becomes JSON",
        kept: true,
        tables: &[],
        plan: |_| Plan::default().step(Step::Translations),
    },
    Migration {
        version: Version::new(20190724110039),
        about: "the columns of multiselect fields become TEXT",
        kept: true,
        tables: &["leads", "lead_fields"],
        plan: multiselect_columns::plan,
    },
    Migration {
        version: Version::new(20191126093923),
        about: "companies_leads loses two columns that were never used",
        kept: false,
        tables: &["companies_leads"],
        plan: company_contacts::plan,
    },
    Migration {
        version: Version::new(20191219155630),
        about: "the two tables of the integrations' synchronisation",
        kept: false,
        tables: &["sync_object_field_change_report", "sync_object_mapping"],
        plan: sync_tables::plan,
    },
    Migration {
        version: Version::new(20200211095409),
        about: "users loses online_status",
        kept: false,
        tables: &["users"],
        plan: online_status::plan,
    },
    Migration {
        version: Version::new(20200212141530),
        about: "lead_devices loses device_fingerprint",
        kept: false,
        tables: &["lead_devices"],
        plan: device_fingerprint::plan,
    },
    Migration {
        version: Version::new(20200220172041),
        about: "categories of marketing messages get their bundle's name",
        kept: false,
        tables: &["categories"],
        plan: message_categories::plan,
    },
    Migration {
        version: Version::new(20200227110431),
        about: "an index on the channels of lead_donotcontact",
        kept: false,
        tables: &["lead_donotcontact"],
        plan: do_not_contact_index::plan,
    },
    Migration {
        version: Version::new(20200302164801),
        about: "the empty value of a form field is called placeholder",
        kept: false,
        tables: &["form_fields"],
        plan: form_placeholder::plan,
    },
    Migration {
        version: Version::new(20200422144300),
        about: "the choices of contact fields become lists",
        kept: false,
        tables: &["lead_fields"],
        plan: field_lists::plan,
    },
];

impl Migration {
    /// What is left of it. The schema is read anew, so that after a failure the operator's repair is seen.
    ///
    /// # Errors
    /// What the database says.
    pub fn plan(&self, database: &Database, prefix: &str) -> Result<Plan, Failure> {
        Ok((self.plan)(&Site::read(database, prefix, self.tables)?))
    }

    /// Whether it is looked at: those of Mautic 3 always, whatever the ledger says, for what is there counts; a kept one
    /// only if the ledger lacks it.
    pub fn is_looked_at(&self, ledger: &Ledger) -> bool {
        !self.kept || !ledger.has(self.version)
    }
}

impl Site {
    fn read(database: &Database, prefix: &str, tables: &[&str]) -> Result<Self, Failure> {
        let schema = Schema::read(database, prefix, tables)?;
        let multiselects = match schema.table("lead_fields") {
            Some(fields) if fields.column("alias").is_some() && fields.column("type").is_some() => {
                multiselects(database, &schema.full("lead_fields"))?
            }
            _ => Vec::new(),
        };
        Ok(Self { schema, multiselects })
    }
}

fn multiselects(database: &Database, table: &str) -> Result<Vec<String>, Failure> {
    let sql = format!("SELECT alias FROM {} WHERE type = 'multiselect' ORDER BY id", ident(table));
    database.query(&sql, &[])?.map(|row| row?.get(0)).collect()
}

/// The versions that only Mautic 3 has: to be told from outstanding ones of Mautic 2, as one is older than the newest of
/// those.
pub fn is_of_three(version: Version) -> bool {
    ALL.iter().any(|migration| !migration.kept && migration.version == version)
}

/// The newest migration of Mautic 3.0.2.
pub const NEWEST: Version = ALL[ALL.len() - 1].version;

#[cfg(test)]
mod tests;
