//! What Mautic 3 wants of a setting. Facts: what `upgrade_v3.php` changes, and the migration of 3.3 for `db_server_version`.

use liftlock_php::config::{Key, Literal};
use mautic_settings::{APP, File, Setting};

/// One setting, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) key: &'static str,
    pub(crate) wish: Wish,
}

/// What becomes of a setting, where it is set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wish {
    /// Mautic 3 does not know it.
    Gone,
    /// This old value becomes that new one; any other stays.
    Instead { old: Plain, new: Plain },
    /// It has this value, whatever it was.
    Always(&'static str),
    /// Anything but an empty value becomes the adapter for files: the old form means something else to Mautic 3.
    FileCache,
    /// A directory in `app` is now elsewhere. From `app`, as in `app/<from>`, to `app/../<to>`.
    Moved { from: &'static str, to: &'static str },
}

/// A value that can stand in a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain {
    Null,
    EmptyList,
    Text(&'static str),
}

/// What a rule says of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It is not set, or as it should be.
    Holds,
    /// It becomes this.
    Set(Literal),
    /// It is removed.
    Remove,
    /// Only PHP knows whether it is as it should be: why, for people.
    Unknown(String),
}

const OLD_UPDATES: &str = "https://updates.mautic.org/index.php?option=com_mauticdownload&task=checkUpdates";
const NEW_UPDATES: &str = "https://api.github.com/repos/mautic/mautic/releases";

/// All settings that change.
pub(crate) const RULES: [Rule; 12] = [
    Rule { key: "api_rate_limiter_cache", wish: Wish::FileCache },
    Rule { key: "mailer_transport", wish: instead("mail", "sendmail") },
    Rule { key: "system_update_url", wish: instead(OLD_UPDATES, NEW_UPDATES) },
    Rule { key: "dev_hosts", wish: Wish::Instead { old: Plain::Null, new: Plain::EmptyList } },
    Rule { key: "theme", wish: instead("Mauve", "blank") },
    Rule { key: "track_by_fingerprint", wish: Wish::Gone },
    Rule { key: "webhook_start", wish: Wish::Gone },
    Rule { key: "cache_path", wish: Wish::Moved { from: "cache", to: "var/cache" } },
    Rule { key: "log_path", wish: Wish::Moved { from: "logs", to: "var/logs" } },
    Rule { key: "tmp_path", wish: Wish::Moved { from: "cache", to: "var/tmp" } },
    Rule { key: "mailer_spool_path", wish: Wish::Moved { from: "spool", to: "var/spool" } },
    Rule { key: "db_server_version", wish: Wish::Always("5.7") },
];

const fn instead(old: &'static str, new: &'static str) -> Wish {
    Wish::Instead { old: Plain::Text(old), new: Plain::Text(new) }
}

impl Rule {
    /// What is to be done in a file. `base` is the path at which PHP sees the root, if that is known.
    pub(crate) fn judge(&self, file: &File, base: Option<&str>) -> Verdict {
        let value = match (self.wish, file.get(self.key)) {
            (_, Setting::Missing) => return Verdict::Holds,
            (Wish::Gone, _) => return Verdict::Remove,
            (_, Setting::Literal(value)) => value,
            // An array in which only some value is computed: it is surely not empty.
            (Wish::FileCache, Setting::Expression(_)) if has_entries(file, self.key) => {
                return Verdict::Set(file_cache());
            }
            (_, Setting::Environment(name)) => return Verdict::Unknown(format!("comes from the environment ({name})")),
            (_, Setting::Expression(_)) => return Verdict::Unknown("is computed by PHP".to_owned()),
        };
        let wanted = match self.wish {
            Wish::Gone => None,
            Wish::Instead { old, new } => (value == old.literal()).then(|| new.literal()),
            Wish::Always(text) => Some(Literal::from(text)),
            Wish::FileCache => (!value.is_empty()).then(file_cache),
            Wish::Moved { from, to } => value.as_str().and_then(|path| moved(path, base, from, to)),
        };
        wanted.filter(|wanted| *wanted != value).map_or(Verdict::Holds, Verdict::Set)
    }

    /// What the operator has to see to himself, where it is not known what the setting is.
    pub(crate) fn advice(&self) -> String {
        match self.wish {
            Wish::Gone => "remove it".to_owned(),
            Wish::Instead { old, new } => format!("where it is {}, make it {}", old.text(), new.text()),
            Wish::Always(text) => format!("make it {text}"),
            Wish::FileCache => "make it array('adapter' => 'cache.adapter.filesystem')".to_owned(),
            Wish::Moved { from, to } => format!("where it is app/{from}, make it {to}"),
        }
    }
}

impl Plain {
    fn literal(self) -> Literal {
        match self {
            Self::Null => Literal::Null,
            Self::EmptyList => Literal::Array(Vec::new()),
            Self::Text(text) => Literal::from(text),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::EmptyList => "array()",
            Self::Text(text) => text,
        }
    }
}

fn file_cache() -> Literal {
    Literal::Array(vec![(Key::from("adapter"), Literal::from("cache.adapter.filesystem"))])
}

fn has_entries(file: &File, key: &str) -> bool {
    file.config.keys(&[key]).is_some_and(|keys| !keys.is_empty())
}

/// The path with the directory's new place. None if it is not in the root's `app`: then it is the operator's, and stays.
fn moved(path: &str, base: Option<&str>, from: &str, to: &str) -> Option<Literal> {
    let absolute = base.map(|base| format!("{}/app", base.trim_end_matches('/')));
    let app = [Some(APP), absolute.as_deref(), Some("app")]
        .into_iter()
        .flatten()
        .find(|app| path.strip_prefix(*app).and_then(|rest| rest.strip_prefix('/')).is_some())?;
    let rest = path.strip_prefix(app)?.strip_prefix('/')?.strip_prefix(from)?;
    let whole = rest.is_empty() || rest.starts_with('/');
    whole.then(|| Literal::String(format!("{app}/../{to}{rest}")))
}

#[cfg(test)]
mod tests;
