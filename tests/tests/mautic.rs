//! Mautic 2.16 is raised to 3.0 and lowered again, as an operator would do it.

use anyhow::Result;
use liftlock_tests::fixture::mautic::{Data, Files, Ids, KeyNames, SECRET, Size, versions};
use liftlock_tests::newsletter::Newsletter;

fn up_and_down(what: &str, size: Size, files: Files, data: Data) -> Result<()> {
    let site = Newsletter::new(size, files, data)?;
    site.up_and_down(what, || site.is_upgraded())
}

#[test]
fn a_plain_site_goes_up_and_down_again() -> Result<()> {
    up_and_down("plain", Size::Small, Files::default(), Data::default())
}

#[test]
fn a_site_of_thousands_of_files_with_all_that_people_change_goes_up_and_down_again() -> Result<()> {
    let data = Data { prefix: "mau_".to_owned(), ids: Ids::Signed, contacts: 5000, ..Data::default() };
    up_and_down("full, prefix, signed ids", Size::Full, Files::rich(), data)
}

#[test]
fn an_old_site_with_other_names_and_a_migration_half_done_goes_up_and_down_again() -> Result<()> {
    let data = Data {
        key_names: KeyNames::Foreign,
        half_applied: true,
        old_properties: true,
        broken_properties: true,
        ..Data::default()
    };
    up_and_down("old", Size::Small, Files::rich(), data)
}

/// Two migrations of Mautic 2 are in Mautic 3 too, and are done with its own.
#[test]
fn a_site_that_lacks_what_mautic_3_has_kept_gets_it_and_loses_it_again() -> Result<()> {
    let data = Data { outstanding: versions::KEPT.map(str::to_owned).to_vec(), ..Data::default() };
    up_and_down("behind", Size::Small, Files::rich(), data)
}

/// The database's password stands in the settings, which a stage rewrites.
#[test]
fn the_secret_is_in_no_output() -> Result<()> {
    Newsletter::new(Size::Small, Files::rich(), Data::default())?.keeps(SECRET)
}
