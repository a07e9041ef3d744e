//! What was decided about each of the users' files, in words for the operator: in the log, and as an output that lasts.

use crate::plan::Pair;

/// Lines that the output has at most; the log has all of them.
const MOST: usize = 500;

/// The decisions so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decisions(Vec<String>);

impl Decisions {
    /// The users' own file was copied. `beside`: where the new version's is now, if it had one that differs.
    pub(crate) fn copied(&mut self, path: &str, beside: Option<&str>) {
        self.say(match beside {
            Some(beside) => {
                format!("{path}: your own stays; the new version's is beside it as {beside}, to be compared")
            }
            None => format!("{path}: your own stays"),
        });
    }

    /// The users' own goes along with the switch.
    pub(crate) fn carried(&mut self, pair: &Pair) {
        self.say(match pair.from == pair.to {
            true => format!("{}: your own goes along", pair.from),
            false => format!("{}: your own goes along and is {} from now on", pair.from, pair.to),
        });
    }

    /// A file of the application that somebody has changed.
    pub(crate) fn kept(&mut self, path: &str) {
        self.say(format!("{path}: differs from the new version's and was written after the last update: yours stays"));
    }

    /// A file of the application that differs without a sign of a change.
    pub(crate) fn replaced(&mut self, path: &str) {
        self.say(format!(
            "{path}: differs, with no sign that somebody changed it: the new version's goes live, yours is kept until commit"
        ));
    }

    /// A directory that neither version has.
    pub(crate) fn untouched(&mut self, name: &str) {
        self.say(format!("{name}: not in the new version, stays as it is"));
    }

    /// The output: a line each, the last one a number where there are too many.
    pub(crate) fn text(&self) -> String {
        let mut text: String = self.0.iter().take(MOST).map(|line| format!("{line}\n")).collect();
        if let Some(more) = self.0.len().checked_sub(MOST).filter(|more| *more > 0) {
            text.push_str(&format!("… and {more} more, which are in the log\n"));
        }
        text
    }

    /// All of them, for the log.
    pub(crate) fn lines(&self) -> &[String] {
        &self.0
    }

    fn say(&mut self, line: String) {
        self.0.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_end_is_cut_with_a_number() {
        let mut decisions = Decisions::default();
        (0..MOST + 2).for_each(|number| decisions.kept(&number.to_string()));
        let text = decisions.text();
        assert_eq!(text.lines().count(), MOST + 1);
        assert!(text.ends_with("… and 2 more, which are in the log\n"), "{text}");
        assert_eq!(decisions.lines().len(), MOST + 2);
    }

    #[test]
    fn each_decision_names_its_path() {
        let mut decisions = Decisions::default();
        decisions.copied(".htaccess", Some(".htaccess.m3"));
        decisions.copied("app/config/local.php", None);
        decisions.carried(&Pair { from: "app/spool".to_owned(), to: "var/spool".to_owned() });
        decisions.untouched("shop");
        let expected = [
            ".htaccess: your own stays; the new version's is beside it as .htaccess.m3, to be compared",
            "app/config/local.php: your own stays",
            "app/spool: your own goes along and is var/spool from now on",
            "shop: not in the new version, stays as it is",
        ];
        assert_eq!(decisions.text().lines().collect::<Vec<_>>(), expected);
    }
}
