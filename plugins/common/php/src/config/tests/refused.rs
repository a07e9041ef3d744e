//! What is refused, with its place; and that nothing panics.

use super::*;

#[track_caller]
fn refused(text: &str, code: &str, line: usize, column: usize) {
    let error = Config::parse(text).expect_err(text);
    assert_eq!((error.code, error.place), (code, Place { line, column }), "{text:?}: {error}");
}

#[test]
fn what_is_no_php_is_refused() {
    refused("", "not-php", 1, 1);
    refused("theme: blank\n", "not-php", 1, 1);
    refused("\n<html>", "not-php", 2, 1);
    refused("<?= array();", "not-php", 1, 1);
    refused("<?phparray();", "not-php", 1, 1);
    refused("<?php $p = array();\n?>\n<p>", "not-php", 3, 1);
    refused("<?php $p = array(); ?> <?php $p['a'] = 1;", "not-php", 1, 24);
    // A comment to the end of the line ends at `?>` too.
    refused("<?php $p = array( // ?> 'a' => 1\n);", "not-php", 1, 25);
}

#[test]
fn what_does_not_end_is_refused() {
    refused("<?php $p = array('a' => 'b\n);", "not-closed", 1, 25);
    refused("<?php $p = array('a' => \"b\\\");", "not-closed", 1, 25);
    refused("<?php\n$p = array(/* 'a' => 1);", "not-closed", 2, 12);
    refused("<?php\n$p = array('a' => [1);", "not-closed", 2, 21);
    refused("<?php\n$p = array('a' => 1;", "not-closed", 2, 11);
    refused("<?php\n$p = array('a' => 1)", "not-closed", 2, 1);
    refused("<?php $p = ['a' => <<<X\nb\n];", "not-closed", 1, 20);
}

#[test]
fn two_arrays_are_not_chosen_from() {
    refused("<?php\n$a = array();\n$p = array();", "two-arrays", 3, 1);
    refused("<?php $p = array('a' => 1); $p = ['a' => 2];", "two-arrays", 1, 29);
    refused("<?php $p = array(); return array();", "two-arrays", 1, 21);
    refused("<?php $p = array(); $q['a'] = 1;", "two-arrays", 1, 21);
    refused("<?php $p['a'] = 1; $p = array();", "two-arrays", 1, 20);
    refused("<?php $p['a'] = 1; $q['a'] = 1;", "two-arrays", 1, 20);
}

#[test]
fn a_file_without_an_array_is_refused() {
    refused("<?php\n", "no-array", 2, 1);
    refused("<?php $p = array_merge(array('a' => 1), $q);", "no-array", 1, 45);
    refused("<?php $p = ['a' => 1] + $q;", "no-array", 1, 28);
    refused("<?php return array('a' => 1)['a'];", "no-array", 1, 7);
    refused("<?php $p = ['a' => 1]; return $q;", "no-array", 1, 31);
}

#[test]
fn a_key_twice_or_computed_is_refused() {
    refused("<?php $p = array(\n'a' => 1,\n\"a\" => 2);", "duplicate-key", 3, 1);
    refused("<?php $p = array('5' => 1, 5 => 2);", "duplicate-key", 1, 28);
    refused("<?php $p = array(KEY => 1);", "computed-key", 1, 18);
    refused("<?php $p = array('a' . 'b' => 1);", "computed-key", 1, 18);
    refused("<?php $p = array(\"a$b\" => 1);", "computed-key", 1, 18);
    refused("<?php $p = array(1.5 => 1);", "computed-key", 1, 18);
    refused("<?php $p = array('a' => 1, ...$more);", "computed-key", 1, 28);
    refused("<?php $p = array(fn() => 1);", "computed-key", 1, 18);
    refused("<?php $p[] = 1;", "computed-key", 1, 10);
    refused("<?php $p[$k] = 1;", "computed-key", 1, 10);
    refused("<?php $p = array('a' => 1,, 'b' => 2);", "not-understood", 1, 27);
    refused("<?php $p = array('a' =>, 'b' => 2);", "not-understood", 1, 18);
}

#[test]
fn code_that_could_change_the_array_unseen_is_refused() {
    for (statement, column) in [
        ("include 'more.php';", 1),
        ("$x = require 'more.php';", 6),
        ("if (getenv('X')) { $p['a'] = 2; }", 1),
        ("foreach ($q as $k => $v) $p[$k] = $v;", 1),
        ("extract($q);", 1),
        ("define('X', extract($q));", 13),
        ("parse_str('p[a]=1');", 1),
        ("$$name = 1;", 1),
        ("${'p'} = 1;", 1),
        ("$x = `id`;", 6),
        ("$GLOBALS['p'] = 1;", 1),
        ("unset($p['a']);", 1),
        ("function f() { global $p; }", 16),
        ("eval('');", 1),
        ("exit;", 1),
        ("echo 1;", 1),
        ("change();", 1),
        ("$p['a']['b'] = 1;", 3),
        ("$p['a'] .= 'x';", 3),
        ("$p += array();", 1),
        ("$p->a = 1;", 1),
        ("namespace A;", 1),
        ("return; $p['a'] = 1;", 1),
    ] {
        let error = Config::parse(&format!("<?php $p = array('a' => 1);\n{statement}\n")).expect_err(statement);
        let code = if statement.starts_with("return") { "no-array" } else { "unsupported-code" };
        assert_eq!((error.code, error.place), (code, Place { line: 2, column }), "{statement}: {error}");
    }
    refused("<?php return ['a' => 1]; $p['a'] = 1;", "unsupported-code", 1, 26);
    refused("<?php $p = ['a' => include 'b.php'];", "unsupported-code", 1, 20);
}

#[test]
fn any_other_use_of_the_variable_is_refused() {
    refused("<?php $p = array('a' => 1);\n$x = $p;", "used-again", 2, 6);
    refused("<?php $p = array('a' => 1);\n$x = &$p['a'];", "used-again", 2, 7);
    refused("<?php $p = array('a' => 1);\n$p = change($p);", "used-again", 2, 1);
    refused("<?php $x = $p; $p = array('a' => 1);", "used-again", 1, 12);
    refused("<?php $p = array('a' => $p);", "used-again", 1, 25);
    refused("<?php $p['a'] = 1; $p['b'] = $p['a'];", "used-again", 1, 30);
    refused("<?php $p = array('a' => function () use (&$p) { $p['a'] = 2; });", "used-again", 1, 43);
}

#[test]
fn what_means_something_else_in_another_php_is_refused() {
    refused("<?php $p = array(\n#[Old]\n'a' => 1);", "not-understood", 2, 1);
    refused("<?php $p = ['a' => \"{$b['c']}\"];", "not-understood", 1, 20);
    refused("<?php $p = ['a' => \"${b}\"];", "not-understood", 1, 20);
    refused("<?php $p = ['a' => <<<X\n{$b}\nX\n];", "not-understood", 1, 20);
    refused("<?php $p = ['a' => <<<X\n X;\nb\nX\n];", "not-understood", 1, 20);
}

#[test]
fn a_huge_or_deep_file_does_not_hurt() {
    assert_eq!(Config::parse(&" ".repeat(MAX_SIZE + 1)).unwrap_err().code, "too-big");
    let deep = format!("<?php $p = ['a' => {}{}];", "[".repeat(200_000), "]".repeat(200_000));
    let deep = config(&deep);
    assert!(matches!(deep.get(&["a"]), Some(Value::Expression(_))));
    assert_eq!(deep.keys(&["a", "0", "0"]).unwrap().len(), 1);
}

#[test]
fn a_file_cut_or_damaged_anywhere_never_panics() {
    let marks =
        ['\'', '"', '(', ')', '[', ']', '=', '>', ',', ';', '$', '<', '?', '\\', '/', '*', '#', '\n', '{', '.', 'é'];
    for at in (0..LOCAL.len()).filter(|at| LOCAL.is_char_boundary(*at)) {
        let _ = Config::parse(&LOCAL[..at]);
        for mark in marks {
            let text = format!("{}{mark}{}", &LOCAL[..at], &LOCAL[at..]);
            survives(&text);
        }
        let mut next = LOCAL[at..].chars();
        next.next();
        survives(&format!("{}{}", &LOCAL[..at], next.as_str()));
    }
}

/// Whatever is understood is the same text, can be changed, and says the same as before of all other keys.
fn survives(text: &str) {
    let Ok(mut config) = Config::parse(text) else { return };
    assert_eq!(config.as_str(), text);
    let others = |config: &Config| -> Vec<(Key, String)> {
        let keys = config.keys(&[]).unwrap().into_iter();
        keys.filter_map(|key| match &key {
            Key::String(name) if name != "theme" => Some((key.clone(), format!("{:?}", config.get(&[name])))),
            _ => None,
        })
        .collect()
    };
    let before = others(&config);
    let new = Literal::from("it's \\ \"new\" $x");
    config.set("theme", &new).unwrap();
    assert_eq!((config.get(&["theme"]), others(&config)), (Some(Value::Literal(new)), before.clone()), "{text}");
    assert_eq!(config.remove("theme"), Ok(true), "{text}");
    assert_eq!((config.get(&["theme"]), others(&config)), (None, before), "{text}");
}
