//! What is read, in all its spellings.

use super::*;

#[test]
fn a_file_that_is_not_changed_is_the_same() {
    for text in [
        LOCAL,
        "<?php return [];",
        "\u{feff}<?php\r\n$p = [\r\n'a' => 1,\r\n];\r\n?>\r\n",
        "<?php $p = array(); ?>",
        "<?PHP\n\n$p = array ( 'a' => 1 ) ;\n\n\n",
    ] {
        assert_eq!(config(text).to_string(), text);
    }
}

#[test]
fn the_one_array_is_found_in_any_form() {
    let texts = [
        ("<?php $p = array('a' => 1);", Some("p")),
        ("<?php $p = ['a' => 1] ?>", Some("p")),
        ("<?php return array('a' => 1);", None),
        ("<?php $p = ['a' => 1]; return $p;", Some("p")),
        ("<?php $p = array('a' => 0); $p['a'] = 1;", Some("p")),
        ("<?php $p['a'] = 0; $p[\"a\"] = 1;", Some("p")),
        ("<?php define('X', 1); declare(strict_types=1); $q = getenv('Q'); ; $p = array('a' => 1);", Some("p")),
    ];
    for (text, variable) in texts {
        assert_eq!(literal(text, &["a"]), Literal::Int(1), "{text}");
        assert_eq!(config(text).variable(), variable);
        assert_eq!(config(text).keys(&[]).unwrap(), [Key::from("a")]);
    }
}

#[test]
fn literals_are_read_in_every_spelling() {
    let of = |value: &str| literal(&format!("<?php $p = array('k' => {value});"), &["k"]);
    for (spelling, value) in [
        ("'a\\'b\\\\c\\n'", "a'b\\c\\n"),
        ("\"a\\n\\t\\$x \\\"q\\\" \\x41\\101 \\é\"", "a\n\t$x \"q\" AA \\é"),
        ("\"5 $ or {x}\"", "5 $ or {x}"),
        ("'?> // no # comment'", "?> // no # comment"),
        ("<<<'X'\na $b \\n\n  c\nX\n", "a $b \\n\n  c"),
        ("<<<\"X\"\nplain\nX\n", "plain"),
        ("<<<X\nX\n", ""),
        ("<<<X\nXY\nX\n", "XY"),
    ] {
        assert_eq!(of(spelling), Literal::from(value), "{spelling}");
    }
    for (spelling, value) in [("7", 7), ("-7", -7), ("- 7", -7), ("0x1F", 31), ("017", 15), ("0b11", 3), ("0", 0)] {
        assert_eq!(of(spelling), Literal::Int(value), "{spelling}");
    }
    assert_eq!((of("0.5"), of("-1e3"), of(".5")), (Literal::Float(0.5), Literal::Float(-1000.0), Literal::Float(0.5)));
    assert_eq!((of("NULL"), of("True"), of("\\false")), (Literal::Null, Literal::Bool(true), Literal::Bool(false)));
    let list = Literal::Array(vec![(Key::Int(0), Literal::from("a")), (Key::Int(1), Literal::Array(Vec::new()))]);
    assert_eq!(of("['a', array(),]"), list);
    let mixed = Literal::Array(vec![(Key::Int(5), Literal::Int(1)), (Key::Int(6), Literal::Int(2))]);
    assert_eq!(of("array('5' => 1, 2)"), mixed);
}

#[test]
fn what_only_php_knows_is_an_expression_with_its_text() {
    for text in [
        "getenv('X')",
        "__DIR__ . '/cache'",
        "'a' . 'b'",
        "\"a$b\"",
        "\"\\u{e9}\"",
        "\"\\xff\"",
        "PHP_INT_MAX",
        "9223372036854775808",
        "1_000",
        "array('a' => getenv('X'))",
        "['a' => 1, 'a' => 2]",
        "['a', ...$more]",
        "getenv('A') ?: array('x' => 1, 'y' => 2)",
        "function ($x) { return ['k' => 2]; }",
        "<<<X\n  a\n  X",
        "<<<X\n$a\nX\n",
        "&$other",
        "new Foo(1, 2)",
        "(string) 5",
    ] {
        let config = config(&format!("<?php $p = array('j' => 1, 'k' => {text}, 'l' => 2);"));
        assert_eq!(config.get(&["k"]), Some(Value::Expression(text.trim_end())));
        assert_eq!(config.get(&["l"]), Some(Value::Literal(Literal::Int(2))));
    }
}

#[test]
fn a_path_leads_into_nested_arrays_and_past_expressions() {
    let text = "<?php $p = array('a' => ['b' => array('c' => getenv('X'), 'd' => 2)], 'e' => f());";
    let config = config(text);
    assert_eq!(config.get(&["a", "b", "c"]), Some(Value::Expression("getenv('X')")));
    assert_eq!(config.get(&["a", "b", "d"]), Some(Value::Literal(Literal::Int(2))));
    assert_eq!(config.keys(&["a", "b"]).unwrap(), [Key::from("c"), Key::from("d")]);
    assert_eq!((config.get(&["e", "x"]), config.keys(&["e"]), config.get(&["a", "x"])), (None, None, None));
    assert_eq!(config.get(&[]), None);
}

#[test]
fn the_last_assignment_counts() {
    let config =
        config("<?php\n$p = array('a' => 1, 'b' => 2);\n$p['a'] = f();\n$p['a'] = 'x'; // last\n$p['c'] = 3;\n");
    assert_eq!(config.get(&["a"]), Some(Value::Literal(Literal::from("x"))));
    assert_eq!(config.keys(&[]).unwrap(), [Key::from("a"), Key::from("b"), Key::from("c")]);
    assert_eq!(config.place("a"), Some(Place { line: 4, column: 4 }));
    assert_eq!((config.place("b"), config.place("d")), (Some(Place { line: 2, column: 22 }), None));
}

#[test]
fn what_php_calls_empty_is_empty() {
    for text in ["null", "false", "0", "0.0", "''", "'0'", "[]"] {
        assert!(literal(&format!("<?php return [{text}];"), &["0"]).is_empty(), "{text}");
    }
    for text in ["true", "-1", "' '", "'null'", "[null]"] {
        assert!(!literal(&format!("<?php return [{text}];"), &["0"]).is_empty(), "{text}");
    }
}
