//! "Did you mean": the known word that is most like a mistyped one.

/// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion would be a guess.
const LIKE_ENOUGH: f64 = 0.8;

/// The known word most like `word`, as a hint; or the list of all that are known, if none is like it and they are few.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let likeness = |candidate: &str| strsim::jaro_winkler(word, candidate);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    if likeness(best) >= LIKE_ENOUGH {
        return Some(format!("did you mean {best:?}?"));
    }
    (known.len() <= 12).then(|| format!("known: {}", known.join(", ")))
}
