//! A statement's text as the driver reads it right.
//!
//! The driver looks for parameters of the form `:name` before it prepares a statement, and overlooks a quote right behind `-`
//! or `/`: it then takes the inside of the literal for SQL, and what looks like a parameter there for one.

/// The text with a blank where the driver would lose its way; none if something outside a literal looks like `:name`.
pub(super) fn spaced(text: &str) -> Option<String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut literal = None;
    let mut escaped = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        spaced.push(character);
        let next = characters.peek().copied().unwrap_or('\0');
        match literal {
            Some(_) if escaped => escaped = false,
            Some(quote) => {
                escaped = character == '\\' && quote != '`';
                if character == quote {
                    literal = None;
                }
            }
            None => match character {
                '\'' | '"' | '`' => literal = Some(character),
                '-' | '/' if matches!(next, '\'' | '"' | '`' | '-') => spaced.push(' '),
                ':' if next == '_' || next.is_ascii_lowercase() => return None,
                _ => {}
            },
        }
    }
    Some(spaced)
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn what_the_driver_takes_for_a_parameter_is_found_outside_literals_only() {
        for text in ["SELECT :a", "x: y:_z", "SELECT 'a' :b"] {
            assert_eq!(spaced(text), None, "{text}");
        }
        for text in
            ["SELECT ':a', \":b\", `:c`", "SELECT 'it''s :a \\':b'", "SELECT '\\\\' , ':a'", "j->'$.a' ->> ':b' : 1 :A"]
        {
            assert_eq!(spaced(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_quote_behind_minus_or_slash_gets_a_blank_and_minus_minus_never_becomes_a_comment() {
        assert_eq!(spaced("1-'a:b'/\"c:d\"-`e`").as_deref(), Some("1- 'a:b'/ \"c:d\"- `e`"));
        assert_eq!(spaced("1--'a'---2").as_deref(), Some("1- - 'a'- - -2"));
        assert_eq!(spaced("'--' -> 1 - 'x'").as_deref(), Some("'--' -> 1 - 'x'"));
    }
}
