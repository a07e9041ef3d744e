//! Paths as Mautic's settings name them, and where that is in the root. A stage does not know where the root is on the machine.

/// What stands for `app` in Mautic's settings.
pub const APP: &str = "%kernel.root_dir%";

/// Where a setting points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the root: the path from there, without `.` and `..`.
    Inside(String),
    /// Somewhere else, or nobody knows that it is not: as the setting names it.
    Outside(String),
    /// PHP or the environment knows.
    Unknown,
}

/// Where a path is, given the path at which PHP sees the root (`base`), if that is known.
pub fn locate(text: &str, base: Option<&str>) -> Location {
    let below = |path: &str, base: &str| {
        let rest = path.strip_prefix(base.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let relative = match text.strip_prefix(APP) {
        Some(rest) => Some(format!("app{rest}")),
        None if text.starts_with('/') => base.and_then(|base| below(text, base)),
        // PHP runs in the root.
        None => Some(text.to_owned()),
    };
    let inside = relative.filter(|path| !path.contains(['%', '\\', ':'])).and_then(|path| plain(&path));
    inside.map_or_else(|| Location::Outside(text.to_owned()), Location::Inside)
}

/// A relative path without `.`, `..` and empty parts. None if it leads out.
fn plain(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What all absolute paths have before `/app/`: Mautic's installer writes those of cache, logs and temporary files so. None if
/// there are none, or they do not agree.
pub(crate) fn common_base(texts: impl IntoIterator<Item = String>) -> Option<String> {
    let mut bases = texts.into_iter().filter_map(|text| {
        let text = text.strip_prefix('/')?;
        let (base, _) = text.rsplit_once("/app/").or_else(|| text.strip_prefix("app/").map(|rest| ("", rest)))?;
        Some(format!("/{base}"))
    });
    let first = bases.next()?;
    bases.all(|base| base == first).then_some(first)
}
