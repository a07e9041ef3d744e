//! Files that have plain variables and no array.

use super::super::{Literal, variables};

#[test]
fn what_could_change_a_variable_unseen_is_refused() {
    for text in [
        "<?php\n$a = 'b';\nif ($c) { $a = 'd'; }\n",
        "<?php\n$a = 'b';\ninclude 'more.php';\n",
        "<?php\n$a = 'b';\n$GLOBALS['a'] = 'c';\n",
        "<?php\n$a .= 'b';\n",
        "<?php\n$a = 'b'",
        "no php",
    ] {
        assert!(variables(text).is_err(), "{text}");
    }
}

#[test]
fn the_last_value_counts_and_a_computed_one_is_none() {
    let text =
        "<?php\n# $no = 1;\n$a = 'one';\n$b = getenv('B');\nini_set('x', '1');\n$a = \"two\"; /* $a = 3; */\n?>\n";
    let text_of = |text: &str| Some(Literal::from(text));
    assert_eq!(variables(text).unwrap(), [("a".to_owned(), text_of("two")), ("b".to_owned(), None)]);
}
