//! What Liftlock's stages know of Mautic's migrations, from 2.16 to 3.0.2.
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`version`], [`ledger`], [`installed`] | which migrations there are: by their digits, in the database, among the files |
//! | [`two`] | Mautic 2's: which are outstanding, and why most of them will be "unavailable" in Mautic 3 |
//! | [`three`] | the eleven that Mautic 3.0.2 ships, each as a [`plan`] over the [`schema`] as it is |
//! | [`work`], [`translations`] | plans carried out, and looked at again |
//! | [`lineage`] | what differs from an installation that Mautic itself has made |
//! | [`installation`] | database, root and prefix of a slot |
//!
//! What is decided is decided by pure functions, over descriptions; only `read`, [`installation`] and [`work`] speak to the
//! host. All SQL is for MySQL and MariaDB: Mautic knows nothing else.

pub mod installation;
pub mod installed;
pub mod ledger;
pub mod lineage;
pub mod plan;
pub mod schema;
pub mod three;
pub mod translations;
pub mod two;
pub mod version;
pub mod work;
