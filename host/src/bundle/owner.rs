//! Owners of files: names to numbers.
//!
//! The names are looked up in `/etc/passwd` and `/etc/group` only: a run must not depend on a directory server that may be
//! down in the middle of it. Whoever has users elsewhere writes numbers.

use std::fs;
use std::io;

use toml::de::DeValue;

use super::document::{Item, Wrong};
use super::value;

/// Who owns the files of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// The accounts of this machine.
pub(super) struct Accounts {
    users: String,
    groups: String,
}

impl Accounts {
    /// Reads the two files of the system. A file that is not there has nobody in it.
    pub(super) fn of_this_machine() -> io::Result<Self> {
        let read = |path| match fs::read(path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(e) => Err(e),
        };
        Ok(Self { users: read("/etc/passwd")?, groups: read("/etc/group")? })
    }

    /// Reads an owner: "user", "user:group" or numbers in their place.
    pub(super) fn owner(&self, item: &Item<'_>) -> Result<Owner, Wrong> {
        let text = match item.get_ref() {
            DeValue::Integer(_) => value::scalar(item)?,
            _ => value::text(item)?,
        };
        let (user, group) = text.split_once(':').map_or((text.as_str(), None), |(user, group)| (user, Some(group)));
        let (uid, primary) = self.user(user)?;
        let gid = match group {
            Some(group) => self.group(group)?,
            None => primary.ok_or_else(|| unknown("user", user, "write \"user:group\""))?,
        };
        Ok(Owner { uid, gid })
    }

    /// The number of a user, and of its group if the user is known here.
    fn user(&self, user: &str) -> Result<(u32, Option<u32>), Wrong> {
        let number = user.parse().ok();
        let line = entries(&self.users).find(|entry| match number {
            Some(_) => entry.get(2) == Some(&user),
            None => entry.first() == Some(&user),
        });
        let field = |index: usize| line.as_ref()?.get(index)?.parse().ok();
        let uid = number.or_else(|| field(2)).ok_or_else(|| unknown("user", user, "write numbers, as in \"33:33\""))?;
        Ok((uid, field(3)))
    }

    fn group(&self, group: &str) -> Result<u32, Wrong> {
        if let Ok(number) = group.parse() {
            return Ok(number);
        }
        let line = entries(&self.groups).find(|entry| entry.first() == Some(&group));
        let number = line.and_then(|entry| entry.get(2)?.parse().ok());
        number.ok_or_else(|| unknown("group", group, "write numbers, as in \"33:33\""))
    }
}

fn entries(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.is_empty()).map(|line| line.split(':').collect())
}

fn unknown(what: &str, name: &str, hint: &str) -> Wrong {
    Wrong {
        code: "owner-unknown",
        message: format!("this machine has no {what} {name:?}"),
        hint: Some(hint.to_owned()),
        at: None,
    }
}

#[cfg(test)]
mod tests {
    use toml::Spanned;

    use super::*;

    fn owner(text: &str) -> Option<Owner> {
        let accounts = Accounts {
            users: "root:x:0:0:root:/root:/bin/sh\n\nwww-data:x:33:34::/var/www:/sbin/nologin\n+::::::\n".to_owned(),
            groups: "root:x:0:\nwww-data:x:34:\nadm:x:4:root\n".to_owned(),
        };
        accounts.owner(&Spanned::new(0..0, DeValue::String(text.into()))).ok()
    }

    #[test]
    fn an_owner_that_is_nobody_is_refused() {
        for text in ["", ":", "nobody-here", "www-data:nobody", ":adm", "www-data:", "4711", "-1:0", "4294967296:0"] {
            assert_eq!(owner(text), None, "{text:?}");
        }
        assert_eq!(owner("www-data"), Some(Owner { uid: 33, gid: 34 }));
        assert_eq!(owner("www-data:adm"), Some(Owner { uid: 33, gid: 4 }));
        assert_eq!(owner("33"), Some(Owner { uid: 33, gid: 34 }));
        assert_eq!(owner("4711:4712"), Some(Owner { uid: 4711, gid: 4712 }));
    }
}
